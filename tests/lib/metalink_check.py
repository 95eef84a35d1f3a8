#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Check a Metalink of pkgtorrentd against RFC 5854 and the files it is of.

usage: metalink_check.py METALINK BASE ROOT PIECE_LENGTH FIELD

BASE is the URL of the document root, which has each file at the path that its
first URL ends with.  Prints one of: names, urls, metaurls.  Exit status 1 with
one line when anything is wrong.
"""
import hashlib
import os
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

NAMESPACE = "{urn:ietf:params:xml:ns:metalink}"


def need(truth, why):
    if not truth:
        sys.exit(why)


def texts(element, tag):
    return [e.text for e in element.findall(NAMESPACE + tag)]


def digests(path, length):
    with open(path, "rb") as f:
        return [hashlib.sha1(piece).hexdigest()
                for piece in iter(lambda: f.read(length), b"")]


def check_file(file, base, root, length):
    name, urls = file.get("name"), texts(file, "url")
    need(not name.startswith("/") and ".." not in name.split("/"), name)
    need(urls and urls[0].startswith(base + "/"), "urls: %s" % urls)
    path = urllib.parse.unquote_to_bytes(urls[0][len(base):])
    need((b"/" + path).endswith(b"/" + name.encode()), "name: " + name)
    path = os.fsencode(root) + path
    need(texts(file, "size") == [str(os.stat(path).st_size)], name + ": size")
    pieces = file.findall(NAMESPACE + "pieces")
    want = digests(path, length)
    need(len(pieces) == (1 if want else 0), name + ": pieces")
    for p in pieces:
        need(p.attrib == {"length": str(length), "type": "sha-1"}, p.attrib)
        need(texts(p, "hash") == want, name + ": digests")
    for e in file.findall(NAMESPACE + "metaurl"):
        need(e.attrib == {"mediatype": "torrent"}, e.attrib)
    return {"names": [name], "urls": urls, "metaurls": texts(file, "metaurl")}


def main(metalink, base, root, length, field):
    top = ElementTree.parse(metalink).getroot()
    need(top.tag == NAMESPACE + "metalink", top.tag)
    files = top.findall(NAMESPACE + "file")
    need(files, "no file")
    for file in files:
        for text in check_file(file, base, root, int(length))[field]:
            print(text)


main(*sys.argv[1:])
