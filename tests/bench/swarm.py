#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The swarm: the bytes that a mirror sends to N clients, which begin together.

The mirror is nginx with the service behind it, as etc/ has them.  It and each
client have a network name space of their own on one bridge, and a limit of the
bytes that they send.  The files are 40 packages with sizes of Debian's
(tests/data/packages.sizes), 62.6 MB in all, in a torrent by "simple".  Printed
are the bytes that nginx sent to a client, padding included, over those of the
files: 1 is plain HTTP, and 1/N the least.  Every client's files are compared.

As root.  In the environment CLIENTS ("aria2 libtorrent"), AS ("default tuned"),
TRACKERS ("opentracker house"), SWARM ("1 5 20") and PIECES ("auto", or others
such as "1M") choose, and ROUNDS (1) repeats; MIRROR_MBIT (20) and CLIENT_MBIT
(40) are the limits, and BOUND (900) the seconds that one swarm may take.
"""
import hashlib
import os
import random
import shutil
import socket
import statistics
import sys
import time
import urllib.request

import bench
from bench import TOP, Process, Service, die, run, verdict, wait_for

sys.path.insert(0, TOP + "/tests/lib")
import peers
import torrent_check


def words(name, otherwise):
    return os.environ.get(name, otherwise).split()


CLIENTS = words("CLIENTS", "aria2 libtorrent")
AS = words("AS", "default tuned")
TRACKERS = words("TRACKERS", "opentracker house")
SWARM = [int(n) for n in words("SWARM", "1 5 20")]
PIECES = words("PIECES", "auto")
ROUNDS = int(os.environ.get("ROUNDS", "1"))
MIRROR_MBIT = os.environ.get("MIRROR_MBIT", "20")
CLIENT_MBIT = os.environ.get("CLIENT_MBIT", "40")
# Addresses for such tests (RFC 2544), which are not private ones to a tracker.
MIRROR = "198.19.0.1"
TRACKER = "http://%s:6969/announce" % MIRROR
TARGET = "/packages/torrent_service/simple/packages/*"
LISTEN_PORT = 6881


def make_packages():
    chance = random.Random(1)
    os.makedirs("www/packages")
    with open(TOP + "/tests/data/packages.sizes") as f:
        sizes = [int(line) for line in f if not line.startswith("#")]
    for n, size in enumerate(sizes):
        with open("www/packages/package%02d_1.0-1_amd64.deb" % n, "wb") as f:
            f.write(chance.randbytes(size))
    time.sleep(2.1)			# until they count as settled
    return sum(sizes)


def make_bridge():
    """This process is at the bridge, too, and can ask the mirror."""
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/run/netns")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge", "type", "bridge")
    run("ip", "address", "add", "198.19.255.254/15", "dev", "bridge")
    run("ip", "link", "set", "bridge", "up")


def make_host(name, address, mbit):
    """The words before each command that is to run there."""
    run("ip", "netns", "add", name)
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "net",
        "netns", name)
    run("ip", "link", "set", name, "master", "bridge", "up")
    inside = ["ip", "netns", "exec", name]
    run("ip", "-n", name, "address", "add", address + "/15", "dev", "net")
    for link in "net", "lo":
        run("ip", "-n", name, "link", "set", link, "up")
    run(*inside, "tc", "qdisc", "add", "dev", "net", "root", "tbf", "rate",
        mbit + "mbit", "burst", "128kb", "latency", "200ms")
    return inside


class MirrorService(Service):
    prefix = ["ip", "netns", "exec", "mirror"]


class MirrorNginx(Process):
    """As in etc/, but for the service's port and the cache's directory."""

    prefix = MirrorService.prefix

    def __init__(self, service):
        here = os.getcwd()
        with open(TOP + "/etc/nginx-http.conf.snippet") as f:
            http = f.read().replace("127.0.0.1:8080", "127.0.0.1:%d" %
                                    service.port).replace("/var/lib/nginx",
                                                          here)
        with open("nginx.conf", "w") as f:
            f.write("""daemon off; user nobody nogroup; pid nginx.pid;
