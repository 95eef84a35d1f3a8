# SPDX-License-Identifier: ISC
"""Changes mirror files in every way while they are asked for and hashed.

usage: mirror.py PORT PROGRAM ROUNDS REVALIDATE

Each content that a file has ever had is on record with the time of the
change before it and after it.  A request at some time may be answered with any
that was still there REVALIDATE seconds before, and of nothing else: neither
of an older one nor of half one and half the other.
"""
import collections
import hashlib

from faults import *
from torrent_check import check_info, decode

PIECE = 1 << 20
LENGTHS = PIECE, 64 << 10      # the second one fits these files
SLACK = 0.1
NAMES = ["f%d" % n for n in range(6)]
# Asked for so rarely that memories are too old by then.
RARE = ["r%d" % n for n in range(6)]


class Version:
    """A content of a file; None is anything but a readable file."""

    def __init__(self, content):
        self.begin = time.monotonic()       # not before this
        self.end = float("inf")             # no longer after this
        self.len, self.plain, self.padded = None, {}, {}
        if content is None:
            return
        self.len = len(content)
        for piece in LENGTHS:
            self.set_pieces(content, piece)

    def set_pieces(self, content, piece):
        pieces = [content[at:at + piece]
                  for at in range(0, len(content), piece)]
        plain = b"".join(hashlib.sha1(p).digest() for p in pieces)
        self.plain[piece] = self.padded[piece] = plain
        if self.len % piece:
            last = pieces[-1] + bytes(piece - self.len % piece)
            self.padded[piece] = plain[:-20] + hashlib.sha1(last).digest()

    def has(self, size, pieces, is_last, piece):
        digests = self.plain if is_last else self.padded
        return self.len == size and digests[piece] == pieces


class File:
    """All that is done to a file goes through here: announced, done, and
    noted as done.  Each is one step of the kernel as far as contents go."""

    def __init__(self, name, directory):
        self.name, self.path = name, "www/%s/%s" % (directory, name)
        self.new = "www/.new-" + name
        self.content, self.versions = None, [Version(None)]
        self.replace()

    def change(self, content, do, new=None):
        new = new or Version(content)
        new.begin = time.monotonic()
        self.versions.append(new)
        do()
        self.versions[-2].end = time.monotonic()
        self.content = content

    def random_content(self):
        size = random.choice((0, 1, 70001, PIECE, PIECE + 5, 3 * PIECE,
                              3 * PIECE + 17, 5 * PIECE - 1))
        return random.randbytes(size)

    def put(self, content):
        """Another file under this name, as rsync does it."""
        def run():
            write_file(self.new, content)
            os.chmod(self.new, 0o644)
            if random.random() < 0.5:
                os.utime(self.new, (1400000000, 1400000000))
            os.rename(self.new, self.path)
        self.change(content, run)

    def replace(self):
        self.put(self.random_content())

    def grow(self):
        """By less than a page at a time: more is not one step for the
        kernel either."""
        with open(self.path, "ab", buffering=0) as f:
            for _ in range(random.randrange(1, 7)):
                room = 4096 - len(self.content) % 4096
                more = random.randbytes(random.choice((1, room)))
                self.change(self.content + more, lambda: f.write(more))

    def shrink(self):
        size = random.randrange(len(self.content) + 1)
        self.change(self.content[:size],
                    lambda: os.truncate(self.path, size))

    def rewrite(self):
        """In place, one piece after the other as fast as it goes, which is
        how a reader may meet the writer; and afterwards size and mtime are
        as before."""
        st, content, steps = os.stat(self.path), self.content, []
        for at in range(0, len(content), PIECE):
            part = random.randbytes(min(4096, len(content) - at))
            content = content[:at] + part + content[at + len(part):]
            steps.append((at, part, content, Version(content)))
        with open(self.path, "r+b", buffering=0) as f:
            for at, part, content, new in steps:
                self.change(content, lambda: os.pwrite(f.fileno(), part, at),
                            new)
        os.utime(self.path, ns=(st.st_atime_ns, st.st_mtime_ns))

    def touch(self):
        os.utime(self.path)

    def gone(self, instead):
        def run():
            os.unlink(self.path)
            instead()
        self.change(None, run)
        time.sleep(random.choice((0, 0.1, 0.5)))

    def delete(self):
        self.gone(lambda: None)
        self.replace()

    def become_directory(self):
        self.gone(lambda: os.mkdir(self.path))
        os.rmdir(self.path)
        self.replace()

    def become_fifo(self):
        self.gone(lambda: os.mkfifo(self.path))
        self.replace()

    def become_unreadable(self):
        content = self.content
        self.change(None, lambda: os.chmod(self.path, 0))
        time.sleep(random.choice((0, 0.1, 0.5)))
        self.change(content, lambda: os.chmod(self.path, 0o644))

    CHANGES = (replace, replace, grow, shrink, rewrite, rewrite, touch,
               delete, become_directory, become_fifo, become_unreadable)

    def around(self, begin, end):
        """Its contents in between."""
        return [v for v in self.versions if v.begin <= end and v.end >= begin]


def describe(versions, now):
    return ["%s, from %.3f to %.3f s before" % (
        v.len, now - v.begin, now - v.end) for v in versions[-6:]]


