# SPDX-License-Identifier: ISC
"""Real BitTorrent clients of one swarm, each with an address of its own, and
the bytes that their mirror sent, from the log of its nginx.

As a program it is one libtorrent, which goes on seeding:

    peers.py TORRENT ADDRESS PORT [SETTING=NUMBER ...]
"""
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

# Those that spare the mirror most.
OPTIONS = {
    "aria2": ["--stream-piece-selector=random", "--split=1",
              "--seed-ratio=0.0"],
    "libtorrent": ["urlseed_max_request_bytes=262144"],
}
# Nobody outside is asked for peers.  A tracker alone is in question, and real
# clients do not share a network.
ARIA2 = ["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false",
         "--bt-enable-lpd=false", "--summary-interval=0",
         "--console-log-level=warn", "--file-allocation=none",
         "--on-bt-download-complete=./finish"]


PR_SET_PDEATHSIG = 1


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Client:
    """It downloads into its directory, and goes on seeding as it likes."""

    def __init__(self, kind, tuned, torrent, directory, address, port,
                 prefix=(), bind=False):
        """prefix: the words before the command; bind: the machine has
        other addresses than this one."""
        self.directory = directory
        os.makedirs(directory)
        with open(directory + "/finish", "w") as f:
            f.write("#! /bin/sh\n: >done\n")
        os.chmod(directory + "/finish", 0o755)
        options = OPTIONS[kind] if tuned else []
        if kind == "aria2":
            command = ARIA2 + options + ["--listen-port=%d" % port]
            if bind:
                command.append("--interface=" + address)
            command.append(torrent)
        else:
            # Debian's python3-libtorrent is for Debian's python3.
            command = ["/usr/bin/python3", os.path.abspath(__file__), torrent,
                       address, str(port)] + options
        with open(directory + "/log", "wb") as log:
            self.process = subprocess.Popen(
                list(prefix) + command, cwd=directory, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)

    def is_done(self):
        if os.path.exists(self.directory + "/done"):
            return True
        if self.process.poll() is not None:
            raise RuntimeError("a client ended: " + self.words())
        return False

    def words(self):
        with open(self.directory + "/log", errors="replace") as f:
            return f.read()[-2000:]

    def stop(self):
        self.process.kill()
        self.process.wait()


def have_libtorrent():
    return subprocess.run(["/usr/bin/python3", "-c", "import libtorrent"],
                          stderr=subprocess.DEVNULL).returncode == 0


def wait_for_all(clients, seconds):
    """Seconds until each has all; all are ended in any case."""
    start = time.monotonic()
    try:
        while not all([c.is_done() for c in clients]):
            if time.monotonic() - start > seconds:
                raise RuntimeError(
                    "%d of %d clients are not done after %d s: %s" % (
                        sum(not c.is_done() for c in clients), len(clients),
                        seconds, [c.words() for c in clients
                                  if not c.is_done()][0]))
            time.sleep(0.05)
        return time.monotonic() - start
    finally:
        for c in clients:
            c.stop()


def same_files(source, directory):
    """Every file below a directory is below the other, with its bytes."""
    ran = subprocess.run(["diff", "-rq", source, directory], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # More is there: padding.
    wrong = [line for line in ran.stdout.splitlines()
             if not line.startswith("Only in " + directory)]
    if wrong or ran.returncode > 1:
        raise RuntimeError("\n".join(wrong) or ran.stdout)


def have_left(server, port):
    """Nobody is connected to that port of a process any more."""
    with open("/proc/%d/net/tcp" % server) as f:
        rows = [line.split() for line in f][1:]
    # All but TIME_WAIT and LISTEN.
    return not any(int(row[1].split(":")[1], 16) == port and
                   row[3] not in ("06", "0A") for row in rows)


def sent(log):
    """Bytes of files, of padding, of all else in a combined log."""
    total = {"files": 0, "padding": 0, "else": 0}
    with open(log, errors="replace") as f:
        for line in f:
            m = re.search(r'"[A-Z]+ (\S+) [^"]*" [0-9]{3} ([0-9]+) ', line)
            if m is None:
                continue
            kind = ("padding" if "/nullfile/" in m[1] else
                    "else" if "/torrent_service/" in m[1] else "files")
            total[kind] += int(m[2])
    return total


def libtorrent(torrent, address, port, *more):
    import libtorrent as lt
    settings = {
        "listen_interfaces": address + ":" + port,
        "outgoing_interfaces": address,
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
        "enable_natpmp": False, "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.error_notification |
        lt.alert.category_t.tracker_notification}
    for setting in more:
        name, value = setting.split("=")
        settings[name] = int(value)
    session = lt.session(settings)
    handle = session.add_torrent({"ti": lt.torrent_info(torrent),
                                  "save_path": "."})
    done = False
    while True:
        for alert in session.pop_alerts():
            print(alert.message(), flush=True)
        status = handle.status()
        if status.errc.value():
            sys.exit(status.errc.message())
        if status.is_seeding and not done:
            done = True
            subprocess.run(["./finish"], check=True)
        time.sleep(0.1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    libtorrent(*sys.argv[1:])
