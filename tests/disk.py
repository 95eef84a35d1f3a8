"""The cache's disk fails, fills up, loses power, or is written by others.

usage: disk.py PORT PROGRAM calls | full | damage N | power N | replaced |
       directory | writers SECONDS
"""
import errno
import mmap
import socket
import struct

from faults import *
from torrent_check import decode

PIECE = 16384
# What is in memory is not asked of the disk: three of these do not fit there
# together, so whoever asks for one after the other gets each from the disk.
LARGE = ["/yum/large%d" % n for n in range(3)]
# One complaint of each kind a minute, with a count.
COMPLAINT = r"^cache\[\d+\]: .*(not stored|removed): .*since the last line"
CALLS = ("openat", "openat2", "write", "pread", "fstat", "fstatat", "close",
         "mkdirat", "renameat", "unlinkat", "futimens", "getdents64")
HALF, NOTHING = -1, -2


class Faults:
    """What tests/faulty.h looks at."""

    def __init__(self, name="faults"):
        with open(name, "wb") as f:
            f.write(bytes(48))
        os.chmod(name, 0o666)
        with open(name, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 48)

    def set(self, calls=(), how=0, skip=0, times=1 << 40):
        bits = sum(1 << CALLS.index(c) for c in calls)
        # No call is to fail in between.
        struct.pack_into("=q", self.page, 8, 0)
        struct.pack_into("=qqqq", self.page, 16, how, skip, times, 0)
        struct.pack_into("=q", self.page, 8, bits)

    def made(self):
        return struct.unpack_from("=q", self.page, 40)[0]


class Mirror:
    """Small files without end, of which it is known what they are."""

    def __init__(self, n):
        for path in LARGE:
            with open("www" + path, "wb") as f:
                f.truncate(300 << 20)
        self.content = {"/yum/%d" % i: b"%d\n" % i * (i % 50 + 1)
                        for i in range(n)}
        for path, content in self.content.items():
            with open("www" + path, "wb") as f:
                f.write(content)
        self.next, self.large = 0, {}
        time.sleep(2.1)

    def take(self):
        """Two that nobody has asked for."""
        paths = ["/yum/%d" % (self.next + i) for i in range(2)]
        self.next += 2
        assert paths[-1] in self.content, "not enough files"
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
        """Two small files' torrent, right whatever happens."""
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


def pieces_entry(path):
    return "cache/pieces%s/%d" % (path, PIECE)


def is_whole(name):
    return os.path.isfile(name) and entry_fault(name) is None


def start(files):
    mirror, service = Mirror(files), Service("conf")
    service.start()
    mirror.learn()
    return mirror, service


def finish(mirror, service, started):
    """It has come through all that as it was, and said little about it."""
    mirror.get_large(True)
    mirror.post(mirror.take())
    minutes = 1 + (time.monotonic() - started) // 60
    for cache in {line.split(":")[0] for line in service.lines(COMPLAINT)}:
        for kind in (r"not stored: (?!cache-size|longer|the cache)",
                     r"info/.*removed: ", r"pieces/.*removed: "):
            n = service.count("^" + re.escape(cache) + ": .*" + kind)
            assert n <= minutes, "%d lines in %d minutes: %s" % (
                n, minutes, kind)
    service.stop()
    service.want_no_line(UNSOUND)


def want_stored(mirror):
    """It goes on by itself when it can."""
    paths = mirror.take()
    mirror.post(paths)
    for name in [info_entry(*paths)] + [pieces_entry(p) for p in paths]:
        wait_until(5, lambda: is_whole(name), "stored: " + name)


def use(mirror, service, n):
    """All that makes the cache work, the sweep included."""
    mirror.get_large(True)
    for _ in range(2):
        mirror.post(mirror.take())
    # A longer age, and another one: a sweep is due.
    with open("conf") as f:
        conf = re.sub(r"cache-age .*", "cache-age %dd" % (30 + n % 7),
                      f.read())
    with open("conf", "w") as f:
        f.write(conf)
    before = service.count(": reloaded")
    os.kill(service.pid, signal.SIGHUP)
    wait_until(10, lambda: service.count(": reloaded") > before, "a reload")


def age_some(names):
    """So that the sweep removes them, and that their use is noted."""
    for name in names:
        for days, f in ((60, pieces_entry(name)), (2, info_entry(name))):
            then = time.time() - days * 86400
            try:
                os.utime(f, (then, then))
            except OSError:
                pass


def one_fault(mirror, service, faults, n, calls, how, **limits):
    age_some(LARGE[:1])
    faults.set(calls, how, **limits)
    use(mirror, service, n)
    made = faults.made()
    faults.set()
    check_entries()
    return made


