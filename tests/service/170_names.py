# SPDX-License-Identifier: ISC
"""Names that were not chosen to please; see names_test.sh."""
import hashlib
import os
import re
import sys
import urllib.parse

import torrent_check
from service import SERVICE, Connection, request

NAMES = [b"plain.rpm", b"a\nb", b"\n", b"nl at end\n", b"c\rd", b"e\r\nf: g",
         b"\r\n\r\nHTTP", b"\x01control", b"tab\there", b"\x7fdel",
         b"\x1b[31mred", b'quo"te', b"apos'trophe", b"back\\slash", b"\\n",
         b"per%41cent", b"%2e%2e", b"%", b"\xff\xfe", b"\xc3\xa4\xc3\xb6.rpm",
         b"\xe2\x80\xae rtl", b"\xc0\xaf", b"\xed\xa0\x80", b"sp ace", b" ",
         b" first", b"last ", b"#hash", b"?mark", b"[bracket", b"]", b"[a]",
         b"*", b"star*star", b"semi;colon", b"a&b=c+d", b"-dash", b"--", b"~",
         b"$(id)", b"`id`", b"<b>", b"i5e", b"4:spam", b"de", b"le",
         b"..dots", b"...", b"x" * 255, b"\n" * 255, b"\xff" * 255,
         b"y" * 251 + b".rpm", b"parent[1]: forged", b"\nparent[1]: forged"]


def is_plain(name):
    """May a request name it?  Control bytes may not come from a client."""
    return all(b >= 0x20 and b != 0x7f for b in name)


def content(name):
    return hashlib.sha256(name).hexdigest().encode() * (1 + len(name) * 64)


def make(directory):
    for name in NAMES:
        with open(os.path.join(directory.encode(), name), "wb") as f:
            f.write(content(name))


def quote(path):
    return urllib.parse.quote_from_bytes(path)


def form(paths):
    digest = hashlib.sha1(b"\n".join(paths)).hexdigest()
    body = "&".join("p=" + urllib.parse.quote_from_bytes(p, safe="")
                    for p in paths)
    return SERVICE + "/digest/" + digest, body.encode()


def info_of(a):
    """Strictly: the canonical bencode and nothing after it."""
    assert a.status == 200, a
    torrent, end = torrent_check.decode(a.body)
    assert end == len(a.body)
    return torrent, torrent[b"info"]


def check_header(a):
    """No name breaks out of its field."""
    assert set(a.fields) <= {
        "content-type", "content-transfer-encoding", "content-disposition",
        "content-length", "etag", "cache-control", "vary", "date",
        "connection", "accept-ranges", "last-modified"}, a.fields
    for value in a.fields.values():
        assert re.fullmatch("[ -~]*", value), a.fields


def check_multi(a, names):
    torrent, info = info_of(a)
    files, _ = torrent_check.check_info(info, b"torrent_service")
    got = [b"/".join(p) for _, p in files if p is not None]
    assert got == names, (got, names)
    torrent_check.check_pieces(info, files, [
        p and os.path.join(b"www", info[b"name"], *p) for _, p in files])
    return torrent


def check_single(a, name):
    torrent, info = info_of(a)
    assert info[b"name"] == name, (info[b"name"], name)
    assert info[b"length"] == len(content(name))
    piece = info[b"piece length"]
    assert info[b"pieces"] == b"".join(
        hashlib.sha1(content(name)[i:i + piece]).digest()
        for i in range(0, len(content(name)), piece))
    url, = torrent[b"url-list"]
    assert re.fullmatch(rb"http://127\.0\.0\.1/odd/[!-$&-.0-~%]*", url), url
    assert urllib.parse.unquote_to_bytes(url) == \
        b"http://127.0.0.1/odd/" + name, url


def check_disposition(a, name):
    """RFC 6266: a plain name quoted, and the bytes besides."""
    field = a.field("Content-Disposition")
    m = re.fullmatch(r'attachment; filename="([^"\\]*)"'
                     r"(; filename\*=UTF-8''([A-Za-z0-9.%_~-]*))?", field)
    assert m, field
    if m[3] is not None:
        assert urllib.parse.unquote_to_bytes(m[3]) == name + b".torrent"
    else:
        assert m[1].encode() == name + b".torrent", (field, name)


def ask_one_by_one(c):
    for name in NAMES:
        path = b"/odd/" + name
        if not is_plain(name):
            for prefix in SERVICE + "/single", SERVICE + "/simple", "":
                a = c.ask(prefix + quote(path))
                assert a.status == 400, (name, a)
            target, body = form([path])
            assert c.ask(target, "POST", body).status == 400, name
            continue
        check_single(c.ask(SERVICE + "/single" + quote(path)), name)
        a = c.ask(SERVICE + "/simple" + quote(path))
        check_single(a, name)
        check_header(a)
        check_disposition(a, name)
        a = c.ask(quote(path))
        assert a.status == 200 and a.body == content(name), (name, a)
        check_header(a)


