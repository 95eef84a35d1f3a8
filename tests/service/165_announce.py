# SPDX-License-Identifier: ISC
"""The tracker of the house; see 165_announce_test.sh."""
import hashlib
import os
import re
import signal
import socket
import time

from announce import (announce, any_hash, answer, ask, peers, query, refusal,
                      scrape, target, token)
from service import SERVICE, Connection, request, run, wait_for
from torrent_check import decode, raw_info


def named():
    """The URL in a torrent works as it stands."""
    with Connection() as c:
        torrent = c.ask(SERVICE + "/single/yum/*").body
    info_hash = hashlib.sha1(raw_info(torrent)).digest()
    url = decode(torrent)[0][b"announce"].decode()
    path = re.sub("^http://[^/]*", "", url)
    assert path.endswith("/t/%s/announce" % token(info_hash)), url
    value = answer(ask(path + "?" + query(info_hash, port=1, left=0)))
    assert b"peers" in value, value


def peers_are(value, *expected):
    assert peers(value) == set(expected), (value, expected)


def swarm():
    h = any_hash(0)
    value = announce(h, "192.0.2.1", port=1, event="started")
    peers_are(value)
    assert (value[b"complete"], value[b"incomplete"]) == (0, 1), value
    assert 100 <= value[b"interval"] <= 1980, value
    assert 0 < value[b"min interval"] <= value[b"interval"], value
    value = announce(h, "198.51.100.2", port=2, event="started")
    peers_are(value, ("192.0.2.1", 1))
    # Nobody is taken for another.
    value = announce(h, "203.0.113.3", port=3, ip="192.0.2.99",
                     ipv4="192.0.2.98", ipv6="2001:db8::9")
    peers_are(value, ("192.0.2.1", 1), ("198.51.100.2", 2))
    value = announce(h, "2001:db8:1::1", port=4, left=0)
    peers_are(value, ("192.0.2.1", 1), ("198.51.100.2", 2),
              ("203.0.113.3", 3))
    assert (value[b"complete"], value[b"incomplete"]) == (1, 3), value
    # As dictionaries, and of both families.
    value = announce(h, "203.0.113.4", port=5, compact=0)
    assert type(value[b"peers"]) is list, value
    peers_are(value, ("192.0.2.1", 1), ("198.51.100.2", 2),
              ("203.0.113.3", 3), ("2001:db8:1::1", 4))
    value = announce(h, "203.0.113.5", port=6, numwant=0)
    peers_are(value)
    value = announce(h, "203.0.113.6", port=7, numwant=1)
    assert len(peers(value)) == 1, value
    # A mapped address is that of IPv4.
    value = announce(h, "::ffff:203.0.113.7", port=8)
    value = announce(h, "203.0.113.8", port=9)
    assert ("203.0.113.7", 8) in peers(value), value
    # Gone at once.
    announce(h, "192.0.2.1", port=1, event="stopped")
    value = announce(h, "203.0.113.9", port=10)
    assert ("192.0.2.1", 1) not in peers(value), value
    # Another torrent knows none of them.
    peers_are(announce(any_hash(1), "203.0.113.10", port=11))
    assert scrape(h)[b"complete"] == 1, scrape(h)


def refused():
    h = any_hash(0)
    good = target(h)
    wrong = "%s/t/%s/announce" % (SERVICE, token(any_hash(1)))
    for url, word in (
            (good + "&port=1", "twice"), (good.replace("6881", "0"), "port"),
            (good.replace("&left=1", ""), "left"),
            (good + "&event=begun", "event"),
            (good.partition("?")[0], "no info_hash"),
            (good + "&" + query(any_hash(1)), "several info_hash"),
            (wrong + "?" + query(h, port=1, left=1), "not made here"),
            (target(h, kind="scrape") + "&" + query(any_hash(1)),
             "one torrent at a time"),
            (target(h, kind="scrape").partition("?")[0], "no info_hash")):
        a = ask(url)
        value = answer(a)
        assert word in refusal(value), (url, value)
        assert value[b"retry in"] == (
            60 if word == "not made here" else b"never"), value
    for url in ("/t/", "/t/announce", "/t/%s/stats" % ("0" * 16),
                "/t/%s/announce" % ("0" * 15), "/t/%s/announce" % ("A" * 16)):
        a = ask(SERVICE + url)
        assert a.status == 404, (url, a)
    # One bit of the token.
    t = token(h)
    for i in range(16):
        other = t[:i] + "%x" % (int(t[i], 16) ^ 1) + t[i + 1:]
        url = "%s/t/%s/announce?%s" % (SERVICE, other,
                                       query(h, port=1, left=1))
        assert "not made here" in refusal(answer(ask(url))), url
    assert b"peers" in answer(ask(good))


