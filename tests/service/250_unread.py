# SPDX-License-Identifier: ISC
"""Programs of 250_unread_test.sh."""
import re
import sys

from service import *


def want_told(*_):
    def read():
        with open(sys.argv[2], errors="replace") as f:
            return f.read()
    log = read()
    seen = [int(n) for n in re.findall(r'"GET /(\d+)-x{1800} HTTP', log)]
    assert seen == list(range(len(seen))), seen
    lost = sum(map(int, re.findall(r"(\d+) lines were lost", log)))
    print(len(seen), "lines,", lost, "lost")
    assert len(seen) > 300 and lost >= 1500 - len(seen) > 0


run(globals())
