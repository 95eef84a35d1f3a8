# SPDX-License-Identifier: ISC
"""Images that agree in all that stat(2) says of their files, mounted one after
another.

usage: images.py PORT PROGRAM CASE KIND NUMBERS

To be run as root, in a mount namespace.  KIND is squashfs, erofs, or overlay
(over a squashfs).  NUMBERS are those that mounts have: unique (Linux 6.8), or
reused, when PROGRAM is told by the file "faults" that the kernel has no others.
The service is to be configured with "revalidate 1s" ("60s" for told),
"serve-files yes" and "access-log access".
"""
import struct

import packs
from faults import *

CASE, KIND, NUMBERS = sys.argv[3:6]
REVALIDATE = 1
CONTENT = {"A": b"old!\n" * 60000, "B": b"new!\n" * 60000}
PAST, FUTURE = 1500000000, 2208988800
PLACE = "www/yum/img"
SINGLE = SERVICE + "/single/yum/img/a"


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


def make_images(when=PAST):
    """A and B: the same names, sizes, times and inode numbers."""
    for name, content in CONTENT.items():
        source = "source-" + name
        os.makedirs(source + "/sub")
        for path, data in (("a", content), ("sub/b", content[::-1]),
                           ("empty", b"")):
            write_file(os.path.join(source, path), data)
        for path in ("a", "sub/b", "empty", "sub", "."):
            os.utime(os.path.join(source, path), (when, when))
        if KIND == "erofs":
            run("mkfs.erofs", "-T%d" % when, "--all-root",
                "-U00000000-0000-0000-0000-000000000001", name + ".img",
                source)
        else:
            run("mksquashfs", source, name + ".img", "-all-time", str(when),
                "-mkfs-time", str(when), "-all-root", "-noappend",
                "-no-xattrs", "-no-progress")


def unmount(place, *how):
    """Busy while a file there is being hashed."""
    wait_until(10, lambda: subprocess.run(
        ["umount", *how, place], stderr=subprocess.DEVNULL).returncode == 0,
        "unmounted")


def mount(name, place):
    kind = "erofs" if KIND == "erofs" else "squashfs"
    if KIND != "overlay":
        run("mount", "-t", kind, "-o", "loop,ro", name + ".img", place)
        return
    os.makedirs("lower-" + name, exist_ok=True)
    os.makedirs("empty", exist_ok=True)
    run("mount", "-t", kind, "-o", "loop,ro", name + ".img", "lower-" + name)
    run("mount", "-t", "overlay", "-o", "lowerdir=lower-%s:empty" % name,
        "overlay", place)


def replace(place, *how):
    """Another image in the place of the one that is there."""
    unmount(place, *how)
    if KIND == "overlay":
        unmount("lower-A", *how)
    mount("B", place)


def mount_number(place):
    with open("/proc/self/mountinfo") as f:
        return [line.split()[0] for line in f
                if line.split()[4] == os.path.abspath(place)]


def all_of(path):
    st = os.stat(path)
    return st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns


def prove_that_they_agree():
    """… or the rest would prove nothing.  Mounted one after another, so that
    the kernel may give them the same device number as well."""
    seen = {}
    os.makedirs("probe")
    for name in CONTENT:
        mount(name, "probe")
        seen[name] = [all_of("probe/" + path) for path in
                      (".", "a", "sub/b", "empty")] + [
                          os.stat("probe").st_dev, mount_number("probe")]
        with open("probe/a", "rb") as f:
            assert f.read() == CONTENT[name]
        unmount("probe")
        if KIND == "overlay":
            unmount("lower-" + name)
    assert seen["A"][:-2] == seen["B"][:-2], seen
    print("%s: all four fields agree; st_dev, reused numbers of mounts:" %
          KIND, seen["A"][-2:], seen["B"][-2:])


def is_of(a, name):
    """A torrent of that image, be its file the last one or padded."""
    whole = CONTENT[name]
    return a is not None and a.status == 200 and any(
        hashlib.sha1(c).digest() in a.body
        for c in (whole, whole.ljust(1 << 20, b"\0")))


def ask_for(name, target=SINGLE):
    a = ask(request(target))
    assert is_of(a, name), (target, a)
    check_torrent(a.body)
    return a


def access():
    """The lines of the access log, which is written in blocks."""
    with open("access") as f:
        return f.read().splitlines()


def stored():
    return [f for tree in ("info", "pieces")
            for f in files_below("cache/" + tree)]


def begin():
    make_images()
    prove_that_they_agree()
    os.makedirs(PLACE, exist_ok=True)


def start(name, place):
    begin()
    mount(name, place)
    return Service("conf").start()


