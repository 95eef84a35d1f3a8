# SPDX-License-Identifier: ISC
"""Many bodies at once, which dawdle: 32 of 2 MiB have a place in memory.

usage: bodies.py PORT plain | chunked TARGET PID
"""
import select
import sys

from good import field_kib, is_sanitized
from service import *

LENGTH = 2 << 20


class Upload(Connection):
    """A POST that lacks its end."""

    def __init__(self, target, length, chunked):
        super().__init__()
        self.chunked = chunked
        how = {"transfer_encoding": "chunked"} if chunked else \
            {"content_length": length}
        body = b"p=/yum/a&x=" + b"y" * (length - 12)
        self.send(request(target, "POST", **how,
                          content_type="application/x-www-form-urlencoded"))
        for at in range(0, len(body), 1 << 16):
            part = body[at:at + (1 << 16)]
            self.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)

    def finish(self):
        self.send(b"1\r\ny\r\n0\r\n\r\n" if self.chunked else b"y")
        return self.answer()

    def is_refused(self):
        return bool(select.select([self.socket], [], [], 0)[0])


def check_memory(pid, before):
    """A sanitizer keeps the last 256 MiB that were freed."""
    grown = field_kib(pid, "RssAnon") - before
    assert grown < (400 if is_sanitized(pid) else 100) << 10, grown


def try_bodies(target, pid, chunked):
    before = field_kib(pid, "RssAnon")
    little = Upload(target, 12000, chunked)
    many = [Upload(target, LENGTH, chunked) for _ in range(40)]
    wait_for(20, lambda: sum(c.is_refused() for c in many) == 8, "refusals")
    check_memory(pid, before)
    # Others have their turn, and the dawdlers too while there is room.
    with Upload(target, LENGTH, chunked) as c:
        assert c.finish().status == 200
    assert little.finish().status == 200
    refused = [c.is_refused() for c in many]
    assert refused == [True] * 9 + [False] * 31, refused
    for c, was in zip(many, refused):
        a = c.answer() if was else c.finish()
        assert a.status == (503 if was else 200), a
        if was:
            assert a.field("Retry-After") and c.rest() == b""
    # Released memory is not counted.
    many = [Upload(target, LENGTH, chunked) for _ in range(30)]
    assert all(c.finish().status == 200 for c in many)
    check_memory(pid, before)


try_bodies(sys.argv[3], int(sys.argv[4]), sys.argv[2] == "chunked")
