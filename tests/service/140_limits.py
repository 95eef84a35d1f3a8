# SPDX-License-Identifier: ISC
"""Programs of 140_limits_test.sh."""
import os
import signal
import sys
import threading

from faults import *
from service import *


def drain_ends(*_):
    def sent(c, total, step, pause):
        try:
            for _ in range(0, total, step):
                c.send(bytes(step))
                time.sleep(pause)
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True
    head = form_head(sys.argv[2], content_length=1 << 30)
    with Connection() as much, Connection() as long:
        for c in much, long:
            c.send(head)
            assert c.answer().status == 413
        # Sockets hold some more than the service reads.
        assert not sent(much, 64 << 20, 1 << 16, 0), "64 MiB"
        assert not sent(long, 400, 1, 0.01), "4 s"


def request_line(*_):
    def line(length):
        start = "GET %s/nullfile/1?" % SERVICE
        end = " HTTP/1.1\r\n"
        return start + "x" * (length - len(start + end)) + end
    for length, status in ((8192, 200), (8193, 414), (20000, 414)):
        ending_answer((line(length) + "Host: h\r\n\r\n").encode(), status)
    # No end of the line is needed to see that it is too long.
    with Connection() as c:
        c.send(line(9000).encode()[:8193])
        assert c.answer().status == 414
    with Connection() as c:
        path = "/single/" + "y" * 4094
        assert c.ask(SERVICE + path).status == 404
        assert c.ask(SERVICE + path + "y").status == 414


def header(*_):
    first = "GET %s/nullfile/1 HTTP/1.1\r\n" % SERVICE
    def sized(length):
        start, end = "Host: h\r\nX: ", "\r\n\r\n"
        return start + "x" * (length - len(start + end)) + end
    def counted(n):
        return "Host: h\r\n" + "X: x\r\n" * (n - 1) + "\r\n"
    for fields, status in (
        (sized(16384), 200), (sized(16385), 431), (sized(70000), 431),
        (counted(64), 200), (counted(65), 431), (counted(5000), 431)):
        ending_answer((first + fields).encode(), status)
    with Connection() as c:
        c.send((first + sized(20000)).encode()[:len(first) + 16385])
        assert c.answer().status == 431


def connections(*_):
    def refused(c):
        a = c.answer()
        assert a.status == 503, a
        assert a.field("Connection") == "close"
        assert a.field("Retry-After").isdigit()
        return c.rest() == b""
    served = [Connection() for _ in range(3)]
    for c in served:
        assert c.ask("/").status == 404
    past = [Connection() for _ in range(3)]
    beyond = Connection()
    assert all(map(refused, past))
    assert beyond.rest() == b""
    for c in served:
        assert c.ask("/").status == 404
    for c in past + [beyond, served.pop()]:
        c.close()
    wait_for(10, is_served, "room for another one")


def few_descriptors(*_):
    places = int(sys.argv[2])
    served = [Connection() for _ in range(places)]
    for c in served:
        assert c.ask("/").status == 404
    past = [Connection() for _ in range(300)]
    said = [c.rest()[9:12] for c in past]
    assert said[0] == b"503" and said[-1] == b"", said
    assert set(said) == {b"503", b""}, said
    for c in served:
        assert c.ask("/").status == 404


def connections_per_client(*_):
    mine = take_places(2)
    mine.pop().close()
    wait_for(10, lambda: is_served("127.0.0.2"), "room for another one")


def starving(*_):
    held = [Connection(source="127.0.0.2") for _ in range(60)]
    with Connection(source="127.0.0.3") as other:
        assert other.ask("/").status == 404
    refused = [c for c in held[2:] if b" 503 " in c.rest()]
    assert len(refused) == 1, len(refused)
    for c in held[:2]:
        assert c.ask("/").status == 404


