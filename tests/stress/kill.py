# SPDX-License-Identifier: ISC
"""Ends processes of the service at any time, and watches the rest.

usage: kill.py PORT PROGRAM rounds N | stopped | without
"""
import collections

from faults import *

SMALL = post("/yum/a", "/yum/b")
TARGETS = {
    "single": request(SERVICE + "/single/yum/a"),
    "empty": request(SERVICE + "/single/yum/empty"),
    "large": request(SERVICE + "/single/yum/d"),
    "pattern": request(SERVICE + "/single/yum/*"),
    "small": SMALL,
    "post": post("/yum/d", "/yum/c", "/yum/b", "/yum/a"),
    "digest": request(post_parts("/yum/a", "/yum/b")[0]),
    "nullfile": request(SERVICE + "/nullfile/70000_0"),
    "file": request("/yum/c"),
}
# A digest is unknown without its entry and process; a busy service says so.
ALLOWED = {200, 503}
known, counts = {}, collections.Counter()
# When a front or parent was last killed, and whether there is none at all.
outage = {"last": 0, "now": False}


def check_answer(name, a, asked):
    if a is None:
        assert outage["now"] or outage["last"] >= asked, \
            "the connection was lost though the front lives: " + name
        counts["lost"] += 1
        time.sleep(0.01)
        return
    counts[a.status] += 1
    if a.status == 200:
        assert a.body == known[name], "wrong answer to %s: %r" % (name, a)
    else:
        assert a.status in ALLOWED or (name, a.status) == ("digest", 412), \
            (name, a)


def turn():
    name, asked = random.choice(sorted(TARGETS)), time.monotonic()
    check_answer(name, ask(TARGETS[name]), asked)


def make_known(service):
    service.start()
    for name in TARGETS:
        if name != "digest":
            known[name] = ask_until(TARGETS[name], 10)[0].body
    known["digest"] = known["small"]
    for name in set(TARGETS) - {"nullfile", "file"}:
        check_torrent(known[name])
    assert known["nullfile"] == bytes(70000)
    assert known["file"] == open("www/yum/c", "rb").read()


def disturb():
    """Some other changes; contents stay."""
    if random.random() < 0.4:
        wipe()
    if random.random() < 0.4:
        os.utime("www/yum/" + random.choice("abcd"))


def want_orphans_gone(before):
    """The parent has ended: nobody else may stay."""
    start = time.monotonic()

    def are_gone():
        for pid in children(os.getpid()):
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        left = set(children(os.getpid())) | {
            p for p in before if os.path.exists("/proc/%d" % p) and
            is_running(p)}
        return not left
    wait_until(mark(2, 10), are_gone, "children outlive their parent")
    return time.monotonic() - start


class Killer:
    """Ends one child or two, or the parent.  One that ends within a second
    of its start, and again, is held back for longer each time: here only
    till that is 0.2 s.  A walker or a cache that has just begun may be asked
    one thing alone, which would be held responsible for its end."""

    def __init__(self, service):
        self.service, self.young = service, collections.Counter()
        self.killed, self.gone = collections.Counter(), []

    def may_kill(self, pid, title):
        if title.split()[0] in ("walker", "cache") and age(pid) < 0.5:
            return False
        self.young[title] = self.young[title] + 1 if age(pid) < 1.5 else 0
        return self.young[title] <= 2

    def kill_parent(self):
        kids = self.service.children()
        outage["now"] = True
        self.service.process.kill()
        self.service.process.wait()
        self.gone.append(want_orphans_gone(kids))
        self.young.clear()

    def kill_some(self):
        """Was it the parent?"""
        if random.random() < 0.1:
            self.kill_parent()
            self.killed["parent"] += 1
            return True
        kids = sorted(self.service.children().items())
        victims = random.sample(kids, min(len(kids), random.choice(
            (1, 1, 1, 1, 2))))
        for pid, title in victims:
            try:
                if self.may_kill(pid, title):
                    if title == "front":
                        outage["last"] = time.monotonic()
                    os.kill(pid, signal.SIGKILL)
                    self.killed[title] += 1
            except ProcessLookupError:
                pass
        return False