def calls():
    started, made = time.monotonic(), {}
    faults = Faults()
    mirror, service = start(2500)
    cache = service.child("cache")
    use(mirror, service, 1)
    fds, n = descriptors(cache), 0

    def try_fault(name, how, **limits):
        nonlocal n
        n += 1
        what = "%s: %s %r" % (name, errno.errorcode.get(how, how), limits)
        try:
            some = one_fault(mirror, service, faults, n, [name], how,
                             **limits)
            want_stored(mirror)
        except AssertionError as e:
            raise AssertionError("%s: %s" % (what, e)) from e
        assert service.child("cache") == cache, "it did not survive " + what
        made[name] = made.get(name, 0) + some
        return some

    for name in CALLS:
        for how in errno.ENOSPC, errno.EIO, errno.EROFS:
            try_fault(name, how)
        # Each one alone.
        skip = 0
        while try_fault(name, errno.EIO, skip=skip, times=1) and skip < 30:
            skip += 1
    for how in HALF, NOTHING:
        try_fault("write", how, times=1)
        try_fault("write", how, times=3)
        try_fault("pread", how)
        try_fault("write", how)
    for name in CALLS:
        assert made[name], "nobody calls " + name
    if fds is not None:
        wait_until(5, lambda: descriptors(cache) == fds, "descriptors of it")
    finish(mirror, service, started)
    check_entries()
    print("%d kinds of faults; calls that failed: %r" % (n, made))


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def full():
    """In a mount namespace of our own."""
    started = time.monotonic()
    mount("-t", "tmpfs", "-o", "size=8m,mode=777", "none", "cache")
    mirror, service = start(2000)
    total = os.statvfs("cache")
    for left in 0, 1, 2, 5:
        # All but so many blocks are somebody else's.
        with open("cache/other", "wb") as f:
            free = os.statvfs("cache").f_bavail - left
            os.posix_fallocate(f.fileno(), 0, max(1, free) * total.f_frsize)
        for _ in range(50):
            mirror.post(mirror.take())
        mirror.get_large(True)
        check_entries()
        left_over = [f for f in files_below("cache") if ".new-" in f]
        assert not left_over, left_over
        os.unlink("cache/other")
        want_stored(mirror)
    assert service.count("not stored: No space left") == 1
    mount("-o", "remount,bind,ro", "cache")
    for _ in range(20):
        mirror.post(mirror.take())
        mirror.get_large(True)
    mount("-o", "remount,bind,rw", "cache")
    want_stored(mirror)
    finish(mirror, service, started)
    print("full: %d requests right" % mirror.next)


