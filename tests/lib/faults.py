# SPDX-License-Identifier: ISC
"""The service as a driver of faults sees it: its processes, their descriptors,
their files on disk, and whether answers are those that are known.

    from faults import *
    service = Service("conf").start()   # the program is sys.argv[2]
"""
import ctypes
import glob
import hashlib
import mmap
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

import packs
from service import SERVICE, Connection, request
from service import wait_for as wait_until

FULL_MARKS = os.environ.get("FULL_MARKS") == "1"
HERE = os.path.dirname(os.path.abspath(__file__))


# No fault from outside may lead to one of these lines.
UNSOUND = r"sent the \w+ a wrong|stopped at system call \d|Sanitizer"


def mark(full, quick):
    """Seconds: the mark to reach, and the mark on a busy machine."""
    return full if FULL_MARKS else quick


def read_file(name):
    with open(name, errors="replace") as f:
        return f.read()


def write_file(name, data):
    with open(name, "wb" if isinstance(data, bytes) else "w") as f:
        f.write(data)


def faulty_page(numbers=bytes(56)):
    """The memory that tests/lib/faulty.h reads."""
    write_file("faults", numbers)
    os.chmod("faults", 0o666)
    with open("faults", "r+b") as f:
        return mmap.mmap(f.fileno(), len(numbers))


def adopt_orphans():
    """A process that loses its parent becomes our child: none is missed."""
    pr_set_child_subreaper = 36
    assert ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0


def children(pid):
    """{pid: title} of those that have not ended."""
    found = {}
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            pids = f.read().split()
    except OSError:
        return found
    for child in pids:
        try:
            with open("/proc/%s/cmdline" % child, "rb") as f:
                title = f.read().rstrip(b"\0").decode(errors="replace")
        except OSError:
            continue
        if title:
            found[int(child)] = title
    return found


def start_time(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rpartition(")")[2].split()[19])


def age(pid):
    """Seconds since its start; 0 if it has ended."""
    try:
        with open("/proc/uptime") as f:
            return float(f.read().split()[0]) - \
                start_time(pid) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0


def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descriptors(pid):
    """How many a process has open; None if that is not for us to know."""
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return None


