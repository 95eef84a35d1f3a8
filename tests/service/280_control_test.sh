#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The control socket, and pkgtorrentctl at the other end: root and the owner of
# the service are answered, and nobody can hold the parent up.

. "${0%/*}/../lib/lib.sh"

# start_control ['keyword argument' ...]
start_control()
{
	service_prepare
	ctl=$(dirname "$(readlink -f "$tests/../ctl/main.c")")/pkgtorrentctl
	[ -x "$ctl" ] || atf_fail "$ctl: not built"
	service_start "control $here/ctl.sock" "$@"
}

# control COMMAND ...: the output is in out, complaints in err.
control()
{
	"$ctl" -s ctl.sock "$@" >out 2>err
}

# want_control STATUS COMMAND ...
want_control()
{
	_status=$1
	shift
	_got=0
	control "$@" || _got=$?
	same "$_got" "$_status" "exit status of $*: $(cat err); its"
}

want_out()
{
	grep -q -e "$1" "${2:-out}" || fail "no '$1' in: $(cat "${2:-out}")"
}

# holds EXPRESSION: of Python, over the answer of status --json.
holds()
{
	python3 -c '
import calendar, json, sys, time
d = json.load(open("out"))
p = d["processes"]
last = d["last_errors"]
assert eval("(%s)" % sys.argv[1]), sys.argv[1]' "$1" || fail "$(cat out >&2)not so: $(
	    echo $1)"
}

service_case status "The status shows all of the service."
status_body()
{
	start_control
	same "$(stat -c '%a %u' ctl.sock)" "600 $(id -u)" "mode and owner"
	want_control 0 status
	want_out "^pkgtorrentd .*, serving for .*, pid $pid, .*/conf$"
	for role in front cache walker 'hasher 1' tracker; do
		number=$(children "$role")
		want_out "^$role  *$number  working .* MiB  *0  .*seccomp"
	done
	want_control 0 status --json
	holds "(d['pid'], d['state'], d['version']) == ($pid, 'serving',
	    '$("$program" -V | cut -d ' ' -f 2)')"
	holds "sorted(x['pid'] for x in p) == sorted([$(children |
	    tr '\n' ',')])"
	holds "all(x['memory_bytes'] > 100000 and x['state'] == 'working' and
	    x['restarts'] == 0 and x['layers'] for x in p)"
	# A user may write the mirror of its own service.
	holds 'all("may write" in x["text"] for x in last)'
}

# shows PATTERN: the status, which is a second or two behind.
shows()
{
	want_control 0 status
	grep -q -e "$1" out
}

service_case numbers "The status has the numbers of all processes."
numbers_body()
{
	small a
	truncate -s 16G www/yum/large
	settle www/yum/a
	start_control "digest openssl"
	want 404 $service/single/yum/none
	want 200 $service/single/yum/a
	want 200 $service/single/yum/a
	ask_later $service/simple/yum/large
	wait_for 10 shows '^answers *200 2, 404 1$' || fail "$(cat out)"
	wait_for 10 shows '^requests *single 3, simple 1$' ||
	    fail "$(cat out)"
	want_out '^connections .* of 1024 open, 4 accepted, 0 refused'
	want_out '^hot memory *1 torrents, .* of 64.0 MiB, requests found 25.0'
	want_out '^queue *1 torrents in the making, 1 of 256 that count'
	wait_for 10 shows '^hashing  *[1-9][0-9]* % of 16.0 GiB of /yum/large$' ||
	    fail "$(cat out)"
	want_control 0 status --json
	holds 'd["hashing"][0]["path"] == "/yum/large" and
	    0 < d["hashing"][0]["done_bytes"] < d["hashing"][0]["size_bytes"]'
	holds 'd["counts"]["http_requests_total"]["single"] == 3'
	holds 'd["counts"]["http_answer_duration_seconds"]["buckets"][
	    "+Inf"] >= 3 and d["trackers"] == 1'
	want_control 0 status --all
	want_out '^Connections accepted: 4$'
}

service_case last_errors "The last sixteen warnings and errors are kept."
last_errors_body()
{
	start_control
	# A complaint has two lines, the second that the old one stays.
	for n in $(seq 9); do
		service_configure "control $here/ctl.sock" "bad$n \\"
		! control reload || fail "a bad configuration is in force"
	done
	want_control 0 status --json
	holds 'len(last) == 16 and "bad9" in last[-2]["text"]'
	holds '"old configuration stays" in last[-1]["text"]'
	holds 'last[-1]["priority"] == "error"'
	holds 'time.time() - calendar.timegm(time.strptime(last[-1]["time"],
	    "%Y-%m-%dT%H:%M:%SZ")) < 60'
	want_control 0 status
	want_out ' error: parent.*old configuration stays'
}

