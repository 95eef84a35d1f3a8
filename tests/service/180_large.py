# SPDX-License-Identifier: ISC
"""Programs of 180_large_test.sh."""
import hashlib
import sys

from service import run


def six_gib(*_):
    info = open(sys.argv[2], "rb").read()
    mark = b"6:pieces122880:"
    assert b"6:lengthi6442450944e" in info
    pieces = info[info.index(mark) + len(mark):][:122880]
    with open(sys.argv[3], "rb") as f:
        for at in 0, 1, 2047, 4095, 4096, 4097, 6142, 6143:
            f.seek(at << 20)
            piece = hashlib.sha1(f.read(1 << 20)).digest()
            assert piece == pieces[20 * at:][:20], at


run(globals())
