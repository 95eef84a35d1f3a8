# SPDX-License-Identifier: ISC
"""Entries and packs are damaged, cut short, or something else altogether.

usage: damage.py PORT PROGRAM bits N | power N | replaced
"""
import socket

from cached import *


def figure(service, pattern):
    """A number of the cache's status."""
    line = r"cache.* entries on disk, .* errors"
    before = service.count(line)
    os.kill(service.pid, signal.SIGUSR1)
    wait_until(5, lambda: service.count(line) > before, "a status")
    return int(re.search(pattern, service.lines(line)[-1])[1])


def errors(service):
    return figure(service, r"(\d+) errors")


class Pair:
    """Two files of a directory of their own, so with a pack of their own.  Of
    all pairs the entries have the same lengths."""

    def __init__(self, n):
        self.paths = ["/yum/p%05d/%d" % (n, i) for i in range(2)]
        os.mkdir("www" + os.path.dirname(self.paths[0]))
        self.content = [b"%d of %05d\n" % (i, n) * 10 for i in range(2)]
        for path, content in zip(self.paths, self.content):
            write_file("www" + path, content)
        self.info = info_entry(*self.paths)
        self.pack = packs.pack_of(self.paths[0])

    def post(self):
        a = ask(post(*self.paths))
        assert a is not None and a.status == 200, (self.paths, a)
        first, last = self.content
        assert decode(a.body)[0][b"info"][b"pieces"] == b"".join(
            hashlib.sha1(c).digest()
            for c in (first.ljust(PIECE, b"\0"), last)), self.paths

    def is_stored(self):
        return is_whole(self.info) and is_whole(self.pack) and \
            are_stored(*self.paths)

    def damage(self, name, do, at, bit):
        """Done while nobody looks.  How many records that costs, and how many
        errors the cache is to count, at least and at most."""
        change(name, lambda data: do(data, at, bit))
        if name == self.info:
            # Without our magic the sweep may take it for the original's.
            with open(name, "rb") as f:
                return 0, f.read(8) == b"pkgtorr\n", 1
        os.unlink(self.info)
        pack = packs.Pack(name)
        count = (pack.junk > 0) + sum(not r.whole for r in pack.records)
        return 2 - len(pack.live()), count, count


def some_damages(name, n):
    every = list(damages(os.path.getsize(name)))
    return random.sample(every, min(n, len(every))) if n else every


def bits(n):
    """Each bit and each length, of an entry and of a pack."""
    seed_random()
    pairs = [Pair(i) for i in range(n or 500)]
    time.sleep(2.1)
    service = Service("conf").start()
    for pair in pairs:
        pair.post()
    wait_until(20, lambda: all(p.is_stored() for p in pairs), "stored")
    done = {"info": 0, "pack": 0}
    for kind in done:
        todo = some_damages(getattr(pairs[0], kind), n)
        for first in range(0, len(todo), len(pairs)):
            damage_round(service, kind, pairs, todo[first:first + len(pairs)])
        done[kind] = len(todo)
    service.finish()
    print("found and made again: %r" % done)


def damage_round(service, kind, pairs, todo):
    lost = least = most = 0
    service.stop()
    for pair, (do, at, bit) in zip(pairs, todo):
        cost, *count = pair.damage(getattr(pair, kind), do, at, bit)
        # A flipped bit costs one record, a cut all that it cuts.
        assert cost <= 1 or do != flip, (kind, at, bit)
        lost, least, most = lost + cost, least + count[0], most + count[1]
    service.start()
    for pair, what in zip(pairs, todo):
        a = ask(request(post_parts(*pair.paths)[0]))
        assert a is not None and a.status == 412, (kind, what, a)
        pair.post()
    wait_until(20, lambda: all(p.is_stored() for p in pairs), "stored again")
    found = errors(service)
    assert least <= found <= most, (kind, least, found, most)
    assert hashed(service) == lost, (hashed(service), lost)


def hashed(service):
    """How many files of a pair."""
    line = r"front.* bytes hashed"
    before = service.count(line)
    os.kill(service.pid, signal.SIGUSR1)
    wait_until(5, lambda: service.count(line) > before, "a status")
    return int(re.search(r"(\d+) bytes hashed", service.lines(line)[-1])[1]
               ) // len(b"0 of 00000\n" * 10)


