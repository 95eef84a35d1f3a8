# SPDX-License-Identifier: ISC
"""The requests of a stranger that means harm; see hostile_test.sh."""
import collections
import hashlib
import itertools
import random
import re
import sys
import urllib.parse

from service import SERVICE, Answer, Connection, request

END = "GET /the-end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()


TEXT = re.compile(r"~|\\(?:x(..)|(.))|\{(?:(\d+) )?([^}]*)\}|([^~\\{]+)", re.S)


def expand(text, texts):
    """The bytes of a text of malformed.txt."""
    data = b""
    for byte, escape, times, inner, plain in TEXT.findall(text):
        if byte:
            data += bytes.fromhex(byte)
        elif escape:
            data += {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}[escape]
        elif times:
            data += int(times) * expand(inner, texts)
        else:
            data += texts[inner] if inner else plain.encode() or b"\r\n"
    return data


def rows(path):
    """The requests of malformed.txt: name, status, bytes."""
    texts = {}
    with open(path) as f:
        for line in f:
            first, _, rest = line.rstrip("\n").partition(" ")
            second, _, text = rest.partition(" ")
            if second == "=":
                texts[first] = expand(text, texts)
            elif first.isdigit():
                yield second, int(first), expand(text, texts)


STRICT = re.compile(
    rb"(\r\n)?[A-Za-z]+ (http://mirror\.example)?/[!\"$-~]* HTTP/1\.[01]\r\n"
    rb"([A-Za-z-]+:[ \t]*[!-~]?[ -~\t]*\r\n)*\r\n", re.S)


def is_framed(data):
    """Is there no doubt where the request ends: exactly where data does?"""
    head = STRICT.match(data)
    if not head:
        return False
    fields = re.findall(rb"\r\n([A-Za-z-]+):[ \t]*([^\r]*)", head.group())
    names = [name.lower() for name, _ in fields]
    if b"expect" in names:
        return False
    if b"transfer-encoding" in names:
        return is_chunked(head.group(), fields, data[head.end():])
    lengths = [v for name, v in fields if name.lower() == b"content-length"]
    if len(lengths) > 1 or any(not re.fullmatch(rb"\d{1,18}", v)
                               for v in lengths):
        return False
    return head.end() + int((lengths or [b"0"])[0]) == len(data)


def is_chunked(head, fields, body):
    """Is the body a POST's, in plain chunks, and complete?"""
    codings = [v for name, v in fields
               if name.lower() in (b"transfer-encoding", b"content-length")]
    if codings != [b"chunked"] or not head.startswith(b"POST ") or \
            b" HTTP/1.1\r\n" not in head:
        return False
    while chunk := re.match(rb"([0-9a-f]{1,8})\r\n", body):
        n = int(chunk.group(1), 16)
        body = body[chunk.end():]
        if n == 0:
            return body == b"\r\n"
        if body[n:n + 2] != b"\r\n":
            return False
        body = body[n + 2:]
    return False


