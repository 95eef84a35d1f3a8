# SPDX-License-Identifier: ISC
"""Programs of load_test.sh."""
import hashlib
import io
import os
import random
import select
import shutil
import signal
import sys
import threading
import time

import torrent_check
from many import Load, can_open, until
from service import SERVICE, Connection, request, run


def one_hashing(*_):
    bodies = {"single": set(), "post": set(), "pattern": set()}
    load = Load(lambda name, a: bodies[name].add(a.body), together=102)
    for _ in range(34):
        load.add([("single", request(SERVICE + "/single/yum/a"))])
        load.add([("pattern", request(SERVICE + "/single/yum/*"))])
        load.add([("post", request(SERVICE + "/digest/" + sys.argv[2],
                   "POST", b"p=%2Fyum%2Fa"))])
    load.run(50)
    assert load.counts[200] == 102, (load.counts, load.failures)
    assert [len(b) for b in bodies.values()] == [1, 1, 1]
    assert bodies["single"] == bodies["pattern"] != bodies["post"]


def burst(*_):
    assert can_open(3000)
    bodies = set()
    load = Load(lambda name, a: bodies.add(a.body), together=2500)
    for _ in range(2500):
        load.add([("single", request(SERVICE + "/single/yum/a"))])
    seconds = load.run(40)
    assert load.counts[200] == 2500, (load.counts, load.failures)
    assert len(bodies) == 1 and not load.failures
    print("2500 connections, %s: %.2f s" % (sys.argv[2], seconds))


def ask_all_kinds(*_):
    parent, seconds, do = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    digest = sys.argv[5]
    wanted = {
        "single": request(SERVICE + "/single/yum/a"),
        "pattern": request(SERVICE + "/single/yum/*"),
        "digest": request(SERVICE + "/digest/" + digest),
        "post": request(SERVICE + "/digest/" + digest, "POST",
                        b"p=%2Fyum%2Fa&p=%2Fyum%2Fb"),
        "nullfile": request(SERVICE + "/nullfile/70000_0"),
        "file": request("/yum/b"),
    }
    right, made = {}, [0]
    def on_answer(name, a):
        assert a.status == 200, (name, a)
        assert right.setdefault(name, a.body) == a.body, (name, a)
    load = Load(on_answer)
    load.add([w for w in wanted.items()])
    load.run(20)
    assert right["file"] == open("www/yum/b", "rb").read()
    assert right["nullfile"] == bytes(70000)
    def disturb():
        made[0] += 1
        if do == "change":
            shutil.copy("conf.%d" % (made[0] % 2), "conf.x")
            os.rename("conf.x", "conf")
        os.kill(parent, signal.SIGHUP)
    load.every(0.2, disturb)
    end = time.monotonic() + seconds
    for name, r in list(wanted.items()) * 2:
        load.add(until(end, [(name, r)]), keep=True)
        load.add(until(end, [(name, r)]))
    load.run(seconds + 40)
    assert not load.failures, load.failures[:5]
    print("%d answers during %d reloads" % (load.counts[200], made[0]))


