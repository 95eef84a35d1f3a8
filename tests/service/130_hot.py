# SPDX-License-Identifier: ISC
"""Programs of 130_hot_test.sh."""
import os
import signal
import sys

from good import field_kib, is_sanitized
from many import Load
from service import SERVICE, Connection, request, run, status


def no_calls_but_its_own(*_):
    requests = [(t, request(SERVICE + t)) for t in ("/single/yum/a",
        "/digest/" + sys.argv[2], "/nullfile/8576_0")] * 42
    load = Load()
    for n in range(4):
        load.add(requests, keep=True)
        load.add(requests)
    load.run(50)
    assert load.counts == {200: 8 * 126}, (load.counts, load.failures)


def in_memory(parent):
    """How many torrents are in memory, and their bytes."""
    return status(parent, r"(\d+) torrents in memory \((\d+) bytes")


def many_hosts(parent, walker, front):
    """8 Hosts want each of 40 files, and wait for the walker."""
    parent, walker, front = int(parent), int(walker), int(front)
    before = field_kib(front, "VmRSS")
    os.kill(walker, signal.SIGSTOP)
    waiting = []
    for n in range(40):
        for host in range(8):
            c = Connection(timeout=50)
            c.send(request(SERVICE + "/single/yum/%d" % n,
                           host="h%d.example" % host))
            waiting.append((c, b"http://h%d.example/yum/%d" % (host, n)))
    with Connection() as c:
        assert c.ask("/").status == 404
    assert in_memory(parent)[0] == 0, "nobody should have an answer"
    os.kill(walker, signal.SIGCONT)
    for c, url in waiting:
        a = c.answer()
        assert a.status == 200 and url in a.body, a
        assert a.body.count(b"udp://") == 1001, a
        c.close()
    torrents, size = in_memory(parent)
    grown = field_kib(front, "VmRSS") - before
    print("%d torrents, %d bytes; the front has grown by %d KiB" %
          (torrents, size, grown))
    # A list of trackers is about 50 KB, and each torrent has one.
    assert size <= 1 << 20, size
    assert size / torrents > 48000, size / torrents
    assert 1 << 19 < size, "it remembers what fits"
    assert size / torrents < 60000, "the trackers are not shared"
    assert grown < 12 << 10 or is_sanitized(front), grown


run(globals())
