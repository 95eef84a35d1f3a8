# SPDX-License-Identifier: ISC
"""Shared by all measurements: the service, nginx and wrk, each on a CPU of
its own where there are two, their CPU time, and a table of ratios.

A peer and the service take turns, A B A B, in one run; printed are
medians, and the ratio of the medians.  Work per second of CPU is the steadiest
figure on a machine that does something else as well.
"""
import atexit
import ctypes
import glob
import hashlib
import http.client
import operator
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ.get("PKGTORRENTD", TOP + "/pkgtorrentd/pkgtorrentd")
SERVICE = "/mirror/torrent_service"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
BOUND = float(os.environ.get("BOUND", "900"))	# seconds of one step
CPUS = sorted(os.sched_getaffinity(0))
running = []

# Of <sched.h>.
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def die(why):
    sys.exit("bench: " + why)


def need(*programs):
    """Skip a part if its peer is not installed, with a word."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        print("# skipped: no %s (make deps)" % ", ".join(missing))
    return not missing


def run(*command):
    """The output of a command, which must succeed."""
    ran = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        die("%s: %s" % (" ".join(command), ran.stdout))
    return ran.stdout.strip()


def own_name_spaces(flags=CLONE_NEWNS):
    """Whether this process may have mounts (and a network) that nobody else
    sees, and that are gone with it and its children."""
    if os.getuid() != 0 or libc.unshare(flags) != 0:
        print("# skipped: it takes root and name spaces of its own")
        return False
    run("mount", "--make-rprivate", "/")
    return True


def work_directory():
    """Removed at the end; everybody may enter it, as every role has to."""
    where = tempfile.mkdtemp(prefix="pkgtorrentd-bench.",
                             dir=os.environ.get("TMPDIR", "/var/tmp"))
    os.chmod(where, 0o755)
    atexit.register(shutil.rmtree, where, True)
    atexit.register(stop_all)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.chdir(where)
    return where


def stop_all():
    for process in running[:]:
        process.stop()


def free_port():
    """Where the kernel takes none for outgoing connections."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        lowest = int(f.read().split()[0])
    while True:
        port = random.randrange(1024, min(lowest, 32768))
        try:
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
            return port
        except OSError:
            pass


def wait_for(seconds, true, what):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            die("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


def family(pid):
    """A process and all below it."""
    children = {}
    for name in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(name) as f:
                stat = f.read()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(name.split("/")[2]))
    all = [pid]
    for one in all:
        all += children.get(one, [])
    return all


def cpu_seconds(pid):
    """User and system time of all its threads, in nanosecond steps."""
    total = 0
    for name in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(name) as f:
            total += int(f.read().split()[0])
    if total:
        return total / 1e9
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid, field):
    """Bytes, of a field such as RssAnon or VmHWM."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(field + r":\s+(\d+) kB", f.read())[1]) << 10


def play(program, case, **variables):
    """The figures that a case of a program of this directory prints."""
    command = [HERE + "/" + program, "-s", HERE, "-r", "result"]
    for item in variables.items():
        command += ["-v", "%s=%d" % item]
    try:
        ran = subprocess.run(
            command + ["%s__%s" % (program, case)], text=True, timeout=BOUND,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ,
                     __RUNNING_INSIDE_ATF_RUN="internal-yes-value"))
    except subprocess.TimeoutExpired:
        die("%s %s took more than BOUND=%d s" % (program, case, BOUND))
    if ran.returncode != 0:
        with open("result") as f:
            die("%s %s: %s%s" % (program, case, f.read(), ran.stderr))
    return {name: float(value) for name, value in
            map(str.split, ran.stdout.splitlines())}


class Process:
    """Something that serves; pinned to a CPU unless told otherwise."""

    prefix = []			# the words before the command

    def start(self, command, log, pin):
        command = self.prefix + command
        if pin and len(CPUS) > 1:
            command = ["taskset", "-c", str(CPUS[0])] + command
        self.log = log
        with open(log, "ab") as f:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                          stdout=f, stderr=f)
        self.pid = self.popen.pid
        running.append(self)

    def stop(self):
        if self not in running:
            return
        running.remove(self)
        self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def words(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def pids(self):
        return family(self.pid)

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids())

    def url(self, target):
        return "http://127.0.0.1:%d%s" % (self.port, target)

    def ask(self, target, method="GET", body=None, timeout=600, **fields):
        """Status, body; one connection for each request."""
        c = http.client.HTTPConnection("127.0.0.1", self.port,
                                       timeout=timeout)
        c.request(method, target, body,
                  {k.replace("_", "-"): v for k, v in fields.items()})
        answer = c.getresponse()
        data = answer.read()
        c.close()
        return answer.status, data

    def want(self, *args, **kwargs):
        status, body = self.ask(*args, **kwargs)
        if status not in (200, 206):
            die("%s was answered with %d: %r" % (args[0], status, body[:200]))
        return body


class Service(Process):
    """pkgtorrentd on www/ below the work directory."""

    def __init__(self, *lines, port=None, pin=True,
                 trackers="udp://tracker.example:6969/announce\n"):
        self.lines, self.pin = lines, pin
        self.port = port or free_port()
        os.makedirs("www", exist_ok=True)
        self.wipe()
        with open("trackers", "w") as f:
            f.write(trackers)
        self.run()

    def wipe(self):
        """Another directory: ext4 does not give out again the inodes of the
        last seconds, and looks at each before it gives out others."""
        self.cache = tempfile.mkdtemp(prefix="cache.", dir=os.getcwd())
        if os.getuid() == 0:
            shutil.chown(self.cache, "nobody")

    def run(self):
        here = os.getcwd()
        conf = {
            "listen": "127.0.0.1:%d" % self.port, "root": here + "/www",
            "cache": self.cache, "trackers": here + "/trackers",
            "access-log": "no", "hashers": "1", "hash-wait": "10m",
            "max-connections": "12000", "max-connections-per-client": "12000",
        }
        if os.getuid() == 0:
            conf["user"] = "nobody"
        else:
            conf["sandbox"] = "best-effort"
        conf.update(line.split(" ", 1) for line in self.lines)
        with open("conf", "w") as f:
            for item in conf.items():
                f.write("%s %s\n" % item)
        ready = self.count_ready("log")
        self.start([PROGRAM, "-d", "-f", here + "/conf"], here + "/log",
                   self.pin)
        wait_for(20, lambda: self.count_ready(self.log) > ready or
                 self.popen.poll() is not None, "the service's start")
        if self.popen.poll() is not None:
            die("the service ended:\n" + self.words()[-2000:])

    @staticmethod
    def count_ready(log):
        try:
            with open(log, errors="replace") as f:
                return len(re.findall(r"parent.*: ready: ", f.read()))
        except FileNotFoundError:
            return 0

    def anew(self, *lines):
        """Nothing remembered."""
        self.stop()
        if lines:
            self.lines = lines
        self.wipe()
        self.run()

    def roles(self):
        """Process numbers by the title's last word: front, hasher …"""
        found = {}
        for pid in self.pids():
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                title = f.read().rstrip(b"\0").decode(errors="replace")
            m = re.match(r"pkgtorrentd: (\w+)", title)
            found.setdefault(m[1] if m else "parent", []).append(pid)
        return found

    def cpu_by_role(self):
        return {role: sum(map(cpu_seconds, pids))
                for role, pids in self.roles().items()}

    def status(self, pattern, n=1):
        """The last matches of a pattern in its status lines (SIGUSR1)."""
        before = self.words().count("connections open")
        os.kill(self.pid, signal.SIGUSR1)
        wait_for(5, lambda: self.words().count("connections open") > before,
                 "a status")
        time.sleep(0.2)
        return re.findall(pattern, self.words())[-n:]

    def post(self, paths, timeout=600):
        """As yum-torrent does it; the torrent."""
        return self.want(digest_target(paths), "POST",
                         urllib.parse.urlencode([("p", p) for p in paths]),
                         timeout, Content_Type="application/"
                         "x-www-form-urlencoded")


