# SPDX-License-Identifier: ISC
"""Programs of 030_life_test.sh."""
import os
import signal
import sys

from service import *


def refused():
    try:
        Connection().close()
    except ConnectionRefusedError:
        return True
    return False


def answers_are_finished(*_):
    with Connection(receive_buffer=1 << 18) as c, Connection() as idle:
        assert idle.ask("/").status == 404
        c.send(request("/yum/a"))
        c.until(lambda: len(c.buffer) > 1000)
        os.kill(int(sys.argv[2]), signal.SIGTERM)
        wait_for(5, refused, "the end of listening")
        assert idle.rest() == b""
        assert len(c.answer().body) == 16 << 20
        # Nothing is left to wait for.
        c.socket.settimeout(2)
        assert c.rest() == b""


def interrupt(*_):
    with Connection(receive_buffer=1 << 18) as c:
        c.send(request("/yum/a"))
        c.until(lambda: len(c.buffer) > 1000)
        os.kill(int(sys.argv[2]), signal.SIGINT)
        wait_for(6, lambda: not c.is_held(), "cut")


def last(*_):
    """Connections that are made just before the service is told to stop."""
    parent, front = int(sys.argv[2]), int(sys.argv[3])
    with Connection() as silent, Connection() as idle, Connection() as early:
        assert idle.ask("/").status == 404
        # It stands still, so that these wait in the kernel when it is to stop.
        os.kill(front, signal.SIGSTOP)
        with Connection() as asked, Connection() as late:
            asked.send(request("/"))
            os.kill(parent, signal.SIGTERM)
            os.kill(front, signal.SIGCONT)
            assert asked.answer().status == 404
            assert idle.rest() == b""
            wait_for(5, refused, "the end of listening")
            for connection in early, late:
                connection.send(request("/"))
                answer = connection.answer()
                assert answer.status == 404, answer
                assert answer.field("connection") == "close", answer
                assert connection.rest() == b""
        # A client without a request does not keep it.
        assert silent.rest() == b""


run(globals())