def forget(mirror):
    """What was asked before is not in memory any more."""
    mirror.get_large(True)


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
    that was not written, or whose blocks were not."""
    for at in range(size):
        for bit in range(8):
            yield flip, at, bit
        yield cut, at, 0
        if at < size - 1:
            yield zero, at, 0


def any_damage(name):
    size = os.path.getsize(name)
    do = random.choice((flip, cut, zero))
    at, bit = random.randrange(size), random.randrange(8)
    change(name, lambda data: do(data, at, bit))


def errors(service):
    """As the cache counts them."""
    before = service.count(r"cache.* entries, .* errors")
    os.kill(service.pid, signal.SIGUSR1)
    wait_until(5, lambda: service.count(r"cache.* entries, .* errors") >
               before, "a status")
    line = service.lines(r"cache.* entries, .* errors")[-1]
    return int(re.search(r"(\d+) errors", line)[1])


def damage(n):
    seed_random()
    mirror, service = start(20)
    started, paths = time.monotonic(), mirror.take()
    mirror.post(paths)
    info, pieces = info_entry(*paths), pieces_entry(paths[0])
    wait_until(5, lambda: is_whole(info), "stored")
    done = {info: 0, pieces: 0}
    digest = request(post_parts(*paths)[0])
    for name in info, pieces:
        with open(name, "rb") as f:
            whole = f.read()
        some = list(damages(len(whole)))
        for do, at, bit in random.sample(some, n) if n else some:
            what = do.__name__, at, bit
            change(name, lambda data: do(data, at, bit))
            assert entry_fault(name), what
            if name == pieces:
                os.unlink(info)
            forget(mirror)
            a = ask(digest)
            assert a is not None and a.status == 412, (name, what, a)
            mirror.post(paths)
            wait_until(5, lambda: is_whole(name) and is_whole(info),
                       "stored again: %s, %r" % (name, what))
            with open(name, "rb") as f:
                assert f.read() == whole, (name, what)
            done[name] += 1
    assert errors(service) == sum(done.values()), (errors(service), done)
    finish(mirror, service, started)
    print("found and made again: %r" % done)


def want_all_whole(mirror, service, posted):
    """Once each has been asked for, each is as it should be."""
    service.stop()
    shutil.rmtree("cache/info", ignore_errors=True)
    service.start()
    for paths in posted:
        mirror.post(paths)
    mirror.get_large(True)
    names = [info_entry(*paths) for paths in posted] + \
        [pieces_entry(path) for paths in posted for path in paths] + \
        [info_entry(path) for path in LARGE] + \
        [pieces_entry(path) for path in LARGE]
    wait_until(10, lambda: all(map(is_whole, names)), "all is whole again")
    check_entries()


def power(n):
    """The power fails: of what was written lately anything may be missing."""
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
        wait_until(10, lambda: not [os.waitpid(p, os.WNOHANG) for p in
                                    children(os.getpid())], "their end")
        for name in list(files_below("cache")):
            if random.random() < 0.5:
                any_damage(name)
                spoilt += 1
            if random.random() < 0.1:
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
    """What may be where an entry should be."""
    def link(to):
        os.rename(name, "moved")
        os.symlink(to, name)

    def directory(*inside):
        os.unlink(name)
        os.mkdir(name)
        for f in inside:
            open(os.path.join(name, f), "w").close()

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


def replaced():
    mirror, service = start(100)
    started, paths, done = time.monotonic(), mirror.take(), 0
    mirror.post(paths)
    info, pieces = info_entry(*paths), pieces_entry(paths[1])
    wait_until(5, lambda: is_whole(info), "stored")
    www = sorted(os.listdir("www"))
    for name in info, pieces, os.path.dirname(pieces):
        for what, do in replacements(name).items():
            if os.path.isdir(name):
                shutil.rmtree(name)
                open(name, "w").close()
            print(name, "becomes", what)
            do()
            if name != info:
                os.unlink(info)
            forget(mirror)
            a = ask(request(post_parts(*paths)[0]))
            assert a is not None and a.status == 412, a
            mirror.post(paths)
            wait_until(5, lambda: is_whole(info) and is_whole(pieces) and
                       os.lstat(info).st_nlink == 1 and
                       os.lstat(pieces).st_nlink == 1, "stored again")
            for f in "moved", "nowhere":
                if os.path.isdir(f):
                    shutil.rmtree(f)
                elif os.path.lexists(f):
                    os.unlink(f)
            done += 1
    assert sorted(os.listdir("www")) == www
    finish(mirror, service, started)
    print("%d replacements" % done)


def directory():
    mirror, service = start(200)
    started, paths = time.monotonic(), mirror.take()
    mirror.post(paths)
    for name in "cache/pieces/yum", "cache/pieces", "cache/info", "cache":
        mode = os.stat(name).st_mode & 0o777
        os.chmod(name, 0)
        mirror.post(mirror.take())
        mirror.post(paths)
        mirror.get_large(True)
        os.chmod(name, mode)
        want_stored(mirror)
    for n in range(20):
        wipe()
        mirror.post(mirror.take())
        mirror.get_large(True)
    want_stored(mirror)
    shutil.rmtree("cache")
    for _ in range(5):
        mirror.post(mirror.take())
        mirror.get_large(True)
    wait_until(5, lambda: service.count("the cache directory was removed"),
               "a word about it")
    service.want_no_line("ended: ")
    make_cache_directory()
    service.stop()
    service.start()
    want_stored(mirror)
    finish(mirror, service, started)


def make_cache_directory():
    os.mkdir("cache")
    if os.geteuid() == 0:
        shutil.chown("cache", "nobody")


def scribble(names):
    """As a program that is at home in the same directory might."""
    name = random.choice(names)
    what = random.randrange(7)
    try:
        if what == 0:
            os.unlink(name)
        elif what == 1:
            os.truncate(name, random.randrange(os.path.getsize(name) + 1))
        elif what == 2:
            any_damage(name)
        elif what == 3:
            os.rename(name, random.choice(names))
        elif what == 4:
            shutil.copyfile(random.choice(names), name)
        elif what == 5:
            shutil.rmtree(os.path.dirname(name))
        else:
            with open(name, "wb") as f:
                f.write(random.randbytes(300))
    except (OSError, ValueError, IndexError):
        pass


def writers(seconds):
    """Two services and a scribbler in one cache."""
    seed_random()
    mirror, service = start(60)
    with open("conf") as f:
        other_port = sys.argv[5]
        conf = f.read().replace("127.0.0.1:" + sys.argv[1],
                                "127.0.0.1:" + other_port)
    with open("conf.other", "w") as f:
        f.write(conf)
    other = Service("conf.other", "log.other")
    other.start()
    started = time.monotonic()
    posted = [mirror.take() for _ in range(20)]
    names = [info_entry(*p) for p in posted] + \
        [pieces_entry(path) for p in posted for path in p] + \
        [info_entry(p) for p in LARGE] + [pieces_entry(p) for p in LARGE]
    turns = 0

    def turn():
        nonlocal turns
        mirror.post(random.choice(posted))
        if random.random() < 0.2:
            mirror.get_large(True)
        turns += 1

    def turn_of_other():
        with Connection(int(other_port)) as c:
            path = random.choice(LARGE)
            a = c.ask(*post_parts(path))
            assert a.status == 200 and a.body == mirror.large[path]
    with Crowd(2, turn), Crowd(2, turn_of_other) as crowd:
        while time.monotonic() < started + seconds:
            scribble(names)
            time.sleep(0.005)
            crowd.check()
    # Where nobody scribbles any more, all is well again.
    other.stop()
    want_all_whole(mirror, service, posted)
    service.stop()
    for s in service, other:
        s.want_no_line(UNSOUND + "|ended: ")
    print("%d requests right" % turns)


what = sys.argv[3]
if what in ("damage", "power"):
    {"damage": damage, "power": power}[what](int(sys.argv[4]))
elif what == "writers":
    writers(float(sys.argv[4]))
else:
    {"calls": calls, "full": full, "replaced": replaced,
     "directory": directory}[what]()
