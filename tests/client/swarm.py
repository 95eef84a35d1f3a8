# SPDX-License-Identifier: ISC
"""A program of swarm_test.sh."""
import os
import sys

import peers
from service import run, wait_for

# Of the files; a client alone gets 1 and the padding from the mirror.
AT_MOST = 0.97


def share(kind, nginx, *ports):
    """Clients of a kind begin at once, with the options that spare a mirror,
    one at each port and at an address of its own; nginx: its process."""
    mirror = int(sys.argv[1])
    files = sum(entry.stat().st_size for entry in os.scandir("www/yum"))
    before = sum(peers.sent("nginx.access").values())
    peers.wait_for_all([
        peers.Client(kind, True, os.path.abspath("x.torrent"),
                     "clients/%d" % i, "127.0.0.%d" % (i + 2), int(port),
                     bind=True)
        for i, port in enumerate(ports)], 90)
    wait_for(10, lambda: peers.have_left(int(nginx), mirror), "their leaving")
    for i in range(len(ports)):
        peers.same_files("www/yum", "clients/%d/yum" % i)
    sent = sum(peers.sent("nginx.access").values()) - before
    share = sent / len(ports) / files
    print("the mirror sent %.3f of the files to a client" % share)
    assert share < AT_MOST, share
    # One of them has got each byte from somewhere.
    assert sent >= files, sent


run(globals())
