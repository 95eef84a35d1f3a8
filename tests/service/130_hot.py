# SPDX-License-Identifier: ISC
"""Programs of 130_hot_test.sh."""
import sys

from many import Load
from service import SERVICE, request, run


def no_calls_but_its_own(*_):
    requests = [(t, request(SERVICE + t)) for t in ("/single/yum/a",
        "/digest/" + sys.argv[2], "/nullfile/8576_0")] * 42
    load = Load()
    for n in range(4):
        load.add(requests, keep=True)
        load.add(requests)
    load.run(50)
    assert load.counts == {200: 8 * 126}, (load.counts, load.failures)


run(globals())
