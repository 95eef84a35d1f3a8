#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Warming: all files of a mirror of small files are asked for, hashed and
stored; and asked for again after a restart, when each must be found.

    warm.py

Printed is the CPU time per file of all processes, by role.  In the environment
FILES (200000) is the number of files, in directories of 100, and ROUNDS (5)
the number of rounds, of which the medians are printed; BOUND (900) are the
seconds after which no further round begins.
"""
import os
import random
import statistics
import time

import bench
from bench import SERVICE, Service, row, verdict

FILES = int(os.environ.get("FILES", "200000"))
BOUND = float(os.environ.get("BOUND", "900"))
IN_DIRECTORY = 100
IN_GLOB = 10000			# max-files
ROLES = "front", "walker", "cache", "hasher", "parent"


def make_mirror():
    """Files of 200 to 4,000 bytes; the directories that a glob matches."""
    data = os.urandom(8000)
    chance = random.Random(1)
    globs = []
    for n in range(FILES // IN_DIRECTORY):
        glob = "/w/%03d" % (n * IN_DIRECTORY // IN_GLOB)
        directory = "www%s/%05d" % (glob, n)
        os.makedirs(directory)
        for i in range(IN_DIRECTORY):
            with open("%s/package-%05d-%02d_1.2.3-4_amd64.deb" % (
                    directory, n, i), "wb", 0) as f:
                at = chance.randrange(4000)
                f.write(data[at:at + chance.randint(200, 4000)])
        if glob + "/*/*" not in globs:
            globs.append(glob + "/*/*")
    return globs


class Mirror:
    def __init__(self):
        self.globs = make_mirror()
        time.sleep(2.1)			# until they count as settled
        self.service = Service("cache-size 16G", "hashers 2", pin=False)

    def counted(self):
        """Lookups that found an entry, and that found none."""
        pattern = r"; (\d+) lookups found an entry, (\d+) found none"
        return [int(n) for n in self.service.status(pattern)[0]]

    def swept(self):
        """The first sweep is another figure: see cache.py."""
        pattern = r"errors of reading or storing; (\d+) sweeps"
        bench.wait_for(120, lambda: self.service.status(pattern) != ["0"],
                       "the first sweep")

    def ask(self):
        """All of it, and the CPU time per file of each role in us."""
        self.swept()
        before = self.service.cpu_by_role()
        for glob in self.globs:
            self.service.want(SERVICE + "/single" + glob)
        after = self.service.cpu_by_role()
        while True:			# the cache writes behind the answers
            time.sleep(1)
            cache, after = after["cache"], self.service.cpu_by_role()
            if after["cache"] - cache < 0.001:
                break
        return {role: (after[role] - before[role]) / FILES * 1e6
                for role in ROLES}

    def run(self):
        """Hashed, and found again."""
        self.service.anew()
        hashed = self.ask()
        found, missed = self.counted()
        if found or missed < FILES:
            bench.die("a new cache knew %d files" % found)
        self.service.stop()
        self.service.run()
        again = self.ask()
        found, missed = self.counted()
        if found < FILES:
            bench.die("only %d of %d files were found again" % (found, FILES))
        return hashed, again


def print_cpu(what, rounds, goals):
    """goals: by name; all: of all roles, rest: of all but hashers."""
    def median(*roles):
        return statistics.median(sum(r[role] for role in roles)
                                 for r in rounds)

    def cell(name, value):
        return "%s %.1f us %s" % (name, value,
                                  verdict(value, goals.get(name, "")))

    row(what, cell("all", median(*ROLES)),
        cell("all but hashers", median(*(r for r in ROLES if r != "hasher"))))
    row("", *(cell(role, median(role)) for role in ROLES))


def main():
    bench.work_directory()
    mirror = Mirror()
    end = time.monotonic() + BOUND
    rounds = []
    while len(rounds) < bench.ROUNDS and (not rounds or
                                          time.monotonic() < end):
        rounds.append(mirror.run())
    print("# %d files of 200-4,000 bytes, %d in a directory; CPU time per "
          "file, medians of %d rounds.\n# Asked for by patterns of %d files, "
          "which makes an info entry for each pattern too." % (
              FILES, IN_DIRECTORY, len(rounds), IN_GLOB))
    print_cpu("hashed and stored", [r[0] for r in rounds], {
        "all": "<= 170", "all but hashers": "<= 45", "cache": "<= 8"})
    print_cpu("found again after a restart, none hashed",
              [r[1] for r in rounds], {"all": "<= 15"})
    mirror.service.stop()


main()