def answers(data):
    """All answers in these bytes, which must hold nothing else."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        assert end and head.startswith(b"HTTP/1.1 "), data[:300]
        a = Answer(head)
        if a.status != 100:
            check(a)
            n = int(a.field("Content-Length") or a.status == 204 and 0)
            assert len(rest) >= n, (a, rest[:300])
            a.body, rest = rest[:n], rest[n:]
            check_text(a)
            found.append(a)
        data = rest
    return found


def check(a):
    """No sent bytes get into the header."""
    for name, value in a.fields.items():
        assert re.fullmatch("[a-z-]+", name), a
        assert re.fullmatch("[ -~]*", value), a


def check_text(a):
    """An error is one plain line of ours."""
    if a.status < 400 or a.status == 412:
        return
    assert a.field("Content-Type") == "text/plain; charset=utf-8", a
    assert a.field("Cache-Control") == "no-store", a
    assert re.fullmatch(rb"[ -~]*\n?", a.body), a
    for theirs in b"<b>", b"xxxx", b"mirror.example", b"passwd":
        assert theirs not in a.body, a


def all_of(data, end=b"", cut=None):
    """Every byte that comes back, up to the end of the connection."""
    with Connection() as c:
        try:
            if cut is not None:
                c.send(data[:cut])
                c.send(data[cut:] + end)
            else:
                c.send(data + end)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return c.rest()


def refuse_all(path):
    wrong, closed = [], 0
    table = list(rows(path))
    for name, status, data in table:
        framed = is_framed(data)
        # Itself, and no more: a doubtful one ends the connection by
        # itself, the others are followed by the last.
        for cut in None, 1, len(data) // 2, len(data) - 1:
            if cut is not None and not 0 < cut < len(data):
                continue
            try:
                got = all_of(data, END if framed else b"", cut)
                heads = re.findall(rb"HTTP/1\.1 (\d+) ", got)
                want = [b"%d" % status] + ([b"404"] if framed else [])
                # A server may end any connection after an error.
                if heads != want and not (framed and heads == want[:1]):
                    wrong.append("%s (%r): %r, not %r" % (name, cut, got[:400],
                                                          want))
                if not data.startswith(b"HEAD "):
                    answers(got)
            except (AssertionError, OSError) as e:
                wrong.append("%s (%r): %s %s" % (name, cut, type(e).__name__,
                                                 e))
        # After one that is in doubt nothing more is answered.
        if not framed:
            closed += 1
            got = all_of(data, END * 3)
            if re.findall(rb"HTTP/1\.1 (\d+) ", got) != [b"%d" % status] and \
                    not continues(data):
                wrong.append("%s, and more: %r" % (name, got[:400]))
    print("%d malformed requests, %d of them end the connection" %
          (len(table), closed))
    assert len(table) >= 150, len(table)
    assert not wrong, "\n".join(wrong)


def continues(data):
    """Are the next bytes still part of it, so that it may turn into another
    mistake?"""
    return not data.endswith(b"\r\n\r\n")


GOOD = [
    request("/"),
    request("/yum/torrent_service/single/yum/a"),
    request("/yum/torrent_service/simple/yum/*", "HEAD"),
    request("/yum/torrent_service/meta4/yum/*"),
    request("/yum/torrent_service/?path=yum/a", accept="text/html"),
    request("/yum/torrent_service/nullfile/70_0", range="bytes=1-3"),
    request("/yum/torrent_service/digest/%040d" % 0),
    request("/yum/torrent_service/digest/%040d" % 0, "POST", b"p=%2Fyum%2Fa"),
    request("/yum/torrent_service/digest/%040d?p=/yum/a" % 0),
    request("/yum/a", expect="100-continue", if_none_match='"a", W/"b"'),
]
SPICE = [b"\r\n", b"\n", b"\r", b"\0", b"\r\n\r\n", b" ", b"\t", b":", b"%",
         b"%00", b"%2e%2e", b"../", b"//", b"?", b"#", b"*", b"**", b"[", b"]",
         b"\xff", b"\x7f", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Host: x\r\n", b"HTTP/1.1",
         b"HTTP/1.0", b"GET / HTTP/1.1\r\n", b"0", b"-1", b"99999999999999999",
         b"&p=", b"p=/etc/passwd", b"Connection: close\r\n",
         b"Expect: 100-continue\r\n", b"Range: bytes=-1\r\n", b"A" * 300]


def mutate(data):
    data = bytearray(data)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(data) + 1)
        kind = random.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] = random.randrange(256)
        elif kind == 1:
            data[at:at] = random.choice(SPICE)
        elif kind == 2:
            del data[at:at + random.randrange(1, 12)]
        elif kind == 3:
            end = random.randrange(at, len(data) + 1)
            data[at:at] = data[at:end]
        else:
            data[at:at + 1] = random.choice(SPICE)
    return bytes(data)


def mutants(path, n, secret):
    """In any case: answers, the end of the connection, no secret."""
    seed = random.randrange(1 << 30)
    random.seed(seed)
    print("seed %d" % seed)
    bad = [data for _, _, data in rows(path) if len(data) < 4000]
    statuses = {}
    for _ in range(n):
        data = mutate(random.choice(random.choice((GOOD, GOOD, bad))))
        if random.randrange(20) == 0:
            data = random.randbytes(random.randrange(1, 2000))
        with Connection() as c:
            try:
                c.send(data)
                c.socket.shutdown(1)    # no more of it: it must come to an end
            except OSError:
                pass
            got = c.rest()
        assert secret.encode() not in got, (data, got)
        for status in map(int, re.findall(rb"HTTP/1\.1 (\d+) ", got)):
            statuses[status] = statuses.get(status, 0) + 1
            assert status in KNOWN, (data, got)
    print("%d mutants: %s" % (n, dict(sorted(statuses.items()))))
    assert len(statuses) > 5, statuses


KNOWN = {100, 200, 204, 206, 304, 400, 403, 404, 405, 408, 412, 413, 414, 415, 416,
         417, 421, 429, 431, 501, 503, 505}

DOTS = ["./%2e%2e", "..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "..%2f..", "%2e%2e%2f%2e%2e",
        "..%5c..", "..\\..", "..;", "..;a=b", "....", "...", "%252e%252e",
        "%c0%ae%c0%ae", "%u002e%u002e", "%ef%bc%8e%ef%bc%8e", "..%00", "%00..",
        "..%20", "..%09", "..%0a", ". .", ".%20.", "..%ff", "..//..",
        ".%2f..%2f..", "%2f..%2f", "*/..", "**/..", "[.][.]", "?.", "[.].",
        "%3f%3f", "..%2e", "dir/../..", "link", "link/..", "absolute", "slash",
        "up"]


def decoded(text, in_form):
    """The path that the service is asked for; None: it must not even look."""
    if not in_form:
        text = re.sub("/+", "/", text.partition("?")[0].replace("%2f", "/"))
    path = urllib.parse.unquote_to_bytes(text)
    if re.search("%(?![0-9a-fA-F]{2})", text) or \
            re.search(rb"[\0-\x1f\x7f]|/\.\.(/|$)", path):
        return None
    # A "." is nothing, and at the end a slash.
    path = re.sub(rb"(/\.)+(?=/)", b"", re.sub(rb"/\.$", b"/", path))
    # In a form there is one way to write a path.
    return None if in_form and re.search(b"//|/$", path) else path


def digest_of(text):
    """The right one, or it is refused for the digest."""
    path = urllib.parse.unquote_to_bytes(text.encode("latin-1"))
    return "/digest/" + hashlib.sha1(path).hexdigest()


def ways_to(path, service):
    """(way, request, the path it comes down to) for all ways to ask."""
    plain, once = decoded(path, False), decoded(path, True)
    # The escapes are the name's own, and must not be taken for others.
    twice = path.replace("%", "%25")
    for way in "file", "single", "simple", "meta4", "HEAD":
        prefix = {"file": "", "HEAD": service + "/simple"}.get(
            way, service + "/" + way)
        # A raw blank ends a target.
        yield way, request(prefix + path, "HEAD" if way == "HEAD" else
                           "GET"), None if " " in path else plain
    yield "query", request("%s%s?p=%s" % (service, digest_of(path), path)), \
        None if " " in path else once
    for way, text in ("POST", path), ("POST of escapes", twice):
        yield way, request(service + digest_of(text), "POST", b"p=" +
                           text.encode("latin-1")), decoded(text, True)


def want_refused(a, way, path):
    """As a plain path: nothing is found, and a link is named as the reason; of
    a list it is only left out."""
    if path is None:
        want = {400}
    elif re.search(rb"[*?[]", path) or path.endswith(b"/"):
        want = {400, 403, 404}
    elif re.match(rb"/yum/(link|absolute|slash|up)(/|$)", path):
        want = {404 if way in ("query", "POST", "POST of escapes") else 403}
    else:
        want = {404}
    assert a.status in want, (way, path, want, a)


def ask_way(c, data):
    """The answer, over this connection or the next one."""
    method = data.split(b" ", 1)[0].decode()
    for _ in range(2):
        try:
            c.send(data)
            a = c.answer(method)
        except (EOFError, OSError):
            a = None
        if a is None or a.field("Connection") == "close":
            c.close()
            c.__init__()
        if a is not None:
            return a
    raise AssertionError("no answer to %r" % data)


def climb(secret_path, secret, service="/yum/torrent_service"):
    """No spelling of ".." and no link leads out of the root."""
    tails = ["/outside/secret", "/secret", secret_path, "/etc/passwd", "/*",
             "/**", "/s*", ""]
    asked, looked, statuses = 0, 0, {}
    with Connection() as c:
        for dots, depth, tail in itertools.product(DOTS, (1, 2, 3, 9), tails):
            path = "/yum/" + "/".join([dots] * depth) + tail
            for way, data, to in ways_to(path, service):
                a = ask_way(c, data)
                asked += 1
                counts = statuses.setdefault(way, collections.Counter())
                counts[a.status] += 1
                looked += to is not None
                assert secret.encode() not in a.body, (data, a)
                assert b"root:" not in a.body, (data, a)
                want_refused(a, way, to)
    for way, counts in statuses.items():
        print("%s: %s" % (way, dict(sorted(counts.items()))))
    print("%d ways up, of which only a look can tell %d" % (asked, looked))
    # None of them is refused for its form alone.
    assert all(counts[403] + counts[404] >= 500
               for counts in statuses.values()), statuses


def pipelined():
    good = request("/yum/a")
    def statuses(data):
        with Connection() as c:
            c.send(data)
            try:
                c.socket.shutdown(1)
            except OSError:
                pass
            return re.findall(rb"HTTP/1\.1 (\d+)", c.rest())
    assert statuses(good * 50) == [b"200"] * 50
    for n in 0, 1, 7, 40:
        for bad, status in (
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
            (b"GET /\r\n\r\n", b"400"),
            (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", b"505"),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
             b"chunked\r\n\r\nx\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
             b"gzip\r\n\r\n0\r\n\r\n", b"501"),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"
             b"\r\n" % len(good), b"400"),
            (request(SERVICE + "/digest/%040d" % 0, "POST",
             content_type="text/plain", content_length=9), b"415"),
            (request(SERVICE + "/digest/%040d" % 0, "POST",
             content_type="application/x-www-form-urlencoded",
             content_length=1 << 30), b"413"),
            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b"414")):
            got = statuses(good * n + bad + good * 9)
            assert got == [b"200"] * n + [status], (n, bad, got)


if __name__ == "__main__":
    {"refuse_all": lambda: refuse_all(sys.argv[3]),
     "mutants": lambda: mutants(sys.argv[3], int(sys.argv[4]), sys.argv[5]),
     "pipelined": pipelined,
     "climb": lambda: climb(sys.argv[3], sys.argv[4])}[sys.argv[2]]()
