# SPDX-License-Identifier: ISC
"""The file server of a root goes away: the parent has others to care for.

usage: away.py PORT PROGRAM DIRECTORY all | read | fail | reload | check | over
                                         (as root, in a mount name space)
"""
import ctypes
import errno
import socket
import struct

from faults import *

CONTENT = b"on a server\n"
# Of <linux/fuse.h>.
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, \
    READDIR, RELEASEDIR, ACCESS, BATCH_FORGET = 1, 2, 3, 14, 15, 17, 18, 25, \
    26, 27, 28, 29, 34, 42
ROOT, DIRECTORY, FILE, OTHER = 1, 2, 3, 4


def attributes(node):
    mode, size = (0o40755, 4096) if node < FILE else (0o100644, len(CONTENT))
    return struct.pack("=6Q10I", node, size, 1, *[1600000000] * 3, 0, 0, 0,
                       mode, 1, 0, 0, 0, 4096, 0)


def answer(op, node, body):
    """(error, bytes) of a file system that has dir/a and dir/b; its answer is good
    for no time at all."""
    if op == INIT:
        return 0, struct.pack("=4I2HII2HI", 7, 31, 65536, 0, 16, 12, 65536, 1,
                              0, 0, 0) + bytes(28)
    if op == LOOKUP:
        found = {(ROOT, b"dir\0"): DIRECTORY, (DIRECTORY, b"a\0"): FILE,
                 (DIRECTORY, b"b\0"): OTHER}.get((node, body))
        if found is None:
            return errno.ENOENT, b""
        return 0, struct.pack("=4Q2I", found, 0, 0, 0, 0, 0) + \
            attributes(found)
    if op == GETATTR:
        return 0, struct.pack("=Q2I", 0, 0, 0) + attributes(node)
    if op in (OPEN, OPENDIR):
        return 0, bytes(16)
    if op == READ:
        _, offset, size = struct.unpack_from("=QQI", body)
        return 0, CONTENT[offset:offset + size]
    if op == READDIR:
        return 0, b"" if struct.unpack_from("=QQ", body)[1] else b"".join(
            struct.pack("=QQII8s", node, i + 1, 1, 8, name)
            for i, (node, name) in enumerate(((FILE, b"a"), (OTHER, b"b"))))
    if op == STATFS:
        return 0, struct.pack("=5Q10I", 1, 0, 0, 1, 0, 4096, 255, 4096, 0,
                              *[0] * 6)
    if op in (RELEASE, RELEASEDIR, FLUSH, ACCESS):
        return 0, b""
    return errno.ENOSYS, b""


class Server:
    """Answers all but the requests that it is to leave unanswered."""

    def __init__(self, directory):
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", directory.encode(), b"fuse", 0, (
                b"fd=%d,rootmode=40755,user_id=0,group_id=0,"
                b"allow_other,default_permissions" %
                self.fd)) != 0:
            print("no FUSE: " + os.strerror(ctypes.get_errno()))
            sys.exit(77)
        self.silent, self.failing, self.asked = (), (), 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question = os.read(self.fd, 1 << 17)
            _, op, unique, node = struct.unpack_from("=IIQQ", question)
            self.asked += 1
            if op in self.silent or op in (FORGET, BATCH_FORGET):
                continue
            error, body = answer(op, node, question[40:])
            if op in self.failing:
                error, body = errno.EIO, b""
            os.write(self.fd, struct.pack("=IiQ", 16 + len(body), -error,
                                          unique) + body)


def want_one_start(service):
    """A root that a reload brings gets one walker, and not another one to look
    where it leads by now."""
    conf = read_file("conf")
    service.reload(conf + "root /new %s/far/dir\n" % os.getcwd())
    os.kill(service.pid, signal.SIGUSR1)
    # The parent's own lines come before those of the others.
    wait_until(10, lambda: service.count("connections open"), "a summary")
    lines = service.lines(r"status: .*walker /new")
    assert len(lines) == 1 and "restarted 0 times" in lines[0], lines
    service.reload(conf)
    wait_until(10, service.is_complete, "all children")


