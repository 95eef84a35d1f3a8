#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Announces per CPU second of all processes together, over opentracker's.

Both get the same requests from the same client, each on a connection of its
own: announces of so many torrents by clients that a proxy names.  opentracker
does not look at that field, so that to it all are one address, with other
ports; it answers with as many peers.

ROUNDS (5) and DURATION (2 s, each) can be set in the environment.
"""
import hashlib
import hmac
import os
import urllib.parse

import bench
from bench import SERVICE, Process, Rounds, Service, need, row, verdict, wrk

SECONDS = float(os.environ.get("DURATION", "2"))
TORRENTS = 1000

LUA = """
local paths = { %s }
local n = 0
math.randomseed(%d)
request = function()
	n = n + 1
	wrk.headers["X-Forwarded-For"] = string.format("11.%%d.%%d.%%d",
	    math.random(0, 255), math.random(0, 255), math.random(1, 254))
	return wrk.format("GET", string.format(
	    "%%s&port=%%d&peer_id=-XX0000-%%012d&uploaded=0&downloaded=0&left=%%d"
	    .. "&compact=1&numwant=50&event=%%s", paths[n %% #paths + 1],
	    math.random(1, 65535), n, n %% 4, n %% 8 == 0 and "started" or ""))
end
"""


class Opentracker(Process):
    """It knows the torrents in its white list."""

    def __init__(self, hashes):
        self.port = bench.free_port()
        here = os.getcwd()
        os.makedirs("opentracker", exist_ok=True)
        with open("opentracker/whitelist", "w") as f:
            f.write("".join(h.hex() + "\n" for h in hashes))
        self.start(["opentracker", "-i", "127.0.0.1", "-p", str(self.port),
                    "-d", here + "/opentracker", "-w", "whitelist"],
                   here + "/opentracker.log", True)
        bench.wait_for(10, self.answers, "opentracker's start")

    def answers(self):
        try:
            return self.ask("/stats")[0] == 200
        except OSError:
            return False


def script(name, paths):
    with open(name, "w") as f:
        f.write(LUA % (", ".join('"%s"' % p for p in paths), os.getpid()))
    return name


def main():
    bench.work_directory()
    if not need("wrk", "opentracker"):
        return
    service = Service("proxy 127.0.0.1")
    with open(service.cache + "/tracker.key", "rb") as f:
        key = f.read()
    hashes = [hashlib.sha1(b"%d" % n).digest() for n in range(TORRENTS)]
    quoted = [urllib.parse.quote(h, safe="") for h in hashes]
    ours = script("ours.lua", [
        "%s/t/%s/announce?info_hash=%s" % (SERVICE, hmac.new(
            key, h, hashlib.sha256).hexdigest()[:16], q)
        for h, q in zip(hashes, quoted)])
    other = Opentracker(hashes)
    theirs = script("theirs.lua", ["/announce?info_hash=" + q
                                   for q in quoted])
    for server, lua in (service, ours), (other, theirs):
        wrk(server, "/", SECONDS, close=True, script=lua)
    before = service.cpu_by_role()
    r = Rounds(
        opentracker=lambda: wrk(other, "/", SECONDS, close=True,
                                script=theirs),
        service=lambda: wrk(service, "/", SECONDS, close=True, script=ours))
    after = service.cpu_by_role()
    ratio = r.ratio("rate", "service", "opentracker")
    row("announces, each on a new connection",
        "%6.0f over %6.0f /CPU s = %.2f" % (
            r.median("service", "rate"), r.median("opentracker", "rate"),
            ratio), verdict(ratio, ">= 0.7"),
        "p99 %.1f (%.1f) ms" % (r.median("service", "p99"),
                                r.median("opentracker", "p99")))
    spent = {role: after[role] - before.get(role, 0) for role in after}
    whole = sum(spent.values())
    row("of that CPU time", *("%s %.0f %%" % (role, 100 * spent[role] / whole)
                              for role in sorted(spent)
                              if spent[role] > whole / 200))
    status, body = service.ask(
        "%s/t/%s/announce?info_hash=%s&port=1&left=1" % (
            SERVICE, hmac.new(key, hashes[0],
                              hashlib.sha256).hexdigest()[:16], quoted[0]),
        X_Forwarded_For="12.0.0.1")
    theirs = other.want("/announce?info_hash=%s&port=1&left=1&peer_id=%s" % (
        quoted[0], "-XX0000-000000000000"))
    row("bytes of an answer", "%d and %d" % (len(body), len(theirs)))
    service.stop()
    other.stop()


if __name__ == "__main__":
    main()
