# SPDX-License-Identifier: ISC
"""A mirror with known torrents, and the cache's entries of them.

The service is to be configured with "piece-length 16K" and "hot-size 1M".
"""
import packs
from faults import *
from torrent_check import decode

PIECE = packs.PIECE_LEN = 16384
# The disk is not asked for torrents in memory: three of these do not fit there
# together, so asking for one after the other gets each from the disk.
LARGE = ["/yum/large%d" % n for n in range(3)]
DIRECTORIES = 10
# One complaint of each kind a minute, with a count.
COMPLAINT = r"^cache\[\d+\]: .*(not stored|removed): .*since the last line"


class Mirror:
    """Small files without end, each with known bytes."""

    def __init__(self, n):
        for path in LARGE:
            with open("www" + path, "wb") as f:
                f.truncate(300 << 20)
        self.paths = ["/yum/%d/%d" % (i // 2 % DIRECTORIES, i)
                      for i in range(n)]
        self.content = {path: b"%d\n" % i * (i % 50 + 1)
                        for i, path in enumerate(self.paths)}
        for i in range(DIRECTORIES):
            os.mkdir("www/yum/%d" % i)
        for path, content in self.content.items():
            write_file("www" + path, content)
        self.next, self.taken, self.large = 0, [], {}
        time.sleep(2.1)

    def take(self):
        """Two that nobody has asked for, of one directory."""
        paths = self.paths[self.next:self.next + 2]
        self.next += 2
        assert len(paths) == 2, "not enough files"
        self.taken.append(paths)
        return paths

    def learn(self):
        """The large ones: known, and remembered."""
        for path in LARGE:
            a, _ = ask_until(post(path), 20)
            check_torrent(a.body)
            self.large[path] = a.body
            wait_until(10, lambda: os.path.exists(info_entry(path)),
                       "remembered")

    def post(self, paths):
        """The torrent of two small files, right in any case."""
        a = ask(post(*paths))
        assert a is not None and a.status == 200, (paths, a)
        info = decode(a.body)[0][b"info"]
        first, last = (self.content[p] for p in paths)
        assert info[b"pieces"] == b"".join(
            hashlib.sha1(c).digest()
            for c in (first.ljust(PIECE, b"\0"), last)), paths
        assert [f[b"length"] for f in info[b"files"]] == \
            [len(first), PIECE - len(first), len(last)]

    def get_large(self, may_be_unknown=False):
        """Each from the cache; or posted, if that does not know it."""
        for path in LARGE:
            a = ask(request(post_parts(path)[0]))
            assert a is not None
            if a.status == 412 and may_be_unknown:
                a = ask(post(path))
            assert a.status == 200 and a.body == self.large[path], \
                (path, a.status, a.body[:100])


def digest_of(*paths):
    return hashlib.sha1("\n".join(paths).encode()).hexdigest()


def info_entry(*paths):
    return "cache/info/" + digest_of(*paths)



def is_whole(name):
    return os.path.isfile(name) and entry_fault(name) is None


def are_stored(*paths):
    """In packs of which other records may be damaged."""
    return all(map(packs.find, paths))


def start(files):
    mirror, service = Mirror(files), Service("conf").start()
    mirror.learn()
    return mirror, service


def finish(mirror, service, started):
    """It has come through all that as it was, and said little about it."""
    mirror.get_large(True)
    mirror.post(mirror.take())
    minutes = 1 + (time.monotonic() - started) // 60
    for cache in {line.split(":")[0] for line in service.lines(COMPLAINT)}:
        for kind in (r"not stored: (?!its share|longer|the cache)",
                     r"info/.*removed: ", r"pieces/.*removed: "):
            n = service.count("^" + re.escape(cache) + ": .*" + kind)
            assert n <= minutes, "%d lines in %d minutes: %s" % (
                n, minutes, kind)
    service.finish()


def want_stored(mirror):
    """It goes on by itself when it can."""
    paths = mirror.take()
    mirror.post(paths)
    wait_until(5, lambda: is_whole(info_entry(*paths)), "remembered")
    wait_until(5, lambda: are_stored(*paths), "stored")
    return paths


def want_all_whole(mirror, service, posted):
    """Once each has been asked for, each is as it should be."""
    service.stop()
    shutil.rmtree("cache/info", ignore_errors=True)
    service.start()
    for paths in posted:
        mirror.post(paths)
    mirror.get_large(True)
    names = [info_entry(*paths) for paths in posted] + \
        [info_entry(path) for path in LARGE]
    wait_until(10, lambda: all(map(is_whole, names)), "all is remembered")
    wait_until(10, lambda: are_stored(*LARGE, *sum(posted, [])) and
               all(map(is_whole, packs.packs())), "all is whole again")
    check_entries()


def change(name, do):
    with open(name, "r+b") as f:
        data = bytearray(f.read())
        do(data)
        f.seek(0)
        f.write(data)
        f.truncate()


def flip(data, at, bit):
    data[at] ^= 1 << bit


def cut(data, at, _):
    del data[at:]


def zero(data, at, _):
    data[at:] = bytes(len(data) - at)


def damages(size):
    """All that may happen to so many bytes: a bit at some offset, or an end
    that was not written, or not its blocks."""
    for at in range(size):
        for bit in range(8):
            yield flip, at, bit
        yield cut, at, 0
        if at < size - 1:
            yield zero, at, 0


def any_damage(name):
    size = os.path.getsize(name)
    if size == 0:
        return              # cut before, and not wanted since
    do = random.choice((flip, cut, zero))
    at, bit = random.randrange(size), random.randrange(8)
    change(name, lambda data: do(data, at, bit))
