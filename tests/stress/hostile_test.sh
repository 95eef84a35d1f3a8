#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Requests that are not meant well.  data/malformed.txt has those that
# must be refused, each with its status.
#
# soak hostile: malformed pipelined ways_out mutants

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

# These must be as before, after any request.
remember_children()
{
	before="$pid $(children | sort | tr '\n' ' ')"
}

same_children()
{
	same "$pid $(children | sort | tr '\n' ' ')" "$before" \
	    "the processes before and after"
	# Not in the bytes of clients.
	! grep -v '\] "' log | grep -q 'killed\|died\|ended by\|wrong' ||
	    fail "a process came to harm"
}

service_case malformed "Each malformed request gets its status, once."
malformed_body()
{
	service_start "access-log no"
	remember_children
	python refuse_all "$tests/data/malformed.txt"
	same_children
	want 404 /
}

service_case mutants "Requests changed at random end well."
mutants_body()
{
	echo public >www/yum/a
	echo "the secret" >secret
	service_start "serve-files yes" "access-log yes"
	remember_children
	python mutants "$tests/data/malformed.txt" \
	    "$(number 2000 200000)" "the secret"
	same_children
	want 200 $service/single/yum/a
}

service_case ways_out "Nothing is served from outside the root."
ways_out_body()
{
	mkdir -p www/yum/dir outside
	for name in www/yum/a www/yum/dir/b www/.hidden; do
		echo "public $name" >$name
	done
	echo "the secret" >outside/secret
	echo "the secret" >secret
	ln -s ../../outside/secret www/yum/up
	ln -s ../../outside www/yum/link
	ln -s "$here/outside" www/yum/absolute
	ln -s / www/yum/slash
	chmod -R a+rX outside secret
	service_start "serve-files yes" 'revalidate 0s'
	remember_children
	python climb "$here/outside/secret" "the secret"
	for path in up link/secret absolute/secret slash/etc/passwd; do
		want 403 /yum/$path
		want 403 $service/single/yum/$path
	done
	want 200 "$service/single/yum/**"
	want_torrent files
	same "$(echo "$torrent" | awk '{ print $2 }' | tr '\n' ' ')" \
	    "a dir/b " "the files of a pattern"
	same_children
	kill -USR1 $pid
	want_log 'requests resolved'
	walks=$(sed -n 's/.* \([0-9]*\) requests resolved.*/\1/p' log)
	echo "$walks of them came to the walker"
	[ "$walks" -gt 4000 ] || fail "too few came to the walker"
}

service_case pipelined "After a mistake nothing that came along is answered."
pipelined_body()
{
	echo public >www/yum/a
	service_start "serve-files yes"
	remember_children
	python pipelined
	same_children
}