def all_of_it(server, service):
    there = request(SERVICE + "/single/far/a")
    here = request(SERVICE + "/single/yum/a")
    for target in there, here:
        assert ask(target).status == 200
    want_one_start(service)
    server.silent = range(100)
    # All that makes the parent look around, and its time to do so by itself.
    time.sleep(2.1)
    walker, cache = service.child("walker /far"), service.child("cache")
    os.kill(walker, signal.SIGKILL)
    time.sleep(1.1)
    for _ in range(2):
        reloads = service.count("reloading ")
        service.hang_up()
        wait_until(5, lambda: service.count("reloading ") > reloads,
                   "a reload")
        os.kill(service.child("cache"), signal.SIGKILL)
        wait_until(5, lambda: service.child("cache") != cache, "a new cache")
        cache = service.child("cache")
        assert ask(here).status == 200
    assert ask(there, 20).status == 503
    assert server.asked > 0


def read_by(service, title, target):
    """The processes that are to read that."""
    pid = service.child(title)
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.sendall(request(target))
    time.sleep(1)
    return pid, client


def want_left_behind(service, pid, start):
    wait_until(10, lambda: service.count(
        r" %d did not exit 5 s after SIGKILL" % pid), "an end")
    assert is_running(pid)
    print("done without it after %.1f s" % (time.monotonic() - start))


def reading(server, service):
    """Files were opened before; a process that reads them waits, and cannot be
    killed."""
    server.silent = (READ,)
    # Requests behind it go first when there is another one.
    hasher, client = read_by(service, "hasher 1", SERVICE + "/single/far/a")
    start = time.monotonic()
    ask_until(request(SERVICE + "/single/yum/a"), 35)
    want_left_behind(service, hasher, start)
    client.close()
    front, client = read_by(service, "front", "/far/b")
    start = time.monotonic()
    wait_until(80, lambda: service.count(r"front %d did not exit" % front),
               "an end of waiting")
    ask_until(request(SERVICE + "/single/yum/b"), 10)
    want_left_behind(service, front, start)
    client.close()


def failing(server, service):
    """The disk has faults: no torrent of half of a directory, and nobody
    else waits for it."""
    whole = "/single/far/*"
    known = ask(request(SERVICE + whole))
    assert known.status == 200, known
    time.sleep(1.1)
    for op, status, path in ((READDIR, 503, whole), (LOOKUP, 503, whole),
                             (OPENDIR, 503, whole),
                             (LOOKUP, 503, "/single/far/a"),
                             (READ, 500, "/single/far/b")):
        # Looked up and hashed anew.
        wipe()
        os.kill(service.child("front"), signal.SIGKILL)
        ask_until(request(SERVICE + "/single/yum/a"), 10)
        server.failing = (op,)
        start = time.monotonic()
        a = ask(request(SERVICE + path))
        assert a is not None and a.status == status, (op, path, a)
        server.failing = ()
        assert time.monotonic() - start < 5
    a, _ = ask_until(request(SERVICE + whole), 10)
    assert a.body == known.body


def reload_with_it(server, service):
    """A new root's server is away: the old configuration stays, and all else that
    is to be done in the meantime is done."""
    here = request(SERVICE + "/single/yum/a")
    assert ask(here).status == 200
    server.silent = range(100)
    old = read_file("conf")
    new = old + "root /far %s/far/dir\nhashers 2\n" % os.getcwd()
    known = service.children()
    service.hang_up(new.replace("hashers 1\n", ""))
    first = service.child("walker /far")
    assert ask(here).status == 200
    cache = service.child("cache")
    os.kill(cache, signal.SIGKILL)
    wait_until(5, lambda: service.child("cache") != cache, "a new cache")
    del known[cache]
    assert not service.count("reloaded") and ask(here).status == 200
    wait_until(60, lambda: service.count(
        "walker .* not ready after .*far/dir"), "an end of waiting")
    wait_until(5, lambda: service.count("old configuration stays in force"),
               "an end of the reload")
    # Once more: nobody waits for that one.
    service.hang_up(new.replace("hashers 1\n", ""))
    wait_until(5, lambda: [pid for pid, t in service.children().items()
                           if t == "walker /far" and pid != first],
               "a second one")
    service.hang_up(old + "deny /yum/b\n")
    wait_until(5, lambda: service.count("reloaded"), "the other reload")
    assert service.count("reload under way is cancelled") == 1
    assert service.count("old configuration stays in force") == 1
    assert service.count("reloading ") == 3
    assert known.items() <= service.children().items()
    first = [pid for pid, t in service.children().items()
             if t == "walker /far"]
    wait_until(5, lambda: service.child("hasher 1") and
               "hasher 2" not in service.children().values(), "hasher 2")
    assert ask(request(SERVICE + "/single/yum/b")).status == 403
    # And in the middle of it the service ends.
    service.hang_up(new.replace("hashers 1\n", ""))
    wait_until(5, lambda: [pid for pid, t in service.children().items()
                           if t == "walker /far" and pid not in first],
               "a third one")


