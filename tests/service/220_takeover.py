# SPDX-License-Identifier: ISC
"""Programs of 220_takeover_test.sh."""
import os
import signal
import sys
import threading

from service import *


def nested_root(*_):
    pid, here = int(sys.argv[2]), sys.argv[3]
    with open("conf") as f:
        conf = f.read()
    wrong, seen, done = [], set(), threading.Event()
    def ask(path):
        while not done.is_set():
            with Connection() as c:
                a = c.ask(SERVICE + "/single/pub" + path)
                if a.status != 200:
                    wrong.append(a)
                seen.add((path, a.body))
    threads = [threading.Thread(target=ask, args=(path,)) for path in
               ("/**", "/more/b", "/yum/*", "/yum/1")]
    for t in threads:
        t.start()
    for n in range(20):
        with open("conf", "w") as f:
            f.write(conf)
            if n % 2 == 0:
                f.write("root /pub/more %s/more\n" % here)
        seen.clear()
        os.kill(pid, signal.SIGHUP)
        wait_for(20, lambda: wrong or {p for p, _ in seen} ==
                 {"/**", "/more/b", "/yum/*", "/yum/1"}, "answers")
    done.set()
    for t in threads:
        t.join()
    assert not wrong, wrong


run(globals())