def all_have_ended():
    """All that was adopted, with all that it had open."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def power(n):
    """The power fails: any part of late writes may be missing."""
    seed_random()
    mirror, service = start(400)
    started, spoilt = time.monotonic(), 0
    posted = [mirror.take() for _ in range(20)]
    adopt_orphans()
    for _ in range(n):
        for paths in posted:
            mirror.post(paths)
        time.sleep(random.random() * 0.05)
        service.process.kill()
        service.process.wait()
        wait_until(10, all_have_ended, "their end")
        for name in list(files_below("cache")):
            if random.random() < 0.5:
                any_damage(name)
                spoilt += 1
            if random.random() < 0.1 and name not in (
                    "cache/summary", "cache/tracker.key"):
                os.rename(name, os.path.dirname(name) + "/.new-4711")
        service.start()
        for paths in posted:
            mirror.post(paths)
        mirror.get_large(True)
        wait_until(10, lambda: all(is_whole(info_entry(*p))
                                   for p in posted), "stored again")
        left = [f for f in files_below("cache") if f.endswith(".new-4711")]
        wait_until(10, lambda: not any(map(os.path.exists, left)), "a sweep")
    want_all_whole(mirror, service, posted)
    finish(mirror, service, started)
    print("%d times without power, %d entries spoilt" % (n, spoilt))


def replacements(name):
    """Things that may be where an entry should be."""
    def link(to):
        os.rename(name, "moved")
        os.symlink(to, name)

    def directory(*inside):
        os.unlink(name)
        os.mkdir(name)
        for f in inside:
            open(os.path.join(name, f), "w").close()
        # Files that others made and keep to themselves would stay.
        if os.geteuid() == 0:
            shutil.chown(name, "nobody")

    def special(make):
        os.unlink(name)
        make(name)

    def make_socket(at):
        s = socket.socket(socket.AF_UNIX)
        os.chdir(os.path.dirname(at))
        s.bind(os.path.basename(at))
        os.chdir(home)

    home = os.getcwd()
    kinds = {
        "a link to it": lambda: link(home + "/moved"),
        "a relative link": lambda: link("../" * name.count("/") + "moved"),
        "a link to nothing": lambda: link("nowhere"),
        "a link to itself": lambda: link(os.path.basename(name)),
        "a link to a directory": lambda: link(home + "/www"),
        "a directory": directory,
        "a directory with files": lambda: directory("1", "2"),
        "a FIFO": lambda: special(os.mkfifo),
        "a socket": lambda: special(make_socket),
        "another link": lambda: os.link(name, "moved"),
    }
    if os.geteuid() == 0:
        kinds["a device"] = lambda: special(
            lambda at: os.mknod(at, 0o20666, os.makedev(1, 5)))
    return kinds


def is_plain(name):
    """Neither a link nor something that has one."""
    return os.path.lexists(name) and not os.path.islink(name) and (
        os.path.isdir(name) or os.lstat(name).st_nlink == 1)


def replaced():
    mirror, service = start(100)
    started, paths, done = time.monotonic(), mirror.take(), 0
    mirror.post(paths)
    info, pack = info_entry(*paths), packs.pack_of(paths[1])
    wait_until(5, lambda: is_whole(info), "stored")
    www = sorted(os.listdir("www"))
    def is_stored():
        """The name of an open pack is looked at once a second."""
        if os.path.exists(info):
            os.unlink(info)
        mirror.get_large(True)
        mirror.post(paths)
        return all(map(is_plain, (info, os.path.dirname(pack), pack))) and \
            is_whole(info) and are_stored(*paths)

    for name in info, pack, os.path.dirname(pack):
        for what, do in replacements(name).items():
            if os.path.isdir(name):
                shutil.rmtree(name)
                open(name, "w").close()
            print(name, "becomes", what)
            do()
            if name != info:
                os.unlink(info)
            mirror.get_large(True)
            a = ask(request(post_parts(*paths)[0]))
            assert a is not None and a.status == 412, a
            wait_until(5, is_stored, "stored again")
            for f in "moved", "nowhere":
                if os.path.isdir(f):
                    shutil.rmtree(f)
                elif os.path.lexists(f):
                    os.unlink(f)
            done += 1
    assert sorted(os.listdir("www")) == www
    finish(mirror, service, started)
    print("%d replacements" % done)


what = sys.argv[3]
if what == "replaced":
    replaced()
else:
    {"bits": bits, "power": power}[what](int(sys.argv[4]))
