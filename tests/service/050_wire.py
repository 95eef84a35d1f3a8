# SPDX-License-Identifier: ISC
"""Programs of 050_wire_test.sh."""
import hashlib
import sys

from service import *


def framing(*_):
    ok = "GET %s/nullfile/1 HTTP/1.1\r\nHost: h\r\n" % SERVICE
    second = request(SERVICE + "/nullfile/2")
    for status, first in (
        (400, ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
        (400, ok + "Content-Length: 3\r\nTransfer-Encoding: chunked"
         "\r\n\r\n"),
        (400, ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (501, ok + "Transfer-Encoding: gzip\r\n\r\n"),
        (400, ok + "Content-Length: +3\r\n\r\n"),
        (400, ok + "Content-Length: 0x3\r\n\r\n"),
        (400, ok + "Content-Length: 3, 3\r\n\r\n"),
        (400, ok + "Content-Length : 3\r\n\r\n"),
        (400, ok + "X: a\r\n folded\r\n\r\n"),
        (400, ok + "X: a\0b\r\n\r\n"),
        (400, ok + "X: a\rb\r\n\r\n"),
        (400, ok + "no colon\r\n\r\n"),
        (400, ok + ": no name\r\n\r\n"),
        (400, ok + "Host: h\r\n\r\n"),
        (400, ok.replace("Host: h", "Host: a b") + "\r\n"),
        (400, ok.replace("Host: h", "Host:") + "\r\n"),
        (400, ok.replace("Host: h\r\n", "") + "\r\n"),
        (400, ok.replace("\r\n", "\n") + "\n"),
        (400, ok.replace("GET ", "GET  ") + "\r\n"),
        (400, ok.replace("GET /", "GET http://i/") + "\r\n"),
        (400, ok.replace("GET /", "GET http://i@h/") + "\r\n"),
        (400, ok.replace("GET /", "GET http://h:81/") + "\r\n"),
        (400, ok.replace("GET /", "GET ftp://h/") + "\r\n"),
        (400, ok.replace("GET /", "GET h/") + "\r\n"),
        (400, "\x16\x03\x01\x02\x00\x01\r\n\r\n"),
        (505, ok.replace("1.1", "1.2") + "\r\n"),
        (505, ok.replace("1.1", "2.0") + "\r\n"),
        (400, ok.replace("1.1", "1.10") + "\r\n"),
    ):
        ending_answer(first.encode("latin-1") + second, status)


def options(*_):
    with Connection() as c:
        # Its body means nothing, but must not be taken for a request.
        body = request("/x")
        for _ in range(3):
            assert c.ask("*", "OPTIONS").status == 204
            assert c.ask("/", "OPTIONS", body).status == 204
        c.send(request("/", "OPTIONS", content_length=100))
        a = c.answer()
        assert a.status == 204 and a.field("Connection") == "close", a
        c.send(request("/") * 9)
        assert c.rest() == b""


single = SERVICE + "/single/yum/a.rpm"
digest = SERVICE + "/digest/" + hashlib.sha1(b"/yum/a.rpm").hexdigest()


def ask(status, target, method="GET", body=b""):
    with Connection() as c:
        c.send(request(target, method, body, "1.0", None))
        a = c.answer(method)
        assert a.status == status, (target, a)
        return a


def with_base_url(*_):
    for a in ask(200, single), ask(200, digest), \
            ask(200, digest, "POST", b"p=/yum/a.rpm"):
        assert b"http://m.example/" in a.body, a


def without_host(*_):
    assert ask(200, SERVICE + "/nullfile/7").body == bytes(7)
    assert len(ask(200, "/yum/a.rpm").body) == 1100000
    ask(200, "/yum/a.rpm", "HEAD")
    ask(412, digest)
    ask(204, "/", "OPTIONS")
    ask(204, "*", "OPTIONS")
    ask(404, "/none")
    ask(404, SERVICE + "/multi/a")
    ask(400, SERVICE + "/single/%zz")
    ask(405, single, "PUT")
    for a in ask(400, single), ask(400, single.replace("ng", "mp", 1)), \
            ask(400, digest, "POST", b"p=/yum/a.rpm"), \
            ask(400, digest + "?p=/yum/a.rpm"):
        assert b"Host" in a.body and b"base-url" in a.body, a
    with Connection() as c:
        assert c.ask(digest, "POST", b"p=/yum/a.rpm").status == 200
    a = ask(400, digest)
    assert b"base-url" in a.body, a
    a = ask(200, "http://m.example" + single)
    assert b"http://m.example/yum/a.rpm" in a.body, a
    with Connection() as c:
        assert c.ask("/", host=None).status == 400


def with_host(*_):
    for target in single, digest, SERVICE + "/nullfile/7", \
            "/yum/a.rpm", "/none":
        ask(421, target)
    ask(421, digest, "POST", b"p=/yum/a.rpm")
    ask(204, "/", "OPTIONS")
    ask(204, "*", "OPTIONS")
    with Connection() as c:
        a = c.ask("/", "OPTIONS", host="evil.example")
        assert a.status == 421, a


def expect(*_):
    def head(length, **fields):
        return form_head(SERVICE + "/digest/" + 40 * "0",
            expect="100-continue", content_length=length, **fields)
    with Connection() as c:
        c.send(head(3))
        assert c.answer().status == 100
        c.send(b"p=x")
        assert c.answer().status == 400
        # A body that is there already needs no invitation.
        c.send(head(3) + b"p=x")
        assert c.answer().status == 400
    for refused, fields in ((415, {"content_type": "text/plain"}),
                            (413, {"length": 1 << 30}),
                            (413, {"length": 1 << 32})):
        ending_answer(head(fields.pop("length", 3), **fields), refused)
    with Connection() as c:
        c.send(request("/", expect="miracles"))
        assert c.answer().status == 417


def pipelining(*_):
    digest = SERVICE + "/digest/" + sys.argv[2]
    with Connection() as c:
        c.send(b"".join([
            request(SERVICE + "/single/yum/a.rpm"),
            request("/none"),
            request(digest, "POST", b"p=/yum/a.rpm"),
            request(SERVICE + "/nullfile/77", range="bytes=0-49"),
            request(SERVICE + "/single/yum/*.rpm", "HEAD"),
            request(SERVICE + "/nullfile/9", connection="close"),
            request(SERVICE + "/nullfile/8")]))
        got = [c.answer(m) for m in
               ("GET", "GET", "POST", "GET", "HEAD", "GET")]
        assert c.rest() == b""
    assert [a.status for a in got] == [200, 404, 200, 206, 200, 200]
    assert [len(a.body) for a in got[3:]] == [50, 0, 9]
    assert b"5:filesl" in got[2].body and b"5:filesl" not in got[0].body
    # A hundred in one go, byte by byte at the seams.
    with Connection() as c:
        data = b"".join(request(SERVICE + "/nullfile/%d" % n,
            range="bytes=0-") for n in range(1, 101))
        for at in range(0, len(data), 997):
            c.send(data[at:at + 997])
        for n in range(1, 101):
            assert len(c.answer().body) == n


def keep_alive(*_):
    with Connection() as c:
        for _ in range(20):
            a = c.ask("/")
            assert a.status == 404 and a.version == "HTTP/1.1"
            assert a.field("Connection") is None, a
        a = c.ask("/", connection="foo, Close")
        assert a.field("Connection") == "close"
        assert c.rest() == b""
    with Connection() as c:
        c.send(request("/", version="1.0"))
        assert c.answer().field("Connection") == "close"
        assert c.rest() == b""
    with Connection() as c:
        for _ in range(2):
            c.send(request("/", version="1.0", connection="keep-alive"))
            assert c.answer().field("Connection") == "keep-alive"
    # An empty line before a request is old clients' habit.
    with Connection() as c:
        c.send(b"\r\n" + request("/"))
        assert c.answer().status == 404
    # In crumbs.
    with Connection() as c:
        for byte in request("/"):
            c.send(bytes([byte]))
        assert c.answer().status == 404


run(globals())
