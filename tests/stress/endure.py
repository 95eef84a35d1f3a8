# SPDX-License-Identifier: ISC
"""Many requests of every kind, and then all is as it was after the first.

usage: endure.py PORT PROGRAM REQUESTS
"""
import collections

from faults import *
from many import Load

REQUESTS = int(sys.argv[3])
# Memories fill up first; then nothing may grow.
WARM_UP = max(10000, REQUESTS // 10)
GROWTH = 5        # per cent
FILES = 60
CLIENTS = 12

asked = [0]
right, statuses = {}, collections.Counter()


def single(path, **fields):
    return request(SERVICE + "/single" + path, **fields)


def some_paths():
    return ["/yum/%d" % n for n in
            random.sample(range(FILES), random.randrange(1, 12))]


def malformed():
    return random.choice((
        b"GET / HTTP/1.1\r\n\r\n", b"GET /../x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/2.7\r\nHost: x\r\n\r\n",
        b"POST " + SERVICE.encode() + b"/digest/" + b"0" * 40 +
        b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\np"))


# How often, which statuses are right, how it is made.
KINDS = {
    "single": (8, {200}, lambda: single("/yum/%d" %
                                        random.randrange(FILES))),
    "simple": (2, {200}, lambda: request(
        SERVICE + "/simple/yum/%d" % random.randrange(FILES))),
    "meta4": (2, {200}, lambda: request(
        SERVICE + "/meta4/yum/%d*" % random.randrange(1, 6))),
    "pattern": (4, {200}, lambda: single("/yum/%d*" %
                                         random.randrange(1, 6))),
    "all": (2, {200}, lambda: single("/yum/**")),
    "new pattern": (2, {404}, lambda: single("/yum/x%d*" %
                                             random.randrange(1 << 30))),
    "missing": (2, {404}, lambda: single("/yum/x%d" %
                                         random.randrange(1 << 30))),
    "refused": (1, {403}, lambda: single("/yum/directory")),
    "post": (6, {200}, lambda: post(*some_paths())),
    "unknown": (3, {412}, lambda: request(
        SERVICE + "/digest/%040x" % random.getrandbits(160))),
    "head": (2, {200}, lambda: single("/yum/1", method="HEAD")),
    "nullfile": (3, {200}, lambda: request(
        SERVICE + "/nullfile/%d_0" % random.choice((0, 1, 5000)))),
    "range": (3, {206}, lambda: request(
        SERVICE + "/nullfile/70000_1", range="bytes=%d-%d" % (
            random.randrange(100), random.randrange(100, 9000)))),
    "file": (4, {200}, lambda: request("/yum/%d" % random.randrange(FILES))),
    "file range": (2, {206}, lambda: request("/yum/large",
                                             range="bytes=5-70000")),
    "malformed": (2, {400, 405, 415, 505}, malformed),
}
NAMES = sorted(KINDS)
WEIGHTS = [KINDS[name][0] for name in NAMES]


def requests_until(total):
    while asked[0] < total:
        asked[0] += 1
        name = random.choices(NAMES, WEIGHTS)[0]
        yield name, KINDS[name][2]()


def on_answer(name, a):
    statuses[a.status] += 1
    # Files change now and then, and hashing them may take another look.
    assert a.status in KINDS[name][1] or a.status == 503, (name, a)


def rudely():
    """Connections that end in the middle of everything."""
    try:
        with Connection(timeout=2) as c:
            data = random.choice((single("/yum/**"), request("/yum/large"),
                                  post("/yum/1", "/yum/2")))
            if random.random() < 0.5:
                c.send(data[:random.randrange(len(data))])
            else:
                c.send(data)
                c.receive(random.choice((1, 1000)))
    except OSError:
        pass


def touch():
    os.utime("www/yum/%d" % random.randrange(FILES))


def run(total, limit):
    load = Load(on_answer)
    for n in range(CLIENTS):
        load.add(requests_until(total), keep=n % 2 == 0)
    load.every(0.02, rudely)
    load.every(0.5, touch)
    load.run(limit)
    assert not load.failures, load.failures[:5]


def is_sanitized(program):
    """AddressSanitizer keeps freed memory for a long time."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


def memory(pid):
    """KiB that are this process's own: without pages of files, and without
    those that others share."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1])


def processes(service):
    return {"parent": service.pid,
            **{title: pid for pid, title in service.children().items()}}


def idle_state(service):
    """Descriptors of all, when no client is there any more and nothing has
    changed for a while."""
    wait_until(10, lambda: is_idle(service), "the last connection closed")
    state, since = {}, 0
    while time.monotonic() < since + 0.5 or not state:
        now = {title: descriptors(pid)
               for title, pid in processes(service).items()}
        if now != state:
            state, since = now, time.monotonic()
        time.sleep(0.02)
    return state


def is_idle(service):
    before = service.count("connections open")
    os.kill(service.pid, signal.SIGUSR1)
    wait_until(5, lambda: service.count("connections open") > before,
               "a status")
    last = service.lines("connections open")[-1]
    return ": 0 connections open" in last and " 0 to go" in last


def main():
    seed_random()
    service = Service("conf").start()
    start, pids = time.monotonic(), processes(service)
    # A pack of each length that is asked for stays open.
    ask_until(single("/yum/**"), 10)
    ask_until(request(SERVICE + "/simple/yum/**"), 10)
    held = idle_state(service)
    run(WARM_UP, 550)
    idle_state(service)
    warm = {title: memory(pid) for title, pid in pids.items()}
    run(REQUESTS, 560)
    seconds = time.monotonic() - start
    wait_until(10, lambda: idle_state(service) == held, lambda:
               "descriptors: %r, not %r" % (idle_state(service), held))
    assert processes(service) == pids, "some have ended"
    end = {title: memory(pid) for title, pid in pids.items()}
    print("%d requests in %.0f s: %r\ndescriptors %r\nKiB after %d: %r\n"
          "KiB after all: %r" % (asked[0], seconds, dict(statuses), held,
                                 WARM_UP, warm, end))
    for title in warm:
        growth = (end[title] / warm[title] - 1) * 100
        assert growth <= GROWTH or is_sanitized(service.program), \
            "%s grew by %.1f %%" % (title, growth)
    for data in single("/yum/**"), post("/yum/1", "/yum/2"):
        check_torrent(ask_until(data, 10)[0].body)
    service.stop()
    check_entries()
    service.want_no_line(UNSOUND + "|removed: |ended: ")


main()
