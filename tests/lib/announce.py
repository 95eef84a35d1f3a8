# SPDX-License-Identifier: ISC
"""Announces to the tracker of the house."""
import hashlib
import hmac
import socket
import urllib.parse

from service import SERVICE, Connection
from torrent_check import decode


def token(info_hash, key=None):
    """In hex; key: the bytes, or those in the cache."""
    if key is None:
        with open("cache/tracker.key", "rb") as f:
            key = f.read()
    return hmac.new(key, info_hash, hashlib.sha256).hexdigest()[:16]


def any_hash(n):
    return hashlib.sha1(b"torrent %d" % n).digest()


def query(info_hash=None, **fields):
    """None leaves a field out."""
    pairs = []
    if info_hash is not None:
        pairs.append("info_hash=" + urllib.parse.quote(info_hash, safe=""))
    for name, value in fields.items():
        if value is not None:
            pairs.append("%s=%s" % (name, value))
    return "&".join(pairs)


def target(info_hash, key=None, kind="announce", **fields):
    if kind == "announce":
        fields.setdefault("port", 6881)
        fields.setdefault("left", 1)
    return "%s/t/%s/%s?%s" % (SERVICE, token(info_hash, key), kind,
                              query(info_hash, **fields))


def ask(url, client="192.0.2.1", method="GET", port=None, **http):
    """The answer to one request, by a client behind a proxy."""
    if client is not None:
        http.setdefault("x_forwarded_for", client)
    with Connection(port) as c:
        return c.ask(url, method, **http)


def answer(a):
    """Its body, decoded."""
    assert a.status == 200, a
    assert a.field("Content-Type") == "text/plain", a
    assert a.field("Cache-Control") == "no-store", a
    value, end = decode(a.body)
    assert end == len(a.body), a
    return value


def announce(info_hash, client="192.0.2.1", key=None, **fields):
    port = fields.pop("service_port", None)
    return answer(ask(target(info_hash, key, **fields), client, port=port))


def scrape(info_hash, client="192.0.2.1"):
    files = answer(ask(target(info_hash, kind="scrape"), client))[b"files"]
    assert list(files) == [info_hash], files
    return files[info_hash]


def peers(value):
    """The peers of an answer, as (address, port)."""
    found = []
    if type(value[b"peers"]) is list:
        return {(p[b"ip"].decode(), p[b"port"]) for p in value[b"peers"]}
    for name, family, n in ((b"peers", socket.AF_INET, 4),
                            (b"peers6", socket.AF_INET6, 16)):
        data = value.get(name, b"")
        assert len(data) % (n + 2) == 0, value
        for i in range(0, len(data), n + 2):
            found.append((socket.inet_ntop(family, data[i:i + n]),
                          int.from_bytes(data[i + n:i + n + 2], "big")))
    assert len(found) == len(set(found)), value
    return set(found)


def refusal(value):
    assert b"peers" not in value and b"files" not in value, value
    return value[b"failure reason"].decode()
