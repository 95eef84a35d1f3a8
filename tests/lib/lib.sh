# SPDX-License-Identifier: ISC
# Harness for tests of the running service, to be read by atf-sh scripts:
#
#	. "${0%/*}/../lib/lib.sh"
#	service_case NAME "A fact that a user notices." [program ...]
#	NAME_body() { service_start ['keyword argument' ...]; ... }
#
# A case runs in a directory of its own: www/ is the mirror with an empty
# directory, www/yum, cache/ the cache, conf the configuration and log the
# service's log.  Afterwards $pid is the
# parent and $url the address.  Processes that were started are ended by their
# numbers in the cleanup part, however the case ended.
#
# Of a mirror on an overlay, as containers have it, the service stores
# nothing (common/mounts.h).  There www is a link to a directory elsewhere.

service=/mirror/torrent_service		# any name will do before the slash
service_timeout=60
here=$(pwd)
tests=$(cd "$(atf_get_srcdir)/.." && pwd)

. "$tests/lib/cases.sh"

service_case()
{
	_service_case '' "$@"
}

# The same, as root.
root_case()
{
	_service_case root "$@"
}

# python_case NAME DESCRIPTION ['keyword argument' ...]: the service runs with
# that, and the function NAME of the program beside the script has the rest.
python_case()
{
	service_case "$1" "$2"
	_name=$1
	shift 2
	eval "${_name}_body() {
		service_start ${*:+$(printf " '%s'" "$@")}
		python $_name
	}"
}

# body NAME COMMAND [ARGUMENT ...]: a case that is one command.
body()
{
	_name=$1
	shift
	eval "${_name}_body() {
		$(printf " '%s'" "$@")
	}"
}

_service_case()
{
	atf_test_case "$2" cleanup
	eval "$2_cleanup() { service_cleanup; }"
	describe_case "$@" curl python3 sha1sum ps
}

# keeps_ctime DIRECTORY: does its file system keep change times by itself?
keeps_ctime()
{
	case $(stat -f -c %t "$1" 2>/dev/null) in
	ef53|58465342|9123683e|2fc12fc1|f2f52010|ca451a4e|1021994) ;;
	*) return 1 ;;
	esac
}

# That with the most room; nothing if there is none.
find_place()
{
	for _dir in /tmp /var/tmp /dev/shm "/run/user/$(id -u)"; do
		[ -w "$_dir" ] && keeps_ctime "$_dir" &&
		    echo "$(stat -f -c '%a %S' "$_dir") $_dir"
	done | awk '$1 * $2 > most { most = $1 * $2; place = $3 }
	    END { print place }'
}

# mirror_dir NAME: www, or a further root, where it belongs.
mirror_dir()
{
	if [ -f place ]; then
		mkdir -p "$(cat place)/$1"
		ln -sfT "$(cat place)/$1" "$1"
	else
		mkdir -p "$1"
	fi
}

# The mirror's place, before anything is put there.
place_mirror()
{
	! keeps_ctime . || return 0
	_place=$(find_place)
	if [ -n "$_place" ] &&
	    _place=$(mktemp -d "$_place/pkgtorrentd-www.XXXXXX"); then
		echo "$_place" >place
		chmod 755 "$_place"
		mirror_dir www
	else
		: >no-place
	fi
}

# The arguments say whether to list the cases, to clean up after one, or to
# run one.
case $* in
''|-l|*' -l'|*:cleanup) ;;
*)	place_mirror
	mkdir -p www/yum ;;
esac

# The service's log is half of every failure.
fail()
{
	for _file in log head body; do
		[ ! -s "$_file" ] || {
			echo "--- the end of $_file"
			tail -c 3000 "$_file" | tr -c '[:print:]\n\t' '?'
		}
	done
	atf_fail "$*"
}

# Hundredths of a second since some time ago.
clock()
{
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# wait_for SECONDS COMMAND [ARGUMENT ...]: until it succeeds; fails past that.
wait_for()
{
	clock
	_end=$((now + $1 * 100))
	shift
	until "$@"; do
		clock
		[ "$now" -lt "$_end" ] || return 1
		sleep 0.02
	done
}

# Things to wait for.

# prints TEXT COMMAND [ARGUMENT ...]
prints()
{
	_expected=$1
	shift
	[ "$("$@")" = "$_expected" ]
}

# has_lines FILE N: or more.
has_lines()
{
	[ "$(wc -l <"$1")" -ge "$2" ]
}

# have_children N [TITLE]
have_children()
{
	[ "$(children "$2" | wc -l)" -eq "$1" ]
}

is_gone()
{
	for _pid; do
		# A process that nobody has waited for yet has ended all the same.
		case $(ps -o stat= -p "$_pid") in
		''|Z*) ;;
		*) return 1 ;;
		esac
	done
}

