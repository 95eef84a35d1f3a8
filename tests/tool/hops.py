#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Which files of the front does one cold POST of two files pass through?

    tests/tool/hops.py [-v]

Builds a copy of the tree with -finstrument-functions, starts the service on a
mirror of two files, posts their paths and prints each file of pkgtorrentd/front
in which a function was called (-v: the functions too), and the number of files;
after that the number with the files of the cache and the parent.  Calls below a
periodic tick do not count.  Needs gcc, binutils and the libraries that the
build needs.
"""
import collections
import hashlib
import http.client
import mmap
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROGRAM = "pkgtorrentd/"
FRONT = PROGRAM + "front/"
OTHERS = "/usr/", "common/", "hasher/", PROGRAM + "main.c"
SLOTS = 1 << 13
TICKS = 62
HEAD = 8 + 8 * TICKS

# The filters of the front leave it no call to write with, so the functions are
# recorded in a file that is mapped before main().
HOOK = """
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct record {
	volatile uint32_t on, nticks;
	uint64_t ticks[%(ticks)d], functions[%(slots)d];
};
extern const char __ehdr_start;
static struct record *record;
static unsigned ticking;

static uint64_t
address(void *function)
{
	return (uint64_t)((const char *)function - &__ehdr_start);
}

static unsigned
is_tick(uint64_t at)
{
	uint32_t i;

	for (i = 0; i < record->nticks; i++)
		if (record->ticks[i] == at)
			return 1;
	return 0;
}

__attribute__((constructor)) static void
record_open(void)
{
	int fd = open("%(file)s", O_RDWR | O_CLOEXEC);
	void *at;

	at = mmap(0, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	record = at == MAP_FAILED ? 0 : at;
}

void
__cyg_profile_func_enter(void *function, void *caller)
{
	uint64_t at = address(function), slot = at %% %(slots)d, none = 0;

	(void)caller;
	if (record == 0)
		return;
	ticking += is_tick(at);
	if (!record->on || ticking > 0)
		return;
	/* The cache and the parent add theirs at the same time. */
	while (!__atomic_compare_exchange_n(&record->functions[slot], &none,
	    at, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED) && none != at) {
		slot = (slot + 1) %% %(slots)d;
		none = 0;
	}
}

void
__cyg_profile_func_exit(void *function, void *caller)
{
	(void)caller;
	if (record != 0)
		ticking -= is_tick(address(function));
}
"""


def run(*command, **more):
    return subprocess.run(command, check=True, **more)


def build(work):
    """The instrumented daemon, in a tree of its own."""
    tree = work + "/tree"
    shutil.copytree(TOP, tree, symlinks=True, ignore=shutil.ignore_patterns(
        ".git", "*.o", "*.d", "*.a", "corpus"))
    with open(work + "/hook.c", "w") as f:
        f.write(HOOK % {"file": work + "/record", "slots": SLOTS,
                        "ticks": TICKS})
    run("gcc", "-O2", "-fPIE", "-c", "-o", work + "/hook.o", work + "/hook.c")
    run("make", "-s", "-C", tree, "-j%d" % os.cpu_count(), "all", "CC=gcc",
        "OPT=-O0 -g", "LDFLAGS=" + work + "/hook.o", "CFLAGS="
        "-finstrument-functions -finstrument-functions-exclude-file-list=" +
        ",".join(OTHERS), stdout=subprocess.DEVNULL)
    return tree + "/pkgtorrentd/pkgtorrentd"


def ticks(program):
    """Addresses of the functions that the loop calls periodically."""
    out = run("nm", program, stdout=subprocess.PIPE, text=True).stdout
    found = [int(row.split()[0], 16) for row in out.splitlines()
             if re.search(r" [tT] \w+_tick$", row)]
    if not 0 < len(found) <= TICKS:
        sys.exit("hops: %d functions named ..._tick" % len(found))
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(program, work, port):
    for name in "www/pub", "cache":
        os.makedirs(work + "/" + name)
    for name, size in ("a", 3 << 20), ("b", 5000):
        with open(work + "/www/pub/" + name, "wb") as f:
            f.write(os.urandom(size))
        os.chmod(f.name, 0o644)
    time.sleep(2.1)     # younger files are not remembered: see FRESHNESS
    options = ["root %s/www" % work, "cache %s/cache" % work,
               "trackers %s/none" % work, "listen 127.0.0.1:%d" % port]
    if os.geteuid() == 0:
        options.append("user nobody")
        shutil.chown(work + "/cache", "nobody")
    else:
        options.append("sandbox best-effort")
    command = [program, "-d", "-f", "/dev/null"]
    for option in options:
        command += ["-o", option]
    with open(work + "/log", "w") as log:
        service = subprocess.Popen(command, stderr=log, start_new_session=True)
    for _ in range(200):
        with open(work + "/log") as log:
            if "ready: " in log.read():
                return service
        if service.poll() is not None:
            break
        time.sleep(0.05)
    with open(work + "/log") as log:
        sys.exit("hops: the service does not start:\n" + log.read())


def post(port):
    paths = ["/pub/a", "/pub/b"]
    digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    c.request("POST", "/mirror/torrent_service/digest/" + digest,
              urllib.parse.urlencode([("p", path) for path in paths]),
              {"Content-Type": "application/x-www-form-urlencoded"})
    answer = c.getresponse()
    body = answer.read()
    c.close()
    if answer.status != 200 or not body.startswith(b"d"):
        sys.exit("hops: %d %r" % (answer.status, body[:200]))


def measure(work, program):
    """The addresses of the functions that were called for the request."""
    at = ticks(program)
    with open(work + "/record", "wb") as f:
        f.write(struct.pack("=II%dQ" % len(at), 0, len(at), *at))
        f.truncate(HEAD + 8 * SLOTS)
    os.chmod(work + "/record", 0o666)
    port = free_port()
    service = start(program, work, port)
    try:
        with open(work + "/record", "r+b") as f, \
                mmap.mmap(f.fileno(), 0) as record:
            record[0:4] = struct.pack("=I", 1)
            post(port)
            time.sleep(0.5)             # the access log, the closed connection
            record[0:4] = struct.pack("=I", 0)
            functions = struct.unpack_from("=%dQ" % SLOTS, record, HEAD)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait()
    return [function for function in functions if function]


def main():
    work = tempfile.mkdtemp(prefix="pkgtorrentd-hops.",
                            dir=os.environ.get("TMPDIR", "/var/tmp"))
    os.chmod(work, 0o755)
    try:
        program = build(work)
        functions = measure(work, program)
        out = run("addr2line", "-f", "-e", program,
                  *[hex(function) for function in functions],
                  stdout=subprocess.PIPE, text=True).stdout.splitlines()
    finally:
        shutil.rmtree(work)
    files = collections.defaultdict(list)
    for name, place in zip(out[::2], out[1::2]):
        path = os.path.normpath(place.split(":")[0])
        if "/tree/" + PROGRAM in path:
            files[path[path.index("/tree/") + 6:]].append(name)
    front = sorted(path for path in files if path.startswith(FRONT))
    if not front:
        sys.exit("hops: nothing was recorded")
    for path in front:
        print(path, len(files[path]))
        if "-v" in sys.argv[1:]:
            for name in sorted(files[path]):
                print("\t" + name)
    print("%d files of the front, %d with cache and parent" %
          (len(front), len(files)))


main()
