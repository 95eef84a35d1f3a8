# SPDX-License-Identifier: ISC
"""Programs of clients_test.sh."""
import os
import sys

from service import run


def make_long_paths(*_):
    os.chdir(sys.argv[2])
    for _ in range(15):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    for i in range(int(sys.argv[3])):
        with open("f%05d" % i, "w") as f:
            f.write("x" if i == 0 else "")


run(globals())
