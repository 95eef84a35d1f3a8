# SPDX-License-Identifier: ISC
"""Programs of 190_pickle_test.sh."""
import hashlib
import os
import pickle

import packs
from many import Load
from service import SERVICE, request, run


def make_original_cache(*_):
    made = 0
    def put(name, data):
        nonlocal made
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as f:
            f.write(data)
        made += 1
    for n in range(240):
        content = b"package %d\n" % n * 1000
        if n < 200:
            with open("www/yum/%d.rpm" % n, "wb") as f:
                f.write(content)
        # Wrong digests: they must not get into any torrent.
        pieces = hashlib.sha1(content + b"x").digest()
        size = len(content)
        value = ([1262304000.5, size, pieces], (1262304000, pieces),
                 {"mtime": 1262304000, "pieces": [pieces]}, [pieces],
                 [], {})[n // 3 % 6]
        put("cache/pieces/yum/%d.rpm/1048576" % n,
            pickle.dumps(value, n % 3))
        digest = hashlib.sha1(b"/yum/%d.rpm" % n).hexdigest()
        info = {"name": "yum", "piece length": 1 << 20, "pieces": pieces,
                "files": [{"length": size, "path": ["%d.rpm" % n]}]}
        put("cache/info/" + digest, pickle.dumps(info, n % 3)
            if n % 20 else b"")
        put("cache/info/" + digest + "_s",
            pickle.dumps(["/yum/%d.rpm" % n], n % 3))
        if n % 30 == 0:
            put("cache/info/%s.tmp" % digest, b"")
            put("cache/info/%s_s.tmp" % digest, b"(dp0")
    print(made)


def ask_for_all(*_):
    right = []
    def on_answer(n, a):
        piece = hashlib.sha1(b"package %d\n" % n * 1000).digest()
        assert a.status == 200 and piece in a.body, (n, a)
        right.append(n)
    load = Load(on_answer)
    for start in range(4):
        load.add([(n, request(SERVICE + "/digest/" + hashlib.sha1(
            b"/yum/%d.rpm" % n).hexdigest(), "POST",
            b"p=/yum/%d.rpm" % n)) for n in range(start, 200, 4)], True)
    load.run(30)
    assert sorted(right) == list(range(200)), load.failures


def pickles(*_):
    # Those of files that are still there are ours now.
    info = os.listdir("cache/info")
    assert len(info) == 200, len(info)
    assert {open("cache/info/" + name, "rb").read(4) for name in info} == {
        b"pkgt"}
    left = [os.path.join(d, f) for d, _, files in os.walk("cache/pieces")
            for f in files]
    assert left == packs.packs() and len(left) == 1, left
    assert len(packs.stored()) == 200, len(packs.stored())


run(globals())
