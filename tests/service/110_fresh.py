# SPDX-License-Identifier: ISC
"""Programs of 110_fresh_test.sh."""
import hashlib
import os
import threading
import time

from service import SERVICE, Connection, run


def change_all_the_time(*_):
    end = threading.Event()
    def change():
        while not end.is_set():
            os.utime("www/yum/a")
            end.wait(0.005)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        with Connection(timeout=50) as c:
            a = c.ask(SERVICE + "/single/yum/a")
            assert a.status == 503, a
            assert int(a.field("Retry-After")) > 0, a
    finally:
        end.set()
        thread.join()


def never_older(*_):
    replaced, versions = [], []	# when; the SHA-1 of its only piece
    end = time.monotonic() + 10.5
    def replace(n):
        data = (b"version %d\n" % n) * 30000
        with open("www/yum/.new", "wb") as f:
            f.write(data)
        versions.append(hashlib.sha1(data).digest())
        os.rename("www/yum/.new", "www/yum/a")
        replaced.append(time.monotonic())
    replace(0)
    def change():
        while time.monotonic() < end - 4:
            time.sleep(3.2)
            replace(len(versions))
    thread = threading.Thread(target=change)
    thread.start()
    seen = set()
    with Connection() as c:
        while time.monotonic() < end:
            asked = time.monotonic()
            body = c.ask(SERVICE + "/single/yum/a").body
            n = [n for n, v in enumerate(list(versions)) if v in body]
            assert len(n) == 1, "not a version of the file"
            seen.add(n[0])
            # 20 ms: the service's clock is a coarse one.
            assert n[0] + 1 >= len(replaced) or \
                asked < replaced[n[0] + 1] + 1.02, "version %d, %.3f s " \
                "after it was replaced" % (n[0], asked - replaced[n[0] + 1])
            time.sleep(0.002)
    thread.join()
    assert len(seen) == len(versions) > 2, seen


run(globals())
