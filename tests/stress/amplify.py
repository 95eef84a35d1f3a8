# SPDX-License-Identifier: ISC
"""Small requests that ask for much work; see amplify_test.sh."""
import collections
import hashlib
import itertools
import os
import random
import sys
import threading
import time

import packs
from good import (Good, away, family, fork, full, is_sanitized, mark, peak_kib,
                  percentile)
from many import Load, can_open, until
from service import SERVICE, Connection, request, wait_for

HOT = SERVICE + "/single/yum/hot"
WORST = "/deep/**/" + "*a" * 14 + "b"


def timed(target, times=1):
    """The answer, which is the same each time, and how long each took."""
    statuses, spans = set(), []
    for _ in range(times):
        with Connection(timeout=50) as c:
            start = time.monotonic()
            a = c.ask(target)
            spans.append(time.monotonic() - start)
        statuses.add(a.status)
    assert len(statuses) == 1, statuses
    return a, spans


def in_ms(spans):
    return "median %.2f ms, longest %.2f ms" % (
        percentile(spans, 50) * 1000, max(spans) * 1000)


def child(parent, title):
    for pid in family(parent)[1:]:
        with open("/proc/%d/cmdline" % pid) as f:
            if f.read().rstrip("\0 ").endswith(title):
                return pid
    raise AssertionError("no " + title)


def sparse():
    a, spans = timed(SERVICE + "/single/yum/huge", 100)
    print("a sparse 1 TB over max-bytes, 100 times: %d, %s" % (a.status,
                                                               in_ms(spans)))
    assert a.status == 413, a
    assert max(spans) < mark(0.1, 2), in_ms(spans)


def broad(parent, entries):
    """Patterns over a tree of so many entries."""
    walker = child(parent, "walker")
    slowest = 0
    for pattern in ("/deep/**", "/deep/**/*x", "/deep/**/*", "/**", WORST,
                    "/deep/*/*/*x", "/deep/**/a/b/c", "/d*/**/" + "?" * 14):
        a, (span,) = timed(SERVICE + "/single" + pattern.replace("?", "%3f"))
        print("%s: %d after %.2f s" % (pattern, a.status, span))
        # More entries than may be read, or matches than may be given.
        assert a.status in (413, 404), a
        assert a.status == 413 or pattern in ("/deep/*/*/*x",
                                              "/deep/**/a/b/c"), a
        slowest = max(slowest, span)
    kib = peak_kib(walker)
    print("%d entries: the slowest after %.2f s, the walker at %d KiB" %
          (entries, slowest, kib))
    assert slowest < mark(2.5, 20), slowest
    assert kib < 64 << 10 or is_sanitized(walker), kib


def globs():
    """Patterns that are hard to match, or look so."""
    patterns = ["*a" * 15 + "b", "a*" * 15 + "b", "*" * 16, "?*" * 8 + "b",
                "*?" * 8 + "b", "[a-z]*" * 8 + "b", "[!b]*" * 8,
                "*[a" + "a" * 200 + "]" * 3, "[" * 16, "[]" * 16,
                "[a-" * 16, "[!" * 15 + "]", "*" + "a" * 250 + "*" + "b",
                "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*", "a" * 249 + "?b",
                "**a**b**c", "***", "*" * 100, "[" + "a-z" * 1000 + "]*b",
                "[" * 4000, "*/" * 16 + "b", "*/" * 15 + "*b",
                "/".join(["*a*a"] * 4), "*" + "[a]" * 15]
    all_spans, medians = [], []
    for p in patterns:
        target = "/yum/" + p.replace("[", "%5b").replace("]", "%5d").replace(
            "?", "%3f")
        if len(SERVICE) + len(target) > 8100:
            continue
        a, spans = timed(SERVICE + "/single" + target, 10)
        assert a.status in (200, 400, 403, 404, 414), (p, a)
        all_spans += spans
        medians.append(percentile(spans, 50))
        if medians[-1] > 0.01:
            print("%.60s: %s" % (p, in_ms(spans)))
    print("%d patterns, 10 times each: %s" % (len(patterns),
                                              in_ms(all_spans)))
    assert max(medians) < mark(0.01, 1), medians
    assert max(all_spans) < mark(0.1, 2), in_ms(all_spans)