def is_killed(pid):
    """It has ended, or will as soon as the kernel lets it."""
    try:
        with open("/proc/%d/status" % pid) as f:
            pending = re.findall(r"^S\w*Pnd:\s*(\w+)", f.read(), re.M)
    except OSError:
        return True
    return not is_running(pid) or any(
        int(p, 16) & 1 << (signal.SIGKILL - 1) for p in pending)


def check_with_it(server):
    """-n has an end all the same, and names the roots that it waited for."""
    adopt_orphans()
    server.silent = range(100)
    far = os.getcwd() + "/far/dir"
    # Each is looked at for itself, all at once.
    tries = [(keyword, path, subprocess.Popen(
        [sys.argv[2], "-n", "-f", "conf", "-o", option], text=True,
        stderr=subprocess.PIPE)) for keyword, path, option in (
            ("root", far, "root /far " + far),
            ("cache", far + "/cache", "cache %s/cache" % far),
            ("access-log", far + "/log", "access-log %s/log" % far))]
    for keyword, path, process in tries:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1, (keyword, said)
        assert re.search(r'\A[^\n]*conf: %s "%s" does not answer within '
                         r'30 s\n\Z' % (keyword, path), said), said
    # The only ones left cannot end before the server answers.
    wait_until(10, lambda: all(map(is_killed, children(os.getpid()))),
               lambda: children(os.getpid()))


def mounted_over(service):
    """It is mounted over the places of a root and of the cache, and never
    answers."""
    old = request(SERVICE + "/single/over/a")
    here = request(SERVICE + "/single/yum/a")

    def want_work():
        hasher = service.child("hasher 1")
        os.kill(hasher, signal.SIGKILL)
        wait_until(5, lambda: hasher not in service.children() and
                   "hasher 1" in service.children().values(), "a new hasher")
        for target in old, here:
            assert ask(target).status == 200

    for target in old, here:
        assert ask(target).status == 200
    server = Server(sys.argv[3])
    wait_until(5, lambda: server.asked, "its first question")
    server.silent = range(100)
    # The time that the parent has to look around by itself.
    time.sleep(2.1)
    want_work()
    service.reload(seconds=5)
    want_work()
    assert not service.count("is another directory now")
    # A cache that is new may not answer either, and is given up.
    conf = read_file("conf")
    service.hang_up(conf.replace("far/cache", "far/new"))
    wait_until(5, lambda: service.count(": reloading") == 2, "a reload")
    want_work()
    service.reload(conf, 5)
    assert service.count("reload under way is cancelled") == 1
    want_work()


def end(service):
    service.process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    wait_until(20,
               lambda: service.process.poll() is not None, "its end")
    print("ended %.1f s after it was asked to" % (time.monotonic() - start))
    service.want_no_line(UNSOUND)
    # The kernel gives up waiting for a server without this.
    os._exit(0)


def main():
    if sys.argv[4] == "over":
        service = Service("conf").start()
        mounted_over(service)
        end(service)
    server = Server(sys.argv[3])
    if sys.argv[4] == "check":
        check_with_it(server)
        os._exit(0)
    service = Service("conf").start()
    {"all": all_of_it, "read": reading, "fail": failing,
     "reload": reload_with_it}[sys.argv[4]](server, service)
    end(service)


main()
