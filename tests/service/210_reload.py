# SPDX-License-Identifier: ISC
"""Programs of 210_reload_test.sh."""
import os
import signal
import sys
import threading

from service import *


def new_listen(*_):
    second = int(sys.argv[3])
    def works(port):
        try:
            with Connection(port) as c:
                return c.ask("/").status == 404
        # Refused, or not accepted before it stopped to listen.
        except (EOFError, ConnectionError):
            return False
    c = Connection()
    assert c.ask("/").status == 404
    os.kill(int(sys.argv[2]), signal.SIGHUP)
    wait_for(10, lambda: works(second), "the new socket")
    wait_for(10, lambda: not works(c.port), "the end of the old one")
    assert c.ask("/").status == 404


def no_request_lost(*_):
    pid, here = int(sys.argv[2]), sys.argv[3]
    with open("conf") as f:
        conf = f.read()
    lengths, wrong, done = set(), [], threading.Event()
    def ask():
        while not done.is_set():
            with Connection() as c:
                a = c.ask(SERVICE + "/single/yum/a")
                if a.status == 200:
                    lengths.add(a.body[a.body.index(b"6:length"):][8:11])
                else:
                    wrong.append(a)
    t = threading.Thread(target=ask)
    t.start()
    for n in range(8):
        directory = ("other", "www")[n % 2]
        with open("conf", "w") as f:
            f.write(conf.replace("/www", "/" + directory))
        os.kill(pid, signal.SIGHUP)
        want = b"i%de" % os.stat(directory + "/yum/a").st_size
        lengths.clear()
        wait_for(5, lambda: wrong or lengths == {want} or
                 lengths.clear(), "the new root")
    done.set()
    t.join()
    assert not wrong, wrong


run(globals())
