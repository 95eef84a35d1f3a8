#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Each limit lets its last value through, and stops the next.

. "${0%/*}/../lib/lib.sh"

service_case max_body "A body may be so long."
max_body_body()
{
	echo a >www/yum/a
	service_start "max-body 1K"
	target=$service/digest/$(paths_digest /yum/a)
	printf 'p=/yum/a&x=%01013d' 0 >exact
	printf 'p=/yum/a&x=%01014d' 0 >over
	same "$(stat -c %s exact over | tr '\n' ' ')" "1024 1025 " "lengths"
	want 200 $target -d @exact
	want 413 $target -d @over
	want_field Connection close

	# A client that only listens when it has sent all sees the answer.
	run_python - "$target" <<-'END'
		from service import *
		with Connection() as c:
		    c.send(request(sys.argv[2], "POST", b"x" * 900000))
		    assert c.answer().status == 413
		    assert c.rest() == b""
	END
}

service_case bodies "All bodies together may have so much memory."
bodies_body()
{
	echo a >www/yum/a
	service_start "body-timeout 1m"
	run_python bodies.py plain "$service/digest/$(paths_digest /yum/a)" \
	    "$(children front)"
}

service_case drain_ends "A body that is not wanted is not read for ever."
drain_ends_body()
{
	service_start "max-body 1K"
	python drain_ends "$service/digest/$(paths_digest /yum/a)"
}

service_case max_paths "A form may have so many paths."
max_paths_body()
{
	small a b c d
	service_start "max-paths 3"
	want_post 200 /yum/a /yum/b /yum/c
	want_post 413 /yum/a /yum/b /yum/c /yum/d
	want_post 413 /yum/a /yum/a /yum/a /yum/a
	want 413 "$service/digest/$digest?p=/yum/a&p=/yum/a&p=/yum/a&p=/yum/a"
	want 200 "$service/single/yum/*"
}

service_case max_files "A torrent may have so many files."
max_files_body()
{
	small a b c
	service_start "max-files 3"
	want 200 "$service/single/yum/*"
	want_post 200 /yum/a /yum/b /yum/c
	want_post 413 '/yum/*' /yum/a
	want_post 413 /yum/a /yum/b /yum/c /yum/a
	echo d >www/yum/d
	want 413 "$service/single/yum/*"
	want 413 "$service/single/**"
	want_field Content-Type 'text/plain; charset=utf-8'
	want 200 $service/single/yum/d
}

service_case max_bytes "A torrent may describe so many bytes."
max_bytes_body()
{
	truncate -s 2097152 www/yum/exact
	truncate -s 2097153 www/yum/over
	truncate -s 1048576 www/yum/half1 www/yum/half2
	truncate -s 1048577 www/yum/more
	truncate -s 900G www/yum/huge
	service_start "max-bytes 2M"
	want 200 $service/single/yum/exact
	want 413 $service/single/yum/over
	want_post 200 /yum/half1 /yum/half2
	want_post 413 /yum/half1 /yum/more
	want 413 $service/single/yum/huge --max-time 3
}

service_case max_torrent "A torrent itself may be so long."
max_torrent_body()
{
	truncate -s 60M www/yum/a
	service_start
	want 200 $service/single/yum/a
	size=$(stat -c %s body)
	service_reload "max-torrent $size"
	want 200 $service/single/yum/a
	same "$(stat -c %s body)" $size "its length"
	service_reload "max-torrent $((size - 1))"
	echo same >>www/yum/a
	truncate -s 60M www/yum/a
	want 413 $service/single/yum/a
	# Known before anything is hashed.
	truncate -s 900G www/yum/huge
	want 413 $service/single/yum/huge --max-time 3
}

python_case request_line "The request line may have 8192 bytes."

python_case header "The header may have 16384 bytes and 64 fields."

service_case glob_limits "A pattern may be so complicated."
glob_limits_body()
{
	mkdir -p www/yum/aaaaaaaaaaaaaaaaa
	echo a >www/yum/aaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaa
	service_start
	q=$(printf '%%3f%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
	want 200 $service/single/yum/*/aaaaaaaaaaaaaaaa%3f
	want 200 $service/single/yum/a$q/aaaaaaaaaaaaaaaaa
	want 400 $service/single/yum/*$q/aaaaaaaaaaaaaaaaa
	want 400 "$service/single/**/**"
	# Nesting that takes for ever where every star is tried on its own.
	printf a%.0s $(seq 250) >name
	mkdir "www/yum/$(cat name)"
	want 404 "$service/single/yum/$(printf '*a%.0s' $(seq 15))*b" \
	    --max-time 5
}

service_case glob_depth "** goes so deep."
glob_depth_body()
{
	dir=www/yum
	for depth in $(seq 1 36); do
		mkdir -p $dir
		echo $depth >$dir/$depth
		dir=$dir/d
	done
	service_start
	want '[24]*' "$service/single/yum/**"
	case $status in
	200)	# Files deeper than 32 are not there.
		want_torrent files
		echo "$torrent" | grep -q 'd/30$' || fail "not deep enough"
		! echo "$torrent" | grep -q 'd/36$' || fail "too deep" ;;
	413|400) ;;
	*) fail "answered with $status" ;;
	esac
}

python_case connections "Past so many connections there is 503, then nothing." \
    "max-connections 3" "idle-timeout 60s"

service_case more_connections "SIGHUP makes room for more connections."
more_connections_body()
{
	service_start "max-connections 1"
	service_reload "max-connections 480" "serve-files yes"
	run_python - <<-'END'
		from service import *
		many = [Connection() for _ in range(480)]
		for c in many:
		    assert c.ask("/").status == 404
		past = Connection().answer()
		assert past.status == 503, past
	END
}