def by_socket(**fields):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("socket")
        s.sendall(request(target(any_hash(0), port=9), connection="close",
                          **fields))
        data = b""
        while True:
            more = s.recv(65536)
            if not more:
                break
            data += more
    return decode(data.partition(b"\r\n\r\n")[2])[0]


def proxies():
    for forwarded in (None, "nonsense", "203.0.113.1, nonsense", ",", ""):
        value = answer(ask(target(any_hash(0)), forwarded))
        assert refusal(value) == "the proxy does not name its client", value
        assert value[b"retry in"] == 1, value
    value = by_socket()
    assert refusal(value) == "the proxy does not name its client", value
    assert b"peers" in by_socket(x_forwarded_for="203.0.113.1")


def swarm_by_proxies():
    peers_are(by_socket(x_forwarded_for="203.0.113.1"))
    # The rightmost that is no proxy.
    announce(any_hash(0), "198.51.100.9, 203.0.113.2, 192.0.2.7", port=2)
    value = announce(any_hash(0), "203.0.113.3", port=3)
    peers_are(value, ("203.0.113.1", 9), ("203.0.113.2", 2))


def methods():
    h = any_hash(0)
    url = target(h, port=1)
    a = ask(url, method="HEAD")
    assert a.status == 200 and a.body == b"", a
    assert a.field("Cache-Control") == "no-store", a
    a = ask(url + "&port=1", method="HEAD")
    assert a.status == 200 and a.body == b"", a
    for method in ("POST", "PUT", "DELETE"):
        a = ask(url, method=method)
        assert a.status == 405, a
        assert a.field("Allow") == "GET, HEAD, OPTIONS", a
    a = ask(url, method="OPTIONS")
    assert a.status == 204 and a.field("Allow") == "GET, HEAD, OPTIONS", a


def swarm_by_head():
    h = any_hash(0)
    ask(target(h, port=1), method="HEAD")
    value = announce(h, "192.0.2.2", port=2)
    assert (value[b"incomplete"], peers(value)) == (1, set()), value


def swarm_soon():
    """A change at once is not taken yet, but the client gets its peers."""
    h = any_hash(0)
    announce(h, "192.0.2.1", port=1)
    announce(h, "192.0.2.2", port=2)
    value = announce(h, "192.0.2.2", port=2, left=0)
    peers_are(value, ("192.0.2.1", 1))
    assert (value[b"complete"], value[b"incomplete"]) == (0, 2), value
    value = announce(h, "192.0.2.2", port=2, event="stopped")
    assert value[b"incomplete"] == 1, value
    # Four of an address are listed, others get peers and a word.
    for port in range(1, 5):
        value = announce(h, "192.0.2.3", port=port)
        assert b"warning message" not in value, value
    value = announce(h, "192.0.2.3", port=5)
    assert b"do not learn of you" in value[b"warning message"], value
    peers_are(value, ("192.0.2.1", 1), *(("192.0.2.3", p)
                                         for p in range(1, 5)))


def read(name):
    with open(name, "rb") as f:
        return f.read()


def no_tracker(word, retry):
    value = answer(ask("%s/t/%s/announce?%s" % (SERVICE, "0" * 16, query(
        any_hash(0), port=1, left=1))))
    assert word in refusal(value), value
    assert str(value[b"retry in"]) == retry, value


def key_file(right, wrong):
    h = hashlib.sha1(right.encode()).digest()
    assert b"peers" in announce(h, key=read(right)), right
    assert "another key" in refusal(announce(h, key=read(wrong))), wrong


def no_key(wrong):
    assert "another key" in refusal(announce(any_hash(5), key=read(wrong)))
    assert b"peers" in announce(any_hash(5)), "by the key of the cache"


def is_back(old):
    try:
        return b"peers" in announce(any_hash(old))
    except (OSError, EOFError):
        return False


def away(parent, tracker):
    """The tracker stops, and then ends."""
    tracker = int(tracker)
    announce(any_hash(0))
    os.kill(tracker, signal.SIGSTOP)
    start = time.monotonic()
    with Connection() as c:
        c.send(request(target(any_hash(1)), x_forwarded_for="192.0.2.3"))
        for _ in range(20):
            with Connection() as other:
                a = other.ask(SERVICE + "/single/yum/a")
                assert a.status == 200, a
        assert time.monotonic() - start < 1.9, "torrents are late"
        value = answer(c.answer())
    took = time.monotonic() - start
    assert "does not answer" in refusal(value), value
    assert value[b"retry in"] == 1, value
    assert 1.5 < took < 5, took
    # A client that does not wait for that.
    c = Connection()
    c.send(request(target(any_hash(2)), x_forwarded_for="192.0.2.3"))
    c.close()
    os.kill(tracker, signal.SIGCONT)
    wait_for(5, lambda: is_back(3), "an answer again")
    os.kill(tracker, signal.SIGKILL)
    wait_for(10, lambda: is_back(4), "another tracker")


run(globals())
