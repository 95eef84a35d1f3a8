# SPDX-License-Identifier: ISC
"""The cache's disk fails, fills up, is taken away, or is written by others.

usage: disk.py PORT PROGRAM calls | full | directory | writers SECONDS PORT2
"""
import errno
import struct

from cached import *

CALLS = ("openat", "openat2", "write", "pread", "fstat", "fstatat", "close",
         "mkdirat", "renameat", "unlinkat", "futimens", "getdents64",
         "pwrite", "flock")
HALF, NOTHING = -1, -2


class Faults:
    def __init__(self):
        self.page = faulty_page()

    def set(self, calls=(), how=0, skip=0, times=1 << 40):
        bits = sum(1 << CALLS.index(c) for c in calls)
        # No call is to fail in between.
        struct.pack_into("=q", self.page, 8, 0)
        struct.pack_into("=qqqq", self.page, 16, how, skip, times, 0)
        struct.pack_into("=q", self.page, 8, bits)

    def made(self):
        return struct.unpack_from("=q", self.page, 40)[0]


def use(mirror, service, n):
    """All that makes the cache work, the sweep included."""
    mirror.get_large(True)
    for _ in range(2):
        mirror.post(mirror.take())
    # A longer age, and another one: a sweep is due.
    service.reload(re.sub(r"cache-age .*", "cache-age %dd" % (30 + n % 7),
                          read_file("conf")))


def make_old(name, days):
    then = time.time() - days * 86400
    os.utime(name, (then, then))


def disturb(unused):
    """So that there is something to do: entries and packs to remove for their
    age or their damage, and uses to be noted."""
    make_old(info_entry(*unused), 60)
    packs.set_age(unused[0], 60)
    # That of the large ones takes long to be made again.
    large = packs.pack_of(LARGE[0])
    some = [name for name in packs.packs()
            if name != large or random.random() < 0.1]
    packs.age_pack(random.choice(some), random.choice((2, 60)))
    any_damage(random.choice(some))
    if os.path.exists(info_entry(LARGE[0])):
        any_damage(info_entry(LARGE[0]))
    if os.path.exists(info_entry(LARGE[1])):
        make_old(info_entry(LARGE[1]), 2)


def one_fault(mirror, service, faults, n, calls, how, **limits):
    disturb(want_stored(mirror))
    if calls[0] in ("flock", "mkdirat"):
        shutil.rmtree("cache/pieces")
    faults.set(calls, how, **limits)
    use(mirror, service, n)
    end = time.monotonic() + 2.5
    while calls == ["flock"] and not faults.made() and time.monotonic() < end:
        # The lock is looked at once a second.
        mirror.post(mirror.take())
        time.sleep(0.2)
    made = faults.made()
    faults.set()
    # Nobody may have found the damage, if nothing could be read.
    mirror.get_large(True)
    check_entries(torn=True)
    return made


def calls():
    seed_random()
    started, made = time.monotonic(), {}
    faults = Faults()
    mirror, service = start(3000)
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
        for name in "write", "pwrite":
            try_fault(name, how, times=1)
            try_fault(name, how, times=3)
            try_fault(name, how)
        try_fault("pread", how)
    for name in CALLS:
        assert made[name], "nobody calls " + name
    want_stored(mirror)
    if fds is not None:
        # And those of the packs, which stay open.
        wait_until(5, lambda: descriptors(cache) <= fds + DIRECTORIES + 1,
                   "descriptors of it")
    want_all_whole(mirror, service, mirror.taken)
    finish(mirror, service, started)
    check_entries()
    print("%d kinds of faults; calls that failed: %r" % (n, made))


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def remount_read_only(service):
    """No file may be open for writing then, so another cache begins; it may
    open one for an answer that was under way."""
    for _ in range(10):
        os.kill(service.child("cache"), signal.SIGKILL)
        wait_until(10, service.is_complete, "all children")
        try:
            return mount("-o", "remount,bind,ro", "cache")
        except subprocess.CalledProcessError:
            time.sleep(0.1)
    raise AssertionError("the cache is in use")


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
        check_entries(torn=True)
        left_over = [f for f in files_below("cache") if ".new-" in f]
        assert not left_over, left_over
        os.unlink("cache/other")
        want_stored(mirror)
    assert service.count("not stored: No space left") == 1
    remount_read_only(service)
    for _ in range(20):
        mirror.post(mirror.take())
        mirror.get_large(True)
    mount("-o", "remount,bind,rw", "cache")
    want_stored(mirror)
    finish(mirror, service, started)
    print("full: %d requests right" % mirror.next)


def directory():
    mirror, service = start(200)
    started, paths = time.monotonic(), mirror.take()
    mirror.post(paths)
    wait_until(5, lambda: are_stored(*paths), "stored")
    for name in os.path.dirname(packs.pack_of(paths[0])), "cache/pieces", \
            "cache/info", "cache":
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
            write_file(name, random.randbytes(300))
    except (OSError, ValueError, IndexError):
        pass


def writers(seconds, other_port):
    """Two services and a scribbler in one cache."""
    seed_random()
    mirror, service = start(60)
    write_file("conf.other", read_file("conf").replace(
        "127.0.0.1:" + sys.argv[1], "127.0.0.1:" + other_port))
    other = Service("conf.other", "log.other").start()
    started = time.monotonic()
    posted = [mirror.take() for _ in range(20)]
    names = [info_entry(*p) for p in posted] + \
        [packs.pack_of(path) for p in posted for path in p] + \
        [info_entry(p) for p in LARGE] + [packs.pack_of(LARGE[0])]
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
    assert other.count("another service writes to this cache") > 0
    want_all_whole(mirror, service, posted)
    service.stop()
    for s in service, other:
        s.want_no_line(UNSOUND + "|ended: ")
    print("%d requests right" % turns)


what = sys.argv[3]
if what == "writers":
    writers(float(sys.argv[4]), sys.argv[5])
else:
    {"calls": calls, "full": full, "directory": directory}[what]()