service_case few_descriptors "Who finds no descriptor is told so as well."
few_descriptors_body()
{
	limit_descriptors 160
	service_start "max-connections 10000"
	want_log 'with 160 descriptors there are slots for [0-9]* connections'
	python few_descriptors "$(sed -n 's/.* slots for \([0-9]*\) .*/\1/p' log)"
	! grep 'no descriptors left' log || fail "there was one too few"
}

python_case connections_per_client "One client may have so many." \
    "max-connections-per-client 2" "proxy none"

python_case starving "One address cannot take the places of others." \
    "max-connections 12" "max-connections-per-client 2" "proxy none"

service_case waiting_through_a_proxy "Of one client so many may wait there."
waiting_through_a_proxy_body()
{
	sparse_files a
	service_start "digest openssl" "max-connections 10" \
	    "max-connections-per-client 2"
	python waiting_through_a_proxy
}

service_case waiting_ends "What has waited is not counted any longer."
waiting_ends_body()
{
	sparse_files a
	echo small >www/yum/b
	settle www/yum/b
	service_start "digest openssl" "hash-wait 1s" "max-connections 8" \
	    "max-connections-per-client 2"
	python waiting_ends
}

service_case proxies_are_many "A proxy may have as many as there are."
proxies_are_many_body()
{
	service_start "max-connections-per-client 2"
	run_python - <<-'END'
		from service import *
		for c in [Connection() for _ in range(20)]:
		    assert c.ask("/").status == 404
	END
}

python_case deadlines "A client that dawdles is cut off." \
    "header-timeout 1s" "body-timeout 2s" "idle-timeout 3s"

service_case write_deadline "A client that does not read is cut off."
write_deadline_body()
{
	truncate -s 64M www/yum/a
	service_start "write-timeout 1s" "serve-files yes"
	python write_deadline
}

# They take long, the slowest way more so.
sparse_files()
{
	for f; do
		truncate -s 20G www/yum/$f
	done
}

is_found()
{
	ask "$@"
	! grep -q '^still looking' body
}

# As want, once the walker has found the files.
want_found()
{
	_found=$1
	shift
	wait_for 10 is_found "$@" || fail "$1 was not found"
	[ "$status" = "$_found" ] ||
	    fail "$1 was answered with $status, not $_found"
}

is_progress()
{
	want_found 503 $service/single/yum/$1
	want_field Retry-After '[1-9]*'
	_again="try again in $(field Retry-After) s"
	want_body "^hashing [0-9]*% ([0-9.]* [GM]iB of 20.0 GiB), $_again\$"
}

service_case hash_wait "Who waits too long is told how far it is."
hash_wait_body()
{
	sparse_files a
	service_start "digest openssl" "hash-wait 1s"
	is_progress a
	first=$(sed 's/hashing \([0-9]*\)%.*/\1/' body)
	want_post 503 /yum/a
	is_progress a
	[ "$(sed 's/hashing \([0-9]*\)%.*/\1/' body)" -ge "$first" ] ||
	    fail "it goes back"
	# Another one does not wait for it.
	echo b >www/yum/b
	want 200 $service/single/yum/b
	want 200 $service/nullfile/1
}

service_case jobs_per_client "One client may have so much hashed at a time."
jobs_per_client_body()
{
	sparse_files a b c
	service_start "digest openssl" "hash-wait 0" "max-jobs-per-client 2" \
	    "proxy 127.0.0.1"
	two='--interface 127.0.0.2'
	want_found 503 $service/single/yum/a $two
	want_found 503 $service/single/yum/b $two
	want_body '^hashing'
	want_found 429 $service/single/yum/c $two
	want_field Retry-After '[1-9]*'
	want_field Content-Type 'text/plain; charset=utf-8'
	# A torrent under way may be asked for, and is not counted again.
	want_found 503 $service/single/yum/a $two
	want 200 $service/nullfile/1 $two
	want_found 503 $service/single/yum/c --interface 127.0.0.3
	want_body '^hashing'
}

service_case many_paths_per_client "One client may ask for so many lists."
many_paths_per_client_body()
{
	service_start 'max-jobs-per-client 2' 'hash-wait 30s' 'proxy none'
	walker=$(children walker)
	kill -STOP "$walker"
	python many_paths_per_client "$walker"
}

service_case jobs_through_a_proxy "A proxy's clients are counted one by one."
jobs_through_a_proxy_body()
{
	sparse_files a b c d e
	service_start "digest openssl" "hash-wait 0" "max-jobs-per-client 1"
	want_found 503 $service/single/yum/a -H 'X-Forwarded-For: 192.0.2.1'
	want_found 429 $service/single/yum/b -H 'X-Forwarded-For: 192.0.2.1'
	want_found 503 $service/single/yum/b -H 'X-Forwarded-For: 2001:db8::1'
	want_found 429 $service/single/yum/c -H 'X-Forwarded-For: 2001:db8::ffff'
	want_found 503 $service/single/yum/c -H 'X-Forwarded-For: 2001:db8:0:1::1'
	# An empty field names no client, and the proxy is none.
	want_found 503 $service/single/yum/d -H 'X-Forwarded-For;'
	want_found 503 $service/single/yum/e -H 'X-Forwarded-For;'
}

service_case queue "All clients together may have so much hashed."
queue_body()
{
	sparse_files a b c
	service_start "digest openssl" "hash-wait 0" "max-queue 2"
	is_progress a
	is_progress b
	want_found 503 $service/single/yum/c
	! grep -q '^hashing' body || fail "it was let in"
	want_field Retry-After '[1-9]*'
	is_progress a
	want 200 $service/nullfile/1
}