error_log stderr; worker_processes 1; events { worker_connections 4096; }
http { access_log nginx.access; sendfile on; %s
client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
uwsgi_temp_path temp; scgi_temp_path temp;
server { listen %s:80; root %s/www; include %s/etc/nginx.conf.snippet; } }
""" % (http, MIRROR, here, TOP))
        self.start(["nginx", "-p", here + "/", "-e", "stderr", "-c",
                    here + "/nginx.conf"], here + "/nginx.log", False)


class OpenTracker(Process):
    """It knows one torrent."""

    prefix = MirrorService.prefix

    def __init__(self, info_hash):
        with open("whitelist", "w") as f:
            f.write(info_hash + "\n")
        self.start(["opentracker", "-i", MIRROR, "-p", "6969", "-P", "6969",
                    "-d", os.getcwd(), "-w", "whitelist"],
                   os.getcwd() + "/opentracker.log", False)
        wait_for(10, self.answers, "opentracker's start")

    @staticmethod
    def answers():
        try:
            socket.create_connection((MIRROR, 6969)).close()
            return True
        except OSError:
            return False


class Mirror:
    """All of it, with a tracker of some kind."""

    def __init__(self):
        make_bridge()
        make_host("mirror", MIRROR, MIRROR_MBIT)
        self.size = make_packages()
        self.hosts = []

    def start(self, tracker, pieces):
        """Whether there is such a tracker; it knows nobody.  The torrent is
        x.torrent from now on."""
        bench.stop_all()
        self.nginx = MirrorNginx(MirrorService(
            "simple-piece-length " + pieces, pin=False,
            trackers=TRACKER if tracker == "opentracker" else ""))
        wait_for(20, self.get_torrent, "a torrent")
        with open("x.torrent", "rb") as f:
            torrent = f.read()
        if tracker == "house":
            return b"/torrent_service/t/" in torrent
        OpenTracker(hashlib.sha1(torrent_check.raw_info(torrent)).hexdigest())
        return True

    @staticmethod
    def get_torrent():
        try:
            urllib.request.urlretrieve("http://" + MIRROR + TARGET,
                                       "x.torrent")
            return True
        except OSError:
            return False

    def host(self, n):
        while len(self.hosts) <= n:
            at = len(self.hosts)
            self.hosts.append(make_host("client%d" % at, address(at),
                                        CLIENT_MBIT))
        return self.hosts[n]

    def sent(self):
        """All that nginx has sent; nobody is connected any more."""
        wait_for(60, lambda: peers.have_left(self.nginx.pid, 80),
                 "an end of connections")
        return peers.sent("nginx.access")

    def measure(self, kind, tuned, n):
        """Bytes for a client, of which padding, over those of the files, and
        seconds until the last one had all."""
        self.host(n - 1)
        before = self.sent()
        shutil.rmtree("clients", ignore_errors=True)
        os.mkdir("clients")
        try:
            took = peers.wait_for_all([
                peers.Client(kind, tuned, os.path.abspath("x.torrent"),
                             "clients/%d" % i, address(i), LISTEN_PORT,
                             self.host(i)) for i in range(n)], bench.BOUND)
            after = self.sent()
            for i in range(n):
                peers.same_files("www/packages", "clients/%d/packages" % i)
        except RuntimeError as e:
            die(str(e))
        share = {key: (after[key] - before[key]) / n / self.size
                 for key in after}
        return sum(share.values()), share["padding"], took


def address(n):
    """Of a client, each in a network of its own."""
    return "198.18.%d.1" % (n + 1)


def goal(kind, how, n):
    return {("aria2", "default", 20): "<= 0.40",
            ("aria2", "tuned", 20): "<= 0.16",
            ("libtorrent", "default", 20): "<= 0.20",
            ("libtorrent", "tuned", 20): "<= 0.11",
            }.get((kind, how, n), "<= 1.05" if n == 1 else "")


def cells(mirror, kind, how, pieces):
    """By tracker, the share for each N; trackers take turns."""
    found = {tracker: [] for tracker in TRACKERS}
    for n in SWARM:
        rounds = {tracker: [] for tracker in TRACKERS}
        for _ in range(ROUNDS):
            for tracker, results in rounds.items():
                if mirror.start(tracker, pieces):
                    results.append(mirror.measure(kind, how == "tuned", n))
        for tracker, results in rounds.items():
            if not results:
                found[tracker].append("none")
                continue
            share, padding, took = map(statistics.median, zip(*results))
            found[tracker].append("%.3f" % share)
            print("# %s %s, %s, N = %d: %.3f, of which padding %.3f; %.0f s "
                  "%s" % (kind, how, tracker, n, share, padding, took,
                          verdict(share, goal(kind, how, n))), flush=True)
    return found


def table(mirror, pieces):
    rows = []
    for kind in CLIENTS:
        if kind == "libtorrent" and not peers.have_libtorrent():
            print("# skipped: no libtorrent (make deps)")
            continue
        for how in AS:
            name = "%s %s" % (kind, "as it comes" if how == "default" else
                              " ".join(peers.OPTIONS[kind]))
            for tracker, found in cells(mirror, kind, how, pieces).items():
                rows.append((name, tracker, *found))
    head = ("simple-piece-length " + pieces, "tracker",
            *("N = %d" % n for n in SWARM))
    for row in head, ["---"] * len(head), *rows:
        print("| %s |" % " | ".join(row), flush=True)


def main():
    if not bench.need("nginx", "opentracker", "aria2c", "ip", "tc") or \
            not bench.own_name_spaces(bench.CLONE_NEWNS | bench.CLONE_NEWNET):
        return
    bench.work_directory()
    mirror = Mirror()
    print("# Bytes that the mirror sent to a client over those of the %d "
          "files' %.1f MB;\n# the mirror sends at most %s Mbit/s, a client "
          "%s; medians of %d." % (
              len(os.listdir("www/packages")), mirror.size / 1e6, MIRROR_MBIT,
              CLIENT_MBIT, ROUNDS), flush=True)
    for pieces in PIECES:
        table(mirror, pieces)


main()
