# SPDX-License-Identifier: ISC
"""Programs of 280_control_test.sh: ends of the control socket that do what
pkgtorrentctl never does."""
import array
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

from service import *

PATH, PARENT = sys.argv[3], int(sys.argv[4])
del sys.argv[3:]
STATUS, RELOAD, WARM, PURGE, CHECK, EXPORT, IMPORT, STOP = range(1, 9)
RUNNING, DONE, FAILED = range(1, 4)
CONNECTIONS = 4
TASKS = 8


def numbers():
    """{message: number}, by the list of the table."""
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "../tool/msg_table")
    rows = [line.split("|")[1].strip() for line in
            subprocess.check_output([tool], text=True).splitlines()
            if "→" in line and not line.startswith("| message")]
    return {name: n + 1 for n, name in enumerate(rows)}


NUMBERS = numbers()


def message(command, path=b"", number=0, flags=0, kind="CONTROL"):
    body = struct.pack("=QII", number, command, flags) + path
    return struct.pack("=II", NUMBERS[kind], len(body)) + body


class Control:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(PATH)
        self.socket.settimeout(10)

    def send(self, data, fds=()):
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array("i", fds))] if fds else []
        try:
            self.socket.sendmsg([data], passed)
        except BrokenPipeError:
            pass        # refused, with a reason to read
        return self

    def next(self):
        """(state, tail), or None at the end."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = self.socket.recv(1 << 16)
        if not data:
            return None
        kind, length = struct.unpack_from("=II", data)
        assert kind == NUMBERS["CONTROLLED"] and length == len(data) - 8
        _, state, zero = struct.unpack_from("=QII", data, 8)
        assert zero == 0
        return state, data[8 + 64:]

    def last(self):
        """The answer that ends the command, and nothing after it."""
        while True:
            answer = self.next()
            assert answer is not None, "closed without a word"
            if answer[0] != RUNNING:
                break
        assert self.next() is None
        return answer

    def close(self):
        self.socket.close()


def all_answered():
    """As many at a time as there may be, so none of the earlier ones is."""
    controls = [Control() for _ in range(CONNECTIONS)]
    try:
        return all(c.send(message(STATUS)).last()[0] == DONE
                   for c in controls)
    finally:
        for control in controls:
            control.close()


def wait_until(function, seconds=5):
    end = time.monotonic() + seconds
    while not function():
        assert time.monotonic() < end, function
        time.sleep(0.01)


def want_failed(control, word):
    state, tail = control.last()
    assert state == FAILED and word in tail, (state, tail)
    control.close()


def wrong_ones():
    """Each is refused with a word, its descriptors are closed, and nothing
    else happens."""
    mine, null = os.pipe()
    good = message(STATUS)
    lengths = [good[:n] for n in range(1, len(good))]
    wrong = [(data, ()) for data in lengths] + [
        (good + b"x", ()),
        (struct.pack("=II", NUMBERS["CONTROL"], 4096 + 16) +
         good[8:] + b"x" * 4096, ()),
        (b"x" * 65536, ()),
        (message(STATUS, number=1), ()),
        (message(0), ()), (message(STOP), ()), (message(9), ()),
        (message(1 << 31), ()), (message(STOP, b"/"), ()),
        (message(RELOAD, b"/"), ()),
        (message(WARM), ()), (message(PURGE), ()), (message(CHECK), ()),
        (message(EXPORT), ()), (message(IMPORT), ()),
        (message(EXPORT, b"/"), (null,)), (message(IMPORT, b"/"), (null,)),
        (message(STATUS), (null,)), (message(WARM, b"/"), (null,)),
        (message(EXPORT), (null,) * 2),
        (message(STATUS), (null,) * 32), (message(STATUS), (null,) * 250),
    ] + [(message(STATUS, kind=kind), ()) for kind in NUMBERS
         if kind != "CONTROL"]
    for data, passed in wrong:
        want_failed(Control().send(data, passed), b"not one command")
    control = Control().send(b"")
    assert control.next() is None
    control.close()
    # All copies of it are closed: this is the end.
    os.close(null)
    assert select.select([mine], [], [], 10)[0] and os.read(mine, 1) == b""
    wait_until(all_answered)


def crowd():
    """The fifth is told so, and the others are answered."""
    first = [Control() for _ in range(CONNECTIONS)]
    # All within the second that these have for their commands.
    for _ in range(3):
        want_failed(Control(), b"as many connections")
    for control in first:
        assert control.send(message(STATUS)).last()[0] == DONE
        control.close()
    assert all_answered()
    # Those who come and go at once leave nothing.
    for _ in range(500):
        Control().close()
    wait_until(all_answered)


def silent():
    """Who says nothing is cut after a second, and others wait no longer."""
    waiting = [Control() for _ in range(CONNECTIONS)]
    start = time.monotonic()
    for control in waiting:
        want_failed(control, b"within a second")
    assert 0.9 < time.monotonic() - start < 5
    assert Control().send(message(STATUS)).last()[0] == DONE


def unread():
    """Answers that nobody reads keep the parent from nothing."""
    controls = []
    for _ in range(CONNECTIONS):
        control = Control()
        control.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        controls.append(control.send(message(STATUS)))
    with Connection() as c:
        assert c.ask("/").status == 404
    for control in controls:
        assert control.last()[0] == DONE
        control.close()
    wait_until(all_answered)


def front():
    return next(int(pid) for pid in subprocess.check_output(
        ["ps", "--ppid", str(PARENT), "-o", "pid="], text=True).split()
        if open("/proc/%s/cmdline" % pid).read().startswith(
            "pkgtorrentd: front"))


def tasks():
    """Commands of those who have gone stay until their role says that they
    have ended, and have a bound; the parent's own are answered."""
    pid = front()
    os.kill(pid, signal.SIGSTOP)
    try:
        want_failed(Control().send(message(PURGE, b"/yum")).send(
            message(STATUS)), b"not one command")
        for _ in range(TASKS - 1):
            Control().send(message(PURGE, b"/yum")).close()
            assert Control().send(message(STATUS)).last()[0] == DONE
        want_failed(Control().send(message(PURGE, b"/yum")),
                    b"earlier commands have not ended")
        assert Control().send(message(STATUS)).last()[0] == DONE
        assert Control().send(message(RELOAD)).last()[0] == DONE
    finally:
        os.kill(pid, signal.SIGCONT)

    def is_free():
        return b"earlier" not in Control().send(
            message(PURGE, b"/yum")).last()[1]
    wait_until(is_free, 20)
    assert front() == pid, "the front was ended"


def front_ends():
    """A command ends with its process, with a word."""
    pid = front()
    os.kill(pid, signal.SIGSTOP)
    waiting = [Control().send(message(command, b"/yum"))
               for command in (WARM, PURGE)]
    time.sleep(0.1)
    for command in (WARM, CHECK):
        want_failed(Control().send(message(command, b"/yum")),
                    b"warmed or checked already")
    os.kill(pid, signal.SIGKILL)
    for control in waiting:
        want_failed(control, b"the front has ended")

    def is_back():
        return b"started" not in Control().send(
            message(PURGE, b"/yum")).last()[1]
    wait_until(is_back, 20)


run({f.__name__: f for f in (wrong_ones, crowd, silent, unread, tasks,
                             front_ends)})
