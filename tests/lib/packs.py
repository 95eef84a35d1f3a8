#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The piece lists in a cache, as pkgtorrentd/cache/pack.c stores them.

usage: packs.py list | stored PATH ... | imported | name PATH | days PATH |
       age DAYS PATH ... | flip PATH ...

"list" prints the paths of the files with stored pieces, of "cache" in the
current directory; "stored" fails unless the pieces of all these are stored;
"imported" prints the paths of those that are imported and not rechecked;
"name" prints the pack, "days" how many days ago the pieces were used;
"age" lets them seem used so many days ago, but not their packs;
"flip" damages them, each by one bit.  PIECE_LEN in the environment is the piece
length (1 MiB).
"""
import collections
import glob
import hashlib
import os
import struct
import sys
import time

PIECE_LEN = int(os.environ.get("PIECE_LEN", 1 << 20))
HEAD = struct.Struct("=8sIII16sI")
RECORD = struct.Struct("=BBHIQQqq")
HEAD_MAGIC, VERSION = b"pkgpack\n", 1
RECORD_MAGIC, IMPORTED_MAGIC = 0xa1, 0xa2
DAY_AT, CHECK_AT, IDENTITY_AT, SUM_LEN, ALIGN = 2, 4, 8, 8, 4
DAY = 86400

Record = collections.namedtuple(
    "Record", "offset len name day identity digests whole imported")
Identity = collections.namedtuple("Identity", "ino size mtime_ns ctime_ns")


def today():
    return int(time.time()) // DAY


def aligned(n):
    return -(-n // ALIGN) * ALIGN


def key_of(directory, prefix=""):
    return hashlib.sha256(os.fsencode(prefix) + b"\0" +
                          os.fsencode(directory)).digest()


def pack_of(path, piece_len=None, prefix="", cache="cache"):
    """The file of the pack that has the pieces of this mirror path."""
    key = key_of(path.rpartition("/")[0], prefix).hex()
    return "%s/pieces/%s/%s.%d" % (cache, key[:2], key, piece_len or PIECE_LEN)


def id_of(pack):
    """The bytes before everything that is summed."""
    key, _, piece_len = os.path.basename(pack).partition(".")
    return bytes.fromhex(key) + struct.pack("=I", int(piece_len))


def mixed(h, data):
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at:at + 8].ljust(8, b"\0"), sys.byteorder)
        h = (h ^ word) * 0x9e3779b97f4a7c15 & (1 << 64) - 1
        h ^= h >> 29
    return h


def record_check(pack_id, identity, name, imported=False):
    h = mixed(mixed(mixed(len(name) | imported << 8, pack_id), identity),
              name)
    return (h ^ h >> 32) & 0xffffffff


def masked(digests, identity):
    """Those of an imported record, with the mask or without it."""
    mask = struct.pack("=Qq", identity.ino, identity.ctime_ns)
    return bytes(byte ^ mask[at % len(mask)]
                 for at, byte in enumerate(digests))


class Pack:
    """One of them, as it is now.  If it cannot be read, it is empty."""

    def __init__(self, name):
        self.file, self.id = name, id_of(name)
        self.piece_len = int(name.rpartition(".")[2])
        self.data = b""
        try:
            # A FIFO would be waited for.
            if os.path.isfile(name):
                with open(name, "rb") as f:
                    self.data = f.read()
        except OSError:
            pass
        self.directory, self.records, self.junk = None, [], 0
        self.parse()

    def parse(self):
        at = self.read_head()
        while at < len(self.data):
            record = self.read(at)
            if record is None:
                self.junk += ALIGN
                at += ALIGN
            else:
                self.records.append(record)
                at += record.len

    def read_head(self):
        if len(self.data) < HEAD.size:
            self.junk += len(self.data)
            return len(self.data)
        magic, version, piece_len, dir_len, sum_, _ = \
            HEAD.unpack_from(self.data)
        directory = self.data[HEAD.size:HEAD.size + dir_len]
        if (magic, version, piece_len) != \
                (HEAD_MAGIC, VERSION, self.piece_len) or \
                hashlib.sha256(self.id + directory).digest()[:16] != sum_:
            self.junk += ALIGN
            return ALIGN
        if aligned(HEAD.size + dir_len) > len(self.data):
            self.junk += ALIGN
        self.directory = os.fsdecode(directory)
        return aligned(HEAD.size + dir_len)

    def read(self, at):
        """The record there, or None."""
        data = self.data
        if len(data) - at < RECORD.size:
            return None
        magic, name_len, day, check, *rest = RECORD.unpack_from(data, at)
        name = data[at + RECORD.size:at + RECORD.size + name_len]
        imported = magic == IMPORTED_MAGIC
        if magic not in (RECORD_MAGIC, IMPORTED_MAGIC) or name_len == 0 or \
                len(name) < name_len or check != record_check(
                    self.id, data[at + IDENTITY_AT:at + RECORD.size], name,
                    imported):
            return None
        identity = Identity(*rest)
        begin = at + RECORD.size + name_len
        # Of a last piece there are two: with and without padding.
        count = -(-identity.size // self.piece_len) + \
            (identity.size % self.piece_len > 0)
        end = begin + count * 20
        if aligned(end + SUM_LEN - at) > len(data) - at:
            return None
        whole = hashlib.sha256(self.id + data[at + CHECK_AT:end]).digest()[
            :SUM_LEN] == data[end:end + SUM_LEN]
        digests = data[begin:end]
        return Record(at, aligned(end + SUM_LEN - at), os.fsdecode(name), day,
                      identity, masked(digests, identity) if imported
                      else digests, whole, imported)

    def live(self):
        """{name: record}: the last whole one of each name."""
        found = {}
        for record in self.records:
            if record.whole:
                found[record.name] = record
            else:
                found.pop(record.name, None)
        return found

    def fault(self):
        """None if all of it is as the cache would write it."""
        if self.directory is None:
            return "head"
        if self.junk:
            return "%d bytes are no record" % self.junk
        return next(("%s: damaged" % r.name for r in self.records
                     if not r.whole), None)


def build(name, directory, records):
    """The bytes of a pack of this name: of each record the name, the identity,
    the digests, and how many days ago it was used."""
    pack_id, path = id_of(name), os.fsencode(directory)
    data = HEAD.pack(HEAD_MAGIC, VERSION, int(name.rpartition(".")[2]),
                     len(path), hashlib.sha256(pack_id + path).digest()[:16],
                     0) + path
    data += bytes(aligned(len(data)) - len(data))
    for file, identity, digests, days in records:
        file = os.fsencode(file)
        check = record_check(pack_id, struct.pack("=QQqq", *identity), file)
        record = RECORD.pack(RECORD_MAGIC, len(file), today() - days, check,
                             *identity) + file + digests
        record += hashlib.sha256(
            pack_id + record[CHECK_AT:]).digest()[:SUM_LEN]
        data += record + bytes(aligned(len(record)) - len(record))
    return data


def packs(cache="cache"):
    """The files of all packs."""
    return [name for name in glob.glob(cache + "/pieces/??/*")
            if len(os.path.basename(name).partition(".")[0]) == 64]


def stored(cache="cache"):
    """{(path, piece length): record} of all files with stored pieces, if the
    names of their directories are known."""
    found = {}
    for name in packs(cache):
        pack = Pack(name)
        for record in pack.live().values():
            if pack.directory is not None:
                found[pack.directory + "/" + record.name,
                      pack.piece_len] = record
    return found


def find(path, piece_len=None, prefix="", cache="cache"):
    """The record of a mirror path that counts, or None."""
    pack = Pack(pack_of(path, piece_len, prefix, cache))
    return pack.live().get(path.rpartition("/")[2])


def write_at(name, offset, data):
    with open(name, "r+b") as f:
        f.seek(offset)
        f.write(data)


def set_age(path, days, piece_len=None):
    """Let the pieces of a file seem used so many days ago.  The time of the
    pack stays as it was."""
    name, record = pack_of(path, piece_len), find(path, piece_len)
    times = os.stat(name)
    write_at(name, record.offset + DAY_AT, struct.pack("=H", today() - days))
    os.utime(name, ns=(times.st_atime_ns, times.st_mtime_ns))


def age_pack(name, days):
    """Let a pack seem used so many days ago, with all its records."""
    for record in Pack(name).records:
        write_at(name, record.offset + DAY_AT,
                 struct.pack("=H", today() - days))
    then = time.time() - days * DAY
    os.utime(name, (then, then))


def flip(path, piece_len=None):
    """Damage the pieces of a file: the last bit of its checksum."""
    name, record = pack_of(path, piece_len), find(path, piece_len)
    end = record.offset + RECORD.size + len(os.fsencode(record.name)) + \
        len(record.digests) + SUM_LEN - 1
    write_at(name, end, bytes([Pack(name).data[end] ^ 1]))


def main(what, *args):
    if what == "list":
        for path, _ in sorted(stored()):
            print(path)
    elif what == "imported":
        for (path, _), record in sorted(stored().items()):
            if record.imported:
                print(path)
    elif what == "stored":
        sys.exit(not all(map(find, args)))
    elif what == "name":
        print(pack_of(*args))
    elif what == "days":
        print(today() - find(*args).day)
    elif what == "age":
        for path in args[1:]:
            set_age(path, int(args[0]))
    elif what == "flip":
        for path in args:
            flip(path)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
