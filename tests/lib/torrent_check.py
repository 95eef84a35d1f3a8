#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Check a torrent of pkgtorrentd against its rules and the files it is of.

usage: torrent_check.py TORRENT [--root DIR] [--service NAME] [--print FIELD]

TORRENT may be - for standard input.  With --root, every piece is computed again
from the files below that document root.  Prints the info hash, or with --print
one of: hash, name, form, length, pieces, piece-length, files (length and path,
without padding), padding (length and path), announce, tiers, urls, created-by.
Exit status 1 with one line when anything is wrong, 2 for wrong usage.
"""
import argparse
import hashlib
import os
import re
import sys
import urllib.parse

URL = (rb"(https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
       rb"((?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*)")

OURS = rb"/t/[0-9a-f]{16}/announce$"


class Wrong(Exception):
    pass


def need(truth, why, *args):
    if not truth:
        raise Wrong(why % args)


def decode(b, i=0):
    """Strict bencode (BEP 3): the one way to write a value, or Wrong."""
    m = re.compile(rb"i(0|-?[1-9][0-9]*)e|(0|[1-9][0-9]*):|[ld]").match(b, i)
    need(m, "not bencode at byte %d", i)
    if m[1]:
        return int(m[1]), m.end()
    if m[2]:
        end = m.end() + int(m[2])
        need(end <= len(b), "string at byte %d runs past the end", i)
        return b[m.end():end], end
    out, keys, i = [], [], i + 1
    while b[i:i + 1] != b"e":
        if m[0] == b"d":
            key, i = decode(b, i)
            need(type(key) is bytes, "key before byte %d is no string", i)
            need(not keys or keys[-1] < key, "key %r out of order", key)
            keys.append(key)
        value, i = decode(b, i)
        out.append(value)
    return (dict(zip(keys, out)) if m[0] == b"d" else out), i + 1


def raw_info(b):
    """The bytes of the info dictionary as they stand in the torrent."""
    i, key = 1, None
    while key != b"info":
        key, at = decode(b, i)
        _, i = decode(b, at)
    return b[at:i]


def keys_are(d, what, *keys):
    need(type(d) is dict, "%s is no dictionary", what)
    need(sorted(d) == sorted(keys), "%s has keys %r", what, sorted(d))


def typed(value, kind, what):
    need(type(value) is kind, "%s is no %s", what, kind.__name__)
    return value


def split_files(info, service):
    """[(length, path components or None for padding)], rules checked."""
    piece = info[b"piece length"]
    if b"files" not in info:
        return [(info[b"length"], [info[b"name"]])], []
    out, padding, counts, due = [], [], {}, 0
    for n, f in enumerate(typed(info[b"files"], list, "files")):
        typed(f, dict, "file %d" % n)
        length = typed(f.get(b"length"), int, "length of file %d" % n)
        path = typed(f.get(b"path"), list, "path of file %d" % n)
        need(path and all(type(c) is bytes and c not in (b"", b".", b"..")
                          and b"/" not in c and b"\0" not in c for c in path),
             "file %d has the path %r", n, path)
        if path[:2] == [service, b"nullfile"] and len(path) == 3:
            keys_are(f, "padding %d" % n, *(
                [b"attr"] if b"attr" in f else []), b"length", b"path")
            need(f.get(b"attr", b"p") == b"p", "attr of padding %d", n)
            k = counts.get(length, 0)
            counts[length] = k + 1
            need(length == due, "padding %d is %d long, not %d", n, length, due)
            need(path[2] == b"%d_%d" % (length, k), "padding %d is named %r, "
                 "number %d of its length", n, path[2], k)
            out.append((length, None))
            padding.append((length, path))
            due = 0
            continue
        keys_are(f, "file %d" % n, b"length", b"path")
        need(due == 0, "%d bytes of padding missing before file %d", due, n)
        need(length >= 0, "file %d has the length %d", n, length)
        out.append((length, path))
        due = -length % piece
    need(out and out[-1][1] is not None, "the last entry is padding, or none")
    attrs = [b"attr" in f for f in info[b"files"]
             if f[b"path"][:2] == [service, b"nullfile"]]
    need(all(attrs) or not any(attrs), "some padding has attr, some not")
    return out, padding


def check_info(info, service):
    typed(info, dict, "info")
    form = b"files" if b"files" in info else b"length"
    keys_are(info, "info", form, b"name", b"piece length", b"pieces")
    piece = typed(info[b"piece length"], int, "piece length")
    need(16384 <= piece <= 1 << 24 and piece & (piece - 1) == 0,
         "piece length %d", piece)
    name = typed(info[b"name"], bytes, "name")
    need(name not in (b"", b".", b"..") and b"/" not in name, "name %r", name)
    need(form == b"files" or typed(info[b"length"], int, "length") >= 0,
         "negative length")
    files, padding = split_files(info, service)
    total = sum(length for length, _ in files)
    need(len(typed(info[b"pieces"], bytes, "pieces")) ==
         -(-total // piece) * 20, "%d bytes of pieces for %d bytes of content",
         len(info[b"pieces"]), total)
    return files, padding


def check_outside(t, info_hash, files):
    """Everything but info: trackers in their order, web seeds, no date."""
    announce = [b"announce", b"announce-list"] if b"announce" in t else []
    keys_are(t, "torrent", *announce, b"created by", b"info", b"url-list")
    need(re.fullmatch(rb"pkgtorrentd/\S+", typed(t[b"created by"], bytes,
         "created by")), "created by %r", t[b"created by"])
    if announce:
        tiers = typed(t[b"announce-list"], list, "announce-list")
        need(tiers and all(type(x) is list and len(x) == 1 and
             type(x[0]) is bytes for x in tiers), "a tier is not one tracker")
        urls = [x[0] for x in tiers]
        # Our own comes first, out of that order.
        rest = urls[1:] if re.search(OURS, urls[0]) else urls
        need(rest == sorted(rest, key=lambda u: hashlib.sha1(
             u + info_hash.encode()).digest()), "tiers are out of order")
        need(t[b"announce"] == urls[0], "announce is not the first tier")
    seeds = typed(t[b"url-list"], list, "url-list")
    need(seeds, "url-list is empty")
    paths = []
    for u in seeds:
        m = re.fullmatch(URL, typed(u, bytes, "URL"))
        need(m, "url-list has %r", u)
        need(not m[2].endswith(b"//"), "url-list has %r", u)
        paths.append(urllib.parse.unquote_to_bytes(m[2]))
    multi = b"files" in t[b"info"]
    name = t[b"info"][b"name"]
    file_path = b"/" + b"/".join(([name] if multi else []) + files[0][1])
    for n, p in enumerate(paths):
        directory = multi and (len(files) > 1 or n % 2 == 0)
        need(p.endswith(b"/" if directory else file_path),
             "url-list has %r at %d", seeds[n], n)
        need(not multi or directory or p == paths[n - 1][:-1] + file_path,
             "url-list has %r at %d", seeds[n], n)
    need(not multi or len(files) > 1 or len(paths) % 2 == 0,
         "one entry needs base and file in url-list")
    return paths


def find_single(root, url_path):
    """The file of a single form: its URL may have the mirror's prefix."""
    parts = url_path.strip(b"/").split(b"/")
    for n in range(len(parts)):
        path = os.path.join(root, *parts[n:])
        if os.path.isfile(path):
            return path
    raise Wrong("no file for %r below the root" % url_path)


