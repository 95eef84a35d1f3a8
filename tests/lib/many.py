# SPDX-License-Identifier: ISC
"""Many clients at once, in one process.

    from many import Load
    load = Load()                           # to the port in sys.argv[1]
    for n in range(2000):
        load.add([("name", request("/a"))]) # each on a connection of its own
    load.run(60)                            # seconds, at most
    load.counts[200], load.failures
"""
import collections
import os
import resource
import selectors
import socket
import sys
import time

from service import Answer


def can_open(files):
    """May this process, and its children, have so many descriptors?"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        return False
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return True


class Client:
    """Asks one thing after the other, over one connection if keep is set."""

    def __init__(self, load, requests, keep):
        self.load, self.requests, self.keep = load, iter(requests), keep
        self.socket = None
        self.next()

    def next(self):
        try:
            self.name, self.out = next(self.requests)
        except StopIteration:
            self.close()
            self.load.clients.discard(self)
            return
        self.left, self.data, self.head = self.out, b"", None
        if self.socket is None:
            self.connect()
        else:
            self.watch(selectors.EVENT_WRITE)

    def connect(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.connected = False
        self.socket.connect_ex(("127.0.0.1", self.load.port))
        self.watch(selectors.EVENT_WRITE)

    def watch(self, events):
        try:
            self.load.selector.modify(self.socket, events, self)
        except KeyError:
            self.load.selector.register(self.socket, events, self)

    def close(self):
        if self.socket is not None:
            self.load.selector.unregister(self.socket)
            self.socket.close()
        self.socket = None

    def on_event(self, events):
        try:
            if events & selectors.EVENT_WRITE:
                self.write()
            else:
                self.read()
        except OSError as e:
            self.fail(os.strerror(e.errno))

    def write(self):
        if not self.connected:
            error = self.socket.getsockopt(socket.SOL_SOCKET,
                                           socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
            self.connected = True
            self.load.connected += 1
        if self.load.connected < self.load.together:
            # Nobody speaks before all are there.
            self.load.selector.unregister(self.socket)
            self.load.waiting.append(self)
            return
        self.left = self.left[self.socket.send(self.left):]
        if not self.left:
            self.watch(selectors.EVENT_READ)

    def read(self):
        data = self.socket.recv(1 << 20)
        if not data:
            self.fail("closed after %d bytes" % len(self.data))
            return
        self.data += data
        if self.head is None and b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            self.head = Answer(head)
            self.length = int(self.head.field("Content-Length") or 0)
            if self.out.startswith(b"HEAD ") or self.head.status == 304:
                self.length = 0
        if self.head is not None and len(self.data) >= self.length:
            self.head.body = self.data[:self.length]
            if not self.keep or self.head.field("Connection") == "close":
                self.close()
            self.load.counts[self.head.status] += 1
            self.load.on_answer(self.name, self.head)
            self.next()

    def fail(self, why):
        self.close()
        self.load.failures.append("%s: %s" % (self.name, why))
        self.next()


class Load:
    def __init__(self, on_answer=lambda name, answer: None, together=0):
        """together: so many connections are made before anybody speaks."""
        self.port = int(sys.argv[1])
        self.on_answer, self.together = on_answer, together
        self.selector = selectors.DefaultSelector()
        self.clients, self.waiting, self.connected = set(), [], 0
        self.counts, self.failures = collections.Counter(), []
        self.timers = []

    def add(self, requests, keep=False):
        """requests: (name, bytes) pairs; the next connection is made for
        the next one unless keep is set and the service agrees."""
        self.clients.add(Client(self, requests, keep))

    def every(self, seconds, do):
        self.timers.append([time.monotonic() + seconds, seconds, do])

    def run(self, limit):
        """Until all have asked all they wanted; returns seconds."""
        start = time.monotonic()
        while self.clients:
            now = time.monotonic()
            assert now < start + limit, "%d clients still wait, %r" % (
                len(self.clients), self.counts)
            for timer in self.timers:
                if now >= timer[0]:
                    timer[0] = now + timer[1]
                    timer[2]()
            for key, events in self.selector.select(0.02):
                key.data.on_event(events)
            if self.waiting and self.connected >= self.together:
                for client in self.waiting:
                    client.watch(selectors.EVENT_WRITE)
                self.waiting = []
        return time.monotonic() - start


def until(end, requests):
    """These over and over, as long as there is time."""
    while True:
        for request in requests:
            if time.monotonic() >= end:
                return
            yield request