# small NAME ...: files of www/yum that hold their names.
small()
{
	for _file; do
		echo "$_file" >"www/yum/$_file"
	done
}

# random BYTES FILE ...: of no pattern, other ones each time.
random()
{
	_bytes=$1
	shift
	for _file; do
		head -c "$_bytes" /dev/urandom >"$_file"
	done
}

# settle FILE ...: wait until their last change is two seconds old, from when
# on the service remembers them.
settle()
{
	_newest=$(find -H "$@" -printf '%C@\n' | sort -n | tail -n 1)
	sleep "$(date +%s.%N | awk -v newest="$_newest" '{
		left = newest + 2.05 - $1
		printf "%.2f", (left > 0 ? left : 0) }')"
}

# The port is taken again by a restart, so it lies where the kernel takes
# none for outgoing connections.
free_port()
{
	python3 -c '
import random, socket
while True:
    port = random.randrange(10000, 32000)
    try:
        for address in "127.0.0.1", "127.0.0.2":
            with socket.socket() as s:
                s.bind((address, port))
        print(port)
        break
    except OSError:
        pass'
}

# start_by COMMAND: the service is an argument of that from here on.
start_by()
{
	service_prepare
	printf '#! /bin/sh\nexec %s "%s" "$@"\n' "$1" "$program" >started
	chmod +x started
	program=$here/started
}

# limit_descriptors N: the service has no more of them from here on.
limit_descriptors()
{
	start_by "sh -c 'ulimit -n $1; exec \"\$@\"' sh"
}

# Called before files are made, or by service_start.
service_prepare()
{
	[ -z "$port" ] || return 0
	program=${PKGTORRENTD:-$tests/../pkgtorrentd/pkgtorrentd}
	case $program in
	/*) ;;
	*) program=$(cd "${program%/*}" && pwd)/${program##*/} ;;
	esac
	[ -x "$program" ] || atf_fail "$program: not built"
	port=$(free_port)
	url=http://127.0.0.1:$port
	mkdir -p www cache
	[ ! -e no-place ] || atf_skip "no directory here is on a file system" \
	    "that keeps change times; set TMPDIR to one"
	[ -e trackers ] || echo udp://tracker.example:6969 >trackers
	if [ "$(id -u)" = 0 ]; then
		# A user that may not write the mirror, as it should be.
		chmod 755 . www
		chown nobody cache
	fi
}

# service_configure ['keyword argument' ...]: in addition to the lines that every test needs.
service_configure()
{
	service_prepare
	{
		for _line in "listen 127.0.0.1:$port" "root $here/www" \
		    "cache $here/cache" "trackers $here/trackers" "hashers 1"
		do
			_keyword=${_line%% *}
			for _given; do
				[ "${_given%% *}" != "$_keyword" ] ||
				    continue 2
			done
			echo "$_line"
		done
		[ "$(id -u)" != 0 ] || echo "user nobody"
		for _given; do
			echo "$_given"
		done
	} >conf
}

