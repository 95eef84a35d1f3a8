# SPDX-License-Identifier: ISC
"""Floods of announces; see announces_test.sh."""
import collections
import random
import time

from announce import announce, any_hash, target, token
from good import Good, away, fork, mark
from many import Load, until
from service import SERVICE, Connection, request, run
from torrent_check import Wrong, decode

HOT = SERVICE + "/single/yum/hot"
CONNECTIONS = 16
ADDRESSES = 10000
TRACKER_PEERS = 20000		# as announces_test.sh configures


def forwarded(n):
    return "11.%d.%d.1" % (n // 250, n % 250)


def tokens(r, hashes):
    h = r.choice(hashes)[0]
    return request("%s/t/%016x/announce?info_hash=%s&port=1&left=1" % (
        SERVICE, r.getrandbits(64), "".join("%%%02x" % b for b in h)),
        x_forwarded_for=forwarded(r.randrange(ADDRESSES)))


def torn(r, hashes):
    """A good query, of which something is missing, doubled or other bytes."""
    h, url = r.choice(hashes)
    path, _, query = url.partition("?")
    query = list(query)
    for _ in range(r.randrange(1, 4)):
        at, to = sorted(r.randrange(len(query) + 1) for _ in range(2))
        kind = r.randrange(3)
        if kind == 0:
            del query[at:to]
        elif kind == 1:
            query[at:at] = query[at:to]
        elif at < len(query):
            query[at] = r.choice("%&=?;0aZ+-_./")
        if not query:
            query = ["&"]
    return request(path + "?" + "".join(query)[:4000],
                   x_forwarded_for="11.0.0.%d" % r.randrange(1, 255))


def one_address(r, hashes):
    h, url = r.choice(hashes)
    return request(url.replace("port=6881", "port=%d" % r.randrange(
        1, 65536)), x_forwarded_for="11.0.0.1")


def many_addresses(r, hashes):
    h, url = r.choice(hashes)
    return request(url.replace("port=6881", "port=%d" % r.randrange(
        1, 65536)), x_forwarded_for=forwarded(r.randrange(ADDRESSES)))


KINDS = {"tokens": tokens, "torn": torn, "one_address": one_address,
         "many_addresses": many_addresses}


def attack(pipe, kind, seconds):
    away()
    hashes = [(h, target(h)) for h in map(any_hash, range(200))]
    told, r = collections.Counter(), random.Random(1)

    def on_answer(name, a):
        if a.status != 200:
            told[a.status] += 1
            return
        try:
            value, end = decode(a.body)
            assert end == len(a.body), a
        except Wrong:
            raise AssertionError(a)
        text = value.get(b"failure reason", b"peers")
        told[value.get(b"warning message", text).decode()] += 1

    load = Load(on_answer)
    end = time.monotonic() + seconds
    for _ in range(CONNECTIONS):
        load.add(until(end, (("x", KINDS[kind](r, hashes))
                             for _ in iter(int, 1))), keep=True)
    load.run(seconds + 60)
    pipe.send((told, load.failures[:5]))


def flood(kind, seconds):
    seconds = float(seconds)
    with Connection() as c:
        assert c.ask(HOT).status == 200
    ours, theirs = fork.Pipe()
    process = fork.Process(target=attack, args=(theirs, kind, seconds))
    with Good(HOT) as good:
        process.start()
        assert ours.poll(seconds + 90), "no word of the attackers"
        told, failures = ours.recv()
        process.join(10)
    print("%s: %s" % (kind, dict(told)))
    p99 = good.report("meanwhile")
    assert not failures, failures
    total = sum(told.values())
    if kind == "tokens":
        assert total == sum(n for text, n in told.items()
                            if "not made here" in str(text)), told
    elif kind == "torn":
        assert total > told["peers"], told
    elif kind == "one_address":
        # A hundredth of 10000 peers.
        assert 0 < told["peers"] <= 200, told
        assert sum(n for text, n in told.items()
                   if "do not learn of you" in str(text)) > told["peers"], told
    else:
        # Those that came first fill the tracker, in a long run.
        assert told["peers"] > min(total / 2, TRACKER_PEERS), told
    # Somebody else is tracked all the same.
    value = announce(any_hash(7), "192.0.2.77", port=1)
    assert b"peers" in value, value
    assert token(any_hash(7)), "the key is there"
    assert p99 < mark(0.02, 2), p99


run(globals())