class Judge:
    """Answers are collected, and judged when there is time."""

    def __init__(self, files, revalidate):
        self.files, self.revalidate = files, revalidate
        self.answers, self.counts = [], collections.Counter()
        self.whole = collections.Counter()
        self.oldest = 0
        self.digest = post(*("/yum/" + n for n in NAMES))

    def ask(self, name, data):
        asked = time.monotonic()
        a = ask(data, 20)
        assert a is not None, "the connection was lost"
        self.answers.append((asked, time.monotonic(), name, a))

    def turn(self):
        name = random.choice(NAMES + ["*", "*", "digest"])
        query = random.choice((b"", b"?piece=auto"))
        data = self.digest if name == "digest" else \
            request(SERVICE + "/single/yum/" + name)
        self.ask(name, data.replace(b" HTTP", query + b" HTTP", 1))

    def turn_of_rare(self, f):
        """It is remembered, changed, and asked for when that is too old."""
        path = "/rare/" + f.name
        data = random.choice((request(SERVICE + "/single" + path),
                              request(SERVICE + "/simple" + path + "*"),
                              post(path)))
        time.sleep(2.1)
        self.ask(f.name, data)
        random.choice(File.CHANGES)(f)
        time.sleep(SLACK + self.revalidate * random.uniform(1.1, 2))
        self.ask(f.name, data)

    def judge(self, asked, got, name, a):
        begin = asked - self.revalidate - SLACK
        self.counts[a.status] += 1
        if a.status == 503:
            return
        files = [f for f in self.files if f.name == name or
                 name in ("*", "digest") and f.name in NAMES]
        around = {f.name: f.around(begin, got) for f in files}
        if a.status in (403, 404):
            for f in files:
                assert any(v.len is None for v in around[f.name]), \
                    "%s: %r though it was there" % (f.name, a)
            return
        assert a.status == 200, a
        self.judge_torrent(a.body, around, asked)
        self.whole["rare" if name in RARE else name] += 1

    def judge_torrent(self, body, around, asked):
        torrent, _ = decode(body)
        info = torrent[b"info"]
        entries, _ = check_info(info, b"torrent_service")
        piece, at, left = info[b"piece length"], 0, set(around)
        last = len(entries) - 1
        for i, (size, path) in enumerate(entries):
            if path is None:
                continue
            name = path[-1].decode()
            n = -(-size // piece) * 20
            pieces = info[b"pieces"][at:at + n]
            at += n
            left.remove(name)
            matching = [v for v in around[name]
                        if v.has(size, pieces, i == last, piece)]
            if not matching:
                self.complain(name, size, pieces, i == last, piece, asked)
            self.oldest = max(self.oldest,
                              asked - max(v.end for v in matching))
        assert at == len(info[b"pieces"])
        for name in left:
            assert any(v.len is None for v in around[name]), \
                "%s was left out though it was there" % name

    def complain(self, name, size, pieces, is_last, piece, asked):
        f = next(f for f in self.files if f.name == name)
        for v in f.versions:
            if v.has(size, pieces, is_last, piece):
                raise AssertionError("%s: a version that was replaced %.3f s "
                                     "before" % (name, asked - v.end))
        of = [[n for n, v in enumerate(f.versions) if v.len is not None and
               v.padded[piece][at:at + 20] == pieces[at:at + 20]]
              for at in range(0, len(pieces), 20)]
        raise AssertionError(
            "%s: no version that ever was; %d bytes, pieces of %r; %s" % (
                name, size, of, describe(f.versions, asked)))

    def judge_all(self):
        answers, self.answers = self.answers, []
        for answer in answers:
            self.judge(*answer)


def want_final_state(judge):
    """All has been quiet for long enough."""
    time.sleep(judge.revalidate + SLACK)
    for name in NAMES + ["*"]:
        a, _ = ask_until(request(SERVICE + "/single/yum/" + name), 10)
        check_torrent(a.body)
        now = time.monotonic()
        judge.judge(now, now, name, a)


def want_enough(judge, rounds):
    """A service that is always busy would never be wrong."""
    print("torrents: %s" % dict(judge.whole))
    for name in NAMES + ["*", "digest"]:
        assert judge.whole[name] >= rounds, (name, judge.whole)
    assert judge.whole["rare"] >= rounds // 3, judge.whole
    assert judge.counts[503] < judge.counts[200] // 10, judge.counts


def main():
    rounds, revalidate = int(sys.argv[3]), float(sys.argv[4])
    seed_random()
    files = [File(name, "yum") for name in NAMES] + \
        [File(name, "rare") for name in RARE]
    service, judge = Service("conf"), Judge(files, revalidate)
    service.start()
    made = collections.Counter()
    rare = iter(files[len(NAMES):])
    mine = threading.local()

    def turn_of_rare():
        if not hasattr(mine, "file"):
            mine.file = next(rare)
        judge.turn_of_rare(mine.file)
    with Crowd(4, judge.turn) as crowd, Crowd(len(RARE), turn_of_rare) as few:
        for i in range(rounds):
            change = random.choice(File.CHANGES)
            change(random.choice(files[:len(NAMES)]))
            made[change.__name__] += 1
            # Sometimes long enough for a new file to be remembered.
            time.sleep(random.choice((0, 0.02, 0.1, 0.3)) if i % 25 else 2.5)
            crowd.check()
            few.check()
            if i % 50 == 0:
                judge.judge_all()
    judge.judge_all()
    want_enough(judge, rounds)
    want_final_state(judge)
    service.stop()
    check_entries()
    service.want_no_line(UNSOUND + "|ended: sig")
    print("%d changes: %s\nanswers: %s; the oldest version that was told of "
          "had been replaced %.3f s before" % (
              rounds, dict(made), dict(judge.counts), judge.oldest))


main()
