"""A good client, in a process of its own, for as long as others are not.

    with Good(target) as good:
        ...
    good.report("while this and that")      # prints, and returns the p99 in s
"""
import multiprocessing
import os
import time

from service import Connection, request

EVERY = 10      # requests on a connection


def full():
    """Are the full marks asked for?  In make check the machine is shared, so
    that times are printed and only judged when they are out of all bounds."""
    return os.environ.get("FULL_MARKS") == "1"


def mark(full_mark, quick_mark):
    return full_mark if full() else quick_mark


def percentile(times, percent):
    times = sorted(times)
    return times[min(len(times) - 1, len(times) * percent // 100)]


class Good:
    def __init__(self, target, want=(200,), pause=0.01):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(
            target=self.ask, args=(theirs, target, want, pause))

    def __enter__(self):
        self.process.start()
        assert self.pipe.poll(20) and self.pipe.recv() == "begun"
        return self

    def __exit__(self, kind, *_):
        self.pipe.send("end")
        self.times, self.wrong = [], ["no word of the good client"]
        if self.pipe.poll(30):
            self.times, self.wrong = self.pipe.recv()
        self.process.join(10)
        self.process.kill()
        if kind is None:
            assert not self.wrong, self.wrong[:5]

    @staticmethod
    def ask(pipe, target, want, pause):
        times, wrong, n, c = [], [], 0, None
        data = request(target)
        while not pipe.poll(pause if n > 1 else 0):
            # The connection is part of it now and then.
            start = time.monotonic()
            try:
                if c is None:
                    c = Connection(timeout=15)
                c.send(data)
                a = c.answer()
                times.append(time.monotonic() - start)
                if a.status not in want:
                    wrong.append(repr(a))
                n += 1
                if n % EVERY == 0 or a.field("Connection") == "close":
                    c.close()
                    c = None
            except (EOFError, OSError) as e:
                wrong.append("%s %s" % (type(e).__name__, e))
                c = None
            if len(times) + len(wrong) == 1:
                pipe.send("begun")
        pipe.send((times, wrong))

    def report(self, when):
        p99 = percentile(self.times, 99)
        print("a good client %s: %d requests, p50 %.1f ms, p99 %.1f ms, "
              "longest %.1f ms" % (when, len(self.times),
                                   percentile(self.times, 50) * 1000,
                                   p99 * 1000, max(self.times) * 1000))
        return p99


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


def peak_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["VmHWM"].split()[0])


def is_sanitized(pid):
    """The sanitizers' shadow is terabytes of addresses."""
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["VmPeak"].split()[0]) > 1 << 30
