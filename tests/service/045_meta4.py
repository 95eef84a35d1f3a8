# SPDX-License-Identifier: ISC
"""Programs of 045_meta4_test.sh."""

from good import field_kib
from service import *

TARGET = SERVICE + "/meta4/yum/*"
READERS = 15


def slow_readers(front):
    """Clients that read nothing of theirs take little memory, delay nobody,
    and get all of it once they read."""
    length = int(Connection().ask(TARGET, "HEAD").field("Content-Length"))
    assert length > 12000000, length
    before = field_kib(int(front), "VmRSS")
    slow = [Connection(receive_buffer=4096) for _ in range(READERS)]
    for c in slow:
        c.send(request(TARGET))
    for _ in range(20):
        a = Connection().ask(TARGET, "HEAD")
        assert a.status == 200, a
    more = field_kib(int(front), "VmRSS") - before
    assert more < length >> 10, "%d KiB more for %d" % (more, length >> 10)
    for c in slow[:3]:
        body = c.answer().body
        assert len(body) == length, len(body)
        assert body.endswith(b"</file>\n</metalink>\n"), body[-100:]


run(globals())
