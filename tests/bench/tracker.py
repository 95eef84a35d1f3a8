#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Announces per CPU second of all processes together, over opentracker's.

Both get the same requests from the same client, each on a connection of its
own: announces of so many torrents by clients that a proxy names.  opentracker
does not look at that field, so that to it all are one address, with other
ports; it answers with as many peers.

ROUNDS (5) and DURATION (2 s, each) can be set in the environment.
"""
import hashlib
import hmac
import os
import subprocess
import urllib.parse

import bench
from bench import SERVICE, Process, Rounds, Service, need, row, verdict

SECONDS = float(os.environ.get("DURATION", "2"))
# With few of them each answer has all the peers that it may have.
TORRENTS = 10000, 20

class Opentracker(Process):
    """It knows the torrents in its white list."""

    def __init__(self, hashes):
        self.port = bench.free_port()
        here = os.getcwd()
        os.makedirs("opentracker", exist_ok=True)
        with open("opentracker/whitelist", "w") as f:
            f.write("".join(h.hex() + "\n" for h in hashes))
        self.start(["opentracker", "-i", "127.0.0.1", "-p", str(self.port),
                    "-d", here + "/opentracker", "-w", "whitelist"],
                   here + "/opentracker.log", True)
        bench.wait_for(10, self.answers, "opentracker's start")

    def answers(self):
        try:
            return self.ask("/stats")[0] > 0
        except OSError:
            return False


def give(name, paths):
    with open(name, "w") as f:
        f.write("".join(p + "\n" for p in paths))
    return name


def announce(server, paths):
    """Announces per CPU second of the server, and latencies in ms."""
    command = [bench.HERE + "/announce", "-p", str(server.port), "-s",
               "%g" % SECONDS, paths]
    if len(bench.CPUS) > 1:
        command = ["taskset", "-c", str(bench.CPUS[1])] + command
    before = server.cpu()
    ran = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    cpu = server.cpu() - before
    if ran.returncode != 0:
        bench.die("announce failed:\n%s%s" % (ran.stdout,
                                              server.words()[-1000:]))
    words = ran.stdout.split()
    told = dict(zip(words[::2], map(float, words[1::2])))
    return {"rate": told["good"] / cpu, "p50": told["p50"],
            "p99": told["p99"]}


def compare(torrents):
    service = Service("proxy 127.0.0.1")
    with open(service.cache + "/tracker.key", "rb") as f:
        key = f.read()
    hashes = [hashlib.sha1(b"%d" % n).digest() for n in range(torrents)]
    quoted = [urllib.parse.quote(h, safe="") for h in hashes]
    targets = ["%s/t/%s/announce?info_hash=%s" % (SERVICE, hmac.new(
        key, h, hashlib.sha256).hexdigest()[:16], q)
        for h, q in zip(hashes, quoted)]
    other_targets = ["/announce?info_hash=" + q for q in quoted]
    other = Opentracker(hashes)
    ours, theirs = give("ours", targets), give("theirs", other_targets)
    # So that the swarms are there.
    for server, paths in (service, ours), (other, theirs):
        announce(server, paths)
    before = service.cpu_by_role()
    r = Rounds(opentracker=lambda: announce(other, theirs),
               service=lambda: announce(service, ours))
    after = service.cpu_by_role()
    ratio = r.ratio("rate", "service", "opentracker")
    row("announces of %d torrents, new connections" % torrents,
        "%6.0f over %6.0f /CPU s = %.2f" % (
            r.median("service", "rate"), r.median("opentracker", "rate"),
            ratio), verdict(ratio, ">= 0.7"),
        "p99 %.1f (%.1f) ms" % (r.median("service", "p99"),
                                r.median("opentracker", "p99")))
    spent = {role: after[role] - before.get(role, 0) for role in after}
    whole = sum(spent.values())
    row("of that CPU time", *("%s %.0f %%" % (role, 100 * spent[role] / whole)
                              for role in sorted(spent)
                              if spent[role] > whole / 200))
    query = "&port=1&left=1&peer_id=-XX0000-000000000000"
    row("bytes of an answer", "%d and %d" % (
        len(service.want(targets[0] + query, X_Forwarded_For="12.0.0.1")),
        len(other.want(other_targets[0] + query))))
    service.stop()
    other.stop()


def main():
    bench.work_directory()
    if need("opentracker"):
        for torrents in TORRENTS:
            compare(torrents)


if __name__ == "__main__":
    main()
