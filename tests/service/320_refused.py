# SPDX-License-Identifier: ISC
"""The service where a system call is refused: it does not start and names
the call, or all of it works.

usage: refused.py PORT PROGRAM REFUSED GOLDEN PART/PARTS < calls
"""
import http.client
import pwd
import socket
from concurrent.futures import ThreadPoolExecutor

from faults import *

PROGRAM, REFUSED, GOLDEN, PART = sys.argv[2:]
SIZE = 70001
POST = post_parts("/yum/a", "/yum/b")
# The service can do without these, if slower: the log says so.
SPARE = "mremap", "madvise", "preadv2", "fadvise64"
# Starts at the same time.
AT_ONCE = 4


class Mirror(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("mirror", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def golden():
    """{call: pattern} of those that end the service without their name."""
    with open(GOLDEN) as f:
        return dict(line[8:].strip().split(None, 1) for line in f
                    if line.startswith("loader: "))


class Service:
    def __init__(self, call, error):
        self.call, self.error = call, error
        self.dir = os.path.abspath("%s.%s" % (call, error))
        os.makedirs(self.dir + "/cache")
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.dir + "/cache", nobody.pw_uid, nobody.pw_gid)
        with open(self.dir + "/conf", "w") as f:
            f.write("listen %s/socket\nroot %s/www\ncache %s/cache\n"
                    "trackers %s/trackers\nhashers 1\nserve-files yes\n%s" % (
                        self.dir, os.getcwd(), self.dir, os.getcwd(),
                        "user nobody\n" if os.getuid() == 0 else ""))
        with open(self.dir + "/log", "w") as log:
            self.process = subprocess.Popen(
                [REFUSED, call, error, PROGRAM, "-d", "-f",
                 self.dir + "/conf"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.dir, start_new_session=True)

    def log(self):
        return read_file(self.dir + "/log")

    def has_started(self):
        return self.process.poll() is not None or \
            re.search(r"parent\[\d+\]: ready: ", self.log())

    def ask(self, status, target, method="GET", body=None):
        c = Mirror(self.dir + "/socket")
        c.request(method, target, body, {} if body is None else {
            "Content-Type": "application/x-www-form-urlencoded"})
        answer = c.getresponse()
        content = answer.read()
        c.close()
        assert answer.status == status, "%s: %d %r" % (
            target, answer.status, content[:200])
        return content

    def child(self, role):
        for pid, title in children(self.process.pid).items():
            if "pkgtorrentd: " + role in title:
                return pid
        return None

    def has_digest(self):
        try:
            self.ask(200, POST[0])
            return True
        except (OSError, http.client.HTTPException):
            return False

    def use(self):
        self.ask(200, SERVICE + "/single/yum/a")
        self.ask(200, SERVICE + "/single/yum/*")
        self.ask(200, *POST)
        assert len(self.ask(200, SERVICE + "/nullfile/70000_1")) == 70000
        assert len(self.ask(200, "/yum/a")) == SIZE
        entry = self.dir + "/cache/info/" + os.path.basename(POST[0])
        wait_until(10, lambda: os.path.exists(entry), "stored")
        # The others end with it, and their memory too.
        front = self.child("front")
        os.kill(front, signal.SIGKILL)
        wait_until(10, lambda: self.child("front") not in (front, None) and
                   self.has_digest(), "an answer from the disk")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0, "exit status %d" % \
            self.process.returncode

    def judge(self, nameless):
        wait_until(20, self.has_started, "a start, or a refusal")
        if self.process.poll() is None:
            self.use()
            self.stop()
            if self.call in SPARE:
                assert re.search(r"\b%s\b.*slower" % self.call, self.log()), \
                    "nobody says that it is slower"
            return "works"
        assert self.process.returncode != 0, "it ended with 0"
        if self.call in nameless:
            assert re.search(nameless[self.call], self.log()), "no reason"
            return "ends"
        # Not only as a part of another name, or of the path.
        says = [line for line in self.log().split("\n") if re.search(
            r"(^|[ /])%s(/[a-z0-9_/]+)?: .*filter" % self.call, line) or
            ("pass " + self.call in line)]
        assert says, "nobody names the call"
        reason = "Function not implemented" if self.error == "ENOSYS" else \
            "Operation not permitted"
        assert self.call == "rt_sigreturn" or reason in says[0], \
            "another error"
        return "refuses"

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()


def run(call, error, nameless):
    service = Service(call, error)
    try:
        return service.judge(nameless), None
    except (AssertionError, OSError, http.client.HTTPException) as e:
        return "FAILS", "%s %s: %r\n%s" % (call, error, e, service.log())
    finally:
        service.end()


def main():
    part, parts = map(int, PART.split("/"))
    nameless = golden()
    calls = sorted(set(sys.stdin.read().split()))[part - 1::parts]
    assert calls, "no calls"
    made, failures = {}, []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tried = [(call, error, pool.submit(run, call, error, nameless))
                 for call in calls for error in ("ENOSYS", "EPERM")]
        for call, error, future in tried:
            verdict, why = future.result()
            made.setdefault(verdict, []).append("%s/%s" % (call, error))
            if why:
                failures.append(why)
    for verdict, which in made.items():
        print("%s: %s" % (verdict, " ".join(which)))
    if failures:
        print("\n".join(failures))
        sys.exit(1)


main()
