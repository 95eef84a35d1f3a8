# SPDX-License-Identifier: ISC
"""The clock is moved by a year, forth and back.

usage: clock.py PORT PROGRAM

The kernel's own stamps on files stay, so a clock moved forth is also a test of
old files, and a clock moved back of files from the future.
"""
import email.utils
import struct

from faults import *

YEAR = 365 * 86400
BOTH = post("/yum/a", "/yum/b")
DIGEST = request(post_parts("/yum/a", "/yum/b")[0])
REVALIDATE = 1


class Clock:
    """The offset that tests/lib/faulty.h adds to the time of day."""

    def __init__(self):
        self.page = faulty_page()
        self.set(0)

    def set(self, seconds):
        self.moved = seconds
        struct.pack_into("=q", self.page, 0, seconds * 10 ** 9)


def cpu_ticks(service):
    n = 0
    for pid in [service.pid, *service.children()]:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rpartition(")")[2].split()
        n += int(fields[11]) + int(fields[12])
    return n


def want_idle(service):
    """Nobody waits for a time that has long passed, or never comes."""
    before = cpu_ticks(service)
    time.sleep(1)
    used = (cpu_ticks(service) - before) / os.sysconf("SC_CLK_TCK")
    assert used < 0.2, "%.2f s of CPU in a second of nothing to do" % used


def want_right(clock, may_be_unknown):
    for data in BOTH, request(SERVICE + "/single/yum/*"):
        a = ask(data)
        assert a is not None and a.status == 200, a
        check_torrent(a.body)
        assert 0 <= int(a.field("Cache-Control").split("=")[1]) <= REVALIDATE
    a = ask(DIGEST)
    assert a.status == 200 or may_be_unknown and a.status == 412, a
    wait_until(3, lambda: expires_tomorrow(clock), "a date that moves too")


def expires_tomorrow(clock):
    a = ask(request(SERVICE + "/nullfile/3_0"))
    expires = email.utils.parsedate_to_datetime(a.field("Expires"))
    left = expires.timestamp() - time.time() - clock.moved
    return abs(left - 86400) < 60


def want_changes_seen(n):
    """Of a file that was changed just now, and of one that is new."""
    for name in "a", "new%d" % n:
        with open("www/yum/" + name, "a") as f:
            f.write("more\n")
    time.sleep(REVALIDATE + 0.1)
    a = ask(request(SERVICE + "/single/yum/*"))
    assert a.status == 200, a
    check_torrent(a.body)
    check_torrent(ask(BOTH).body)


def main():
    clock, service = Clock(), Service("conf").start()
    want_right(clock, False)
    for n, moved in enumerate((YEAR, 0, -YEAR, YEAR, -YEAR, 0)):
        clock.set(moved)
        # A year ahead is as good as a year ago; a change just now,
        # before the clock was set right, is not.
        want_right(clock, moved == 0)
        want_changes_seen(n)
        want_right(clock, True)
        want_idle(service)
        if n % 2:
            service.stop()
            service.start()
            want_right(clock, True)
    # All is settled, and remembered as ever.
    time.sleep(2.1)
    want_right(clock, False)
    service.stop()
    service.start()
    want_right(clock, False)
    service.finish("|removed: |ended: ")


main()
