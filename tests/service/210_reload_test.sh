#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# SIGHUP: a new configuration, new trackers, a rotated log, and clients
# notice nothing but the changes.

. "${0%/*}/../lib/lib.sh"

service_case new_listen "SIGHUP changes where it listens, and drops nobody."
new_listen_body()
{
	service_start
	second=$(free_port)
	service_configure "listen 127.0.0.1:$second" "listen $here/socket"
	python new_listen $pid $second
	want 404 / --unix-socket socket
	same "$(stat -c %a socket)" 660 "the socket's mode"
	service_configure "listen 127.0.0.1:$port" "listen 127.0.0.1:$second"
	service_reload
	want 404 /
	[ ! -e socket ] || fail "the socket's file is left"
	atf_check -o ignore curl -s "http://127.0.0.1:$second/"
	same "$(children | wc -l)" 5 "children"
	grep 'ended' log && fail "a child was ended for it"
	service_stop
}

service_case no_request_lost "Nobody is refused while it reloads."
no_request_lost_body()
{
	mkdir -p www/yum other/yum
	echo a >www/yum/a
	echo ab >other/yum/a
	service_start
	python no_request_lost $pid "$here"
}

service_case work_during_reload \
    "Who waits for a torrent gets it, reload or not."
work_during_reload_body()
{
	mkdir -p www/yum other/yum newcache
	[ "$(id -u)" != 0 ] || chown nobody newcache
	truncate -s 400M www/yum/big1 www/yum/big2 www/yum/big3 www/yum/big4
	echo small >other/yum/big4
	service_start "digest openssl"
	n=0
	for line in "hashers 2" "cache $here/newcache" "piece-length 2M" \
	    "root $here/other"; do
		n=$((n + 1))
		ask_later $service/single/yum/big$n
		wait_for 5 is_hashing || fail "no hashing"
		service_reload "digest openssl" "$line"
		want_later 200
	done
	want_torrent length --root other
	same "$torrent" 6 "the length in the new root"
}

service_case root_of_shared_files \
    "A root goes whose files several wait for, with others."
root_of_shared_files_body()
{
	mkdir -p www other
	truncate -s 2G www/large
	files=/yum/a/large
	# The first are open when the root goes.  After the large one there is
	# room for several at once, among them some that nobody wants now.
	for n in $(seq 10 60); do
		[ $n -ne 45 ] || files="$files /yum/b/gone"
		echo $n >www/$n
		files="$files /yum/a/$n"
	done
	echo gone >other/gone
	service_start "digest openssl" "root /yum/a $here/www" \
	    "root /yum/b $here/other"
	clients=
	for first in 10 11; do
		mkdir client$first
		(cd client$first && want_post 200 /yum/a/$first $files) &
		clients="$clients $!"
	done
	wait_for 5 prints 2 service_count hashing || fail "no hashing for two"
	service_reload "digest openssl" "root /yum/a $here/www"
	for client in $clients; do
		wait $client || fail "no answer"
	done
	! grep 'a wrong' log || fail "somebody was blamed"
}

service_case roots_renumbered \
    "Roots come, go and change places while files of one are hashed."
roots_renumbered_body()
{
	mkdir -p www/yum other
	truncate -s 2G www/yum/large
	head -c 3000000 /dev/urandom >www/yum/a
	echo other >other/file
	settle www/yum
	service_start "digest openssl" "root /other $here/other" \
	    "root $here/www"
	ask_later $service/single/yum/large
	wait_for 5 is_hashing || fail "no hashing"
	service_reload "digest openssl" "root $here/www" \
	    "root /other $here/other"
	service_reload "digest openssl" "root /x $here/other" \
	    "root /y $here/www" "root $here/www"
	want_later 200
	want_pieces /yum/large
	# Sealed and stored by the numbers of now.
	want 200 $service/single/yum/a
	want_pieces /yum/a
	want 200 $service/single/x/file
	! grep 'a wrong' log || fail "somebody was blamed"
	! grep 'ended' log || fail "a child has ended"
}

service_case new_layout "SIGHUP with another piece length, another torrent."
new_layout_body()
{
	head -c 3000000 /dev/urandom >www/yum/a
	echo b >www/yum/b
	settle www/yum
	service_start
	want_torrent_of /yum/a /yum/b
	first=$torrent
	service_reload "piece-length 512K"
	want 200 $service/digest/$digest
	want_torrent piece-length
	same "$torrent" 524288 "the piece length"
	want_torrent
	differs "$torrent" "$first" "info hashes"
	service_reload "padding attr"
	want_torrent_at $service/digest/$digest
	differs "$torrent" "$first" "info hashes"
	grep -q '4:attr1:p' body || fail "padding without attr"
	service_reload "service torrent_service"
	want 200 $service/digest/$digest
	same "$(torrent)" "$first" "back again"
}