def blocks(directory):
    """Bytes in allocated blocks, directories included."""
    total = 0
    for path, _, files in os.walk(directory):
        for name in [path] + [os.path.join(path, f) for f in files]:
            try:
                total += os.lstat(name).st_blocks * 512
            except OSError:
                pass    # it goes while we look
    return total


class Watch(threading.Thread):
    """The cache's size, again and again."""

    def __init__(self, pause=0.2):
        super().__init__(daemon=True)
        self.pause, self.stop, self.sizes = pause, threading.Event(), []

    def run(self):
        while not self.stop.wait(self.pause):
            self.sizes.append(sum(blocks("cache/" + tree)
                                  for tree in ("info", "pieces")))


def piece_lists():
    return len(packs.stored())


def permutations(parent, n, limit):
    """The same paths in so many orders, each a digest of its own.  The pieces
    of other files are older, and stay."""
    names = ["/yum/%d" % i for i in range(9)]
    files = len(os.listdir("www/yum"))
    front = child(parent, "front")
    with Connection(timeout=50) as c:
        assert c.ask(SERVICE + "/single/yum/*").status == 200
    wait_for(10, lambda: piece_lists() == files, "all pieces stored")
    everything = list(itertools.islice(itertools.permutations(names), n))
    random.Random(1).shuffle(everything)

    def posts(share):
        for paths in share:
            digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
            yield digest, request(SERVICE + "/digest/" + digest, "POST",
                                  "&".join("p=" + p for p in paths).encode())
    watch = Watch(mark(2, 0.2))
    watch.start()
    load = Load()
    for i in range(8):
        load.add(posts(everything[i::8]), keep=True)
    span = load.run(500)
    assert load.counts == {200: n}, (load.counts, load.failures[:5])
    # Entries that had no room are swept away by and by.
    time.sleep(1)
    watch.stop.set()
    watch.join()
    last = sum(blocks("cache/" + tree) for tree in ("info", "pieces"))
    entries = len(os.listdir("cache/info"))
    print("%d permutations in %.1f s: %d KiB of %d KiB, at most %d KiB, %d "
          "entries, %d of %d piece lists; the front at %d KiB" % (
              n, span, last >> 10, limit >> 10, max(watch.sizes) >> 10,
              entries, piece_lists(), files, peak_kib(front)))
    assert last <= limit and max(watch.sizes) <= limit + (64 << 10)
    assert entries > 20, "what fits is kept"
    assert piece_lists() >= 0.95 * files, "piece lists gave way"


class Told:
    """The answers to clients that ask for much."""

    def __init__(self, has_room):
        self.has_room, self.late = has_room, [0]
        self.cold, self.patterns = collections.Counter(), collections.Counter()
        self.asked = time.monotonic()

    def on_answer(self, name, a):
        text = a.body.decode()
        if name == "pattern":
            # No file has such a name; a walk needs a place, and its time.
            assert a.status in (404, 413) or a.status == 503 and (
                not self.has_room or text.startswith("still looking")), a
            self.patterns[a.status] += 1
            return
        assert a.status in (429, 503) and a.field("Retry-After"), a
        if text.startswith(("hashing", "still looking")):
            self.cold["queued"] += 1
        else:
            self.cold[a.status] += 1
            self.late.append(time.monotonic() - self.asked)


