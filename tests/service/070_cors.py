# SPDX-License-Identifier: ISC
"""Programs of 070_cors_test.sh."""
import sys

from service import *

ALWAYS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Accept-Ranges, Content-Disposition, "
    "Content-Range, ETag, Retry-After",
}
PREFLIGHT = {
    **ALWAYS,
    "access-control-allow-methods": "GET, HEAD, POST",
    "access-control-allow-headers": "Range, Cache-Control, User-Agent",
    "access-control-max-age": "86400",
}
SINGLE = SERVICE + "/single/yum/"
HOST = "m.example"


def check(name, a, status, fields):
    assert a.status == status, (name, a)
    got = {n: v for n, v in a.fields.items()
           if n.startswith("access-control-")}
    assert got == (fields if sys.argv[2] == "yes" else {}), (name, a)
    return a


def want(status, target, method="GET", body=b"", fields=ALWAYS, **more):
    more.setdefault("host", HOST)
    more.setdefault("origin", "http://page.example")
    with Connection() as c:
        return check("%s %s" % (method, target),
                     c.ask(target, method, body, **more), status, fields)


def torrents(digest):
    etag = None

    def made():
        nonlocal etag
        with Connection() as c:
            a = c.ask(SINGLE + "a", host=HOST)
        etag = a.field("ETag")
        return a.status == 200
    wait_for(20, made, "a torrent")
    want(200, SINGLE + "a")
    want(200, SINGLE + "a", "HEAD")
    want(200, SERVICE + "/simple/yum/a")
    want(304, SINGLE + "a", if_none_match=etag)
    want(200, SINGLE + "a", origin=None)
    want(412, SERVICE + "/digest/" + digest)
    want(200, SERVICE + "/digest/" + digest, "POST", b"p=/yum/a&p=/yum/b")
    want(200, SERVICE + "/digest/" + digest)
    want(400, SERVICE + "/digest/" + digest, "POST", b"q=/yum/a")
    want(404, SINGLE + "none")
    want(403, SINGLE + "private")
    want(413, SERVICE + "/digest/" + digest, "POST", b"p=" + bytes(1023))
    want(415, SERVICE + "/digest/" + digest, "POST", b"p=/yum/a",
         content_type="text/plain")
    # One job takes all that this client may have.
    a = want(503, SINGLE + "large")
    assert a.field("Retry-After"), a
    want(429, SINGLE + "larger")


def files():
    want(200, "/yum/a")
    want(200, "/yum/a", "HEAD")
    a = want(206, "/yum/a", range="bytes=0-0", cache_control="no-store")
    assert a.field("Content-Range"), a
    want(304, "/yum/a", if_none_match=a.field("ETag"))
    want(416, "/yum/a", range="bytes=9-")
    want(403, "/yum/private")
    want(404, "/yum/none")
    want(200, SERVICE + "/nullfile/7")
    want(200, SERVICE + "/nullfile/7_0", "HEAD")
    want(206, SERVICE + "/nullfile/7_0", range="bytes=1-9")
    want(416, SERVICE + "/nullfile/7_0", range="bytes=9-")
    want(403, SERVICE + "/nullfile/99999999")


def refused():
    """Before a request has a meaning, or a connection a request."""
    want(400, SINGLE + "%zz")
    want(404, SERVICE + "/none")
    want(421, SINGLE + "a", host="other.example")
    want(405, SINGLE + "a", "PUT")
    want(400, SINGLE + "a", host=None)
    want(400, "/#")
    want(414, "/" + "x" * 9000)
    want(417, "/", expect="miracles")
    want(431, "/", x="x" * 17000)
    want(501, SERVICE + "/digest/" + 40 * "0", "POST",
         transfer_encoding="gzip")
    want(505, "/", version="2.0")
    with Connection() as c:
        c.send(b"GET ")
        check("half a request", c.answer(), 408, ALWAYS)
    most = [Connection(source="127.0.0.2") for _ in range(8)]
    for c in most:
        check("/", c.ask("/", host=HOST), 404, ALWAYS)
    with Connection(source="127.0.0.2") as one_more:
        check("one more connection", one_more.answer(), 503, ALWAYS)
    for c in most:
        c.close()


def preflights(digest):
    for target in ("/", "*", "/yum/a", "/yum/none", SINGLE + "a",
                   SERVICE + "/digest/" + digest,
                   SERVICE + "/nullfile/7_0"):
        a = want(204, target, "OPTIONS", fields=PREFLIGHT,
                 access_control_request_method="GET",
                 access_control_request_headers="cache-control,range")
        assert a.field("Allow"), a
    want(204, "/", "OPTIONS", fields=PREFLIGHT, version="1.0")


def answers(_, digest):
    torrents(digest)
    files()
    refused()
    preflights(digest)


run(globals())