service_case new_roots "SIGHUP with other roots, other files."
new_roots_body()
{
	mkdir -p www/yum other/yum
	echo one >www/yum/a
	echo other >other/yum/a
	service_start
	want 200 $service/single/yum/a
	walker=$(children walker)
	front=$(children front)
	service_reload "root $here/other" "root /more $here/www"
	want 200 $service/single/yum/a
	want_torrent length --root other
	same "$torrent" 6 "the file of the other root"
	want 200 $service/single/more/yum/a
	is_gone $walker || fail "the old walker"
	same "$(children front)" "$front" "the front"
	same "$(children walker | wc -l)" 2 "walkers"
	service_reload "root $here/other" "hashers 3"
	same "$(children hasher | wc -l)" 3 "hashers"
	want 404 $service/single/more/yum/a
	mkdir newcache
	[ "$(id -u)" != 0 ] || chown nobody newcache
	settle other
	service_reload "cache $here/newcache"
	echo one >www/yum/b
	settle www
	want_post 200 /yum/a /yum/b
	wait_for 5 test -e newcache/info/$digest || fail "not in the new cache"
}

service_case refused_reload "A bad file is named, and the old one stays."
refused_reload_body()
{
	service_start
	all=$(children)
	cp conf good
	echo "colour blue" >>conf
	kill -HUP $pid
	want_log 'the old configuration stays'
	want_log "conf:$(wc -l <conf): .*colour"
	want 404 /
	service_configure "root $here/none"
	n=$(grep -c 'old configuration stays' log)
	kill -HUP $pid
	wait_for 5 more_lines "$n" 'old configuration stays' || fail "no refusal"
	service_configure "listen 192.0.2.1:$port"
	kill -HUP $pid
	wait_for 5 more_lines $((n + 1)) 'old configuration stays' ||
	    fail "no refusal"
	rm conf
	kill -HUP $pid
	wait_for 5 more_lines $((n + 2)) 'old configuration stays' ||
	    fail "no refusal"
	want 404 /
	same "$(children)" "$all" "the children"
	cp good conf
	service_reload
}

service_case not_a_file "A configuration that is a pipe is read at start only."
not_a_file_body()
{
	service_configure
	mv conf good
	mkfifo conf
	cat good >conf &
	service_run
	want 404 /
	kill -HUP $pid
	want_log 'conf: not a regular file'
	want_log 'the old configuration stays'
	want 404 /
	rm conf
	cp good conf
	service_reload
	service_stop
}

service_case needs_a_restart "SIGHUP says what it cannot change."
needs_a_restart_body()
{
	service_start
	all=$(children)
	service_reload "sandbox best-effort"
	want_log 'sandbox.*needs a restart'
	[ "$(id -u)" = 0 ] || {
		service_reload "user cache $(id -un)"
		want_log 'user.*needs a restart'
	}
	same "$(children)" "$all" "the children"
}

service_case access_log "The access log goes where it is told."
access_log_body()
{
	echo a >www/yum/a
	service_start "access-log $here/access"
	want_torrent_at $service/single/yum/a -A 'agent "1"' -e http://ref/
	want_log '"GET .*"' access
	same "$(sed 's/\[.*\]/[]/; s/ [0-9]* \([0-9a-f]*\)$/ MS \1/' access)" \
	    "127.0.0.1 - - [] \"GET $service/single/yum/a HTTP/1.1\" 200 $(
	    stat -c %s body) \"http://ref/\" \"agent \\x221\\x22\" made MS $torrent" \
	    "the line"
	today=$(LC_ALL=C date -u +%d/%b/%Y:%H:)
	grep -q "\[$today[0-9:]* +0000\]" access || fail "no time of today"

	mv access access.1
	want 412 $service/digest/$(paths_digest /)
	want_log ' 412 0 "-" "curl/.*" unknown 0 -$' access.1
	service_reload
	want 404 /after
	want_log /after access
	! grep -q /after access.1 || fail "the old file goes on"
	! grep -q '"GET' log || fail "the log has it, too"
	service_reload "access-log no"
	want 404 /nowhere
	service_reload "access-log yes"
	want 404 /tolog
	want_log '"GET /tolog'
	! grep -q /nowhere log access || fail "it was logged without a log"
	grep -q /tolog access && fail "it goes on into the file"
	true
}

