# SPDX-License-Identifier: ISC
"""The cost of a request of each kind: bytes in and out, CPU time of each
process, memory that the front keeps, and disk; see amplify_test.sh."""
import hashlib
import os
import random
import sys
import time

from amplify import blocks
from announce import any_hash, target
from good import family, mark
from service import SERVICE, Connection, request

ROLES = ("parent", "front", "walker", "hasher", "cache", "tracker")
KIB = 1 << 10
LARGE = "/large/file"                   # sparse; made by the test
SET = ["/set/%d" % n for n in range(990)]


class Counted(Connection):
    received = 0

    def receive(self, limit=1 << 20):
        data = super().receive(limit)
        self.received += len(data)
        return data


class Kind:
    """A kind of request: its name, the status of its answers, the nth request,
    and for one of them, at most: CPU time of all processes in ms, KiB of
    memory that the front keeps, KiB of disk."""

    def __init__(self, name, status, nth, cpu, memory, disk, times=100):
        self.name, self.status, self.nth, self.times = name, status, nth, times
        self.cpu, self.memory, self.disk = cpu, memory, disk


def get(url, **fields):
    return lambda n: request(url.replace("{n}", str(n)), **fields)


def form(paths):
    body = "&".join("p=" + p for p in paths).encode()
    digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
    return request(SERVICE + "/digest/" + digest, "POST", body)


def permutation(n):
    paths = SET[:]
    random.Random(n).shuffle(paths)
    return form(paths)


def new_files(n):
    return form(["/cold/%d" % (n * 10 + i) for i in range(10)])


def repeats(n):
    """Other digests of the same: one name more, then one less."""
    return form([LARGE] * (199 - n))


def announce(n):
    """Of a peer that is new, to the tracker of the house."""
    return request(target(any_hash(n), left=n + 1),
                   x_forwarded_for="192.0.2.%d" % n)


# Memory: a torrent of a few files takes some KiB in hot memory, as long as it
# is kept there; the sum is bounded by hot-size.  The pages of a process that
# has just answered are not all given back at once.
KINDS = (
    Kind("malformed", 400, lambda n: b"GET / HTTP/1.1\r\n\r\n", 2, 16, 0),
    Kind("nothing there", 404, get("/nothing/{n}"), 2, 16, 0),
    Kind("an unknown digest", 412, lambda n: request(
        "%s/digest/%040x" % (SERVICE, n)), 2, 16, 0),
    Kind("a torrent in memory", 200, get(SERVICE + "/single/set/1"),
         2, 16, 0),
    Kind("the same, unchanged", 304, get(SERVICE + "/single/set/1",
                                         if_none_match="*"), 2, 16, 0),
    Kind("a padding file of 1 MiB", 200, get(SERVICE + "/nullfile/1048576_0"),
         10, 64, 0),
    Kind("a null file of 16 MiB", 200, get(SERVICE + "/nullfile/16777216"),
         40, 64, 0, 20),
    Kind("a Metalink in memory", 200, get(SERVICE + "/meta4/set/1"),
         2, 16, 0),
    Kind("an announce", 200, announce, 3, 16, 0),
    Kind("the page, as HTML", 200, get(SERVICE + "/", accept="text/html"),
         2, 16, 0),
    Kind("the page of a path", 200, get(SERVICE + "/?path=set/{n}",
                                        accept="text/html"), 2, 16, 0),
    Kind("1 byte of a mirror file", 206, get("/set/1", range="bytes=0-0"),
         5, 16, 0),
    Kind("a small file, not yet hashed", 200, get(SERVICE +
                                                  "/single/single/{n}"),
         20, 64, 16),
    Kind("10 small files, not yet hashed", 200, new_files, 100, 64, 120, 20),
    Kind("a pattern, 990 files", 200, lambda n: request(
        SERVICE + "/single/set/" + "*" * (n + 1)), 200, 2048, 250, 4),
    Kind("990 known files in another order", 200, permutation,
         100, 1024, 250, 20),
    Kind("a large file, 199 times", 200, repeats, 2000, None, None, 4),
)


def cpu_ms(pids):
    """CPU time of each role so far."""
    spent = dict.fromkeys(ROLES, 0.0)
    for role, pid in pids:
        tasks = "/proc/%d/task" % pid
        for task in os.listdir(tasks):
            with open("%s/%s/schedstat" % (tasks, task)) as f:
                spent[role] += int(f.read().split()[0]) / 1e6
    return spent


def rest(pids):
    """The same, once nothing is done any more: the cache stores after the
    answer."""
    end = time.monotonic() + 20
    spent = None
    while spent is None or sum(spent.values()) - sum(last.values()) > 1:
        assert time.monotonic() < end, "they do not come to rest"
        last = spent or cpu_ms(pids)
        time.sleep(0.3)
        spent = cpu_ms(pids)
    return spent


def processes(parent):
    pids = []
    for pid in family(parent):
        with open("/proc/%d/cmdline" % pid) as f:
            title = f.read().rstrip("\0 ").split(": ")[-1].split()[0]
        pids.append((title, pid))
    assert {role for role, _ in pids} == set(ROLES), pids
    return pids


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(f.read().split("VmRSS:")[1].split()[0])


def disk_kib():
    return sum(blocks("cache/" + tree) for tree in ("info", "pieces")) // KIB


def measure(kind, pids):
    """Bytes in and out, CPU times, memory and disk of one, on average."""
    front = dict(pids)["front"]
    before = rest(pids), resident_kib(front), disk_kib()
    came = went = 0
    for n in range(kind.times):
        data = kind.nth(n)
        with Counted(timeout=60) as c:
            c.send(data)
            a = c.answer()
            assert a.status == kind.status, (kind.name, a)
            went += c.received
        came += len(data)
    after = rest(pids)
    cpu = {role: (after[role] - before[0][role]) / kind.times
           for role in ROLES}
    return (came // kind.times, went // kind.times, cpu,
            (resident_kib(front) - before[1]) / kind.times,
            (disk_kib() - before[2]) / kind.times)


def main(parent, large):
    pids = processes(parent)
    with Connection(timeout=60) as c:
        # Both are known from here on, and in the front's memory.
        for data in (form([LARGE]), form(SET), request(SERVICE +
                                                       "/single/set/1")):
            c.send(data)
            assert c.answer().status == 200
    wrong = []
    print("| request | bytes in | bytes out | " + " | ".join(ROLES) +
          " | memory | disk |\n|" + "---|" * (len(ROLES) + 5))
    # 4 KiB of digests for each MiB of it, and the rest of such a torrent.
    KINDS[-1].memory = KINDS[-1].disk = 5 * large
    for kind in KINDS:
        bytes_in, bytes_out, cpu, memory, disk = measure(kind, pids)
        print("| %s | %d | %d | %s | %.1f | %.1f |" % (
            kind.name, bytes_in, bytes_out,
            " | ".join("%.2f" % cpu[role] for role in ROLES), memory, disk))
        for value, most, name in (
                (sum(cpu.values()), mark(kind.cpu, 50 * kind.cpu), "ms"),
                (memory, kind.memory, "KiB of memory"),
                (disk, kind.disk, "KiB of disk")):
            if value > most:
                wrong.append("%s: %.1f %s, more than %d" % (kind.name, value,
                                                            name, most))
    assert not wrong, wrong


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
