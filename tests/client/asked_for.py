#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Which target a client asks a web seed for, our own service being no part
of it: asked_for.py NAME TORRENT ANSWER

Serves a file called NAME in a directory, writes a TORRENT of the two to be
downloaded, and the target of the client's first request to ANSWER.
"""
import hashlib
import http.server
import os
import sys

NAME, TORRENT, ANSWER = sys.argv[1:]
DATA = bytes(16384)


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        return bencode(value.encode())
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l%se" % b"".join(bencode(item) for item in value)
    return b"d%se" % b"".join(
        bencode(key) + bencode(value[key]) for key in sorted(value))


def write_whole(path, data):
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.rename(path + ".part", path)


class Seed(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if not os.path.exists(ANSWER):
            write_whole(ANSWER, self.path.encode() + b"\n")
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *args):
        pass

    # A client may be gone when it has its file.
    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seed)
write_whole(TORRENT, bencode({
    "url-list": ["http://127.0.0.1:%d/" % server.server_address[1]],
    "info": {
        "name": "probe",
        "piece length": len(DATA),
        "pieces": hashlib.sha1(DATA).digest(),
        "files": [{"length": len(DATA), "path": [NAME]}],
    },
}))
server.serve_forever()
