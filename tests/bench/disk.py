# SPDX-License-Identifier: ISC
"""Disks of their own for a measurement: a file with ext4, which a loop device
reads past the page cache; on a slow one each read of a block, be it data,
inode or directory, takes so many milliseconds, one after the other, as on a
disk with one head.

The slow one is a FUSE file system with that file alone, since few kernels have
dm-delay.  As root, in a mount name space, that bench.own_name_spaces() makes.
"""
import atexit
import ctypes
import errno
import mmap
import os
import signal
import struct
import time

from bench import CLONE_NEWNS, die, libc, run

# Of <linux/fuse.h>.
LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, \
    INIT, BATCH_FORGET = 1, 2, 3, 14, 15, 16, 17, 18, 20, 25, 26, 42
BIG_WRITES, MAX_PAGES, DIRECT_IO = 1 << 5, 1 << 22, 1
ROOT, FILE = 1, 2
LONGEST = 1 << 20			# bytes of one read or write
PR_SET_PDEATHSIG = 1
outside = os.open("/proc/self/ns/mnt", os.O_RDONLY)


class Delay:
    """Serves the file name/disk from another one, in a process of its own;
    both processes see the delay of a read in ms, and the reads so far."""

    def __init__(self, image, name):
        self.image = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        self.shared = mmap.mmap(-1, 16)
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        os.mkdir(name)
        if libc.mount(b"none", name.encode(), b"fuse", 0,
                      b"fd=%d,rootmode=40755,user_id=0,group_id=0" %
                      self.fd) != 0:
            die("no FUSE: " + os.strerror(ctypes.get_errno()))
        self.file = name + "/disk"
        self.pid = os.fork()
        if self.pid == 0:
            # Outside, for it could not answer the questions of an end
            # that unmounts.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            try:
                if libc.setns(outside, CLONE_NEWNS) == 0 and \
                        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
                    self.serve()
            finally:
                os._exit(0)
        os.close(self.fd)

    def set(self, ms):
        self.shared[:8] = struct.pack("=Q", ms)

    def reads(self):
        return struct.unpack_from("=Q", self.shared, 8)[0]

    def attributes(self, node):
        mode, size = (0o40755, 4096) if node == ROOT else (0o100600, self.size)
        return struct.pack("=6Q10I", node, size, size >> 9, *[0] * 6, mode, 1,
                           0, 0, 0, 4096, 0)

    def read(self, body):
        _, offset, size = struct.unpack_from("=QQI", body)
        ms, reads = struct.unpack_from("=QQ", self.shared)
        self.shared[8:] = struct.pack("=Q", reads + 1)
        time.sleep(ms / 1e3)
        return os.pread(self.image, size, offset)

    def answer(self, op, node, body):
        """(error, bytes)"""
        if op == INIT:
            return 0, struct.pack("=4I2HII2HI", 7, 31, LONGEST, BIG_WRITES |
                                  MAX_PAGES, 64, 48, LONGEST, 1, LONGEST >> 12,
                                  0, 0) + bytes(28)
        if op == LOOKUP:
            if (node, body) != (ROOT, b"disk\0"):
                return errno.ENOENT, b""
            return 0, struct.pack("=4Q2I", FILE, 0, 3600, 3600, 0, 0) + \
                self.attributes(FILE)
        if op == GETATTR:
            return 0, struct.pack("=Q2I", 3600, 0, 0) + self.attributes(node)
        if op == OPEN:
            return 0, struct.pack("=Q2I", 0, DIRECT_IO, 0)
        if op == READ:
            return 0, self.read(body)
        if op == WRITE:
            _, offset, size = struct.unpack_from("=QQI", body)
            return 0, struct.pack("=2I", os.pwrite(
                self.image, body[40:40 + size], offset), 0)
        if op in (RELEASE, FSYNC, FLUSH):
            return 0, b""
        return errno.ENOSYS, b""

    def serve(self):
        while True:
            try:
                question = os.read(self.fd, LONGEST + 4096)
            except OSError:
                return			# unmounted
            _, op, unique, node = struct.unpack_from("=IIQQ", question)
            if op in (FORGET, BATCH_FORGET):
                continue
            error, body = self.answer(op, node, question[40:])
            os.write(self.fd, struct.pack("=IiQ", 16 + len(body), -error,
                                          unique) + body)


class Disk:
    """ext4 at the directory name; slow: by a Delay."""

    def __init__(self, name, size, slow):
        self.name = name
        self.slow = slow
        self.file = name + ".image"
        with open(self.file, "wb") as f:
            f.truncate(size)
        if slow:
            self.delay = Delay(self.file, name + ".slow")
            self.file = self.delay.file
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,"
                 "lazy_journal_init=0", self.file)
        os.mkdir(name)
        # Before the work directory is removed, in any case.
        atexit.register(self.leave)
        self.attach()

    def attach(self):
        self.loop = run("losetup", "--find", "--show", "--direct-io=on",
                             self.file)
        run("mount", "-o", "noatime", self.loop, self.name)
        # The kernel detaches it at its last use.
        run("losetup", "-d", self.loop)

    def leave(self):
        for name in self.name, self.name + ".slow":
            if os.path.ismount(name):
                run("umount", "--lazy", name)

    def set(self, ms):
        if self.slow:
            self.delay.set(ms)

    def reads(self):
        return self.delay.reads() if self.slow else 0

    def forget(self):
        """Nothing of it stays in memory."""
        run("umount", self.name)
        self.attach()

    def remove(self):
        run("umount", self.name)
        if self.slow:
            run("umount", self.name + ".slow")
            os.waitpid(self.delay.pid, 0)
        for name in self.name, self.name + ".slow":
            if os.path.isdir(name):
                os.rmdir(name)
        os.unlink(self.name + ".image")
