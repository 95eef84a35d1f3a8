# SPDX-License-Identifier: ISC
"""Requests byte for byte, which curl is too well-behaved to send.

    from service import Connection
    c = Connection()                    # to the port in sys.argv[1]
    assert c.ask("/").status == 404
"""
import os
import re
import signal
import socket
import sys
import time

SERVICE = "/mirror/torrent_service"


def run(functions):
    """Runs the function that is named behind the port, with the arguments
    behind that; in sys.argv they follow the port."""
    function = functions[sys.argv.pop(2)]
    function(*sys.argv[2:])


class Answer:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, _ = (lines[0] + " ").split(" ", 2)
        self.status = int(status)
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            assert name.lower() not in self.fields, "%s twice" % name
            self.fields[name.lower()] = value.strip()
        self.body = b""

    def __repr__(self):
        return "%d %r %r" % (self.status, self.fields, self.body[:200])

    def field(self, name):
        return self.fields.get(name.lower())


class Connection:
    """One connection; as a context it is closed at the end."""

    def __init__(self, port=None, source=None, receive_buffer=None,
                 timeout=10):
        self.port = port or int(sys.argv[1])
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", self.port))
        self.buffer = bytearray()
        self.start = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, limit=1 << 16):
        """More bytes; none at the end, be it an orderly one or a reset."""
        try:
            return self.socket.recv(limit)
        except (ConnectionResetError, BrokenPipeError):
            return b""

    def until(self, enough):
        while not enough():
            data = self.receive()
            if not data:
                raise EOFError("the connection ended after %d bytes: %r" %
                               (len(self.buffer), self.buffer[:200]))
            self.buffer += data

    def answer(self, method="GET"):
        """The next answer; a 100 counts as one."""
        self.until(lambda: b"\r\n\r\n" in self.buffer)
        end = self.buffer.index(b"\r\n\r\n")
        a = Answer(self.buffer[:end])
        del self.buffer[:end + 4]
        if method != "HEAD" and a.status >= 200 and a.status not in (
                204, 304):
            n = int(a.field("Content-Length"))
            self.until(lambda: len(self.buffer) >= n)
            a.body = bytes(self.buffer[:n])
            del self.buffer[:n]
        return a

    def ask(self, target, method="GET", body=b"", **fields):
        self.send(request(target, method, body, **fields))
        return self.answer(method)

    def rest(self):
        """All that comes before the other side ends the connection."""
        while True:
            data = self.receive()
            if not data:
                data, self.buffer = self.buffer, bytearray()
                return bytes(data)
            self.buffer += data

    def age(self):
        return time.monotonic() - self.start

    def is_held(self):
        """Does the service still count it as a connection?"""
        want = "0100007F:%04X" % self.port, "0100007F:%04X" % \
            self.socket.getsockname()[1]
        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in f]
        return any(tuple(r[1:3]) == want and r[3] == "01" for r in rows)


def request(target, method="GET", body=b"", version="1.1", host="127.0.0.1",
            **fields):
    """fields: content_type="..." and so on; None leaves one out."""
    lines = ["%s %s HTTP/%s" % (method, target, version)]
    if body:
        fields.setdefault("content_type",
                          "application/x-www-form-urlencoded")
        fields.setdefault("content_length", len(body))
    if host is not None:
        lines.append("Host: " + host)
    for name, value in fields.items():
        if value is not None:
            lines.append("%s: %s" % (name.replace("_", "-"), value))
    return "\r\n".join(lines + ["", ""]).encode("latin-1") + body


def ending_answer(data, status):
    """The one answer to these bytes, which ends the connection."""
    with Connection() as c:
        c.send(data)
        a = c.answer()
        assert a.status == status, (data, a)
        assert status == 200 or a.field("Connection") == "close", (data, a)
        assert c.rest() == b"", data


def form_head(target, **fields):
    """The head of a POST of a form."""
    fields.setdefault("content_type", "application/x-www-form-urlencoded")
    return request(target, "POST", **fields)


def chunked_head(target=None, **fields):
    """The same in chunks, to the target that was named behind the port."""
    return form_head(target or sys.argv[2], transfer_encoding="chunked",
                     **fields)


def wait_for(seconds, true, what):
    """what: a text, or a function that returns one."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not within %s s: %s" % (
            seconds, what() if callable(what) else what)
        time.sleep(0.01)


def status(parent, pattern):
    """The numbers in the groups of a pattern, of the status in the file log."""
    def found():
        with open("log") as f:
            return list(re.finditer(pattern, f.read()))
    before = len(found())
    os.kill(parent, signal.SIGUSR1)
    wait_for(10, lambda: len(found()) > before, "the status")
    return [int(number) for number in found()[-1].groups()]


def is_served(source=None):
    """Has the service room for another connection?  Only some of those that it
    refuses are told so."""
    with Connection(source=source) as c:
        try:
            return c.ask("/").status == 404
        except (EOFError, ConnectionError):
            return False


def take_places(n):
    """One client's connections: as many as it may have, but no more, and none
    of another's."""
    mine = [Connection(source="127.0.0.2") for _ in range(n)]
    for c in mine:
        assert c.ask("/").status == 404
    with Connection(source="127.0.0.2") as one_more:
        assert one_more.answer().status == 503
    with Connection(source="127.0.0.3") as other:
        assert other.ask("/").status == 404
    return mine
