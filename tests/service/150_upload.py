# SPDX-License-Identifier: ISC
"""Programs of 150_upload_test.sh."""
import http.client
import importlib
import socket
import sys
import urllib.parse

from service import *


def iterated(*_):
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    def pieces():
        with open("form", "rb") as f:
            while piece := f.read(7001):
                yield piece
    c = http.client.HTTPConnection("127.0.0.1", sys.argv[1])
    for _ in range(3):
        c.request("POST", sys.argv[2], pieces(), fields,
                  encode_chunked=True)
        a = c.getresponse()
        assert a.status == 200 and b"5:a.rpm" in a.read(), a.status
    url = "http://127.0.0.1:%s%s" % tuple(sys.argv[1:3])
    for name, body in ("requests", "data"), ("httpx", "content"):
        try:
            library = importlib.import_module(name)
        except ImportError:
            print("no %s here" % name)
            continue
        a = library.post(url, headers=fields, **{body: pieces()})
        assert a.status_code == 200 and b"5:a.rpm" in a.content, a


def want_chunks_through(*_):
    u = urllib.parse.urlsplit(sys.argv[2])
    c = http.client.HTTPConnection(u.netloc, timeout=20)
    with open("form", "rb") as f:
        form = f.read()
    for step in 1000, 100000:
        c.request("POST", u.path, (form[i:i + step]
            for i in range(0, len(form), step)),
            {"Content-Type": "application/x-www-form-urlencoded"},
            encode_chunked=True)
        a = c.getresponse()
        assert a.status == 200 and b"5:a.rpm" in a.read(), a.status


def seams(*_):
    head = chunked_head()
    body = (b"3;x=\"y\"\r\np=/\r\n1\r\ny\r\n00000004 ; z\r\num/a\r\n"
        b"0;end\r\nA: b\r\nContent-Length: 9\r\n\r\n")
    null = request(SERVICE + "/nullfile/7", range="bytes=0-")
    def check(c):
        for _ in range(2):
            a = c.answer()
            assert a.status == 200 and b"6:lengthi2e" in a.body, a
            a = c.answer()
            assert a.status == 206 and len(a.body) == 7, a
    with Connection() as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(head + body + null)):
            data = (head + body + null) * 2
            c.send(data[:at])
            time.sleep(0.001)
            c.send(data[at:])
            check(c)
    with Connection() as c:
        for byte in (head + body + null) * 2:
            c.send(bytes([byte]))
        check(c)
    # The plain question for a digest is still the same.
    with Connection() as c:
        for cut in 0, len(head), len(head) + 2:
            c.send((head + b"0\r\n\r\n")[:cut])
            c.send((head + b"0\r\n\r\n")[cut:])
            assert c.answer().status == 200


def wrong(*_):
    head = chunked_head()
    null = request(SERVICE + "/nullfile/7", range="bytes=0-")
    for bad in b"x\r\n", b"3\np=/", b"3\r\np=/a", b"0\r\n\n", \
            b"0\r\nGET / HTTP/1.1\r\n", b"ffffffff\r\n":
        for first in b"", b"1\r\np\r\n", b"1\r\np\r\n1\r\n=\r\n":
            for wait in False, True:
                with Connection() as c:
                    c.send(null + head + (b"" if wait else first + bad))
                    assert c.answer().status == 206
                    if wait:
                        c.send(first)
                        time.sleep(0.01)
                        c.send(bad)
                    c.send(null * 3)
                    a = c.answer()
                    assert a.status == (413 if bad[0] == 102 else 400), a
                    assert a.field("Connection") == "close", a
                    assert c.rest() == b""


def continues(*_):
    def head(target=None, **fields):
        return chunked_head(target, expect="100-continue", **fields)
    with Connection() as c:
        for _ in range(3):
            c.send(head())
            assert c.answer().status == 100
            c.send(b"8\r\np=/yum/a\r\n0\r\n\r\n")
            assert c.answer().status == 200
            c.send(head() + b"8\r\np=/yum/a\r\n0\r\n\r\n")
            assert c.answer().status == 200
            c.send(head() + b"8\r\np=/y")
            time.sleep(0.01)
            c.send(b"um/a\r\n0\r\n\r\n")
            assert c.answer().status == 200
    for data, status in (
            (head(content_type="text/plain"), 415),
            (head(SERVICE + "/single/yum/a"), 405),
            (head(SERVICE + "/none"), 404)):
        ending_answer(data, status)


def limits(*_):
    def post(body, chunk, extension):
        head = chunked_head()
        out = [head]
        for at in range(0, len(body), chunk):
            part = body[at:at + chunk]
            out.append(b"%x%s\r\n%s\r\n" % (len(part), extension, part))
        return b"".join(out) + b"0\r\n\r\n"
    def status(data):
        with Connection() as c:
            c.send(data)
            a = c.answer()
            if a.status != 200:
                assert a.field("Connection") == "close", a
                assert c.rest() == b""
            return a.status
    with open("exact", "rb") as f:
        body = f.read()
    assert status(post(body, 1, b"")) == 200
    # 65536 + 128 bytes: 1024 chunks of one byte may have 58 each.
    assert status(post(body, 1, b";" + b"x" * 57)) == 200
    assert status(post(body, 1, b";" + b"x" * 60)) == 413
    assert status(post(body, 1024, b";" + b"x" * 250)) == 200
    assert status(post(body, 1024, b";" + b"x" * 251)) == 400


def body_timeout(*_):
    head = chunked_head()
    for part in b"1\r\n&\r\n", b";x", b"A: b\r\n":
        with Connection() as c:
            c.send(head + {59: b"1", 65: b"0\r\n"}.get(part[0], b""))
            def dribble():
                try:
                    c.send(part)
                except OSError:
                    pass
                c.socket.settimeout(0.05)
                try:
                    c.buffer += c.socket.recv(4096)
                except TimeoutError:
                    pass
                return c.buffer
            wait_for(10, dribble, "an answer")
            c.socket.settimeout(10)
            assert c.answer().status == 408, part
            assert c.rest() == b""


run(globals())
