# SPDX-License-Identifier: ISC
# For steps on the booted machine, which read this first: plain sh, and no
# program but those of a minimal Debian, curl and aria2.
#
#	. /field/lib.sh
#	begin UNIT ...			the units that the step is about
#	check "It must hold." COMMAND [ARGUMENT ...]
#	finish
#
# begin has nothing running, and the configuration that is in /field/conf:
# that of "make install" and "serve-files yes".  /srv/mirror/pub has a.rpm,
# b.rpm, sub/c.rpm and image.iso.

service=http://127.0.0.1:8080/mirror/torrent_service
units="pkgtorrentd.service pkgtorrentd-confined.service pkgtorrentd.socket"
passed=0
failed=0

begin()
{
	tested="$*"
	cd "$(mktemp -d)" || exit 1
	trap leave EXIT
	trap 'exit 1' HUP INT TERM
	tidy
	since=$(date +'%F %T')
	# "make setup"
	sh /field/etc/setup.sh all /dev/null >left
}

tidy()
{
	# shellcheck disable=SC2086
	systemctl disable --now $units 2>/dev/null
	# shellcheck disable=SC2086
	systemctl reset-failed $units 2>/dev/null
	for _unit in $units; do
		rm -rf "/etc/systemd/system/$_unit.d"
	done
	rm -rf /var/cache/torrent_service
	cp /field/conf /etc/pkgtorrentd.conf
	systemctl daemon-reload
}

leave()
{
	tidy
	cd /
}

check()
{
	_what=$1
	shift
	if "$@" >out 2>&1; then
		passed=$((passed + 1))
		echo "ok: $_what"
		return 0
	fi
	failed=$((failed + 1))
	echo "FAILED: $_what ($*)"
	tail -n 20 out
	for _unit in $tested; do
		systemctl status --no-pager --lines=0 "$_unit"
	done
	journalctl --no-pager --quiet --since="$since" --lines=30
	return 1
}

finish()
{
	echo "$passed passed, $failed failed, 0 skipped"
	[ $failed = 0 ]
	exit
}

not()
{
	! "$@"
}

# wait_for SECONDS COMMAND [ARGUMENT ...]
wait_for()
{
	_end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $_end ] || return 1
		sleep 0.1
	done
}

# status CODE URL: is this its answer?
status()
{
	code=$(curl -g -s -o body -w '%{http_code}' --max-time 20 "$2")
	[ "$code" = "$1" ] || { echo "$2: $code"; head -c 300 body; false; }
}

# download URL FILE ...: aria2 gets the files of that torrent, from the service
# as the web seed, and each file is the mirror's.
download()
{
	rm -rf got && mkdir got
	status 200 "$1" && cp body torrent || return 1
	timeout 60 aria2c --no-conf --enable-dht=false --enable-dht6=false \
	    --bt-enable-lpd=false --seed-time=0 --console-log-level=warn \
	    --summary-interval=0 --file-allocation=none --dir=got torrent ||
	    return 1
	shift
	for _file; do
		cmp "/srv/mirror/$_file" "got/$_file" ||
		    cmp "/srv/mirror/$_file" "got/${_file##*/}" || return 1
	done
}

main_pid()
{
	systemctl show --property=MainPID --value "$1"
}

# restarted UNIT PID: does it run, as another process?
restarted()
{
	_pid=$(main_pid "$1")
	[ "$_pid" != 0 ] && [ "$_pid" != "$2" ] &&
	    systemctl --quiet is-active "$1"
}

# ask_all_the_while: asks until the file "enough" is there; curl's word on
# each request is in "asked".
ask_all_the_while()
{
	while [ ! -e enough ]; do
		curl -s -o /dev/null -w '%{exitcode} %{http_code}\n' \
		    --max-time 20 "$service/single/pub/a.rpm" || :
	done >"asked.$1"
}

