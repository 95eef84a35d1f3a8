#! /usr/bin/env atf-sh
# A cache directory that the original service, pkgtorrent-service(8) of
# yum-utils, has used for years: pickles of Python's under the same names.

. "${0%/*}/../lib/lib.sh"

# What it would have left of 200 files, and of some that are gone; and from
# crashes.  Prints how many files that is.
make_original_cache()
{
	mkdir -p www/yum
	python3 - <<-'EOT'
	import hashlib, os, pickle
	made = 0
	def put(name, data):
	    global made
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
	EOT
	[ "$(id -u)" != 0 ] || chown -R nobody cache
}

ask_for_all()
{
	python <<-'EOT'
	import hashlib
	from load import Load
	from service import SERVICE, request
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
	EOT
}

service_case pickles "Each is taken for what it is, removed and counted."
pickles_body()
{
	service_prepare
	made=$(make_original_cache)
	settle www/yum/*
	service_start 'access-log no'
	ask_for_all
	want_log "cache.* removed $made files"
	same "$(grep -c ': removed' log)" 1 "lines about it"
	# None is left, not even in a directory that nothing is needed in.
	python3 - <<-'EOT'
	import os
	left = [os.path.join(d, f) for d, _, files in os.walk("cache")
	        for f in files]
	heads = {open(name, "rb").read(4) for name in left}
	assert len(heads) == 1, heads
	# Those of files that are still there are ours now.
	assert len(left) == 400, len(left)
	EOT
	atf_check [ ! -e cache/pieces/yum/200.rpm ]
	same "$(grep -c -e 'cache\[.*info/' -e 'cache\[.*pieces/' log)" 0 \
	    "other lines about entries"
	service_restart
	ask_for_all
	same "$(service_count 'bytes hashed')" 0 "bytes hashed again"
	same "$(grep -c ': removed' log)" 1 "lines about it"
}

# One thing where another is needed, as no cache of either ever was.
service_case other_kinds "A directory for a file, and the other way round."
other_kinds_body()
{
	service_prepare
	for top in a b c d e; do
		mkdir -p www/$top
		echo $top >www/$top/x
	done
	settle www/*/*
	mkdir -p cache/info/"$(paths_digest /a/x)"/deep/er \
	    cache/pieces/b/x/1048576/deep/er
	echo something >cache/info/"$(paths_digest /a/x)"/deep/er/file
	echo something >cache/pieces/b/x/1048576/deep/er/file
	echo something >cache/pieces/c
	python3 -c 'import pickle; pickle.dump([1], open("cache/pieces/d",
	    "wb"), 2)'
	mkdir -p cache/pieces/e
	echo something >cache/pieces/e/x
	[ "$(id -u)" != 0 ] || chown -R nobody cache
	service_start
	for top in a b c d e; do
		want_post 200 /$top/x
		want_torrent
		wait_for 5 [ -f cache/info/"$digest" ] ||
		    fail "$top: no entry of the digest"
		[ -f cache/pieces/$top/x/1048576 ] ||
		    fail "$top: no entry of the pieces"
	done
	service_restart
	for top in a b c d e; do
		want_post 200 /$top/x
		want_torrent
	done
	same "$(service_count 'bytes hashed')" 0 "bytes hashed again"
}

service_case no_directories "info and pieces themselves are files."
no_directories_body()
{
	service_prepare
	mkdir -p www/yum
	echo a >www/yum/a
	settle www/yum/a
	echo something >cache/info
	python3 -c 'import pickle; pickle.dump([1], open("cache/pieces",
	    "wb"), 0)'
	[ "$(id -u)" != 0 ] || chown -R nobody cache
	service_start
	want_post 200 /yum/a
	want_torrent
	wait_for 5 [ -f cache/info/"$digest" ] || fail "nothing is remembered"
}
