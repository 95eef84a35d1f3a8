#! /bin/sh
# SPDX-License-Identifier: ISC
# make demo: a mirror, the service, a torrent from it, a download through that
# and three in a swarm, with the commands that a person would type.
# MIRROR=/path takes a mirror that is there.  Ends by itself; 0: the downloads
# are the same, and the swarm has taken less of the mirror than plain downloads.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
daemon=
clients=
work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-demo.XXXXXX") || exit 1

end_daemon() {
	[ -n "$daemon" ] || return
	kill "$daemon" 2>/dev/null
	wait "$daemon"
	daemon=
}
# shellcheck disable=SC2086
trap '[ -z "$clients" ] || kill $clients 2>/dev/null
    end_daemon; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "make demo: $*" >&2
	[ ! -s "$work/log" ] || sed 's/^/log: /' "$work/log" >&2
	exit 1
}

say() { printf '\n# %s\n' "$*"; }

# As it would be typed.
show() {
	printf '$'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=,%+-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
}

run() {
	show "$@"
	"$@"
}

# Files of whole pieces, with a last piece, and smaller than a piece.
make_mirror() {
	mirror=$work/mirror
	mkdir -p "$mirror/demo/packages"
	for file in alpha:2097152 beta:3000000 gamma:700000; do
		head -c "${file#*:}" /dev/urandom \
		    >"$mirror/demo/packages/${file%:*}-1.0.rpm"
	done
	chmod -R a+rX,go-w "$mirror"
	dir=demo/packages
}