# A process's number may be another one's later; this then differs.
start_time()
{
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# A process to be ended after the case, if it still runs.
note_pid()
{
	echo "$1 $(start_time "$1")" >>pids
}

service_run()
{
	: >>log
	_ready=$(grep -c 'parent.*: ready: ' log)
	"$program" -d -f conf >>log 2>&1 &
	pid=$!
	note_pid $pid
	wait_for 10 service_has_started "$_ready" ||
	    fail "not ready within 10 s"
	! is_gone $pid || fail "it ended instead of starting"
}

service_has_started()
{
	[ "$(grep -c 'parent.*: ready: ' log)" -gt "$1" ] || is_gone $pid
}

service_start()
{
	service_configure "$@"
	service_run
}

# start_with FILES ['keyword argument' ...]: FILES, a function, makes some.
start_with()
{
	"$1"
	shift
	service_start "$@"
}

# Ends by SIGTERM, with exit status 0 and everything gone.
service_stop()
{
	_children=$(children)
	kill -TERM $pid
	wait_for 10 is_gone $pid $_children || fail "still there after 10 s"
	wait $pid || fail "exit status $? after SIGTERM"
}

service_restart()
{
	service_stop
	service_run
}

# service_reload ['keyword argument' ...]: a new configuration, read.
service_reload()
{
	[ $# -eq 0 ] || service_configure "$@"
	_before=$(grep -c ': reloaded' log)
	kill -HUP $pid
	wait_for 10 more_lines "$_before" ': reloaded' || fail "no reload"
}

# more_lines N PATTERN: are there more in the log by now?
more_lines()
{
	[ "$(grep -c -e "$2" log)" -gt "$1" ]
}

service_cleanup()
{
	[ ! -f pids ] || while read -r _pid _started; do
		[ "$(start_time "$_pid")" != "$_started" ] ||
		    kill -KILL "$_pid" 2>/dev/null
	done <pids
	chmod -R u+rwX . 2>/dev/null
	[ ! -f place ] || {
		chmod -R u+rwX "$(cat place)"
		rm -rf "$(cat place)"
	}
	true
}

# Numbers of the service's children; with a pattern those of that title.
children()
{
	ps --ppid "$pid" -o pid=,args= | awk -v title="${1:-.}" '
	    { number = $1; $1 = ""; if ($0 ~ title) print number }'
}

# A figure of the status lines (SIGUSR1): the number before a word.
service_count()
{
	_before=$(grep -c 'connections open' log)
	kill -USR1 $pid
	wait_for 5 more_lines "$_before" 'connections open' ||
	    fail "no status at SIGUSR1"
	grep 'connections open' log | tail -n 1 |
	    sed -n "s/.*[^0-9]\([0-9][0-9]*\) $1.*/\1/p"
}

is_hashing()
{
	[ "$(service_count 'to go')" -gt 0 ]
}

# ask TARGET [curl option ...]: $status, head and body are the answer's.
ask()
{
	_target=$1
	shift
	: >body
	status=$(curl -sS -g --path-as-is --max-time 20 -D head -o body \
	    -w '%{http_code}' "$@" "$url$_target") ||
	    fail "no answer to $_target"
}

# want STATUS TARGET [curl option ...]: a status, or a pattern as in case.
want()
{
	_status=$1
	shift
	ask "$@"
	case $status in
	$_status) ;;
	*) fail "$1 was answered with $status, not $_status" ;;
	esac
}

# post PATH ...: as yum-torrent does it; $digest is theirs.
post()
{
	digest=$(paths_digest "$@")
	for _path; do
		set -- "$@" --data-urlencode "p=$_path"
		shift
	done
	ask "$service/digest/$digest" "$@"
}

want_post()
{
	_status=$1
	shift
	post "$@"
	[ "$status" = "$_status" ] ||
	    fail "POST of $* was answered with $status, not $_status"
}

paths_digest()
{
	(
		IFS='
'
		printf %s "$*"
	) | sha1sum | cut -c 1-40
}

# The value of a field of the last answer, empty without one.
field()
{
	tr -d '\r' <head | sed -n "s/^$1: //Ip" | tail -n 1
}

# want_field NAME PATTERN: as in case; '' for none at all.
want_field()
{
	case $(field "$1") in
	$2) ;;
	*) fail "$1 of $_target is '$(field "$1")', not '$2'" ;;
	esac
}

want_body()
{
	grep -q -e "$1" body || fail "no '$1' in the answer to $_target"
}

want_log()
{
	wait_for 5 grep -q -e "$1" "${2:-log}" || fail "no '$1' in the log"
}

# packs COMMAND ...: the piece lists in cache, as lib/packs.py says.
packs()
{
	"$tests/lib/packs.py" "$@"
}

# want_pieces PATH ...: stored, which is after the answer.
want_pieces()
{
	wait_for 5 packs stored "$@" || fail "no pieces of $*"
}

same()
{
	[ "$1" = "$2" ] || fail "$3: '$1' and '$2' differ"
}

differs()
{
	[ "$1" != "$2" ] || fail "$3: '$1' twice"
}