def digest_target(paths):
    digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
    return SERVICE + "/digest/" + digest


class Nginx(Process):
    """One worker; the files below ngx/."""

    CONF = """daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
%s
events { worker_connections 16384; }
http {
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
    open_file_cache max=1000 inactive=10m; open_file_cache_valid 10m;
    keepalive_requests 100000000; server_tokens off;
    default_type application/x-bittorrent;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    uwsgi_temp_path temp; scgi_temp_path temp;
    server { listen 127.0.0.1:%d backlog=4096; root %s/ngx; }
}
"""

    def __init__(self):
        self.port = free_port()
        os.makedirs("ngx", exist_ok=True)
        here = os.getcwd()
        user = "user nobody nogroup;" if os.getuid() == 0 else ""
        with open("nginx.conf", "w") as f:
            f.write(self.CONF % (user, self.port, here))
        self.start(["nginx", "-p", here + "/", "-e", "stderr", "-c",
                    here + "/nginx.conf"], here + "/nginx.log", True)
        wait_for(10, self.answers, "nginx's start:\n" + self.words())

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False


def wrk(server, target, seconds, connections=64, close=False, fields=(),
        script=None, status=None):
    """Requests per CPU second of the server, and latencies in ms."""
    command = ["wrk", "-t1", "-c%d" % connections, "-d%g" % seconds,
               "--latency", "--timeout", "30"]
    if len(CPUS) > 1:
        command = ["taskset", "-c", str(CPUS[1])] + command
    for field in fields + (("Connection: close",) if close else ()):
        command += ["-H", field]
    if script:
        command += ["-s", script]
    before = server.cpu()
    ran = subprocess.run(command + [server.url(target)], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    cpu = server.cpu() - before
    out = ran.stdout
    if ran.returncode != 0:
        die("wrk failed:\n%s%s" % (out, server.words()[-1000:]))
    requests = int(re.search(r"(\d+) requests in", out)[1])
    odd = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if "Socket errors" in out or \
            (int(odd[1]) if odd else 0) != (requests if status else 0):
        die("wrong answers to %s:\n%s%s" % (target, out,
                                            server.words()[-1000:]))
    units = {"us": 1e-3, "ms": 1, "s": 1e3}
    p50, p99 = (float(n) * units[unit] for n, unit in re.findall(
        r"^\s+(?:50|99)%\s+([0-9.]+)(us|ms|s)$", out, re.M))
    return {"rate": requests / cpu, "p50": p50, "p99": p99}


class Rounds:
    """Named measurements that take turns; each returns a dictionary."""

    def __init__(self, **measures):
        self.names = list(measures)
        self.results = {name: [] for name in measures}
        for _ in range(ROUNDS):
            for name, measure in measures.items():
                self.results[name].append(measure())

    def median(self, name, key):
        return statistics.median(r[key] for r in self.results[name])

    def ratio(self, key, a, b):
        return self.median(a, key) / self.median(b, key)


def verdict(value, goal):
    """goal: ">= 1.0", "<= 1.0" or "< 5"; empty for none."""
    if not goal:
        return ""
    how, limit = goal.split()
    compare = {">=": operator.ge, "<=": operator.le, "<": operator.lt}[how]
    good = compare(value, float(limit))
    return "goal %s%s" % (goal, "" if good else ": MISSED")


def row(what, *cells):
    print("%-44s %s" % (what, "  ".join(c for c in cells if c)), flush=True)
