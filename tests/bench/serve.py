#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Serving: requests per CPU second of all processes together, over nginx's
with the same bytes; and latencies at 64 connections.

    serve.py [PART ...]     torrents others files log burst; all without one

ROUNDS (5) and DURATION (2 s, each) can be set in the environment.
"""
import os
import random
import subprocess
import sys
import time

import bench
from bench import SERVICE, Nginx, Rounds, Service, row, verdict, wrk

SECONDS = float(os.environ.get("DURATION", "2"))
PIECE = 16 << 10
# Pieces that give a torrent of about so many KiB.
SIZES = ((1, 40), (20, 1012), (300, 15348))
BURST = 10000


def make(path, size, seed=None):
    """A file below www/: random, or a hole."""
    path = "www/" + path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        if seed is None:
            f.truncate(size)
        else:
            f.write(random.Random(seed).randbytes(size))
    return path


def give(name, data):
    """The same bytes for nginx."""
    with open("ngx/" + name, "wb") as f:
        f.write(data)
    return "/" + name


def settle():
    """Of files that changed just now nothing is remembered."""
    time.sleep(2.1)


def compare(what, goal, service, target, nginx, name, p99=False, fields=(),
            **how):
    """One row: the service and nginx in turn."""
    asked = dict(f.split(": ") for f in fields)
    if service.want(target, **asked) != nginx.want(name, **asked):
        bench.die("nginx has other bytes than " + target)
    r = Rounds(
        nginx=lambda: wrk(nginx, name, SECONDS, fields=fields, **how),
        service=lambda: wrk(service, target, SECONDS, fields=fields, **how))
    print_rates(what, goal, r, "service", "nginx", p99)
    return r


def print_rates(what, goal, r, a, b, p99=False):
    ratio = r.ratio("rate", a, b)
    late = r.median(a, "p99")
    row(what, "%6.0f over %6.0f /CPU s = %.2f" % (
        r.median(a, "rate"), r.median(b, "rate"), ratio),
        verdict(ratio, goal),
        "p50 %.1f (%.1f), p99 %.1f (%.1f) ms" % (
            r.median(a, "p50"), r.median(b, "p50"), late,
            r.median(b, "p99")),
        verdict(late, "< 5") if p99 else "")


def torrents():
    """1, 20 and 300 KiB, on kept connections and on new ones."""
    goals = {1: (">= 1.0", ">= 0.9"), 20: (">= 1.0", ">= 0.9"),
             300: (">= 0.7", ">= 0.5")}
    for kib, pieces in SIZES:
        make("p/%d.rpm" % kib, pieces * PIECE, kib)
    settle()
    service, nginx = Service("piece-length 16K"), Nginx()
    for kib, _ in SIZES:
        target = SERVICE + "/single/p/%d.rpm" % kib
        data = service.want(target, Host="127.0.0.1:%d" % service.port)
        name = give("%d" % kib, data)
        for close, goal in zip((False, True), goals[kib]):
            compare("%d KiB torrent (%d bytes), %s" % (
                kib, len(data), "new" if close else "kept"), goal, service,
                target, nginx, name, close=close, p99=kib < 300)
    service.stop()
    nginx.stop()


def others():
    """412, and a digest of many files."""
    make("p/1.rpm", SIZES[0][1] * PIECE, 1)
    many = ["/p/%03d.rpm" % i for i in range(200)]
    for i, path in enumerate(many):
        make(path[1:], 4 * PIECE + 1000, i)
    settle()
    service = Service("piece-length 16K")
    small = SERVICE + "/single/p/1.rpm"
    service.want(small)
    unknown = SERVICE + "/digest/" + "0" * 40
    with open("unknown.lua", "w") as f:
        f.write("local n = %d\nrequest = function()\n n = n + 1\n"
                "return wrk.format(nil, string.format('%s/digest/%%040x', n))"
                "\nend\n" % (random.randrange(1 << 40), SERVICE))
    for close in False, True:
        r = Rounds(
            small=lambda: wrk(service, small, SECONDS, close=close),
            same=lambda: wrk(service, unknown, SECONDS, close=close,
                             status=412),
            each=lambda: wrk(service, unknown, SECONDS, close=close,
                             script="unknown.lua", status=412))
        kind = "new" if close else "kept"
        print_rates("412, one digest, over 1 KiB torrent, " + kind,
                    ">= 1.0", r, "same", "small")
        print_rates("412, each another digest, " + kind, "", r, "each",
                    "small")
    # The same size to a piece or so.
    target = bench.digest_target(many)
    size = len(service.post(many))
    make("p/one.rpm", (size - 300) // 20 * PIECE)
    settle()
    one = SERVICE + "/single/p/one.rpm"
    service.want(one)
    r = Rounds(one=lambda: wrk(service, one, SECONDS),
               many=lambda: wrk(service, target, SECONDS))
    print_rates("digest of 200 files (%d bytes) over one" % size, ">= 0.95",
                r, "many", "one")
    service.stop()


def files():
    """Padding and mirror files of 1 MiB."""
    path = make("p/1m.rpm", 1 << 20, 1)
    service, nginx = Service("serve-files yes"), Nginx()
    with open(path, "rb") as f:
        give("1m.rpm", f.read())
    give("zeros", bytes(1 << 20))
    ranges = ("Range: bytes=0-1048575",)
    for close in False, True:
        kind = "new" if close else "kept"
        compare("nullfile of 1 MiB with Range, " + kind, "", service,
                SERVICE + "/nullfile/1048576_0", nginx, "/zeros",
                fields=ranges, close=close)
        compare("file of 1 MiB, " + kind, "", service, "/p/1m.rpm", nginx,
                "/1m.rpm", close=close)
    service.stop()
    nginx.stop()


def log():
    """The access log, to a file and to nobody."""
    make("p/1.rpm", SIZES[0][1] * PIECE, 1)
    settle()
    quiet = Service("piece-length 16K")
    target = SERVICE + "/single/p/1.rpm"
    quiet.want(target)
    os.rename("conf", "conf.quiet")
    lines = "piece-length 16K", "access-log %s/access.log" % os.getcwd()
    logging = Service(*lines)
    logging.want(target)
    for close in False, True:
        r = Rounds(
            quiet=lambda: wrk(quiet, target, SECONDS, close=close),
            logging=lambda: wrk(logging, target, SECONDS, close=close))
        print_rates("access log to a file over none, %s" % (
            "new" if close else "kept"), ">= 0.85", r, "logging", "quiet")
        os.truncate("access.log", 0)
    logging.stop()
    quiet.stop()


def burst():
    """Everybody at once: one hashing, all answers right."""
    make("p/200m.rpm", 200 << 20, 200)
    settle()
    target = SERVICE + "/single/p/200m.rpm"
    service = Service("hashers 2", "max-connections-per-client 32", pin=False)
    for state in "cold", "hot":
        before = service.cpu()
        ran = subprocess.run([
            bench.HERE + "/burst", "-n", str(BURST), "-p", str(service.port),
            "-o", "answer", target], text=True, stdout=subprocess.PIPE)
        row("%d clients at once, %s" % (BURST, state), ran.stdout.strip(),
            "%.2f CPU s" % (service.cpu() - before),
            "" if ran.returncode == 0 else "MISSED")
        with open("answer", "rb") as f:
            if f.read() != service.want(target):
                bench.die("the burst's answer is another than usual")
    hashed = sum(float(n) for n in service.status(
        r"hasher.*: ([0-9.]+) GiB hashed", len(service.roles()["hasher"])))
    peak = bench.memory(service.roles()["front"][0], "VmHWM") / (1 << 20)
    row("", "%.2f GiB hashed" % hashed, verdict(hashed, "< 0.21"),
        "front at most %.0f MiB" % peak, verdict(peak, "< 200"))
    service.stop()


def main():
    parts = (torrents, others, files, log, burst)
    names = sys.argv[1:] or [p.__name__ for p in parts]
    if not bench.need("nginx", "wrk", "taskset"):
        return
    bench.work_directory()
    for part in parts:
        if part.__name__ in names:
            print("## " + part.__name__, flush=True)
            part()


main()
