# SPDX-License-Identifier: ISC
"""Programs of 120_store_test.sh."""
import hashlib
import os

from service import *


def never_stale(*_):
    def pieces(content):
        return hashlib.sha1(content).digest()
    start = time.monotonic()
    never = start + 1e9
    replaced = {b"0\n": never}
    kept = Connection()
    # A file two seconds old is remembered, so the second change
    # is one of something remembered.
    for change, end in ((0.2, 2.6), (2.6, 3.9)):
        while time.monotonic() < start + end:
            if change and time.monotonic() > start + change:
                # Size and mtime as before, as rsync leaves it.
                change = None
                old, new = list(replaced)[-1], b"%d\n" % len(replaced)
                with open("new", "wb") as f:
                    f.write(new)
                os.utime("new", (1400000000, 1400000000))
                os.rename("new", "www/yum/a")
                replaced[old] = time.monotonic()
                replaced[new] = never
            asked = time.monotonic()
            a = kept.ask(SERVICE + "/single/yum/a")
            assert a.status == 200
            of = [c for c in replaced if pieces(c) in a.body]
            assert of, "of nothing that ever was"
            age = asked - replaced[of[0]]
            # And the difference of the clocks.
            assert age <= 1.05, "replaced %.2f s before" % age
            time.sleep(0.005)
    assert len(replaced) == 3


run(globals())
