# SPDX-License-Identifier: ISC
"""Programs of 260_memory_test.sh."""
import os
import signal
import threading
import time

from faults import post
from good import field_kib, is_sanitized
from service import SERVICE, Connection, run, status, wait_for

SMALL = SERVICE + "/single/yum/%d"


def large(n):
    """A request for the nth torrent of 10 MiB."""
    return post(*16 * ["/yum/large"], "/yum/%d" % n)


def beside(parent):
    """The bytes of torrents that hot memory does not hold."""
    return status(parent, r" bytes, and (\d+) of others")[0]


def head(c):
    """The status, once it is there; the rest is not read."""
    c.until(lambda: b"\r\n\r\n" in c.buffer)
    return int(c.buffer[9:12])


def slow_readers(parent, front):
    parent, front = int(parent), int(front)
    before = field_kib(front, "VmRSS")
    slow, statuses = [], []
    for n in range(64):
        c = Connection(source="127.0.0.%d" % (2 + n % 2), timeout=50,
                       receive_buffer=4096)
        c.send(large(n))
        slow.append(c)
    for c in slow:
        statuses.append(head(c))
    print({status: statuses.count(status) for status in set(statuses)})
    held, grown = beside(parent), field_kib(front, "VmRSS") - before
    print("%d bytes held; the front has grown by %d KiB" % (held, grown))
    assert set(statuses) <= {200, 429, 503}, statuses
    assert 200 in statuses and 503 in statuses, statuses
    # Each of the two has one, and what is left of that.
    assert 10 << 20 < held < 32 << 20, held
    assert grown < 65 << 10 or is_sanitized(front), grown
    # Others are in nobody's way.
    with Connection(source="127.0.0.4", timeout=50) as c:
        assert c.ask(SMALL % 0).status == 200
        assert c.ask(SMALL % 99).status == 200
        c.send(large(90))
        a = c.answer()
        assert a.status == 200 and len(a.body) > 10 << 20, a.status
    # Nor are small ones, for anybody.
    for c in slow[2:4]:
        c.close()
    with Connection(source="127.0.0.2", timeout=50) as c:
        assert c.ask(SMALL % 98).status == 200
    for c in slow:
        c.close()
    wait_for(20, lambda: beside(parent) == 0, "all memory to be given back")


def hashed(parent):
    return status(parent, r"hasher\[\d+\]: .* and (\d+) batches")[0]


def hashed_at_once(parent, hasher):
    parent, hasher = int(parent), int(hasher)
    os.kill(hasher, signal.SIGSTOP)
    slow = [Connection(source="127.0.0.2", timeout=50, receive_buffer=4096)
            for _ in range(4)]
    for n, c in enumerate(slow):
        c.send(large(1 + n))
        wait_for(20, lambda: status(parent, r" jobs \((\d+) hashing")[0] > n,
                 "the job to be hashed")
    os.kill(hasher, signal.SIGCONT)
    # One has room, and what was hashed for the others is remembered.
    assert sorted(map(head, slow)) == [200, 503, 503, 503]
    assert beside(parent) <= 16 << 20
    for c in slow:
        c.close()
    wait_for(20, lambda: beside(parent) == 0, "all memory to be given back")
    before = hashed(parent)
    for n in range(4):
        with Connection(source="127.0.0.2", timeout=50) as c:
            c.send(large(1 + n))
            assert c.answer().status == 200
    assert hashed(parent) == before


def slowest_first(*_):
    def start(n, source):
        c = Connection(source=source, timeout=50, receive_buffer=1 << 15)
        c.send(large(n))
        assert head(c) == 200, c.buffer[:200]
        return c
    stop = threading.Event()

    def read(c):
        while not stop.is_set():
            c.buffer += c.receive(1 << 15)
            time.sleep(0.1)
    none = start(0, "127.0.0.2")
    some = [start(n, "127.0.0.%d" % (2 + n)) for n in (1, 2)]
    threads = [threading.Thread(target=read, args=[c]) for c in some]
    for t in threads:
        t.start()
    try:
        def gets():
            with Connection(source="127.0.0.9", timeout=50) as c:
                c.send(large(3))
                a = c.answer()
                assert a.status in (200, 503), a
                assert a.status == 200 or int(a.field("Retry-After")) > 0, a
                time.sleep(0.2)
                return a.status == 200
        assert not gets(), "there is room without an end to anything"
        wait_for(30, gets, "room for another")
    finally:
        stop.set()
        for t in threads:
            t.join()
    for c in some:
        assert len(c.answer("GET").body) > 10 << 20
    assert len(none.rest()) < 10 << 20, "the slowest got all of it"


run(globals())
