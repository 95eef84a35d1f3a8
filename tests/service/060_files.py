# SPDX-License-Identifier: ISC
"""Programs of 060_files_test.sh."""
import os
import threading

from service import *


def growing(*_):
    with Connection(receive_buffer=65536) as c:
        c.send(request("/yum/a"))
        c.until(lambda: len(c.buffer) > 1000)
        os.truncate("www/yum/a", 1 << 20)
        assert len(c.rest()) < 60 << 20
    with Connection() as c:
        assert len(c.ask("/yum/a").body) == 1 << 20


def fast_reader(*_):
    def read_all():
        with Connection(receive_buffer=8 << 20) as c:
            c.send(request("/yum/a"))
            room, n = bytearray(8 << 20), 1
            while n > 0:
                n = c.socket.recv_into(room, 0, socket.MSG_TRUNC)
    threading.Thread(target=read_all, daemon=True).start()
    times, end = [], time.monotonic() + 4
    while time.monotonic() < end:
        start = time.monotonic()
        with Connection() as c:
            assert c.ask(SERVICE + "/nullfile/1").status == 200
        times.append(time.monotonic() - start)
    print("%d answers, %.3f s at worst" % (len(times), max(times)))
    assert max(times) < 0.5, times


run(globals())