# restart_under_requests UNIT: three restarts, and the clients' answers, counted,
# in "seen".
restart_under_requests()
{
	rm -f enough asked.*
	for _n in 1 2 3 4; do
		ask_all_the_while $_n &
	done
	for _n in 1 2 3; do
		systemctl restart "$1" || return 1
		status 200 "$service/single/pub/a.rpm" || return 1
	done
	: >enough
	wait
	sort asked.* | uniq -c >seen
	cat seen
}

# runs_as USER ROLE ...: each process of these roles, of which there is one.
runs_as()
{
	_user=$1
	_uid=$(id -u "$_user") || return 1
	shift
	for _role; do
		_found=
		for _dir in /proc/[0-9]*; do
			case $(tr '\0' ' ' <"$_dir/cmdline") in
			"pkgtorrentd: $_role"*) ;;
			*) continue ;;
			esac
			_found=$(sed -n 's/^Uid:[[:blank:]]*//p' \
			    "$_dir/status" | tr '\t' ' ')
			[ "$_found" = "$_uid $_uid $_uid $_uid" ] ||
			    { echo "$_role: $_found, not $_uid"; return 1; }
		done 2>/dev/null
		[ -n "$_found" ] || { echo "no $_role"; return 1; }
	done
}

# Duties of both units towards their clients and their administrator.
serves()
{
	check "a single file by aria2" \
	    download "$service/single/pub/image.iso" pub/image.iso
	check "a pattern by aria2" \
	    download "$service/simple/pub/**" pub/a.rpm pub/b.rpm \
	    pub/sub/c.rpm pub/image.iso
	check "torrents are remembered on disk" \
	    sh -c 'find /var/cache/torrent_service/info -type f | grep .'
}

# tells PATTERN COMMAND ...: on standard output or error, however it ends.
tells()
{
	_pattern=$1
	shift
	"$@" 2>&1 | grep -q -e "$_pattern"
}

reloads()
{
	_pid=$(main_pid "$1")
	echo 'deny /pub/sub' >>/etc/pkgtorrentd.conf
	check "a good file is reloaded" systemctl reload "$1"
	check "the new configuration is in force" \
	    wait_for 20 status 403 "$service/single/pub/sub/c.rpm"
	echo 'no-such-keyword' >>/etc/pkgtorrentd.conf
	check "a bad file is refused" not systemctl reload "$1"
	check "it runs on" systemctl is-active "$1"
	if [ "$1" = pkgtorrentd.service ]; then
		check "pkgtorrentctl tells the reason" \
		    tells no-such-keyword pkgtorrentctl reload
		check "and the status" tells "pid $_pid" pkgtorrentctl status
	fi
	check "as it did" status 200 "$service/single/pub/a.rpm"
	check "with its old configuration" \
	    status 403 "$service/single/pub/sub/c.rpm"
	check "by the same process" [ "$(main_pid "$1")" = "$_pid" ]
	cp /field/conf /etc/pkgtorrentd.conf
	mkdir -p -m 700 /srv/closed
	echo 'root /closed /srv/closed' >>/etc/pkgtorrentd.conf
	check "a root that no walker can enter is refused" \
	    not systemctl reload "$1"
	check "by the same process still" [ "$(main_pid "$1")" = "$_pid" ]
	cp /field/conf /etc/pkgtorrentd.conf
	check "a mended file is reloaded" systemctl reload "$1"
	check "and in force" \
	    wait_for 20 status 200 "$service/single/pub/sub/c.rpm"
	# The new walker may still be starting while systemd reads on.
	check "the reload ends" wait_for 20 systemctl is-active "$1"
}

survives()
{
	_pid=$(main_pid "$1")
	kill -KILL "$_pid"
	check "a killed parent is started anew" wait_for 30 restarted "$1" \
	    "$_pid"
	check "it serves again" wait_for 20 status 200 \
	    "$service/single/pub/b.rpm"
}

# Nothing is left of it, and it ended well.
stops()
{
	check "it stops" systemctl stop "$1"
	check "with success" \
	    [ "$(systemctl show --property=Result --value "$1")" = success ]
	check "no process is left" not grep -l pkgtorrent /proc/[0-9]*/comm
}