# torrent [FIELD [option ...]]: check the last answer, files included, and
# print one thing of it.
torrent()
{
	_field=${1:-hash}
	[ $# -eq 0 ] || shift
	"$tests/lib/torrent_check.py" body --root www \
	    --print "$_field" "$@"
}

# The same, into $torrent, and the case fails if anything is wrong with it.
want_torrent()
{
	torrent=$(torrent "$@") || fail "$_target: not a good torrent"
}

# want_torrent_at TARGET [curl option ...]: the answer is a good one.
want_torrent_at()
{
	want 200 "$@"
	want_torrent
}

# want_torrent_of PATH ...: so is that to a POST of these.
want_torrent_of()
{
	want_post 200 "$@"
	want_torrent
}

# torrent_has FIELD VALUE NAME: the last answer is a good torrent with that.
torrent_has()
{
	want_torrent "$1"
	same "$torrent" "$2" "$3"
}

# Python's programs have mounts that nobody else sees, from here on.
own_mounts()
{
	unshare -m true 2>/dev/null || atf_skip "no mount namespaces"
	python3()
	{
		unshare -m python3 "$@"
	}
}

# behind_port: $service_port is the service's port from here on; $port and
# $url are those of a server in front of it.
behind_port()
{
	service_port=$port
	port=$(free_port)
	url=http://127.0.0.1:$port
}

# start_server COMMAND ...: which answers at $url; its number is in $server.
start_server()
{
	"$@" >server.log 2>&1 &
	server=$!
	note_pid $server
	wait_for 10 server_answers || fail "no answer: $(cat server.log)"
}

# start_haproxy [LINES]: in front of the service, with these in its section.
start_haproxy()
{
	cat >haproxy.cfg <<-END
		defaults
			mode http
			timeout connect 5s
			timeout client 20s
			timeout server 20s
		listen mirror
			bind 127.0.0.1:$port
			${1:-}
			server here 127.0.0.1:$service_port
	END
	start_server haproxy -f haproxy.cfg
}

server_answers()
{
	! is_gone $server || fail "it has ended: $(cat server.log)"
	curl -s -o answer "$url/"
}

stop_server()
{
	kill -TERM $server
	wait $server || true
}

# ask_later TARGET: asks in the background.
ask_later()
{
	rm -f later_status
	{
		curl -sS -g --max-time 50 -o later -w '%{http_code}' \
		    "$url$1" >later_tmp
		mv later_tmp later_status
	} &
	note_pid $!
}

# want_later STATUS: the answer to that is in body now.
want_later()
{
	wait_for 50 [ -s later_status ] || fail "no answer"
	cp later body
	same "$(cat later_status)" "$1" "the status"
}

# The service manager's socket, notify.socket: its messages go to "notified".
listen_as_manager()
{
	: >notified
	python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("notify.socket")
while True:
    print(s.recv(4096).decode(), flush=True)' >>notified &
	note_pid $!
	wait_for 5 test -S notify.socket || fail "no socket"
}

# The file that is served is the second, of 7 bytes.
is_the_second()
{
	want 200 $service/single/yum/a
	[ "$(torrent length 2>/dev/null)" = 7 ]
}

session_is_gone()
{
	is_gone $(ps -o pid= -s "$(cat session)")
}

# want_complaint PATTERN COMMAND ...: one line like that, and exit status 1.
want_complaint()
{
	_pattern=$1
	shift
	setsid -w sh -c 'echo $$ >session; exec "$@"' sh "$@" >out 2>err
	same $? 1 "exit status of $*"
	[ ! -s out ] || fail "it has something to say on standard output"
	grep -q -e "$_pattern" err || fail "no '$_pattern' in: $(cat err)"
	same "$(wc -l <err)" 1 "lines in: $(cat err)"
}

# run_python NAME [ARGUMENT ...]: a program beside the test, or with "-" the
# standard input; the port comes first.
run_python()
{
	_program=$1
	shift
	[ "$_program" = - ] || _program=$(atf_get_srcdir)/$_program
	PYTHONPATH=$tests/lib PYTHONDONTWRITEBYTECODE=1 \
	    python3 -u "$_program" "$port" "$@" ||
	    fail "see the Python traceback"
}

# python FUNCTION [ARGUMENT ...]: of the program that has the test's name.
python()
{
	_program=${0##*/}
	run_python "${_program%_test.sh}.py" "$@"
}
