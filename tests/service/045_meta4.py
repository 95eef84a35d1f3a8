# SPDX-License-Identifier: ISC
"""Programs of 045_meta4_test.sh."""

from service import *


def slow_reader(*_):
    """Others are answered while many clients read nothing of theirs."""
    target = SERVICE + "/meta4/yum/large"
    slow = []
    for _ in range(20):
        slow.append(Connection())
        slow[-1].send(request(target))
    small = [Connection().ask(SERVICE + "/meta4/yum/large", "HEAD")
             for _ in range(20)]
    assert {a.status for a in small} == {200}
    length = int(small[0].field("Content-Length"))
    bodies = [c.answer().body for c in slow]
    assert {len(b) for b in bodies} == {length}, length
    assert len(set(bodies)) == 1
    assert bodies[0].endswith(b"</metalink>\n")


run(globals())
