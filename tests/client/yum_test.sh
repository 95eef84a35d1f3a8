#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The yum-torrent plugin, request by request, and curl, for users
# without the plugin.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

start_mirror()
{
	: >trackers
	mkdir -p www/fedora/updates/x86_64
	for name in kernel-6.18.0-1.x86_64 'gtk+3.0-1.x86_64' a~b^c-1.noarch \
	    whole
	do
		head -c 1234567 /dev/urandom \
		    >"www/fedora/updates/x86_64/$name.rpm"
	done
	truncate -s 2M www/fedora/updates/x86_64/whole.rpm
	settle www/fedora/updates/x86_64/*
	service_start 'serve-files yes'
	for name in www/fedora/updates/x86_64/*; do
		echo "${name#www}"
	done >paths
}

service_case plugin "GET, 412, POST, a torrent; the next host only GETs." \
    aria2c
plugin_body()
{
	start_mirror
	# It gives up at any other status, and asserts the field's beginning.
	cat >plugin.py <<-'EOT'
	import hashlib, sys, urllib.error, urllib.parse, urllib.request
	base, posts = sys.argv[2], int(sys.argv[3])
	paths = open("paths").read().splitlines()
	digest = hashlib.sha1("\n".join(paths).encode()).hexdigest()
	url = base + "/fedora/torrent_service/digest/" + digest
	data = urllib.parse.urlencode([("p", path) for path in paths])
	posted = 0
	try:
	    f = urllib.request.urlopen(url)
	except urllib.error.HTTPError as e:
	    assert e.code == 412, e
	    assert e.read() == b"" and e.headers["Pragma"] == "no-cache"
	    f = urllib.request.urlopen(url, data.encode())
	    posted = 1
	assert posted == posts
	assert f.status == 200
	prefix = "attachment; filename="
	field = f.headers["Content-Disposition"]
	assert field.startswith(prefix)
	name = field[len(prefix):]
	assert len(name) == 48 and name.endswith(".torrent")
	int(name[:40], 16)
	assert name == name.lower() and "/" not in name
	open(name, "wb").write(f.read())
	print(name)
	EOT
	name=$(run_python - "$url" 1 <plugin.py) || fail "the first host's plugin"
	cp "$name" posted
	for base in "$url" "$url/"; do
		same "$(run_python - "$base" 0 <plugin.py)" "$name" "what they get"
		atf_check cmp posted "$name"
	done
	service_restart
	same "$(run_python - "$url" 0 <plugin.py)" "$name" "after a restart"
	atf_check cmp posted "$name"
	cp posted body
	want_torrent
	same "$torrent.torrent" "$name" "the file's name"

	# Its client fills a cache directory; packages come from there.
	mkdir packages
	get_with_aria2 "$name" packages || fail "aria2 failed"
	for path in $(cat paths); do
		atf_check cmp "www$path" "packages$path"
	done
}

service_case curl "The same by hand: curl --data-urlencode." aria2c
curl_body()
{
	start_mirror
	# None of these has a blank.
	set -- $(cat paths)
	digest=$(paths_digest "$@")
	want 412 $service/digest/"$digest"
	same "$(wc -c <body)" 0 "bytes in the answer"
	same "$(head -n 1 head | tr -d '\r')" \
	    "HTTP/1.1 412 Precondition failed" "the status line"
	want_field Cache-Control 'no-cache, no-store, must-revalidate'
	want_field Pragma no-cache
	want_field Expires 0
	want_torrent_of "$@"
	grep -q "^Content-Disposition: attachment; filename=$torrent.torrent" \
	    head || fail "no such line in the head"
	# Order is part of the request.
	cp body posted
	shift
	want_post 200 "$@" /fedora/updates/x86_64/kernel-6.18.0-1.x86_64.rpm
	! cmp -s body posted || fail "the same for another order"
	mkdir out
	get_with_aria2 posted out || fail "aria2 failed"
	for path in $(cat paths); do
		atf_check cmp "www$path" "out$path"
	done
}

# The plugin takes the packages that the mirror has, and gets the rest as
# it always did.
service_case some_are_missing "Packages that are not there are left out."
some_are_missing_body()
{
	start_mirror
	want_post 200 /fedora/updates/x86_64/gone.rpm $(cat paths) \
	    /fedora/updates/x86_64/gone-too.rpm
	want_torrent files
	same "$(echo "$torrent" | wc -l)" 4 "files"
	want 200 $service/digest/"$digest"
	want_post 404 /fedora/updates/x86_64/gone.rpm
	want 412 $service/digest/"$digest"
}