def one_round(service, killer, times):
    time.sleep(random.random() * 0.3)
    disturb()
    was_parent = killer.kill_some()
    if random.random() < 0.2:
        wipe()
    start = time.monotonic()
    if was_parent:
        service.start()
        outage["last"], outage["now"] = time.monotonic(), False
    ask_until(SMALL, mark(1, 10))
    times.append(time.monotonic() - start)


def want_settled(service, fds):
    """Nothing is left but the files of the start."""
    wait_until(35, service.is_complete, "all children")
    # A file touched just now is not remembered, so nobody may know its
    # digest.
    time.sleep(2.1)
    for name in TARGETS:
        a, _ = ask_until(TARGETS[name], 15)
        assert a.body == known[name], (name, a)
    if fds is not None:
        wait_until(5, lambda: descriptors(service.pid) == fds,
                   "the parent has %d descriptors, not %d" %
                   (descriptors(service.pid), fds))
    assert len(children(os.getpid())) == 1, children(os.getpid())


def rounds(n):
    adopt_orphans()
    seed_random()
    service = Service("conf")
    make_known(service)
    wait_until(5, service.is_complete, "all children")
    fds = descriptors(service.pid)
    killer, times = Killer(service), []
    with Crowd(4, turn) as crowd:
        for i in range(n):
            one_round(service, killer, times)
            crowd.check()
            # A record may have been cut.
            assert check_entries(torn=True) >= 0
    want_settled(service, fds)
    service.stop()
    entries = check_entries(torn=True)
    service.start()
    want_settled(service, None)
    service.finish("|removed: ")
    times.sort()
    print("%d rounds: %s\nback after %.3f s (half), %.3f s (all); children "
          "of a dead parent gone after %.3f s\nanswers: %s, %d entries" % (
              n, dict(killer.killed), times[len(times) // 2], times[-1],
              max(killer.gone, default=0), dict(counts), entries))


def stopped():
    """A stopped hasher holds some slices of files."""
    service = Service("conf").start()
    pid = service.child("hasher 1")
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    try:
        a = ask(request(SERVICE + "/single/yum/large"), 45)
        seconds = time.monotonic() - start
        assert a is not None and a.status == 200, a
        check_torrent(a.body)
        assert seconds > 1, "it was not needed: %.2f s" % seconds
        assert seconds < 30, "answered after %.1f s" % seconds
        wait_until(5, lambda: not is_running(pid), "the end of it")
        assert service.child("hasher 1") != pid
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
    print("answered after %.1f s" % seconds)
    service.stop()


def late_answer(path, expected):
    """It comes when the stopped process was replaced."""
    start = time.monotonic()
    a = ask(request(SERVICE + "/single" + path), expected + 20)
    seconds = time.monotonic() - start
    assert a is not None and a.status == 200, a
    assert expected - 10 < seconds < expected + 10, (path, seconds)
    print("%s was answered after %.1f s" % (path, seconds))
    return a.body


def without():
    """A walker and the cache stop answering; then there is no cache."""
    unknown = request(SERVICE + "/digest/" + "0" * 40)
    service = Service("conf").start()
    pids = [service.child(title) for title in ("walker /far", "cache")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    far = []
    waiting = threading.Thread(
        target=lambda: far.append(late_answer("/far/a", 120)))
    waiting.start()
    try:
        check_torrent(late_answer("/yum/a", 60))
        wait_until(5, lambda: not is_running(pids[1]), "the end of it")
        without_cache(service, unknown)
        waiting.join()
        assert far
        wait_until(5, lambda: not is_running(pids[0]), "the end of it")
    finally:
        for pid in pids:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
    service.stop()


def without_cache(service, unknown):
    wait_until(10, lambda: ask(unknown).status == 412, "another cache")
    # A root that cannot be entered cannot be started.
    os.rename("cache", "cache.away")
    os.kill(service.child("cache"), signal.SIGKILL)
    wait_until(20, lambda: ask(unknown).status == 503, "no cache")
    a = ask(request(SERVICE + "/single/yum/b"))
    assert a is not None and a.status == 200, a
    check_torrent(a.body)
    os.rename("cache.away", "cache")
    wait_until(90, lambda: ask(unknown).status == 412, "a cache again")


if sys.argv[3] == "rounds":
    rounds(int(sys.argv[4]))
elif sys.argv[3] == "without":
    without()
else:
    stopped()
