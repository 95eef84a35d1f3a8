# SPDX-License-Identifier: ISC
"""Programs of 125_pieces_test.sh."""
import hashlib
import os
import shutil
import struct

from service import run

# As pkgtorrentd/cache/summary.c has it: used bytes and entries of both trees.
SUMMARY = struct.Struct("=8s6Q")


def old_pieces(*paths):
    """As version 0.1.0 stored them: a file for each."""
    for path in paths:
        try:
            st = os.stat("www" + path)
            identity = (st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
        except FileNotFoundError:
            identity = (1, 5, 0, 0)
        digest = hashlib.sha1(b"wrong").digest()
        data = struct.pack("=QQqqIIQ", *identity, 1 << 20, len(path), 2) + \
            path.encode() + 2 * digest
        data = struct.pack("=8sIIQ", b"pkgtorr\n", 1, 2,
                           24 + len(data) + 32) + data
        os.makedirs("cache/pieces" + path)
        with open("cache/pieces%s/1048576" % path, "wb") as f:
            f.write(data + hashlib.sha256(data).digest())


def read_summary():
    with open("cache/summary", "rb") as f:
        data = f.read()
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    return SUMMARY.unpack(data[:-32])


def summary(used, entries):
    """One that is whole, but wrong."""
    magic = read_summary()[0]
    data = SUMMARY.pack(magic, 4096, int(used), 1, int(entries), 0, 1 << 20)
    with open("cache/summary", "wb") as f:
        f.write(data + hashlib.sha256(data).digest())


def summary_entries():
    print(sum(read_summary()[3:5]))


def break_summary(how):
    name = "cache/summary"
    with open(name, "rb") as f:
        data = bytearray(f.read())
    os.unlink(name)
    if how == "flipped":
        data[20] ^= 1
    elif how == "cut":
        del data[50:]
    elif how == "empty":
        data.clear()
    if how == "directory":
        os.mkdir(name)
        if os.geteuid() == 0:
            shutil.chown(name, "nobody")
    elif how != "none":
        with open(name, "wb") as f:
            f.write(data)


run(globals())
