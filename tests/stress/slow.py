# SPDX-License-Identifier: ISC
"""Clients that take their time; see slow_test.sh."""
import errno
import socket
import subprocess
import sys
import time

from good import Good, cpu_s, family, mark
from many import can_open
from service import SERVICE, Connection, request, wait_for

HOT = SERVICE + "/single/yum/a"
HEAD = request("/", user_agent="x" * 200)
FORM = request(SERVICE + "/digest/%040d" % 0, "POST", content_length=900,
               content_type="application/x-www-form-urlencoded")


class Slow:
    """One connection: says first, then a byte of rest each second, and reads
    so many bytes a second."""

    def __init__(self, port, kind, first, rest, reads):
        self.kind, self.rest, self.reads = kind, rest, reads
        self.socket = socket.socket()
        if reads < 1000:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.connect(("127.0.0.1", port))
        self.number = self.socket.getsockname()[1]
        self.start, self.end = time.monotonic(), None
        if first:
            self.socket.send(first)
        self.socket.setblocking(False)

    def turn(self):
        """Once a second; an error is noticed, not an end."""
        try:
            if self.rest:
                self.socket.send(self.rest[:1])
                self.rest = self.rest[1:]
            self.socket.recv(self.reads)
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.EPIPE, errno.ECONNRESET):
                raise


def held(port):
    """Their numbers, as long as the service counts them as connected."""
    here, there = "0100007F:%04X" % port, []
    with open("/proc/net/tcp") as f:
        for line in f:
            row = line.split()
            # Established, or open on the service's side only.
            if row[1] == here and row[3] in ("01", "08"):
                there.append(int(row[2].rpartition(":")[2], 16))
    return set(there)


def dawdle(each, deadlines):
    """Each kind so often; how late is each cut?"""
    port = int(sys.argv[1])
    assert can_open(5 * each + 100)
    kinds = {"header": (b"", HEAD, 4096), "body": (FORM, b"x" * 900, 4096),
             "read": (request("/yum/big"), b"", 10), "silent": (b"", b"", 4096),
             "idle": (request("/"), b"", 4096)}
    with Connection() as c:
        assert c.ask(HOT).status == 200
    with Good(HOT) as good:
        slow = []
        for kind, (first, rest, reads) in kinds.items():
            for _ in range(each):
                slow.append(Slow(port, kind, first, rest, reads))
        end = time.monotonic() + max(deadlines.values()) + 8
        left, turn = {s.number: s for s in slow}, time.monotonic()
        while left and time.monotonic() < end:
            there, now = held(port), time.monotonic()
            for number in set(left) - there:
                left.pop(number).end = now
            if now >= turn:
                turn += 1
                for s in left.values():
                    s.turn()
            time.sleep(0.05)
    wrong = []
    for kind in kinds:
        ages = [s.end - s.start for s in slow
                if s.kind == kind and s.end is not None]
        rest = [s for s in slow if s.kind == kind and s.end is None]
        limit = deadlines[kind]
        if ages:
            print("%d of %s at %g s: cut after %.2f to %.2f s" %
                  (len(ages), kind, limit, min(ages), max(ages)))
        if rest:
            wrong.append("%d of %s were never cut" % (len(rest), kind))
        # A reader's deadline begins when the socket takes no more.
        elif min(ages) < limit - 0.4:
            wrong.append("%s: cut too early" % kind)
        elif max(ages) > limit + mark(1, 4):
            wrong.append("%s: cut too late" % kind)
    for s in slow:
        s.socket.close()
    p99 = good.report("meanwhile")
    assert not wrong, "; ".join(wrong)
    assert p99 < mark(0.1, 2), p99


def attack(seconds, connections):
    """slowhttptest, in its three modes."""
    port = int(sys.argv[1])
    assert can_open(connections + 200)
    modes = [("headers", ["-H"], "/"),
             ("body", ["-B", "-s", "8192"], SERVICE + "/digest/%040d" % 0),
             ("reading", ["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "10",
                          "-k", "1"], "/yum/big")]
    with Connection() as c:
        assert c.ask(HOT).status == 200
    wrong = []
    for name, options, target in modes:
        with Good(HOT) as good:
            r = subprocess.run(
                ["slowhttptest", "-c", str(connections), "-r",
                 str(connections), "-i", "1", "-l", str(seconds), "-p", "5",
                 "-v", "2", "-u", "http://127.0.0.1:%d%s" % (port, target)]
                + options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=seconds + 60)
            out = r.stdout.decode(errors="replace")
        p99 = good.report("during slow %s" % name)
        if p99 >= mark(0.1, 2):
            wrong.append("%s: p99 %.0f ms" % (name, p99 * 1000))
        if "YES" not in out[-1500:]:
            wrong.append("%s: %s" % (name, out[-1500:]))
        wait_for(10, lambda: len(held(port)) < 5, "their end")
    assert not wrong, "\n".join(wrong)


def crowd(n, parent, seconds, log):
    """So many connections against a service with few descriptors."""
    port = int(sys.argv[1])
    assert can_open(n + 200)
    pids = family(parent)
    everyone = []
    for _ in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", port))
        everyone.append(s)
    start, cpu = time.monotonic(), cpu_s(pids)
    lines = count_lines(log)
    time.sleep(seconds)
    span = time.monotonic() - start
    used, said = cpu_s(pids) - cpu, count_lines(log) - lines
    print("%d connections: %.1f %% of a processor, %d log lines in %.1f s" %
          (n, used * 100 / span, said, span))
    assert family(parent) == pids, "processes came and went"
    start = time.monotonic()
    for s in everyone:
        s.close()
    tries = 0
    while True:
        tries += 1
        try:
            with Connection(timeout=0.5) as c:
                if c.ask("/").status == 404:
                    break
        except (OSError, EOFError):
            pass
        assert time.monotonic() < start + 20, "no recovery"
    back = time.monotonic() - start
    print("an answer %.2f s after the last had gone (%d tries)" %
          (back, tries))
    with Good("/", (404,)) as good:
        time.sleep(1)
    good.report("afterwards")
    assert used / span < mark(0.05, 0.2), "too busy"
    assert said <= span + 3, "too many lines"
    assert back < mark(1.1, 5), "too slow"


def count_lines(log):
    with open(log, "rb") as f:
        return f.read().count(b"\n")


if __name__ == "__main__":
    {"dawdle": lambda n, *d: dawdle(int(n), dict(zip(
        ("header", "body", "read", "silent", "idle"), map(float, d)))),
     "attack": lambda s, n: attack(int(s), int(n)),
     "crowd": lambda n, p, s: crowd(int(n), int(p), float(s), "log"),
     }[sys.argv[2]](*sys.argv[3:])
