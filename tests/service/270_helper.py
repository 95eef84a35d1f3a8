# SPDX-License-Identifier: ISC
"""Programs of 270_helper_test.sh."""
import hashlib
import os
import re
import signal
import socket
import struct
import sys
import threading
import time

from service import *

WAIT = 2        # seconds, as the manual says


class Helper:
    """Listens, has all lines in "lines", and answers as it is told."""

    def __init__(self, path="helper", answer=b"ok\n"):
        self.answer, self.lines, self.reads = answer, [], []
        self.connection, self.connections, self.lock = None, 0, threading.Lock()
        if os.path.exists(path):
            os.unlink(path)
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.serve(self.connection)

    def serve(self, connection):
        rest = b""
        while True:
            try:
                data = connection.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                assert re.fullmatch(b"[0-9a-f]{40}", line), line
            with self.lock:
                self.reads.append(len(lines))
                self.lines += [line.decode() for line in lines]
            if self.answer:
                self.say(self.answer * len(lines))

    def say(self, text):
        self.connection.sendall(text)

    def hang_up(self):
        # It wakes the other thread up, too.
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def end(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        os.unlink(self.path)
        if self.connection:
            self.hang_up()

    def wait_connected(self, n=1):
        wait_for(10, lambda: self.connections >= n, "a connection")

    def wait_lines(self, n):
        wait_for(10, lambda: len(self.lines) >= n, lambda: "%d lines of %d" %
                 (len(self.lines), n))


def ask(name):
    """The info hash of the torrent, and the seconds that it took."""
    with Connection() as c:
        start = time.monotonic()
        a = c.ask(SERVICE + "/single/yum/" + name)
        took = time.monotonic() - start
    assert a.status == 200, a
    found = re.search(rb"4:info(d.*e)8:url-list", a.body, re.S)
    return hashlib.sha1(found.group(1)).hexdigest(), took


def once(*_):
    h = Helper(answer=None)
    h.wait_connected()
    got = []
    thread = threading.Thread(target=lambda: got.append(ask("a")))
    thread.start()
    h.wait_lines(1)
    # The answer waits, and so does another that needs the same line.
    second = threading.Thread(target=lambda: got.append(ask("a")))
    second.start()
    time.sleep(0.5)
    assert not got, got
    h.say(b"o")
    h.say(b"k\n")
    thread.join()
    second.join()
    assert len(got) == 2, got
    assert {hash for hash, _ in got} == set(h.lines), (got, h.lines)
    assert all(0.3 < took < WAIT for _, took in got), got
    # It is known from now on.
    for _ in range(3):
        assert ask("a")[1] < 1
    assert len(h.lines) == 1
    h.answer = b"ok\n"
    hash, took = ask("b")
    assert took < WAIT and h.lines[1:] == [hash]


def together(*_):
    h = Helper()
    h.wait_connected()
    connections = [Connection() for _ in "abcdef"]
    for c, name in zip(connections, "abcdef"):
        c.send(request(SERVICE + "/single/yum/" + name))
    for c in connections:
        assert c.answer().status == 200
    assert len(h.lines) == 6 and len(h.reads) < 6, h.reads


def first(*_):
    """A torrent is written to a helper of now."""
    h = Helper()
    h.wait_connected()
    hash, took = ask("a")
    assert h.lines == [hash] and took < WAIT
    h.end()


def after_restart(*_):
    h = Helper()
    h.wait_connected()
    for n in 1, 1:
        with Connection() as c:
            assert c.ask(SERVICE + "/digest/" + sys.argv[2]).status == 200
        assert len(h.lines) == n, h.lines


def silent(*_):
    h = Helper(answer=None)
    h.wait_connected()
    for name in "abc":
        took = ask(name)[1]
        assert WAIT - 0.1 < took < WAIT + 2, took
    # A torrent that was late once does not wait again; others not for now.
    for name in "abcdef":
        took = ask(name)[1]
        assert took < 1, took
    h.wait_lines(6)
    # Late answers count all the same.
    h.say(b"ok\n" * 6)
    time.sleep(0.2)
    for name in "abcdef":
        ask(name)
    assert len(h.lines) == 6


def impatient(*_):
    h = Helper(answer=None)
    h.wait_connected()
    target = SERVICE + "/single/yum/"

    def answer(name):
        start = time.monotonic()
        with Connection() as c:
            a = c.ask(target + name)
        assert time.monotonic() - start < 1, a
        assert a.status == 200 or a.field("Retry-After"), a
        return a
    # It may wait for its hash before.
    wait_for(10, lambda: answer("a").status == 503 and len(h.lines) == 1,
             "a line")
    a = answer("a")
    assert a.status == 503 and b"the tracker does not know" in a.body, a
    assert a.field("Retry-After") == "2", a
    h.say(b"ok\n")
    wait_for(10, lambda: answer("a").status == 200, "the torrent")
    # A list that never answers is waited for no longer than by others.
    wait_for(10, lambda: answer("b").status == 503 and len(h.lines) == 2,
             "a line")
    start = time.monotonic()
    wait_for(10, lambda: answer("b").status == 200, "the torrent")
    assert time.monotonic() - start < WAIT + 1
    assert len(h.lines) == 2, h.lines


def replaced(*_):
    """The wait is longer than revalidate, and a file goes meanwhile."""
    h = Helper(answer=None)
    h.wait_connected()
    connections = [Connection() for _ in "ab"]
    for c, name in zip(connections, "ab"):
        c.send(request(SERVICE + "/single/yum/" + name))
    h.wait_lines(2)
    os.unlink("www/yum/a")
    assert [c.answer().status for c in connections] == [404, 200]
    assert len(h.lines) == 2, h.lines


def missing(*_):
    hashes = []
    for name in "abc":
        hash, took = ask(name)
        hashes.append(hash)
        assert took < 1, took
    h = Helper()
    # All of them are written when it is there, the oldest first.
    h.wait_lines(3)
    assert h.lines == hashes
    hash, took = ask("d")
    assert h.lines == hashes + [hash] and took < WAIT
    time.sleep(1.2)


def comes_and_goes(*_):
    h = Helper(answer=None)
    h.wait_connected()
    time.sleep(1.1)
    got = []
    threads = [threading.Thread(target=lambda n=name: got.append(ask(n)))
               for name in "ab"]
    for thread in threads:
        thread.start()
    h.wait_lines(2)
    before, h.lines, h.answer = h.lines, [], b"ok\n"
    h.hang_up()
    # Nobody has answered, so they are written again, and waited for.
    h.wait_lines(2)
    for thread in threads:
        thread.join()
    assert h.lines == before and h.connections == 2
    assert all(took < WAIT for _, took in got), got


def closes(*_):
    h = Helper()
    h.serve = lambda connection: connection.close()
    wait_for(10, lambda: os.path.exists("started"), "the service")
    before = h.connections
    for _ in range(5):
        assert ask("a")[1] < WAIT
        time.sleep(0.4)
    # 0.1, 0.2, 0.4, 0.8 seconds apart, and so on.
    assert before < h.connections <= 7, h.connections


def nonsense(*_):
    h = Helper(answer=b"no: \x1b[1m\n")
    h.wait_connected()
    for n in 1, 2:
        # It is not on the list, so it is written again.
        hash, took = ask("a")
        assert took < WAIT and h.lines == n * [hash], (took, h.lines)
    h.answer = b"ok\n"
    assert ask("a")[1] < WAIT and len(h.lines) == 3
    h.say(b"ok\n")
    h.wait_connected(2)
    hash, took = ask("b")
    assert took < WAIT and h.lines[3:] == [hash]


def long_answer(*_):
    h = Helper(answer=b"x" * 255 + b"\n")
    h.wait_connected()
    assert ask("a")[1] < WAIT
    h.say(b"x" * 256)
    h.wait_connected(2)
    h.answer = b"ok\n"
    assert ask("a")[1] < WAIT


def full(*_):
    s = socket.socket(socket.AF_UNIX)
    s.bind("helper")
    s.listen(0)
    clients = []
    while True:
        c = socket.socket(socket.AF_UNIX)
        c.setblocking(False)
        try:
            c.connect("helper")
        except BlockingIOError:
            break
        clients.append(c)
    open("full", "w").close()
    time.sleep(60)


def reload_on(*_):
    h = Helper(sys.argv[3] if len(sys.argv) > 3 else "helper")
    os.kill(int(sys.argv[2]), signal.SIGHUP)
    h.wait_connected()
    # It was answered before, but this helper has not seen it.
    hash, took = ask("a")
    assert h.lines == [hash] and took < WAIT
    if len(sys.argv) <= 3:
        return
    # A reload without a change keeps the connection.
    os.kill(int(sys.argv[2]), signal.SIGHUP)
    time.sleep(1)
    ask("a")
    assert len(h.lines) == 1 and h.connections == 1


def reload_off(*_):
    h = Helper("other", None)
    h.wait_connected()
    got = []
    with open("www/yum/b", "w") as f:
        f.write("b")
    thread = threading.Thread(target=lambda: got.append(ask("b")))
    thread.start()
    h.wait_lines(1)
    start = time.monotonic()
    os.kill(int(sys.argv[2]), signal.SIGHUP)
    thread.join()
    assert time.monotonic() - start < WAIT, "it has waited"
    assert not h.connection.recv(1)


def as_user(*_):
    h = Helper()
    os.chmod("helper", 0o666)
    h.wait_connected()
    _, uid, gid = struct.unpack("3i", h.connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    assert uid == int(sys.argv[2]) and gid != 0, (uid, gid)
    os.chmod("helper", 0o700)
    h.wait_lines(1)
    # It is tried again at once if it was there for a second.
    time.sleep(1.2)
    h.hang_up()


run(globals())
