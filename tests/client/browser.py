# SPDX-License-Identifier: ISC
"""Programs of browser_test.sh: a page in a browser, of another origin than the
mirror's."""
import glob
import hashlib
import http.server
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import urllib.parse

from service import SERVICE, run

LIMIT_S = 40
HERE = os.path.dirname(os.path.abspath(__file__))


class Page(http.server.BaseHTTPRequestHandler):
    files = {
        "/": ("text/html", HERE + "/browser.html"),
        "/webtorrent.js": ("text/javascript",
                           "".join(glob.glob(HERE + "/webtorrent-*.js"))),
    }
    reports = queue.Queue()

    def answer(self, status, kind, data):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        kind, name = self.files.get(self.path.partition("?")[0], ("", ""))
        if not name:
            self.answer(404, "text/plain", b"")
            return
        with open(name, "rb") as f:
            self.answer(200, kind, f.read())

    def do_POST(self):
        self.reports.put(json.loads(self.rfile.read(
            int(self.headers["Content-Length"]))))
        self.answer(200, "text/plain", b"")

    def log_message(self, *_):
        pass


def visit(browser, **query):
    """What the page reports, opened in a browser of its own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    profile = os.path.abspath("profile")
    shutil.rmtree(profile, ignore_errors=True)
    with open("browser.log", "w") as log:
        program = subprocess.Popen(
            [browser, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--user-data-dir=" + profile,
             "http://127.0.0.1:%d/?%s" % (
                 server.server_port,
                 urllib.parse.urlencode(query, doseq=True))],
            stdout=log, stderr=log, env={**os.environ, "HOME": profile})
    try:
        return Page.reports.get(timeout=LIMIT_S)
    except queue.Empty:
        with open("browser.log") as log:
            sys.exit("no report within %d s: %s" % (LIMIT_S,
                                                    log.read()[-2000:]))
    finally:
        # Its other processes end with it.
        program.terminate()
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        server.shutdown()


def sha1(path):
    with open("www" + path, "rb") as f:
        return hashlib.sha1(f.read()).hexdigest()


def refused(browser, url):
    report = visit(browser, torrent=url + SERVICE + "/simple/yum/single.iso")
    # The browser tells a page no more than this.
    assert report == {"error": "TypeError: Failed to fetch"}, report


def downloads(browser, url):
    """A file, and a set that needs padding."""
    one, pattern = "/yum/single.iso", "/yum/*.rpm"
    report = visit(browser, torrent=[url + SERVICE + "/simple" + p
                                     for p in (one, pattern)],
                   file=url + one)
    assert "error" not in report, report
    single, several = report["files"]
    assert [digest for _, digest in single] == [sha1(one)], single
    wanted = ["/yum/" + n for n in sorted(os.listdir("www/yum"))
              if n.endswith(".rpm")]
    got = [["/" + name.lstrip("/"), digest] for name, digest in several
           if "/nullfile/" not in name]
    assert got == [[p, sha1(p)] for p in wanted], (got, wanted)
    assert len(several) > len(wanted), "no padding"
    for status, disposition, _, etag, _ in report["fields"][:2]:
        assert status == 200 and etag, report["fields"]
        assert disposition.startswith("attachment; filename="), disposition
    status, _, content_range, etag, _ = report["fields"][2]
    assert status == 206 and etag, report["fields"]
    assert content_range == "bytes 0-9/%d" % os.path.getsize("www" + one)


run(globals())