service_case reload "A reload says how it ended."
reload_body()
{
	start_control
	service_configure "control $here/ctl.sock" "hashers 2"
	want_control 0 reload
	same "$(children hasher | wc -l)" 2 "hashers after it"
	want_log ': reloaded'
	[ ! -s err ] || fail "it says: $(cat err)"
	echo "nonsense" >>conf
	want_control 1 reload
	want_out 'conf:[0-9]*: .*nonsense' err
	want_out 'pkgtorrentctl: the old configuration stays in force' err
	service_configure "control $here/ctl.sock" "root $here/none"
	want_control 1 reload
	want_out "none" err
	same "$(children hasher | wc -l)" 2 "hashers, as before"
	service_configure "control $here/ctl.sock" "sandbox best-effort"
	want_control 0 reload
	want_out 'sandbox: a change needs a restart' err
	want 404 /
}

service_case moved "A reload moves the socket; the end removes it."
moved_body()
{
	start_control
	service_configure "control $here/other.sock"
	want_control 0 reload
	[ ! -e ctl.sock ] || fail "the old socket is left"
	want_control 1 status
	want_out 'No such file or directory: the service does not run' err
	mv conf kept
	service_configure "control none"
	"$ctl" -s other.sock reload || fail "no reload"
	[ ! -e other.sock ] || fail "the socket of none"
	mv kept conf
	service_reload
	"$ctl" -s other.sock status >out || fail "no status"
	# The same one at both: it stays.
	inode=$(stat -c %i other.sock)
	"$ctl" -s other.sock reload || fail "no reload"
	same "$(stat -c %i other.sock)" "$inode" "the socket"
	service_configure "control $here/missing/sock"
	! "$ctl" -s other.sock reload 2>err || fail "a socket in no directory"
	want_out 'control .*missing.* No such file' err
	! "$program" -n -f conf 2>err || fail "-n likes it"
	want_out 'control .*missing' err
	service_stop
	[ ! -e other.sock ] || fail "the socket is left"
}

service_case usage "A wrong command line ends with status 2."
usage_body()
{
	start_control
	for line in '' nonsense 'status --xml' 'status a b' 'reload now' -x \
	    '-s'; do
		want_control 2 $line
		want_out '^usage: pkgtorrentctl' err
	done
	want_control 0 -V
	want_out "^pkgtorrentctl $("$program" -V | cut -d ' ' -f 2)$"
	"$ctl" -s ctl.sock status >/dev/full 2>err
	same $? 1 "exit status with a full disk"
	"$ctl" -s "$(printf '/%0200d' 0)" status 2>err
	same $? 1 "exit status with a long path"
	want_out 'too long' err
}

service_case stale "A socket of a dead service is replaced, of a live one not."
stale_body()
{
	start_control
	kill -KILL $pid
	wait_for 10 is_gone $pid $(children)
	[ -S ctl.sock ] || fail "no socket is left to be replaced"
	service_run
	want_control 0 status
	mkdir other
	sed "s,$here/cache,$here/other,; s,:$port,:$(free_port)," conf >conf2
	! "$program" -d -f conf2 >log2 2>&1 || fail "two of one socket"
	want_out 'control .*ctl.sock: Address already in use: another' log2
	want_control 0 status
	service_stop
	echo precious >ctl.sock
	! "$program" -d -f conf >log2 2>&1 || fail "a file was taken"
	want_out 'control .*ctl.sock: File exists (it is not a socket)' log2
	same "$(cat ctl.sock)" precious "the file"
}

# misbehave FUNCTION: the service is none the worse for it.
misbehave()
{
	start_control
	python "$1" "$here/ctl.sock" $pid
	want_control 0 status
	want 404 /
	service_stop
}

service_case wrong_ones "What is no command is refused, and its descriptors are closed."
body wrong_ones misbehave wrong_ones

service_case crowd "A fifth connection is told so."
body crowd misbehave crowd

service_case silent "A connection that says nothing is cut after a second."
body silent misbehave silent

service_case unread "An answer that nobody reads stops nothing."
body unread misbehave unread

service_case tasks "Commands whose client has gone have a bound."
body tasks misbehave tasks

service_case front_ends "A command ends with its process, with a reason."
body front_ends misbehave front_ends

root_case strangers "Other users are refused, whatever the mode." runuser
strangers_body()
{
	start_control
	cp "$ctl" ctl
	runuser -u nobody -- ./ctl -s ctl.sock status 2>err &&
	    fail "nobody may"
	want_out 'Permission denied: only root' err
	chmod 666 ctl.sock
	runuser -u nobody -- ./ctl -s ctl.sock status 2>err &&
	    fail "nobody may"
	want_out 'pkgtorrentctl: only for root and the owner' err
	want_log 'neither root nor the owner'
	runuser -u nobody -- ./ctl -s ctl.sock status 2>err
	same "$(grep -c 'neither root' log)" 1 "lines in a minute"
	want_control 0 status
}

root_case default "Started by root it has a socket by default." unshare mount
default_body()
{
	start_by "unshare -m sh -c 'mount -t tmpfs none /run && \
	    mkdir /run/pkgtorrentd && exec \"\$@\"' sh"
	service_start
	ctl=$tests/../ctl/pkgtorrentctl
	nsenter -t $pid -m "$ctl" status >out || fail "no answer"
	want_out serving
	service_stop
}