def content(files, names, piece):
    """The content in blocks that never cross a piece boundary."""
    left = piece
    for (length, path), name in zip(files, names):
        f = open(name, "rb") if path else None
        need(not f or os.fstat(f.fileno()).st_size == length,
             "%r is not %d bytes long", name, length)
        while length:
            n = min(length, left, 1 << 20)
            block = f.read(n) if f else bytes(n)
            need(len(block) == n, "%r ends early", name)
            yield block
            length -= n
            left = left - n or piece
        if f:
            f.close()


def check_pieces(info, files, names):
    piece, pieces = info[b"piece length"], info[b"pieces"]
    digest, filled, at = hashlib.sha1(), 0, 0
    total = sum(length for length, _ in files)
    for block in content(files, names, piece):
        digest.update(block)
        filled += len(block)
        total -= len(block)
        if filled == piece or total == 0:
            need(digest.digest() == pieces[at:at + 20],
                 "piece %d does not match", at // 20)
            digest, filled, at = hashlib.sha1(), 0, at + 20


def main():
    ap = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    ap.add_argument("torrent")
    ap.add_argument("--root")
    ap.add_argument("--service", default="torrent_service")
    ap.add_argument("--print", dest="field", default="hash")
    args = ap.parse_args()
    f = sys.stdin.buffer if args.torrent == "-" else open(args.torrent, "rb")
    data = f.read()
    t, end = decode(data)
    need(end == len(data), "%d bytes after the torrent", len(data) - end)
    need(b"info" in typed(t, dict, "torrent"), "no info dictionary")
    info, info_hash = t[b"info"], hashlib.sha1(raw_info(data)).hexdigest()
    files, padding = check_info(info, os.fsencode(args.service))
    urls = check_outside(t, info_hash, files)
    if args.root:
        root, name = os.fsencode(args.root), info[b"name"]
        names = ([p and os.path.join(root, name, *p) for _, p in files]
                 if b"files" in info else [find_single(root, urls[0])])
        check_pieces(info, files, names)

    def lines(entries):
        return [b"%d %s" % (n, b"/".join(p)) for n, p in entries if p]
    fields = {
        "hash": [info_hash.encode()], "name": [info[b"name"]],
        "form": [b"multi" if b"files" in info else b"single"],
        "length": [b"%d" % sum(n for n, _ in files)],
        "pieces": [b"%d" % (len(info[b"pieces"]) // 20)],
        "piece-length": [b"%d" % info[b"piece length"]],
        "files": lines(files), "padding": lines(padding),
        "announce": [t[b"announce"]] if b"announce" in t else [],
        "tiers": [x[0] for x in t.get(b"announce-list", [])],
        "urls": t[b"url-list"], "created-by": [t[b"created by"]],
    }
    if args.field not in fields:
        ap.error("no field %s" % args.field)
    for line in fields[args.field]:
        sys.stdout.buffer.write(line + b"\n")


if __name__ == "__main__":
    try:
        main()
    except (Wrong, OSError, RecursionError) as e:
        sys.exit("%s: %s" % (os.path.basename(sys.argv[0]), e))