def want_soon(name, target=SINGLE, more=0):
    """Within the promised time; never the old one past that."""
    end = time.monotonic() + REVALIDATE + more + 0.1
    while True:
        asked = time.monotonic()
        if is_of(ask(request(target)), name):
            break
        assert asked < end, "%s is not of image %s" % (target, name)
        time.sleep(0.01)
    time.sleep(REVALIDATE + 0.1)
    ask_for(name, target)


def want_remembered(name, target=SINGLE):
    """It is answered from memory while the mount stays."""
    ask_for(name, target)
    with Connection() as c:
        for _ in range(20):
            assert is_of(c.ask(target), name)
    wait_until(5, lambda: any(target in line and " hit " in line
                              for line in access()), "a hit")


def below():
    """Below the root, with files of the mirror's own beside it."""
    service = start("A", PLACE)
    digest = post_parts("/yum/img/a", "/yum/img/sub/b")[0]
    for target in SINGLE, SERVICE + "/single/yum/img/**":
        want_remembered("A", target)
    assert is_of(ask(post("/yum/img/a", "/yum/img/sub/b")), "A")
    ask_for("A", digest)
    etag = ask(request("/yum/img/a")).field("ETag")
    replace(PLACE)
    want_soon("B")
    a = ask(request("/yum/img/a", if_none_match=etag))
    assert a.status == 200 and a.body == CONTENT["B"], a
    a = ask(request("/yum/img/a", if_modified_since=a.field("Last-Modified")))
    assert a.status == 200, a
    want_soon("B", SERVICE + "/single/yum/img/**")
    # The paths of the digest were known by the mount, too.
    assert ask(request(digest)).status == 412
    assert is_of(ask(post("/yum/img/a", "/yum/img/sub/b")), "B")
    want_soon("B", digest)
    want_remembered("B")
    lines = service.lines(r"walker.*: \"/yum/img/\S+\" below the root is on "
                          r"%s, .* in memory only" % KIND)
    assert 1 <= len(lines) <= 2, lines
    assert not stored(), stored()
    service.finish("|ended: ")


def restart():
    """Exchanged while the service is away; nothing of it is on disk."""
    service = start("A", PLACE)
    ask_for("A")
    assert is_of(ask(post("/yum/img/a")), "A")
    service.stop()
    assert not stored(), stored()
    replace(PLACE)
    service.start()
    ask_for("B")
    assert ask(request(post_parts("/yum/img/a")[0])).status == 412
    assert is_of(ask(post("/yum/img/a")), "B")
    service.stop()
    assert not stored(), stored()


def root():
    """All of the mirror is an image.  The walker lives there, so it can be
    unmounted only lazily."""
    service = start("A", "www")
    lines = service.lines(r"walker.*: root /\S*/www is on %s, .*in memory "
                          "only" % KIND)
    assert len(lines) == 1, lines
    target = SERVICE + "/single/a"
    want_remembered("A", target)
    replace("www", "-l")
    want_soon("B", target, 1)
    want_remembered("B", target)
    assert not stored(), stored()
    service.finish()


def link():
    """root is a link that is switched from one image to the other."""
    begin()
    for name in CONTENT:
        os.makedirs("at-" + name)
        mount(name, "at-" + name)
    os.rename("www", "was-www")
    os.symlink("at-A", "www")
    service = Service("conf").start()
    target = SERVICE + "/single/a"
    want_remembered("A", target)
    os.symlink("at-B", "new")
    os.rename("new", "www")
    want_soon("B", target, 1)
    assert not stored(), stored()
    service.finish()


def replace_while_hashing(service, then):
    """Between a file's being found and its being read."""
    hasher = service.child("hasher 1")
    os.kill(hasher, signal.SIGSTOP)
    seen = []
    asking = threading.Thread(target=lambda: seen.append(
        ask(request(SERVICE + "/single/yum/img/**"))))
    asking.start()
    # The file that the hasher was handed keeps the old image in use.
    wait_until(10, lambda: any("img/a" in os.readlink(f) for f in
                               glob.glob("/proc/%d/fd/*" %
                                         service.child("front"))), "opened")
    replace(PLACE, "-l")
    then()
    os.kill(hasher, signal.SIGCONT)
    asking.join(15)
    assert is_of(seen[0], "B"), seen
    check_torrent(seen[0].body)


def hashing():
    """The findings are too old by then to be believed unseen."""
    service = start("A", PLACE)
    replace_while_hashing(service, lambda: time.sleep(REVALIDATE + 0.1))
    want_soon("B", SERVICE + "/single/yum/img/**")
    service.finish()


def told():
    """revalidate is long; but the parent tells of the change."""
    service = start("A", PLACE)
    # Of an empty file a torrent is made without a hasher.
    empty = SERVICE + "/single/yum/img/empty"

    def is_forgotten():
        assert ask(request(empty)).status == 200
        return len([line for line in access()
                    if empty in line and " made " in line]) > 1
    assert not is_forgotten()
    assert not is_forgotten()
    replace_while_hashing(service, lambda: wait_until(
        10, is_forgotten, "forgotten"))
    ask_for("B")
    service.finish()