def ask_by_pattern(c):
    """Those with control bytes are left out: no client could fetch them."""
    visible = [n for n in sorted(NAMES)
               if not n.startswith(b".") and is_plain(n)]
    a = c.ask(SERVICE + "/single/odd/**")
    check_multi(a, visible)
    check_header(a)
    for pattern in (b"/odd/a?b", b"/odd/c?d", b"/odd/e??f: g",
                    b"/odd/?parent*", b"/odd/????HTTP", b"/odd/?del"):
        for mode in "/single", "/simple":
            a = c.ask(SERVICE + mode + quote(pattern))
            assert a.status == 404, (pattern, a)
    return visible


def ask_by_form(c):
    names = [n for n in NAMES if is_plain(n)]
    target, body = form([b"/odd/" + n for n in names])
    a = c.ask(target, "POST", body)
    check_multi(a, names)
    check_header(a)
    return target, a.body


def ask():
    """In all the ways there are; prints the targets for later."""
    with Connection(timeout=30) as c:
        ask_one_by_one(c)
        visible = ask_by_pattern(c)
        target, body = ask_by_form(c)
    with open("remembered", "wb") as f:
        f.write(body)
    print("%d names, %d of them in a pattern's torrent" %
          (len(NAMES), len(visible)), file=sys.stderr)
    print(target)


DEEP = [("d/" * 2000, 4095), ("n" * 200 + "/", 4095), ("\xff" * 254 + "/", 4094),
        ("a/" + "b" * 255 + "/", 4093), ("q/" * 59, 200), ("q/" * 31, 100)]


def deep():
    """Paths as long as they may be, and one byte longer."""
    wrong = []
    with Connection(timeout=30) as c:
        for part, length in DEEP:
            path = ("/deep/" + part * 100).encode("latin-1")
            path = path[:length - 1]
            if path.endswith(b"/"):
                path = path[:-1] + b"x"
            path += b"y"
            assert len(path) == length
            make_deep(path, b"deep " + path)
            # A high byte must be escaped, which is three for one.
            target = SERVICE + "/single" + quote(path)
            posted, body = form([path])
            a = c.ask(posted, "POST", body)
            if a.status != 200:
                wrong.append("%.20r… (%d bytes): posted %r" %
                             (path, length, a))
                continue
            _, info = info_of(a)
            assert b"/".join([b"", info[b"name"]] +
                             info[b"files"][0][b"path"]) == path
            if len(target) > 8000:
                continue
            a = c.ask(target)
            _, info = info_of(a)
            assert info[b"length"] == len(path) + 5
            a = c.ask(quote(path))
            assert a.status == 200 and a.body == b"deep " + path, a
        for length, single, posted in ((4095, 404, 404), (4096, 414, 400),
                                       (7000, 414, 400)):
            path = b"/deep/" + b"z/" * 4000
            path = path[:length - 1] + b"z"
            assert c.ask(SERVICE + "/single" + quote(path)).status == single
            target, body = form([path])
            assert c.ask(target, "POST", body).status == posted
    assert not wrong, "\n".join(wrong)


def make_deep(path, data):
    fd = os.open("www", os.O_RDONLY)
    *dirs, name = path.split(b"/")[1:]
    for d in dirs:
        try:
            os.mkdir(d, dir_fd=fd)
        except FileExistsError:
            pass
        below = os.open(d, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    with open(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd),
              "wb") as f:
        f.write(data)
    os.close(fd)


FORGED = ["\"", "\\", "\\x0a", "%0a", "%0aparent[1]: forged", "%22", "\xff",
          "\xc3\xa4", "\x1b[2J", "\t", "'", "<script>", "${jndi:ldap://x}",
          "\" 200 0 \"-\" \"-\" hit 0 0", "]", "%s%n%x", "\x9b31m",
          "\u2028".encode().decode("latin-1"), "a" * 3000]


def log():
    """Requests of which every part may get into a log; prints how many."""
    sent = 0
    for text in FORGED:
        agent = request("/x", user_agent=text, referer=text)
        target = request("/x" + text + "/y", user_agent="a")
        query = request("/x?" + text, host="h")
        host = request("/", host=text)
        method = (text + " / HTTP/1.1\r\nHost: h\r\n\r\n").encode("latin-1")
        version = ("GET / HTTP/1.1" + text + "\r\n\r\n").encode("latin-1")
        asked = request("/", x_forwarded_for=text, x_forwarded_proto=text)
        for data in agent, target, query, host, method, version, asked:
            with Connection() as c:
                c.send(data)
                c.answer()
            sent += 1
    print(sent)


def lines(path, pattern):
    """Every line is one of ours, and every byte can be shown."""
    n = 0
    with open(path, "rb") as f:
        for line in f.read().split(b"\n")[:-1]:
            assert re.fullmatch(rb"[ -~]*", line), line
            assert re.fullmatch(pattern.encode(), line), line
            # The names here all want to be a line of this process.
            assert not line.startswith(b"parent[1]"), line
            n += 1
    print(n)


if __name__ == "__main__":
    {"make": make, "ask": ask, "deep": deep, "log": log, "lines": lines,
     }[sys.argv[2]](*sys.argv[3:])
