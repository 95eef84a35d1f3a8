"""Connections that are made just before the service is told to stop.

    last.py PORT PARENT FRONT
"""
import os
import signal
import sys

from service import Connection, request, wait_for

parent, front = int(sys.argv[2]), int(sys.argv[3])


def refused():
    try:
        Connection().close()
    except ConnectionRefusedError:
        return True
    return False


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
    # Who has nothing to ask for does not keep it.
    assert silent.rest() == b""
