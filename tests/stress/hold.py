# SPDX-License-Identifier: ISC
"""Clients that make the front hold much; see hold_test.sh."""
import collections
import socket
import sys
import time

from faults import post
from good import Good, away, family, is_sanitized, mark, peak_kib
from many import Load, until
from service import SERVICE, request

HOT = SERVICE + "/single/yum/hot"
HOT_SIZE = 64   # MiB


class Slow:
    """Asks for one large torrent after the other, and reads 2 KB a second."""

    def __init__(self, n, repeats, statuses):
        self.n, self.repeats, self.statuses = n, repeats, statuses
        self.socket, self.turns = None, 0

    def turn(self):
        """Once a second."""
        try:
            if self.socket is None:
                self.ask()
                return
            data = self.socket.recv(2048)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data.startswith(b"HTTP/1.1 "):
            self.statuses[int(data[9:12])] += 1
        if not data.startswith(b"HTTP/1.1 200") and b"HTTP/1.1" in data \
                or not data:
            self.close()

    def ask(self):
        self.turns += 1
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.%d" % (2 + self.n % 2), 0))
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", int(sys.argv[1])))
        self.socket.sendall(self.request())
        self.socket.setblocking(False)

    def request(self):
        """Another torrent each time."""
        return post(*self.repeats * ["/yum/large"], *self.n * ["/yum/hot"],
                    "/yum/small", *self.turns * ["/yum/hot"])

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None


def peak(parent):
    """KiB of the front."""
    for pid in family(parent)[1:]:
        with open("/proc/%d/cmdline" % pid) as f:
            if "front" in f.read():
                return peak_kib(pid), is_sanitized(pid)
    raise AssertionError("no front")


def slow_readers(parent, repeats, memory, seconds):
    statuses = collections.Counter()
    slow = [Slow(n, repeats, statuses) for n in range(64)]
    with Good(HOT) as good:
        away()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            turn = time.monotonic() + 1
            for s in slow:
                s.turn()
            time.sleep(max(0, turn - time.monotonic()))
    kib, sanitized = peak(parent)
    for s in slow:
        s.close()
    print("%s; the front at %d KiB" % (dict(statuses), kib))
    p99 = good.report("meanwhile")
    assert set(statuses) <= {200, 429, 503}, statuses
    assert 200 in statuses and len(statuses) > 1, statuses
    assert kib < (HOT_SIZE + memory + 64) << 10 or sanitized, kib
    assert p99 < mark(0.02, 2), p99


def many_hosts(parent, n, seconds):
    """Each file is asked for by 8 names, by two clients for each."""
    def requests(host):
        return [("host", request(SERVICE + "/single/many/%d" % i,
                                 host="h%d.example" % host))
                for i in range(1, n + 1)]
    with Good(HOT) as good:
        away()
        load = Load()
        end = time.monotonic() + seconds
        for host in range(8):
            load.add(until(end, requests(host)), keep=True)
            load.add(until(end, requests(host)[::-1]), keep=True)
        load.run(seconds + 60)
    kib, sanitized = peak(parent)
    print("%s; the front at %d KiB" % (dict(load.counts), kib))
    p99 = good.report("meanwhile")
    assert not load.failures, load.failures[:5]
    assert set(load.counts) == {200}, load.counts
    assert kib < (8 + 64) << 10 or sanitized, kib
    assert p99 < mark(0.02, 2), p99


if __name__ == "__main__":
    {"slow_readers": lambda *a: slow_readers(*map(int, a)),
     "many_hosts": lambda *a: many_hosts(*map(int, a)),
     }[sys.argv[2]](*sys.argv[3:])