def unrelated():
    """Any new mount ends all memories: file systems may
    show others' files."""
    begin()
    os.makedirs("elsewhere")
    mount("A", PLACE)
    write_file("www/yum/plain", CONTENT["A"])
    time.sleep(2.1)
    service = Service("conf").start()
    asked = 0

    def state(target):
        nonlocal asked
        asked += 1
        assert ask(request(target)).status == 200
        wait_until(5, lambda: len(access()) >= asked, "a line")
        return access()[asked - 1].split()[-3]
    assert state(SINGLE) == "made"
    assert state(SERVICE + "/single/yum/plain") == "made"
    wait_until(5, lambda: state(SINGLE) == "hit", "a hit")
    for what in (lambda: run("mount", "-t", "tmpfs", "none", "elsewhere"),
                 lambda: unmount("elsewhere")):
        what()
        wait_until(5, lambda: state(SINGLE) == "made", "made anew")
        wait_until(5, lambda: state(SINGLE) == "hit", "a hit")
    # File systems that keep change times are not concerned.
    assert state(SERVICE + "/single/yum/plain") in ("hit", "checked")
    service.finish()


def entry(kind, head, payload):
    """As pkgtorrentd 0.1.0 stored them (pkgtorrentd/cache/entry.c)."""
    fixed = struct.pack("=8sIIQ", b"pkgtorr\n", 1, kind, 24 + len(head) +
                        len(payload) + 32) + head + payload
    return fixed + hashlib.sha256(fixed).digest()


def put(name, data):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    write_file(name, data)
    for path in name, *[d for d, _, _ in os.walk("cache")]:
        shutil.chown(path, "nobody")


def old_entries():
    """Stored by a version that took images for file systems like others, as
    0.1.0 did."""
    begin()
    mount("B", PLACE)
    path, digest = b"/yum/img/a", post_parts("/yum/img/a")[0]
    identity = struct.pack("=QQqq", *all_of(PLACE + "/a"))
    lie = hashlib.sha1(CONTENT["A"]).digest()
    put("cache/pieces/yum/img/a/1048576",
        entry(2, identity + struct.pack("=IIQ", 1 << 20, len(path), 2),
              path + 2 * lie))
    pack = packs.pack_of("/yum/img/a")
    put(pack, packs.build(pack, "/yum/img", [
        ("a", all_of(PLACE + "/a"), 2 * lie, 0)]))
    assert packs.find("/yum/img/a").whole
    info = b"d5:filesld6:lengthi%de4:pathl3:img1:aeee4:name3:yum12:piece " \
        b"lengthi1048576e6:pieces20:%se" % (len(CONTENT["A"]), lie)
    listing = struct.pack("=IIII", 0, 1, len(path), 1) + path + identity + \
        struct.pack("=II", len(path), 0) + path
    put("cache/info/" + os.path.basename(digest),
        entry(1, bytes.fromhex(os.path.basename(digest)) +
              struct.pack("=IIIQQ", 1 << 20, 0, 15, len(listing), len(info)),
              b"torrent_service" + listing + info))
    service = Service("conf").start()
    ask_for("B")
    for _ in range(2):
        a = ask(request(digest))
        assert a.status == 412 or is_of(a, "B"), a
    assert is_of(ask(post("/yum/img/a")), "B")
    service.stop()
    assert packs.find("/yum/img/a").digests == 2 * lie, "replaced"
    assert service.count("removed 1 piece lists that version 0.1.0") == 1
    # They were read as bytes, and found to be of another file.
    service.want_no_line(UNSOUND + "|removed: ")


def kept():
    """The same files where change times are kept: remembered on disk, so the
    other cases could have failed."""
    begin()
    mount("A", "probe")
    run("mount", "-t", "tmpfs", "none", PLACE)
    run("cp", "-a", "probe/.", PLACE)
    time.sleep(2.1)
    service = Service("conf").start()
    ask_for("A")
    assert is_of(ask(post("/yum/img/a", "/yum/img/sub/b")), "A")
    wait_until(5, lambda: len(stored()) == 3, stored)
    unmount("probe")
    service.stop()
    assert not service.lines("is on .*in memory only"), "no such line"


def future():
    """Times ahead of the clock are as good as old ones."""
    make_images(FUTURE)
    os.makedirs(PLACE)
    mount("A", PLACE)
    assert os.stat(PLACE + "/empty").st_ctime == FUTURE
    service = Service("conf").start()
    want_remembered("A")
    # An empty one, too, which no hasher looks at.
    want_remembered("A", SERVICE + "/single/yum/img/**")
    service.stop()


if NUMBERS == "reused":
    # The last of tests/lib/faulty.h.
    faulty_page(struct.pack("=7q", *[0] * 6, 1))
globals()[CASE]()