def cold(clients, queue, seconds, patterns):
    """So many clients, each with a file of its own that takes for ever; or,
    if the queue has room for them, just beside such."""
    assert can_open(clients + 300)
    with Connection() as c:
        assert c.ask(HOT).status == 200
    has_room = clients + patterns + 1 <= queue
    with Good(HOT, new=(200,) if has_room else (200, 503)) as good:
        told = Told(has_room)
        load = Load(told.on_answer)
        end = time.monotonic() + seconds
        for n in range(patterns):
            load.add(until(end, [("pattern", request(
                SERVICE + "/single" + WORST + "x" * n))]))
        for n in range(clients):
            load.add([("cold", request(
                SERVICE + "/single/cold/%04d" % n,
                x_forwarded_for="10.%d.%d.1" % (n // 250, n % 250)))])
        load.run(seconds + 50)
        left = end - time.monotonic()
        if left > 0:
            time.sleep(left)
    print("%d cold files: %s; the rest were told after %.2f s at most" %
          (clients, dict(told.cold), max(told.late)))
    print("%d patterns: %s" % (patterns, dict(told.patterns)))
    p99 = good.report("meanwhile")
    assert not load.failures, load.failures[:5]
    assert sum(told.cold.values()) == clients
    if has_room:
        assert told.cold["queued"] == clients, told.cold
        assert told.patterns[404] + told.patterns[413] >= patterns, \
            told.patterns
    else:
        assert queue - patterns - 1 <= told.cold["queued"] <= queue, told.cold
    assert max(told.late) < mark(2, 10), max(told.late)
    assert p99 < mark(0.05, 2), p99


def costly(kind, n, i):
    """The ith request of client n: each has a digest of its own."""
    if kind == "repeats":
        # The place of the small one in the row makes the difference.
        i = (i * 4 + n) % 199
        paths = ["/set/large"] * i + ["/set/%d" % n]
        paths += ["/set/large"] * (199 - i)
    else:
        paths = ["/set/%d" % k for k in range(990)]
        random.Random(n << 20 | i).shuffle(paths)
    digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
    target = SERVICE + "/digest/" + digest
    query = "&".join("p=" + p for p in paths)
    address = "10.0.0.%d" % (n % 2)
    if kind == "repeats":
        return request(target + "?" + query, x_forwarded_for=address)
    return request(target, "POST", query.encode(), x_forwarded_for=address)


def insist(pipe, kind, n, pause, end):
    """A client that asks for costly torrents, one every so many seconds."""
    counts, i = collections.Counter(), 0
    away()
    with Connection(timeout=60) as c:
        while time.monotonic() < end:
            begun = time.monotonic()
            c.send(costly(kind, n, i))
            counts[c.answer().status] += 1
            time.sleep(max(0, pause - (time.monotonic() - begun)))
            i += 1
    pipe.send(counts)


def known(kind, clients, seconds):
    """So many connections of two clients ask for costly torrents of files that
    are known.  Past the limits they are refused, and all others are
    answered."""
    with Connection(timeout=500) as c:
        for n in range(clients):
            c.send(costly(kind, n, 0))
            assert c.answer().status == 200
        assert c.ask(HOT).status == 200
    counts, processes = collections.Counter(), []
    end = time.monotonic() + seconds
    with Good(HOT) as good:
        for n in range(clients):
            ours, theirs = fork.Pipe()
            processes.append((ours, fork.Process(target=insist, args=(
                theirs, kind, n, mark(0.4, 0), end))))
            processes[-1][1].start()
        for pipe, process in processes:
            assert pipe.poll(seconds + 60), counts
            counts += pipe.recv()
            process.join(10)
    print("%d connections, %s: %s" % (clients, kind, dict(counts)))
    p99 = good.report("meanwhile")
    assert set(counts) <= {200, 429, 503} and counts[200] > 0, counts
    assert counts[429] > 0 or full(), counts
    assert p99 < mark(0.02, 2), p99


def make_names(left):
    """So many files, in directories of 2000."""
    d = 0
    while left > 0:
        name = "www/deep/%03d/%02d" % (d // 10, d % 10)
        os.makedirs(name)
        fd = os.open(name, os.O_RDONLY)
        for n in range(min(left, 2000)):
            os.mknod("a" * 60 + "%04d" % n, dir_fd=fd)
        os.close(fd)
        left, d = left - 2000, d + 1


def make_files(*counts):
    """Directory and number of files, in turns; no two are alike."""
    for directory, n in zip(counts[::2], counts[1::2]):
        for i in range(int(n)):
            with open("www/%s/%d" % (directory, i), "w") as f:
                f.write("%s %d" % (directory, i))


if __name__ == "__main__":
    {"sparse": sparse,
     "make_files": make_files,
     "make_names": lambda n: make_names(int(n)),
     "broad": lambda p, n: broad(int(p), int(n)),
     "globs": globs,
     "permutations": lambda p, n, m: permutations(int(p), int(n), int(m)),
     "known": lambda k, n, s: known(k, int(n), float(s)),
     "cold": lambda c, q, s, p: cold(int(c), int(q), float(s), int(p)),
     }[sys.argv[2]](*sys.argv[3:])