def make_broad_tree(*_):
    for d in range(100):
        os.makedirs("www/deep/%02d/%02d" % (d // 10, d % 10))
        fd = os.open("www/deep/%02d/%02d" % (d // 10, d % 10), os.O_RDONLY)
        os.symlink("../../../none", "a" * 64, dir_fd=fd)
        # Links to it are quicker made than links like it.
        for n in range(1987):
            os.link("a" * 64, "a" * 60 + "%04d" % n, src_dir_fd=fd,
                    dst_dir_fd=fd, follow_symlinks=False)
        os.close(fd)


def worst_patterns(*_):
    pattern = "/deep/**/" + "*a" * 13 + "*/b"
    slow = [Connection(timeout=50) for _ in range(8)]
    for n, c in enumerate(slow):
        # Each another one, or they would share their work.
        c.send(request(SERVICE + "/single" + pattern + "x" * n + "*"))
    times = []
    for n in range(1, 6):
        time.sleep(0.2)
        with Connection(timeout=50) as c:
            start = time.monotonic()
            a = c.ask(SERVICE + "/single/yum/%d" % n)
            times.append(time.monotonic() - start)
            assert a.status == 200, a
    left = 8 - len(select.select([c.socket for c in slow], [], [], 0)[0])
    answers = [c.answer().status for c in slow]
    print("a cold file of 1 MiB: %s ms; patterns that were still at work: "
          "%d; their answers: %s" % (", ".join("%.0f" % (t * 1000)
          for t in times), left, answers))
    assert set(answers) <= {404, 413}, answers
    assert max(times) < 2, times


def murder(*_):
    parent = int(sys.argv[2])
    random.seed(7)
    names = ["/yum/%d" % n for n in range(10)]
    wanted = [(n, request(n)) for n in names]
    wanted += [(SERVICE + "/single" + n, request(SERVICE + "/single" + n))
               for n in names + ["/yum/*", "/yum/[2-6]", "/big/x",
                                 "/wide/*/x*"]]
    heavy = wanted[-3:]
    for _ in range(10):
        paths = random.sample(names, 5)
        digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
        body = "&".join("p=" + p for p in paths).encode()
        wanted.append((digest, request(SERVICE + "/digest/" + digest,
                                       "POST", body)))
    right, wrong = {}, []
    def check(name, a):
        if name in names:
            right[name] = open("www" + name, "rb").read()
            assert right[name] == a.body
            return
        t, end = torrent_check.decode(a.body)
        info = t[b"info"]
        files, _ = torrent_check.check_info(info, b"torrent_service")
        paths = [p and os.path.join(b"www", info[b"name"], *p)
                 for _, p in files] if b"files" in info else \
            [torrent_check.find_single(b"www", t[b"url-list"][0])]
        torrent_check.check_pieces(info, files, paths)
        right[name] = a.body
    def on_answer(name, a):
        if name not in right:
            assert a.status == 200, (name, a)
            check(name, a)
        elif a.status == 200 and a.body != right[name]:
            wrong.append((name, a))
        elif a.status not in (200, 503):
            wrong.append((name, a))
    load = Load(on_answer)
    load.add(wanted)
    load.run(30)
    assert load.counts == {200: len(wanted)}, load.counts
    killed = []
    def kill():
        # Of these; all if it is empty.
        with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
            all = [int(n) for n in f.read().split()]
        now = float(open("/proc/uptime").read().split()[0])
        for n in random.sample(all, len(all)):
            try:
                title = open("/proc/%d/cmdline" % n).read().rstrip("\0 ")
                start = open("/proc/%d/stat" % n).read()
                start = int(start.rpartition(")")[2].split()[19])
            except (OSError, IndexError):
                continue
            # One that dies in its first second is not restarted at once.
            if now - start / os.sysconf("SC_CLK_TCK") > 1.1 and \
                    victims in title:
                os.kill(n, signal.SIGKILL)
                killed.append(title)
                return
    def forget():
        # Much is to be hashed again, and over again.
        shutil.rmtree("cache/pieces", ignore_errors=True)
        for name in "yum/1", "yum/2", "big/x", "wide/real/x":
            os.utime("www/" + name)
    load.every(0.2, kill)
    load.every(0.5, forget)
    def ask(seconds):
        end = time.monotonic() + seconds
        for n in range(8):
            load.add(until(end, random.sample(wanted, len(wanted))), n % 2)
        # Of these one is under way at any time.
        for one in heavy:
            load.add(until(end, [one]), True)
        load.run(20)
    for victims in "walker", "hasher", "cache", "tracker":
        ask(2)
        # The front waits for the next one and asks again.
        assert not load.failures, load.failures[:5]
    victims = ""
    ask(4)
    print("%r answers, %d connections lost, killed: %s" % (
          dict(load.counts), len(load.failures),
          ", ".join(sorted(killed))))
    assert not wrong, wrong[0]
    assert len(killed) > 10 and load.counts[200] > 200


def swapped_links(*_):
    inside = hashlib.sha1(b"i" * 100000).digest()
    outside = hashlib.sha1(b"O" * 100000).digest()
    end = time.monotonic() + 6
    stop = threading.Event()
    def put(name, make):
        make("www/" + name)
        os.rename("www/" + name, "www/yum/" + name.lstrip("."))
    absolute = os.path.abspath("outside/x")
    os.rename("www/yum/dir", "www/dir")
    def swap():
        os.link("www/yum/y", "www/y")
        while not stop.is_set():
            put(".y", lambda n: os.symlink("../../outside/x", n))
            put(".y", lambda n: os.link("www/y", n))
            put(".y", lambda n: os.symlink(absolute, n))
            put(".y", lambda n: os.link("www/y", n))
            os.rename("www/dir", "www/yum/dir")
            os.rename("www/yum/dir", "www/dir")
            put(".dir", lambda n: os.symlink("../../outside", n))
            os.unlink("www/yum/dir")
    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    def on_answer(name, a):
        assert a.status in (200, 403, 404, 503), (name, a)
        seen.add((name, a.status))
        if a.status != 200:
            assert b"OOO" not in a.body, (name, a)
        elif name.startswith("file"):
            assert a.body == b"i" * 100000, (name, a)
        else:
            assert inside in a.body and outside not in a.body, (name, a)
    load = Load(on_answer)
    for path in "/yum/y", "/yum/dir/x":
        for _ in range(2):
            load.add(until(end, [("file " + path, request(path))]), True)
            load.add(until(end, [("torrent " + path, request(SERVICE +
                     "/single" + path))]), True)
        load.add(until(end, [("torrent " + path, request(SERVICE +
                 "/single/yum/*"))]), True)
    try:
        load.run(40)
    finally:
        stop.set()
        thread.join()
    print(load.counts, sorted(seen))
    assert not load.failures, load.failures[:5]
    for name in "file /yum/y", "file /yum/dir/x", "torrent /yum/y":
        assert {(name, 200), (name, 403)} <= seen, seen


run(globals())
