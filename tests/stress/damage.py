# SPDX-License-Identifier: ISC
"""Entries are damaged, cut short, or something else altogether.

usage: damage.py PORT PROGRAM bits N | power N | replaced
"""
import socket

from cached import *


def errors(service):
    """As the cache counts them."""
    before = service.count(r"cache.* entries on disk, .* errors")
    os.kill(service.pid, signal.SIGUSR1)
    wait_until(5, lambda: service.count(r"cache.* entries on disk, .* errors") >
               before, "a status")
    line = service.lines(r"cache.* entries on disk, .* errors")[-1]
    return int(re.search(r"(\d+) errors", line)[1])


def bits(n):
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
            # The one before is not in memory any more.
            mirror.get_large(True)
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
            mirror.get_large(True)
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


what = sys.argv[3]
if what == "replaced":
    replaced()
else:
    {"bits": bits, "power": power}[what](int(sys.argv[4]))
