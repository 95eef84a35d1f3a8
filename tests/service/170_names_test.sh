#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Names with every byte that a file system allows, in files, requests, logs
# and configuration.
#
# soak names: files deep_paths log_lines access_log logged_files trackers
# soak names: configuration complaints

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

ours='(parent|front|walker|hasher|cache|tracker)\[[0-9]+\]: .*'

service_case files "Files of any name are found, and named right."
files_body()
{
	mkdir -p www/odd
	service_prepare
	python make www/odd
	settle www/odd
	service_start 'serve-files yes' 'revalidate 0s'
	target=$(python ask) || fail "see the Python traceback"
	# From the disk as from memory.
	service_restart
	want 200 "$target" -H 'Host: 127.0.0.1'
	atf_check cmp remembered body
	python lines log "$ours"
}

service_case deep_paths "Paths may be as long as the system allows."
deep_paths_body()
{
	mkdir -p www/deep
	service_start 'serve-files yes'
	python deep
	want '4*' "$service/single/deep/**/none"
	! grep -q 'killed\|died' log || fail "a process came to harm"
}

combined='127\.0\.0\.1 - - \[[^]"]*\] "[^"]*" [0-9]+ [0-9]+ "[^"]*" "[^"]*" [-a-z]+ [0-9]+ [-0-9a-f]+'

service_case log_lines "Nobody writes a line of the log but the service."
log_lines_body()
{
	service_start "access-log yes"
	sent=$(python log) || fail "see the Python traceback"
	# The lines go out in blocks.
	wait_for 5 more_lines "$((sent - 1))" '\] "' || fail "lines are missing"
	same "$(grep -c '\] "' log)" "$sent" "requests and lines"
	python lines log "$ours"
}

service_case access_log "The same in an access log of its own."
access_log_body()
{
	service_start "access-log $here/access"
	[ "$(id -u)" != 0 ] || chmod 666 access
	sent=$(python log) || fail "see the Python traceback"
	wait_for 5 has_lines access "$sent" || fail "lines are missing"
	same "$(python lines access "$combined")" "$sent" \
	    "requests and lines"
}

service_case logged_files "Nor does a file's name."
logged_files_body()
{
	mkdir -p www/yum outside
	nl='
'
	evil="x${nl}parent[1]: forged by a file"
	esc=$(printf '\033[31m\377"\\')
	echo secret >outside/secret
	ln -s "$here/outside/secret" "www/yum/$evil"
	ln -s "$here/outside/secret" "www/yum/$esc"
	mkdir "www/yum/dir$evil"
	ln -s ../../../outside/secret "www/yum/dir$evil/l"
	mkfifo "www/yum/fifo$evil"
	service_start "access-log yes"
	for pattern in '*' 'x*' '**' '%3f%5b31m*' 'dir*/l' 'fifo*'; do
		want '40[34]' "$service/single/yum/$pattern"
	done
	kill -USR1 $pid
	want_log 'requests resolved'
	python lines log "$ours"
}

service_case trackers "Nor does a line of the trackers file."
trackers_body()
{
	echo a >www/yum/a
	service_prepare
	{
		echo 'udp://good.example:1/announce'
		printf 'http://bad\033[31m.example/\n'
		printf 'http://bad\rparent[1]: forged\n'
		printf '\377\376\n'
		printf 'http://quote".example/\n'
		printf 'http://back\\slash.example/\n'
		printf 'http://nul\0.example/\n'
		printf '%05000d\n' 1
		echo 'https://good.example/ann?x=1'
	} >trackers
	service_start
	want 200 $service/single/yum/a
	want_torrent tiers
	same "$(echo "$torrent" | tr ' ' '\n' | sort | tr '\n' ' ')" \
	    "https://good.example/ann?x=1 udp://good.example:1/announce " \
	    "the trackers"
	want_log 'trackers:2:'
	python lines log "$ours"
}

service_case configuration "Names in the configuration are what they say."
configuration_body()
{
	high=$(printf '\377\376')
	root="$here/w w\"w\\w#w$high"
	quoted="$here/w w\\\"w\\\\w#w$high"
	mkdir -p "$root/yum" "$root/de ny\"$high"
	[ "$(id -u)" != 0 ] || chmod 755 "$root"
	echo a >"$root/yum/a"
	echo b >"$root/de ny\"$high/b"
	mkdir -p "other $high/x"
	echo c >"other $high/x/c"
	service_start "root \"$quoted\"" 'serve-files yes' \
	    "root \"/pre fix$high\" \"$here/other $high\"" \
	    "deny \"/de ny\\\"$high\"" "service \"ser vice$high\""
	want 200 /yum/a
	want 403 /de%20ny%22%ff%fe/b
	want 200 /pre%20fix%ff%fe/x/c
	want 200 /n/ser%20vice%ff%fe/single/yum/a
	want 200 /n/ser%20vice%ff%fe/single/pre%20fix%ff%fe/x/c
	want 404 /n/torrent_service/single/yum/a
	"$program" -nv -f conf >printed || fail "it cannot be printed"
	"$program" -nv -f printed >again || fail "it cannot be read again"
	atf_check cmp printed again
	kill -USR1 $pid
	want_log 'requests resolved'
	python lines log "$ours"
}

service_case complaints "What is wrong in it is quoted, not obeyed."
complaints_body()
{
	service_configure
	for line in 'wub\033[31mble x' 'host \377\376' 'service "\033[2J"' \
	    'listen \377:80' 'deny "no\rparent[1]: forged"' \
	    'user \303\244\001' 'root "/\177"' 'cache "/a\nb"' \
	    'base-url "http://h/\377\n"' 'hashers \0331'; do
		cp conf bad
		printf "$line\\n" >>bad
		if "$program" -n -f bad >out 2>&1; then
			fail "$line: accepted"
		fi
		! LC_ALL=C grep -q '[^ -~]' out || fail "$line: $(cat -v out)"
		! grep -qv "bad:[0-9]*: " out || fail "$line: $(cat -v out)"
		if "$program" -n -f conf -o "$(printf "$line")" >out 2>&1
		then
			fail "-o $line: accepted"
		fi
		! LC_ALL=C grep -q '[^ -~]' out ||
		    fail "-o $line: $(cat -v out)"
	done
	# And when it is read again, by one that runs.
	service_run
	printf 'wub\033[31mble\n' >>conf
	kill -HUP $pid
	want_log 'control byte'
	python lines log "$ours"
	want 404 /
}