# rotate: as logrotate does it by the shipped file, for a service that no
# service manager knows.
rotate()
{
	sed -e "s,/var/log/pkgtorrentd,$here/logs,g" \
	    -e 's,/run/systemd/system,/nonexistent,' \
	    -e "s,/etc/init.d/pkgtorrentd,$here/rc," \
	    "$tests/../etc/pkgtorrentd.logrotate" >rotation
	printf '#! /bin/sh\n[ "$1" = reload ] && kill -HUP %s\n' $pid >rc
	chmod 644 rotation
	chmod 755 . rc
	atf_check logrotate --state state --force rotation
	rm -f state
}

# rotated NAME: a request is in the new log, and not in the old one.
rotated()
{
	wait_for 10 test -e logs/access || fail "no new access log"
	want 404 "/$1"
	want_log "/$1" logs/access
	! grep -q "/$1" logs/access.1 || fail "the old file goes on"
}

service_case logrotate "The file for logrotate rotates the access log." \
    logrotate
logrotate_body()
{
	mkdir -m 755 logs
	service_start "access-log $here/logs/access"
	want 404 /before
	want_log /before logs/access
	rotate
	want_log /before logs/access.1
	rotated after
	# Even if what is read at the signal is wrong.
	echo nonsense >>conf
	rotate
	want_log 'old configuration stays'
	want_log /after logs/access.1
	rotated later
	gzip -dc logs/access.2.gz | grep -q /before ||
	    fail "the oldest is lost"
	# Those that were rotated are not again.
	atf_check -o inline:'access\naccess.1\naccess.2.gz\n' ls logs
}

service_case access_log_cut "A line that was cut is not in the way of others."
access_log_cut_body()
{
	service_start "access-log $here/access"
	want 404 /whole
	want_log /whole access
	size=$(stat -c %s access)
	may_have $((size + 20))
	want 404 /cut
	wait_for 5 prints $((size + 20)) stat -c %s access || fail "nothing of the next line"
	may_have -1
	for name in one two; do
		want 404 /$name
		want_log "^127.0.0.1 - - .*GET /$name " access
	done
	service_stop
	same "$(grep -c '^127.0.0.1 - - ' access)" 4 "lines"
	same "$(wc -l <access)" 4 "lines, with what is left of one"
}

# Past so many bytes the front's writes fail, as they do on a full disk.
may_have()
{
	python3 - "$(children front)" $1 <<-'END'
		import resource, sys
		pid, size = map(int, sys.argv[1:])
		hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
		resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
	END
}

service_case trackers "Trackers are read again, and bad lines named."
trackers_body()
{
	echo a >www/yum/a
	settle www/yum
	cat >trackers <<-'END'
		# a comment

		http://one.example/announce
		gopher://bad.example/
		udp://two.example:6969
		no tracker at all
	END
	service_start "revalidate 1h" "tracker no"
	want_log 'trackers:4: '
	want_log 'trackers:6: '
	! grep 'trackers:[1235]: ' log || fail "good lines are named"
	want 200 $service/single/yum/a
	want_torrent tiers
	same "$(echo "$torrent" | sort)" "http://one.example/announce
udp://two.example:6969" "trackers"
	want_torrent
	first=$torrent
	etag=$(field ETag)
	echo wss://three.example/ >trackers
	service_reload
	want 200 $service/single/yum/a
	torrent_has tiers wss://three.example/ "the new tracker"
	same "$(torrent)" "$first" "the info hash"
	differs "$(field ETag)" "$etag" "tags of two torrents"
	rm trackers
	service_reload
	service_reload
	want 200 $service/single/yum/a
	torrent_has announce "" "trackers"
	same "$(grep -c 'torrents have no trackers' log)" 1 "warnings"
}

service_case root_is_switched "A root that is another directory now is noticed."
root_is_switched_body()
{
	mkdir -p first/yum second/yum
	echo one >first/yum/a
	echo twotwo >second/yum/a
	rm -rf www
	ln -s first www
	service_start "revalidate 1s"
	settle first/yum/a second/yum/a
	want 200 $service/single/yum/a
	torrent_has length 4 "length of the first"
	ln -s second next
	mv -T next www
	want_log 'www is another directory now'
	wait_for 10 is_the_second || fail "the old root is still served"
	service_stop
}