class Service:
    ROLES = re.compile(r"pkgtorrentd: (front|walker|hasher|cache|tracker)")

    def __init__(self, conf, log="log"):
        self.program, self.conf, self.log = sys.argv[2], conf, log
        self.process = None

    def start(self):
        ready = self.count(r"parent.*: ready: ")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-d", "-f", self.conf], stdout=log, stderr=log)
        self.pid = self.process.pid
        with open("pids", "a") as f:
            print(self.pid, start_time(self.pid), file=f)

        def is_ready():
            assert self.process.poll() is None, "it ended at start"
            return self.count(r"parent.*: ready: ") > ready
        wait_until(10, is_ready, "ready")
        wait_until(10, self.is_complete, "all children")
        return self

    def children(self):
        return {pid: title[len("pkgtorrentd: "):]
                for pid, title in children(self.pid).items()
                if self.ROLES.match(title)}

    def is_complete(self):
        titles = sorted(self.children().values())
        return len(titles) == len(set(titles)) and \
            {t.split()[0] for t in titles} == {"front", "walker", "hasher",
                                               "cache", "tracker"}

    def child(self, title):
        found = []

        def is_there():
            found[:] = [p for p, t in self.children().items() if t == title]
            return found
        wait_until(10, is_there, title)
        return found[0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        assert status == 0, "exit status %d" % status

    def finish(self, nor=""):
        """The end, and no line in the log that is unsound, nor like that."""
        self.stop()
        self.want_no_line(UNSOUND + nor)

    def hang_up(self, conf=None):
        """SIGHUP, after which there is another configuration or not."""
        if conf is not None:
            write_file(self.conf, conf)
        os.kill(self.pid, signal.SIGHUP)

    def reload(self, conf=None, seconds=10):
        reloads = self.count(": reloaded")
        self.hang_up(conf)
        wait_until(seconds, lambda: self.count(": reloaded") > reloads,
                   "a reload")

    def lines(self, pattern):
        with open(self.log, errors="replace") as f:
            return [line for line in f if re.search(pattern, line)]

    def count(self, pattern):
        return len(self.lines(pattern)) if os.path.exists(self.log) else 0

    def want_no_line(self, pattern):
        lines = self.lines(pattern)
        assert not lines, "in the log: " + "".join(lines[:5])


def post(*paths, **fields):
    """A POST as yum-torrent sends it, as bytes."""
    return request(*post_parts(*paths), **fields)


def post_parts(*paths):
    digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
    body = "&".join("p=" + p.replace("/", "%2F").replace("*", "%2A")
                    for p in paths)
    return SERVICE + "/digest/" + digest, "POST", body.encode()


def ask(data, seconds=15):
    """One answer over a connection of its own; None if that was lost.  A
    service that says nothing for so long hangs."""
    try:
        with Connection(timeout=seconds) as c:
            c.send(data)
            return c.answer(data.split(b" ", 1)[0].decode())
    except TimeoutError:
        raise AssertionError("no answer within %d s to %r" %
                             (seconds, data[:100]))
    except (EOFError, OSError):
        return None


def ask_until(data, seconds, wanted=(200,)):
    """Till it is answered so.  (answer, seconds it took)"""
    start, seen = time.monotonic(), []
    while True:
        a = ask(data, seconds)
        if a is not None and a.status in wanted:
            return a, time.monotonic() - start
        seen.append(a and (a.status, a.body[:100]))
        assert time.monotonic() < start + seconds, \
            "not within %s s: %r; %r" % (seconds, data[:100], seen[-3:])
        time.sleep(0.005)


def check_torrent(body):
    """By the rules, and by the files as they are now; the info hash."""
    checked = subprocess.run(
        [HERE + "/torrent_check.py", "-", "--root", "www"], input=body,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert checked.returncode == 0, checked.stdout
    return checked.stdout.decode().strip()


def files_below(directory):
    for name, _, files in os.walk(directory):
        for f in files:
            yield os.path.join(name, f)


def entry_fault(name):
    """None if it is whole, as entry.h and pack.h describe one."""
    try:
        if not stat.S_ISREG(os.lstat(name).st_mode):
            return "not a regular file"
        if "/pieces/" in name:
            return packs.Pack(name).fault()
        with open(name, "rb") as f:
            data = f.read()
    except FileNotFoundError:
        return None
    if not data.startswith(b"pkgtorr\n"):
        return "alien"
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        return "damaged (%d bytes)" % len(data)
    return None


def check_entries(cache="cache", torn=False):
    """How many there are, of a pack each record; none may be wrong in any
    way.  Where writes fail, a pack may have bytes that are no record."""
    n = 0
    for tree in "info", "pieces":
        for name in files_below(os.path.join(cache, tree)):
            if os.path.basename(name).startswith(".new-"):
                continue
            fault = entry_fault(name)
            assert fault is None or torn and tree == "pieces", \
                "%s: %s" % (name, fault)
            n += 1 if tree == "info" else len(packs.Pack(name).live())
    return n


def wipe(cache="cache"):
    """As somebody might delete it, in whole or in part."""
    what = random.choice(("", "info", "pieces", "pieces/*", "pieces/*/*",
                          "info/*"))
    for name in glob.glob(os.path.join(cache, what or "*")):
        if os.path.isdir(name):
            shutil.rmtree(name, ignore_errors=True)
        else:
            try:
                os.unlink(name)
            except OSError:
                pass


def seed_random():
    """So that a failure can be had again: SEED=number."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print("SEED=%d" % seed)
    random.seed(seed)


class Crowd:
    """Threads that ask until they are told to stop; the first thing that is
    wrong is kept, and raised by check()."""

    def __init__(self, n, turn):
        self.stopping, self.wrong = threading.Event(), []
        self.threads = [threading.Thread(target=self.run, args=(turn,),
                                         daemon=True) for _ in range(n)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        for t in self.threads:
            t.join(60)
        if kind is None:
            assert not any(t.is_alive() for t in self.threads), "a hang"
            self.check()

    def run(self, turn):
        try:
            while not self.stopping.is_set():
                turn()
        except BaseException as e:
            self.wrong.append(e)

    def check(self):
        if self.wrong:
            raise self.wrong[0]