# The first directory that is not too much to download.
choose_dir() {
	mirror=$(cd "$MIRROR" && pwd) || exit 1
	(cd "$mirror" && find . -mindepth 1 -maxdepth 6 -name '.*' -prune -o \
	    -type d -print) | sort | head -n 5000 >"$work/dirs"
	while read -r dir; do
		dir=${dir#./}
		ls -ln "$mirror/$dir" | awk '/^-/ { n++; size += $5 }
		    END { exit !(size > 0 && size < 256e6 && n <= 200) }' &&
		    return
	done <"$work/dirs"
	fail "$MIRROR has no directory with files of less than 256 MB in all"
}

configure() {
	{
		echo "root \"$mirror\""
		echo "listen 127.0.0.1:$port"
		echo "cache $work/cache"
		echo "trackers $work/trackers"
		echo "serve-files yes"
		echo "proxy none"
		echo "access-log $work/access"
		echo "sandbox $sandbox"
	} >"$work/pkgtorrentd.conf"
}

# 0 when it serves; 1 when it has ended.
start_daemon() {
	configure
	"$@" 2>"$work/log" &
	daemon=$!
	tries=0
	until grep -q '^[^ ]*parent.*ready:' "$work/log"; do
		tries=$((tries + 1))
		[ $tries -le 300 ] || fail "not ready within 30 seconds"
		sleep 0.1
		if ! kill -0 "$daemon" 2>/dev/null; then
			daemon=
			return 1
		fi
	done
}

# Another port if that is taken; and not without a notice if this system
# lacks a layer of the sandbox.
start_somewhere() {
	sandbox=strict
	port=$((20000 + $$ % 20000))
	for _ in 1 2 3 4 5; do
		start_daemon "$@" && return
		if grep -q 'Address already in use' "$work/log"; then
			port=$((port + 1))
		elif [ $sandbox = strict ] && grep -q sandbox "$work/log"; then
			echo "make demo: this system lacks something:" >&2
			grep sandbox "$work/log" >&2
			sandbox=best-effort
		else
			break
		fi
	done
	fail "the service does not start"
}

download() {
	if command -v aria2c >/dev/null; then
		set -- aria2c --seed-time=0 --enable-dht=false \
		    --enable-dht6=false --bt-enable-lpd=false \
		    --summary-interval=0 --console-log-level=warn \
		    -d "$work/download" "$1"
		show "$@"
		timeout 180 "$@"
		return
	fi
	# Goes on seeding until it is ended.
	show transmission-cli -w "$work/download" "$1"
	printf '#! /bin/sh\nexec touch %s/done\n' "$work" >"$work/finish"
	chmod 755 "$work/finish"
	HOME=$work timeout 180 transmission-cli -w "$work/download" \
	    -f "$work/finish" "$1" >"$work/transmission" 2>&1 &
	client=$!
	while kill -0 $client 2>/dev/null && [ ! -e "$work/done" ]; do
		sleep 0.2
	done
	kill $client 2>/dev/null
	wait $client 2>/dev/null
	[ -e "$work/done" ]
}

# Sets $bytes, the bytes of the mirror's answers since the last time.  Lines come
# in their order, so all are there when that of a last request is.
last=0
count_bytes() {
	last=$((last + 1))
	curl -sS -o "$work/none" "http://127.0.0.1:$port/last-$last"
	tries=0
	until grep -q "GET /last-$last " "$work/access"; do
		tries=$((tries + 1))
		[ $tries -le 100 ] || fail "no line in the access log"
		sleep 0.1
	done
	bytes=$(awk -v now="$last" '
	/GET \/last-/ { n++; next }
	n == now - 1 && ($9 == 200 || $9 == 206) { sum += $10 }
	END { printf "%.0f", sum }' "$work/access")
}

# Three downloads of all files, from the mirror alone.
download_plainly() {
	for _ in 1 2 3; do
		for file in "$mirror/$dir"/*; do
			[ -f "$file" ] || continue
			file=$(printf %s "${file#"$mirror/"}" |
			    sed 's/%/%25/g; s/ /%20/g; s/#/%23/g; s/?/%3F/g')
			curl -sS --globoff -o "$work/none" \
			    "http://127.0.0.1:$port/$file"
		done
	done
}

# Each has an address of its own, as three machines would have.  On one machine
# the mirror is faster than any client: without a limit it gives all of it
# before the clients have met.
download_in_swarm() {
	rate=$1
	for n in 2 3 4; do
		set -- aria2c --stream-piece-selector=random --split=1 \
		    --seed-time=0.1 --max-download-limit="$rate" \
		    --enable-dht=false --enable-dht6=false \
		    --bt-enable-lpd=false --bt-stop-timeout=60 \
		    --summary-interval=0 --console-log-level=warn \
		    --interface=127.0.0.$n -d "$work/swarm.$n" demo.torrent
		show "$@"
		timeout 180 "$@" >"$work/aria2.$n" 2>&1 &
		clients="$clients $!"
	done
	for client in $clients; do
		wait "$client" || fail "a client failed:" \
		    "$(tail -n 5 "$work"/aria2.?)"
	done
	clients=
	for n in 2 3 4; do
		compare "$work/swarm.$n"
	done
}

# Every file of the directory has come, with the mirror's bytes.  Some clients
# do not make empty ones; a link may lead out of the mirror.
compare() {
	found=0
	for file in "$mirror/$dir"/*; do
		if [ ! -f "$file" ] || [ ! -s "$file" ] || [ -L "$file" ]; then
			continue
		fi
		cmp "$file" "$1/${file#"$mirror/"}" ||
		    fail "the download differs"
		found=$((found + 1))
	done
	[ $found -gt 0 ] || fail "nothing was compared"
}

# It is all on this machine.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
umask 022
chmod 755 "$work"
cd "$top" || exit 1
mkdir "$work/cache" "$work/download"
touch "$work/trackers" "$work/log"
if [ -n "${MIRROR:-}" ]; then
	choose_dir
else
	make_mirror
fi

set -- pkgtorrentd/pkgtorrentd -d -f "$work/pkgtorrentd.conf"
if [ "$(id -u)" = 0 ]; then
	user=_pkgtorrent
	if ! id $user >/dev/null 2>&1; then
		user=nobody
		set -- "$@" -o "user $user"
	fi
	chown $user "$work/cache"
fi
start_somewhere "$@"

say "A mirror:"
run ls -l "$mirror/$dir"
say "The service, for all of it:"
run cat "$work/pkgtorrentd.conf"
show "$@"
grep ready "$work/log"

say "A torrent of a directory, by any HTTP client:"
path=$(printf %s "$dir" |
    sed 's/%/%25/g; s/ /%20/g; s/#/%23/g; s/?/%3F/g; s/\[/%5B/g; s/]/%5D/g')
cd "$work" || exit 1
url="http://127.0.0.1:$port/mirror/torrent_service/simple/$path/*"
run curl -fsS --globoff --retry 5 -o demo.torrent "$url" ||
    fail "no torrent"

say "And a download by any BitTorrent client; here the mirror is the only seed:"
download demo.torrent || fail "the client failed"
compare "$work/download"
say "All $found files have come as they are on the mirror."

if ! command -v aria2c >/dev/null; then
	say "With aria2 here, three would show what a swarm saves."
	exit 0
fi
count_bytes
download_plainly
count_bytes
plain=$bytes
say "Three at once. The service is their tracker, and they begin with random"
echo "# pieces, so that each soon has something that the others need:"
download_in_swarm $((plain / 3 / 10 + 16384))
count_bytes
swarm=$bytes
say "What the mirror was asked for, in bytes:"
printf '%12.0f by three plain downloads\n%12.0f by the three aria2: %d %%\n' \
    "$plain" "$swarm" $((swarm * 100 / plain))
[ "$swarm" -lt "$plain" ] || fail "the clients gave each other nothing"
