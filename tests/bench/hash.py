#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Hashing: wall clock and CPU time of all processes together, for files in
the page cache and on disk, over other makers of torrents.

    hash.py [PART ...]     memory file files idle disk latency small space

All parts without one; ROUNDS (5) and SIZE (4096 MiB of each kind of data) can
be set in the environment, and BIG=1 for a file of 1 TiB.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

import bench
from bench import SERVICE, Rounds, Service, digest_target, row, verdict

MIB = 1 << 20
SIZE = int(os.environ.get("SIZE", "4096")) * MIB
REST = 7				# seconds
LOOP = bench.HERE + "/hash"
LIBTORRENT = """
import sys, libtorrent as lt
files = lt.file_storage()
lt.add_files(files, sys.argv[1])
t = lt.create_torrent(files, 1 << 20, flags=lt.create_torrent.v1_only)
lt.set_piece_hashes(t, sys.argv[2])
open("peer.torrent", "wb").write(lt.bencode(t.generate()))
"""
PYTHON = "/usr/bin/python3"		# whose modules the system installs


def fill(path, size, block):
    """No byte of it matters, but each is on disk."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        for at in range(0, size, len(block)):
            f.write(block[:size - at])
        f.flush()
        os.fsync(f.fileno())


def warmed(paths, measure, rest):
    """Read before each turn: some machines evict memory that rests for seconds."""
    def run():
        for path in paths:
            with open(path, "rb", 0) as f:
                while f.read(MIB):
                    pass
        time.sleep(rest)
        return measure()
    return run


def chill(paths):
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def rates(size, wall, cpu):
    return {"wall": size / wall / 1e9, "cpu": size / cpu / 1e9}


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def peer(size, *command):
    """A program from its start to its end."""
    if os.path.exists("peer.torrent"):
        os.unlink("peer.torrent")
    cpu, wall = children_cpu(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return rates(size, time.monotonic() - wall, children_cpu() - cpu)


def loop(digest, processes, paths=()):
    out = subprocess.run([LOOP, "-d", digest, "-j", str(processes), *paths],
                         check=True, capture_output=True, text=True).stdout
    wall, cpu = re.findall(r"([0-9.]+) GB/", out)
    return {"wall": float(wall), "cpu": float(cpu)}


def service_run(service, size, ask):
    """Of a service that knows nothing yet."""
    cpu, wall = service.cpu(), time.monotonic()
    ask()
    wall = time.monotonic() - wall
    time.sleep(0.2)			# the cache writes behind the answer
    return rates(size, wall, service.cpu() - cpu)


def against_mktorrent(what, size, ask, rest):
    """mktorrent and the service, by name; rest: seconds before the service is
    asked."""
    service = Service(pin=False)

    def serve(digest, hashers):
        service.anew("digest " + digest, "hashers %d" % hashers)
        time.sleep(rest)
        return service_run(service, size, lambda: ask(service))

    found = {}
    if bench.need("mktorrent"):
        for n in 1, 2:
            found["mktorrent -t%d" % n] = lambda n=n: peer(
                size, "mktorrent", "-t%d" % n, "-l", "20", "-a",
                "udp://tracker.example", "-o", "peer.torrent", "www/" + what)
    for digest, hashers in (("auto", 1), ("auto", 2), ("avx2", 1),
                            ("openssl", 1)):
        found["%s x%d, service" % (digest, hashers)] = \
            lambda d=digest, n=hashers: serve(d, n)
    return service, found


def take_turns(service, found, paths, rest=0):
    r = Rounds(**{name: warmed(paths, measure, rest)
                  for name, measure in found.items()})
    service.stop()
    for name in found:
        row(name, "%.2f GB/s" % r.median(name, "wall"),
            "%.2f GB/CPU s" % r.median(name, "cpu"))
    return r


def contenders(what, size, paths, ask):
    """Every program that can hash these, a name below www/."""
    one = "www/" + what
    service, found = against_mktorrent(what, size, ask, 0)
    if subprocess.run([PYTHON, "-c", "import libtorrent"],
                      stderr=subprocess.DEVNULL).returncode == 0:
        found["libtorrent"] = lambda: peer(size, PYTHON, "-c", LIBTORRENT,
                                           one, os.path.dirname(one))
    if bench.need("transmission-create"):
        found["transmission-create"] = lambda: peer(
            size, "transmission-create", "-s", "1024", "-o", "peer.torrent",
            one)
    for digest, processes in (("read", 1), ("read", 2), ("loop", 1),
                              ("loop", 2), ("auto", 1), ("auto", 2),
                              ("avx2", 1), ("openssl", 1)):
        found["%s x%d, bare" % (digest, processes)] = \
            lambda d=digest, n=processes: loop(d, n, paths)
    return take_turns(service, found, paths)


def ratio(r, what, key, a, b, goal=""):
    """A row; b may be several names, of which the best counts."""
    names = [n for n in ([b] if isinstance(b, str) else b) if n in r.results]
    if not names:
        return
    value = r.median(a, key) / max(r.median(n, key) for n in names)
    row("  " + what, "%.2f" % value, verdict(value, goal))


MKTORRENT = ("mktorrent -t1", "mktorrent -t2")


def print_common(r, goal):
    """goal: for the service and two hashers over bare loops."""
    ratio(r, "libtorrent, CPU", "cpu", "auto x1, service", "libtorrent",
          ">= 3.0")
    ratio(r, "service over the bare loop, wall", "wall", "auto x1, service",
          "auto x1, bare", goal)
    ratio(r, "service over the bare loop, CPU", "cpu", "auto x1, service",
          "auto x1, bare", goal)
    bare = r.ratio("wall", "auto x2, bare", "auto x1, bare")
    both = r.ratio("wall", "auto x2, service", "auto x1, service")
    row("  two hashers over one, over two bare loops'",
        "%.2f / %.2f = %.2f" % (both, bare, both / bare),
        verdict(both / bare, goal))
    ratio(r, "avx2 over OpenSSL's loop, CPU", "cpu", "avx2 x1, service",
          "loop x1, bare", ">= 1.5")
    ratio(r, "openssl over OpenSSL's loop, CPU", "cpu",
          "openssl x1, service", "loop x1, bare", ">= 0.95")


def block():
    return os.urandom(64 * MIB)


def memory():
    """The kernels alone, 16 x 1 MiB."""
    r = Rounds(**{d: lambda d=d: loop(d, 1)
                  for d in ("loop", "auto", "avx2", "openssl")})
    for digest, goal in ("auto", ">= 3.3"), ("avx2", ">= 1.5"), \
            ("openssl", ">= 0.95"):
        ratio(r, "%s over OpenSSL's loop, %.2f GB/CPU s" % (
            digest, r.median(digest, "cpu")), "cpu", digest, "loop", goal)


def file():
    """One large file."""
    fill("www/f/file", SIZE, block())
    time.sleep(2.1)
    r = contenders("f/file", SIZE, ["www/f/file"],
                   lambda s: s.want(SERVICE + "/single/f/file"))
    ratio(r, "mktorrent, CPU", "cpu", "auto x1, service", MKTORRENT,
          ">= 3.3")
    ratio(r, "mktorrent, wall, two hashers", "wall", "auto x2, service",
          MKTORRENT, ">= 4.0")
    print_common(r, ">= 0.9")


def rpms(n):
    names = ["/m%d/%04d.rpm" % (n, i) for i in range(n)]
    data = block()
    for i, name in enumerate(names):
        fill("www" + name, 2 * MIB, data[i % 61 * MIB:])
    time.sleep(2.1)
    return names


def files():
    """Many small ones, in one POST."""
    names = rpms(SIZE // (2 * MIB) * 2000 // 2048)
    r = contenders("m%d" % len(names), len(names) * 2 * MIB,
                   ["www" + n for n in names], lambda s: s.post(names))
    ratio(r, "mktorrent, wall, two hashers", "wall", "auto x2, service",
          MKTORRENT, ">= 4.8")
    ratio(r, "mktorrent, CPU", "cpu", "auto x1, service", MKTORRENT,
          ">= 5.0")
    # Here some of the CPU goes to the file system: each has an entry.
    print_common(r, "")


def idle():
    """Fewer, after as long a rest as between two requests."""
    names = rpms(400)
    service, found = against_mktorrent("m400", 400 * 2 * MIB,
                                       lambda s: s.post(names), REST)
    r = take_turns(service, {name: found[name] for name in found
                             if name.startswith(("mktorrent", "auto"))},
                   ["www" + n for n in names], REST)
    ratio(r, "mktorrent, wall, two hashers", "wall", "auto x2, service",
          MKTORRENT, ">= 3.0")
    ratio(r, "mktorrent, CPU", "cpu", "auto x1, service", MKTORRENT,
          ">= 3.3")


def disk():
    """Files that are not in memory."""
    path = "www/f/file"
    if not os.path.exists(path) or os.path.getsize(path) != SIZE:
        fill(path, SIZE, block())
        time.sleep(2.1)
    if not bench.need("fio"):
        return
    service = Service(pin=False)

    def fio():
        chill([path])
        return peer(SIZE, "fio", "--name=read", "--rw=read", "--direct=1",
                    "--ioengine=libaio", "--iodepth=16", "--bs=256k",
                    "--readonly", "--filename=" + path)

    def serve(hashers):
        service.anew("hashers %d" % hashers)
        chill([path])
        return service_run(service, SIZE, lambda: service.want(
            SERVICE + "/single/f/file"))

    r = Rounds(**{"fio": fio, "service x1": lambda: serve(1),
                  "service x2": lambda: serve(2)})
    service.stop()
    for name in r.names:
        row(name, "%.2f GB/s" % r.median(name, "wall"))
    ratio(r, "service x1 over fio, wall", "wall", "service x1", "fio",
          ">= 0.7")
    ratio(r, "service x2 over fio, wall", "wall", "service x2", "fio",
          ">= 0.7")


def hole(path, size):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.truncate(size)


def ask_aside(service, target):
    """A request that nobody waits for."""
    def ask():
        try:
            service.ask(target, timeout=3600)
        except OSError:
            pass			# the service is stopped before
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def latency():
    """A small file while a huge one is hashed."""
    hole("www/l/huge", 100 << 30)
    names = ["/l/%d.rpm" % i for i in range(20)]
    data = block()
    for i, name in enumerate(names):
        fill("www" + name, MIB, data[i * MIB:])
    time.sleep(2.1)
    for hashers in 1, 2:
        service = Service("hashers %d" % hashers, pin=False)
        ask_aside(service, SERVICE + "/single/l/huge")
        time.sleep(1)
        took = []
        for name in names:
            chill(["www" + name])
            start = time.monotonic()
            service.want(SERVICE + "/single" + name)
            took.append((time.monotonic() - start) * 1e3)
            time.sleep(0.05)
        took.sort()
        row("1 MiB while 100 GiB are hashed, %d hashers" % hashers,
            "median %.1f ms, worst %.1f ms" % (took[len(took) // 2],
                                               took[-1]),
            verdict(took[-1], "< 100"))
        service.stop()
    os.unlink("www/l/huge")


def small_files(directory, n):
    names = ["/%s/%05d.rpm" % (directory, i) for i in range(n)]
    os.makedirs("www/" + directory, exist_ok=True)
    for name in names:
        with open("www" + name, "wb") as f:
            f.write(os.urandom(1024))
    return names


def small():
    """The cost of a file besides its bytes."""
    names = small_files("s", 2000)
    time.sleep(2.1)
    service = Service("hashers 1", pin=False)
    results = []
    for _ in range(bench.ROUNDS):
        service.anew()
        before, wall = service.cpu_by_role(), time.monotonic()
        service.post(names)
        wall = time.monotonic() - wall
        time.sleep(0.5)
        after = service.cpu_by_role()
        results.append({role: (after[role] - before[role]) / len(names) * 1e6
                        for role in before})
        results[-1]["wall"] = wall * 1e3
    service.stop()

    def median(role):
        values = sorted(r[role] for r in results)
        return values[len(values) // 2]

    row("POST of %d files of 1 KiB" % len(names),
        "%.0f ms" % median("wall"))
    row("  CPU per file", ", ".join("%s %.1f" % (role, median(role))
        for role in ("front", "walker", "cache", "hasher")) + " us")
    beyond = sum(map(median, ("front", "walker", "cache")))
    row("  beyond hashing", "%.1f us" % beyond, verdict(beyond, "<= 15"))


def watch_memory(service, work):
    """The most of each role while work() runs."""
    most = {}
    done = threading.Event()

    def look():
        while not done.wait(0.02):
            for role, pids in service.roles().items():
                for pid in pids:
                    most[role] = max(most.get(role, 0),
                                     bench.memory(pid, "RssAnon"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return most


def space():
    """Memory does not follow the size of the hashed files."""
    names = small_files("n", 10000)
    huge = (1 << 40) if os.environ.get("BIG") else 64 << 30
    hole("www/h/huge", huge)
    time.sleep(2.1)
    service = Service("hashers 2", pin=False)

    def work():
        thread = ask_aside(service, SERVICE + "/single/h/huge")
        service.post(names)
        thread.join()

    most = watch_memory(service, work)
    service.want(SERVICE + "/single/h/huge")
    for role, goal in ("front", "< 64"), ("hasher", "< 48"), \
            ("walker", ""), ("cache", ""):
        mib = most[role] / MIB
        row("%s, RssAnon at most" % role, "%.1f MiB" % mib,
            verdict(mib, goal))
    service.stop()
    os.unlink("www/h/huge")


def main():
    parts = (memory, file, files, idle, disk, latency, small, space)
    names = sys.argv[1:] or [p.__name__ for p in parts]
    bench.work_directory()
    if shutil.disk_usage(".").free < 2.3 * SIZE:
        bench.die("%s has not enough room for twice %d MiB: set TMPDIR or "
                  "SIZE" % (os.getcwd(), SIZE / MIB))
    for part in parts:
        if part.__name__ in names:
            print("## " + part.__name__, flush=True)
            part()


main()