def waiting_through_a_proxy(*_):
    target = SERVICE + "/single/yum/a"
    def ask(address):
        c = Connection()
        c.send(request(target, x_forwarded_for=address))
        return c
    # As many as there is room for, while there is plenty.
    mine = [ask("192.0.2.1") for _ in range(5)]
    # Connections are not heard in order.
    time.sleep(0.3)
    last = ask("192.0.2.1").answer()
    assert last.status == 429, last
    assert last.field("Retry-After").isdigit()
    assert b"waiting" in last.body
    other = ask("192.0.2.2")
    other.socket.settimeout(1)
    try:
        assert False, other.answer()
    except TimeoutError:
        pass
    # A client without a name is not counted.
    for c in [Connection() for _ in range(2)]:
        c.send(request(target))
        c.socket.settimeout(0.2)
        try:
            assert False, c.answer()
        except TimeoutError:
            pass


def waiting_ends(*_):
    # Places are scarce.
    idle = [Connection() for _ in range(5)]
    def ask(name, n=1):
        c = Connection()
        c.send(n * request(SERVICE + "/single/yum/" + name,
                           x_forwarded_for="192.0.2.1"))
        return c
    # Not one that is refused as a connection too many, but one that
    # has waited.
    def room():
        a = ask("a").answer()
        return a.status == 503 and b"connections" not in a.body
    for _ in range(3):
        piped = ask("[b]", 3)
        assert [piped.answer().status for _ in range(3)] == 3 * [200]
        wait_for(5, room, "room for one more")
        piped.close()
        ask("a").close()
    wait_for(5, room, "room for another one")
    def limited():
        held = [ask("a"), ask("a")]
        third = ask("a").answer().status
        return third == 429 and all(c.answer() for c in held)
    wait_for(10, limited, "a limit")


def deadlines(*_):
    wrong = []
    def dribble(c, data, stop):
        try:
            for byte in data:
                if stop.wait(0.1):
                    return
                c.send(bytes([byte]))
        except OSError:
            pass
    def check(name, seconds, status, slowly, before=b""):
        with Connection() as c:
            c.send(before)
            if name == "idle":
                c.answer()
            stop = threading.Event()
            slow = threading.Thread(target=dribble,
                                    args=(c, slowly, stop))
            c.start = time.monotonic()
            slow.start()
            rest = c.rest()
            age = c.age()
            stop.set()
            slow.join()
        got = rest[9:12].decode()
        if got != status or not seconds - 0.1 <= age <= seconds + 1:
            wrong.append("%s: %r after %.2f s" % (name, rest, age))
    body = request("/", "POST", content_length=1000,
        content_type="application/x-www-form-urlencoded").replace(
        b" / ", (" %s/digest/%040d " % (SERVICE, 0)).encode())
    threads = [threading.Thread(target=check, args=args) for args in (
        ("header", 1, "408", b"GET / HTTP/1.1\r\nHost: h" + b"h" * 90),
        ("silence", 1, "", b""),
        ("body", 2, "408", b"x" * 99, body),
        ("idle", 3, "", b"", request("/")),
        ("half", 1, "408", b"", b"GET / HTTP/1.1\r\nHo"))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, "\n".join(wrong)


def write_deadline(*_):
    stuck, slow = [Connection(receive_buffer=1 << 16)
                   for _ in range(2)]
    for c in stuck, slow:
        c.send(request("/yum/a", connection="close"))
    wait_for(1, stuck.is_held, "the connection")
    got = 0
    def cut():
        nonlocal got
        got += len(slow.receive(1 << 18))
        return not stuck.is_held()
    wait_for(2, cut, "the end of the one who does not read")
    # Slow, but at it.
    end = time.monotonic() + 2
    while time.monotonic() < end:
        got += len(slow.receive(1 << 16))
        time.sleep(0.05)
    got += len(slow.rest())
    assert got > 64 << 20, got
    assert len(stuck.rest()) < 64 << 20


def many_paths_per_client(*_):
    def post_of(n, i):
        return post(*("/yum/%d/%d" % (i, k) for k in range(n)))
    waiting = []
    for i, n in enumerate((1000, 1001, 1000, 1001, 1000)):
        waiting.append(Connection())
        waiting[-1].send(post_of(n, i))
    assert ask(post_of(1001, 99)).status == 429
    os.kill(int(sys.argv[2]), signal.SIGCONT)
    for c in waiting:
        assert c.answer("POST").status == 404
    assert ask(post_of(1001, 99)).status == 404


run(globals())
