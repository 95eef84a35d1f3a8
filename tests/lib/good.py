# SPDX-License-Identifier: ISC
"""A good client, in processes of its own, for as long as others are not.

    with Good(target) as good:
        ...
    good.report("while this and that")      # prints, and returns the p99 in s

Besides the target, which is remembered, it asks for files that others may be
in the way of; needs good_files (marks.sh).
"""
import collections
import multiprocessing
import os
import time

from service import SERVICE, Connection, request

EVERY = 10      # requests on a connection
FIRST = "a remembered one"

fork = multiprocessing.get_context("fork")


def full():
    """Are the full marks asked for?  In make check the machine is shared, so
    that times are printed and only judged when they are out of all bounds."""
    return os.environ.get("FULL_MARKS") == "1"


def mark(full_mark, quick_mark):
    return full_mark if full() else quick_mark


def percentile(times, percent):
    times = sorted(times)
    return times[min(len(times) - 1, len(times) * percent // 100)]


# Of these none is asked for twice, or it would come from the front's memory.

def new_file(n):
    """Written just now, so that it must be looked up and hashed."""
    name = "/good/new/%d.%d" % (os.getpid(), n)
    with open("www" + name, "wb") as f:
        f.write(b"%d" % n)
    return SERVICE + "/single" + name


def unknown_digest(n):
    return "%s/digest/%08x%032d" % (SERVICE, os.getpid(), n)


def pattern(n):
    return SERVICE + "/single/good/%%5b0-9.%d.%d%%5d" % (os.getpid(), n)


def ask(pipe, kinds, pause):
    """These in turn, {name: (statuses, target of the nth request)}."""
    times, wrong, n, c = {name: [] for name in kinds}, [], 0, None
    names = list(kinds)
    while not pipe.poll(pause if n > len(names) else 0):
        name = names[n % len(names)]
        want, target = kinds[name]
        data = request(target(n))
        # The connection is part of it now and then.
        start = time.monotonic()
        try:
            if c is None:
                c = Connection(timeout=15)
            c.send(data)
            a = c.answer()
            times[name].append((time.monotonic() - start, a.status))
            if a.status not in want:
                wrong.append("%s: %r" % (name, a))
            if n % EVERY == EVERY - 1 or a.field("Connection") == "close":
                c.close()
                c = None
        except (EOFError, OSError) as e:
            wrong.append("%s: %s %s" % (name, type(e).__name__, e))
            c = None
        n += 1
        if n == len(names):
            pipe.send("begun")
    pipe.send((times, wrong))


class Client:
    """A process that asks until it is told to stop."""

    def __init__(self, kinds, pause):
        self.pipe, theirs = fork.Pipe()
        self.process = fork.Process(target=ask, args=(theirs, kinds, pause))

    def begin(self):
        self.process.start()
        assert self.pipe.poll(20) and self.pipe.recv() == "begun"

    def end(self):
        """Its findings: ({name: [(seconds, status)]}, complaints)"""
        self.pipe.send("end")
        found = {}, ["no word of the good client"]
        if self.pipe.poll(30):
            found = self.pipe.recv()
        self.process.join(10)
        self.process.kill()
        return found


def away():
    """Clients that attack have machines of their own: this process leaves the
    service the CPUs that it would have."""
    os.nice(10)


class Good:
    def __init__(self, target, want=(200,), pause=0.01, new=(200,)):
        """new: the statuses that a new file may get, and a pattern, which
        takes more than a turn when it is not let run."""
        # Two of them, so that the first never waits for the others.
        self.clients = [
            Client({FIRST: (want, lambda n: target)}, pause),
            Client({"a new file": (new, new_file),
                    "an unknown digest": ((412,), unknown_digest),
                    "a pattern": (new, pattern)}, pause)]

    def __enter__(self):
        for client in self.clients:
            client.begin()
        return self

    def __exit__(self, kind, *_):
        self.times, wrong = {}, []
        for client in self.clients:
            times, more = client.end()
            self.times.update(times)
            wrong += more
        if kind is None:
            assert not wrong, wrong[:5]

    def report(self, when):
        """The p99 of remembered targets; that of the others is judged."""
        p99 = {}
        for name, answers in self.times.items():
            times = [t for t, _ in answers]
            p99[name] = percentile(times, 99)
            print("%s, %s: %d requests, %s, p50 %.1f ms, p99 %.1f ms, longest "
                  "%.1f ms" % (when, name, len(times),
                               dict(collections.Counter(
                                   status for _, status in answers)),
                               percentile(times, 50) * 1000,
                               p99[name] * 1000, max(times) * 1000))
        first = p99.pop(FIRST)
        assert max(p99.values()) < mark(1, 5), p99
        return first


def cpu_s(pids):
    """Seconds of processor time that these have used."""
    ticks = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as f:
            ticks += sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def family(parent):
    """The service's processes, of which the first is the parent."""
    with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
        return [parent] + [int(n) for n in f.read().split()]


def field_kib(pid, name):
    """A field of memory, such as VmRSS."""
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status[name].split()[0])


def peak_kib(pid):
    return field_kib(pid, "VmHWM")


def is_sanitized(pid):
    """The sanitizers' shadow is terabytes of addresses."""
    return field_kib(pid, "VmPeak") > 1 << 30
