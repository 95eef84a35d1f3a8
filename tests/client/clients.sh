# SPDX-License-Identifier: ISC
# Real BitTorrent clients, made to end by themselves; to be read by atf-sh
# scripts after lib.sh.

client_limit=50		# seconds

odd_percent='per%cent%20.rpm'
odd_hash='sub/and&or=#;.rpm'

# make_odd_mirror [NAME ...]: names that some client or server somewhere gets
# wrong, and those.  Most are of a length that needs padding, one of them a
# single byte of it.
make_odd_mirror()
{
	mkdir -p www/yum/sub
	# Nobody outside is asked for peers.
	: >trackers
	for _name in plain.rpm 'with space.rpm' 'plus+plus.rpm' \
	    "$odd_percent" 'brackets[1].rpm' "$odd_hash" \
	    "$(printf 'utf8-\303\251\342\202\254.rpm')" "$@"
	do
		head -c 70001 /dev/urandom >"www/yum/$_name"
	done
	head -c 1048575 /dev/urandom >www/yum/one-byte-short
	head -c 2097152 /dev/urandom >www/yum/sub/whole-pieces
	: >www/yum/empty
	head -c 3000000 /dev/urandom >www/yum/zz-last.iso
	settle www/yum/* www/yum/sub/*
}

# nginx_conf OPTION ...: nginx.conf for an ordinary user.  As in etc/, but for
# the service's port and the cache's directory, which is below this one; with
# $nginx_http in its http block.
# $mirror_location are lines for the mirror's own files.
nginx_conf()
{
	_etc=$tests/../etc
	{
		echo "daemon off; pid $here/nginx.pid; events { } $*"
		echo "http { access_log $here/nginx.access; ${nginx_http:-}"
		for _kind in client_body proxy fastcgi scgi uwsgi; do
			echo "${_kind}_temp_path $here/$_kind;"
		done
		sed -e "s,127.0.0.1:8080,127.0.0.1:$service_port," \
		    -e "s,/var/lib/nginx,$here," "$_etc/nginx-http.conf.snippet"
		echo "server { listen 127.0.0.1:$port; root $here/www;"
		echo "include $_etc/nginx.conf.snippet;"
		echo "location / { ${mirror_location:-} } } }"
	} >nginx.conf
}

# nginx as the mirror's web server, configured from etc/; $url is its own from
# now on.
start_nginx()
{
	behind_port
	# A single process, to be ended as one.
	nginx_conf "master_process off; error_log $here/nginx.log;"
	[ "$(id -u)" != 0 ] || chmod 777 .
	start_server nginx -c "$here/nginx.conf"
}

# url_path PATH: as it is written in a URL.
url_path()
{
	python3 -c 'import os, sys, urllib.parse as u
print(u.quote(os.fsencode(sys.argv[1])))' "$1"
}

# get_with_CLIENT TORRENT DIRECTORY: exit status 0 when the client says that
# it has everything.
get_with_aria2()
{
	timeout $client_limit aria2c --no-conf --enable-dht=false \
	    --enable-dht6=false --bt-enable-lpd=false \
	    --enable-peer-exchange=false --seed-time=0 \
	    --file-allocation=none --summary-interval=0 \
	    --bt-stop-timeout=20 --listen-port="$(free_port)" \
	    --console-log-level=warn --dir="$2" "$1"
}

# Transmission 4.1 escapes neither '%' nor '#' nor '?' in a name below a web
# seed, and so asks for another one; 4.1.4 of Debian asks no web seed at all.
# Which kind this one is, another web seed than ours tells.  For the first kind
# the set has no such names, and all others in it must work.
only_what_transmission_escapes()
{
	python3 "$(atf_get_srcdir)/asked_for.py" 'a%20b#c' probe.torrent \
	    probe.target 2>probe.log &
	_seed=$!
	note_pid $_seed
	wait_for 10 [ -e probe.torrent ] || fail "no probe: $(cat probe.log)"
	transmission-cli -g probe.conf -w . -M -p "$(free_port)" \
	    probe.torrent >probe.log 2>&1 &
	_client=$!
	note_pid $_client
	wait_for 20 [ -e probe.target ] ||
	    atf_skip "this Transmission asks no web seed, whosever it is"
	kill -9 $_client $_seed
	case $(cat probe.target) in
	/probe/a%2520b%23c) ;;
	/probe/a%20b)
		odd_percent=percent.rpm
		odd_hash='sub/and&or=;.rpm'
		;;
	*) fail "Transmission asks for $(cat probe.target)" ;;
	esac
}

# It seeds for ever, unless the program that it calls at the end stops it.
get_with_transmission()
{
	cat >done.sh <<-EOT
	#! /bin/sh
	touch '$here/done.flag'
	kill -INT "\$PPID"
	EOT
	chmod +x done.sh
	rm -f done.flag
	# It takes a dead process for a running session after a crash.
	rm -rf transmission
	timeout $client_limit transmission-cli -g transmission -w "$2" -M \
	    -p "$(free_port)" -f "$here/done.sh" "$1" >transmission.log 2>&1
	[ -e done.flag ] || {
		tail -c 1000 transmission.log
		return 1
	}
}

# get_with_libtorrent TORRENT DIRECTORY [ADDRESS]; with client_seeds=1 it seeds
# until it is ended.
get_with_libtorrent()
{
	timeout $client_limit /usr/bin/python3 - "$1" "$2" \
	    "${3:-127.0.0.1}:$(free_port)" "${client_seeds:-0}" <<-'EOT'
	import sys, time
	import libtorrent
	torrent, directory, address, seeds = sys.argv[1:]
	session = libtorrent.session({
	    "listen_interfaces": address,
	    "outgoing_interfaces": address.split(":")[0],
	    "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
	    "enable_natpmp": False, "allow_multiple_connections_per_ip": True,
	    # Of trackers on this machine it knows only /announce otherwise.
	    "ssrf_mitigation": False,
	    "alert_mask": libtorrent.alert.category_t.error_notification})
	handle = session.add_torrent({
	    "ti": libtorrent.torrent_info(torrent), "save_path": directory})
	while not handle.status().is_seeding:
	    for alert in session.pop_alerts():
	        print(alert.message())
	    assert not handle.status().errc.value(), handle.status().errc
	    time.sleep(0.02)
	while seeds == "1":
	    time.sleep(1)
	EOT
}

# It knows only info hashes in its white list, which it reads again at SIGHUP.
start_tracker()
{
	_port=$(free_port)
	tracker=http://127.0.0.1:$_port/announce
	: >whitelist
	opentracker -i 127.0.0.1 -p "$_port" -P "$_port" -d "$here" \
	    -w whitelist >tracker.log 2>&1 &
	tracker_pid=$!
	note_pid $tracker_pid
	echo "$tracker" >trackers
	wait_for 10 curl -s -o answer "http://127.0.0.1:$_port/stats" ||
	    fail "the tracker does not answer: $(cat tracker.log)"
}

# From a torrent to one without web seeds.
strip_web_seeds()
{
	PYTHONPATH=$tests/lib PYTHONDONTWRITEBYTECODE=1 \
	    python3 - "$1" "$2" <<-'EOT'
	import sys
	import torrent_check
	data = open(sys.argv[1], "rb").read()
	_, start = torrent_check.decode(data, data.index(b"8:url-list"))
	_, end = torrent_check.decode(data, start)
	start = data.index(b"8:url-list")
	assert end + 1 == len(data)
	data = data[:start] + data[end:]
	assert b"url-list" not in torrent_check.decode(data)[0]
	open(sys.argv[2], "wb").write(data)
	EOT
}

# All of it, padding included: there is nobody to get that from.
start_seeder()
{
	mkdir seed
	cp -R www/yum seed
	mkdir -p seed/yum/torrent_service/nullfile
	torrent padding >padding
	while read -r _length _path; do
		truncate -s "$_length" "seed/yum/$_path"
	done <padding
	aria2c --no-conf --enable-dht=false --enable-dht6=false \
	    --bt-enable-lpd=false --enable-peer-exchange=false \
	    --interface=127.0.0.2 --listen-port="$(free_port)" \
	    --check-integrity=true --seed-ratio=0.0 --dir=seed \
	    --summary-interval=0 "$1" >seeder.log 2>&1 &
	note_pid $!
}

have_libtorrent()
{
	/usr/bin/python3 -c 'import libtorrent' 2>/dev/null ||
	    atf_skip "no libtorrent for /usr/bin/python3"
}
