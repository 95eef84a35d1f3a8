# SPDX-License-Identifier: ISC
"""Parts of the mirror, or all of it, are unmounted and mounted again.

usage: mounts.py PORT PROGRAM part | root      (as root, in a mount namespace)
"""
from faults import *

REVALIDATE = 1


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def is_unmounted(*args):
    return subprocess.run(["umount", *args], stderr=subprocess.DEVNULL) \
        .returncode == 0


def is_answered(path, status, content=None):
    a = ask(request(SERVICE + "/single" + path))
    if a is None or a.status != status:
        return False
    return content is None or hashlib.sha1(content).digest() in a.body


def part():
    """/yum/disk is another file system, which comes and goes."""
    content = random.randbytes(3000)
    os.makedirs("disk")
    os.makedirs("www/yum/disk")
    for name in "disk/a", "www/yum/b":
        write_file(name, content)
    mount("--bind", "disk", "www/yum/disk")
    time.sleep(2.1)
    service = Service("conf").start()
    known = ask_until(request(SERVICE + "/single/yum/**"), 10)[0].body
    check_torrent(known)

    def turn():
        path = random.choice(("/yum/disk/a", "/yum/**", "/yum/disk/*"))
        a = ask(request(SERVICE + "/single" + path))
        assert a is not None and a.status in (200, 403, 404, 503), a
    with Crowd(2, turn) as crowd:
        for _ in range(10):
            # Busy while a file there is being hashed.
            wait_until(10, lambda: is_unmounted("www/yum/disk"), "unmounted")
            wait_until(REVALIDATE + 1, lambda: is_answered(
                "/yum/disk/a", 404), "gone")
            assert is_answered("/yum/b", 200, content)
            mount("--bind", "disk", "www/yum/disk")
            wait_until(REVALIDATE + 1, lambda: is_answered(
                "/yum/disk/a", 200, content), "back")
            wait_until(REVALIDATE + 1, lambda: ask(request(
                SERVICE + "/single/yum/**")).body == known, "as before")
            crowd.check()
    service.finish("|ended: ")


def root():
    """The walker lives there, so it can be unmounted only lazily."""
    def put(content):
        mount("-t", "tmpfs", "-o", "mode=755", "none", "www")
        os.mkdir("www/yum")
        write_file("www/yum/a", content)
    put(b"old\n")
    time.sleep(2.1)
    service = Service("conf").start()
    wait_until(10, lambda: is_answered("/yum/a", 200, b"old\n"), "an answer")
    assert is_unmounted("-l", "www")
    wait_until(10, lambda: is_answered("/yum/a", 404), "gone")
    for n in range(3):
        content = b"new %d\n" % n
        put(content)
        wait_until(10, lambda: is_answered("/yum/a", 200, content), "back")
        assert is_unmounted("-l", "www")
        wait_until(10, lambda: is_answered("/yum/a", 404), "gone")
    service.finish()


{"part": part, "root": root}[sys.argv[3]]()
