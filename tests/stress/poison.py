# SPDX-License-Identifier: ISC
"""What ends each process that is asked for it.

usage: poison.py PORT PROGRAM look | open | info | pieces
"""
import mmap
import struct

import packs
from faults import *

FILE = "/yum/poison"
SINGLE = request(SERVICE + "/single" + FILE)
# The others' requests; with "revalidate 0s" the walker is asked for each.
OTHERS = ["/yum/%d" % i for i in range(1, 41)]


class Poison:
    """The memory that tests/lib/faulty.h reads."""

    def __init__(self):
        with open("faults", "wb") as f:
            f.write(bytes(128))
        os.chmod("faults", 0o666)
        with open("faults", "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 128)

    def set(self, name):
        self.page[56:128] = bytes(72)
        self.page[64:64 + len(name)] = name.encode()

    def ended(self):
        return struct.unpack_from("=q", self.page, 56)[0]


def other_turn():
    """A file, or its torrent, or a torrent that was not asked for before."""
    path = random.choice(OTHERS)
    data = random.choice((
        request(path), request(SERVICE + "/single" + path),
        post(*random.sample(OTHERS, 3))))
    a = ask(data, 30)
    assert a is not None and a.status == 200, (data[:100], a)


def want_refused(data, poison, ended):
    """At once: no further process ends."""
    a = ask(data)
    assert a is not None and a.status == 500, (data[:100], a)
    assert b"refused for some minutes" in a.body, a.body
    assert poison.ended() == ended, poison.ended()


def want_ends(service, poison, data, name, role):
    """Two processes end, while all others are answered."""
    with Crowd(4, other_turn) as crowd:
        time.sleep(0.2)
        a = ask(data, 30)
        assert a is not None and a.status == 500, a
        assert poison.ended() == 2, poison.ended()
        want_refused(data, poison, 2)
        time.sleep(0.2)
        crowd.check()
    lines = service.lines(r"ended twice over a request for ")
    assert len(lines) == 1 and "%s ended twice over a request for %s: it is " \
        "refused for 5 minutes" % (role, name) in lines[0], lines
    assert poison.ended() == 2, poison.ended()


def reload(service):
    before = service.count(": reloaded")
    os.kill(service.pid, signal.SIGHUP)
    wait_until(10, lambda: service.count(": reloaded") > before, "a reload")


def quoted(path):
    return '"%s"' % path


def look(service, poison):
    poison.set("poison")
    want_ends(service, poison, SINGLE, quoted(FILE), "a walker")
    for data in post(FILE), request(FILE), \
            request(SERVICE + "/simple" + FILE):
        want_refused(data, poison, 2)
    # It is asked for again after a reload.
    poison.set("")
    reload(service)
    check_torrent(ask_until(SINGLE, 10)[0].body)


def open_file(service, poison):
    """By a client of the file, then by a torrent of it and of others."""
    poison.set("yum/poison")
    want_ends(service, poison, request(FILE), quoted(FILE), "a walker")
    want_refused(SINGLE, poison, 2)
    pattern = request(SERVICE + "/single/yum/p*")
    assert ask(pattern).status == 500 and poison.ended() == 2
    reload(service)
    # Only one of these files is to blame.
    everything = request(SERVICE + "/single/yum/*")
    assert ask(everything, 30).status == 500
    assert poison.ended() == 4, poison.ended()
    want_refused(request(FILE), poison, 4)
    for path in OTHERS:
        assert ask(request(path)).status == 200, path


def info(service, poison):
    paths = OTHERS[:2]
    digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
    ask_until(post(*paths), 10)
    wait_until(10, lambda: os.path.exists("cache/info/" + digest), "stored")
    service.stop()
    service.start()
    poison.set("info/" + digest)
    data = request(SERVICE + "/digest/" + digest)
    want_ends(service, poison, data, "the digest " + digest, "the cache")
    want_refused(post(*paths), poison, 2)
    poison.set("")
    reload(service)
    check_torrent(ask_until(data, 10)[0].body)


def pieces(service, poison):
    """The pack of a directory, of which the others' files are none."""
    path = "/yum/own/poison"
    single = request(SERVICE + "/single" + path)
    poison.set(packs.pack_of(path)[len("cache/"):][:60])
    want_ends(service, poison, single, quoted(path), "the cache")
    # The walker is not to blame.
    assert ask(request(path)).status == 200
    poison.set("")
    reload(service)
    check_torrent(ask_until(single, 10)[0].body)


def main(case):
    seed_random()
    poison, service = Poison(), Service("conf")
    service.start()
    case(service, poison)
    service.stop()
    service.want_no_line(UNSOUND)


main({"look": look, "open": open_file, "info": info,
      "pieces": pieces}[sys.argv[3]])
