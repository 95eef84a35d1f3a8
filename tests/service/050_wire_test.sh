#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# HTTP as such: where requests begin and end, their bodies, and the order of
# their answers.

. "${0%/*}/../lib/lib.sh"

yum_files()
{
	head -c 1100000 /dev/urandom >www/yum/a.rpm
	echo b >www/yum/b+b.rpm
}

service_case bodies "What a body must look like."
bodies_body()
{
	yum_files
	# A younger file is not remembered, and GET would not know it.
	settle www/yum/*
	service_start
	target=$service/digest/$(paths_digest /yum/a.rpm)
	want 415 $target -d p=/yum/a.rpm -H 'Content-Type: text/plain'
	want 415 $target -d p=/yum/a.rpm -H 'Content-Type:'
	want 415 $target -F p=/yum/a.rpm
	want 200 $target -d p=/yum/a.rpm -H 'Transfer-Encoding: chunked'
	want 501 $target -d p=/yum/a.rpm -H 'Transfer-Encoding: gzip' \
	    -H 'Content-Length:'
	want 400 $target -X GET -d p=/yum/a.rpm
	# Nobody asks for a digest alone with a body that says something else.
	for body in q=/yum/a.rpm /yum/a.rpm '&' %70%=x; do
		want 400 $target -d "$body"
		want_body 'no field named p'
		want 400 $target -d "$body" -H 'Transfer-Encoding: chunked'
	done
	for body in '' p= p 'p&fbclid=%zz'; do
		want 412 $service/digest/$(paths_digest /none) -d "$body"
	done
	want 200 $target -d 'p=/yum/a.rpm&fbclid=%zz&%=%'
	want 200 "$target?%zz&p=/yum/a.rpm&fbclid=%zz"
	for coding in gzip identity 'x, y'; do
		want 415 $target -d p=/yum/a.rpm -H "Content-Encoding: $coding"
		want 415 $target -d p=/yum/a.rpm -H "Content-Encoding: $coding" \
		    -H 'Content-Encoding: br'
		want_field Connection close
		want_field Accept-Encoding identity
	done
	want 415 $target -d p=/yum/a.rpm -H 'Transfer-Encoding: chunked' \
	    -H 'Content-Encoding: gzip'
	want 415 $target -d '' -H 'Content-Encoding: gzip'
	want 415 $target -d p=/yum/a.rpm -H 'Content-Encoding;'
	want 200 "$target?p=/yum/a.rpm" -H 'Content-Encoding: gzip'
	# Nothing has no type, in chunks neither.
	want 412 $service/digest/$(paths_digest /none) -d '' \
	    -H 'Content-Type:' -H 'Transfer-Encoding: chunked'
	want 415 $target -d p=/yum/a.rpm -H 'Content-Type:' \
	    -H 'Transfer-Encoding: chunked'
	want_field Connection close
	want 200 $target -d p=/yum/a.rpm -H \
	    'Content-Type: Application/X-WWW-form-urlencoded; charset=utf-8'
}

python_case framing "Where one request ends is never a matter of opinion."

service_case absolute_form "Who takes it for a proxy is answered as others."
absolute_form_body()
{
	start_with yum_files
	proxy=$url
	for url in http://m.example HTTPS://M.example. http://m.example:80; do
		# curl asks for https by CONNECT.
		case $url in
		HTTPS*)	run_python - "$url" <<-'END' >body || fail "$url"
				from service import *
				with Connection() as c:
				    a = c.ask(sys.argv[2] + SERVICE +
				        "/single/yum/a.rpm", host="m.example")
				    assert a.status == 200, a
				    sys.stdout.buffer.write(a.body)
			END
			;;
		*)	want 200 $service/single/yum/a.rpm -x $proxy
			want 412 $service/digest/$(paths_digest /a) -x $proxy
			want 404 '' -x $proxy
			want 404 '?x=y' -x $proxy
			want 200 $service/single/yum/a.rpm -x $proxy ;;
		esac
		same "$(torrent urls)" http://m.example/yum/a.rpm "by $url"
	done
	url=$proxy
	want 400 $service/single/yum/a.rpm -x $proxy -H 'Host: other.example'
	want_field Connection close
	want 400 $service/single/yum/a.rpm -x $proxy --proxy-header x:y \
	    --request-target http://u@127.0.0.1:$port$service/nullfile/1
}

service_case options "OPTIONS tells the methods."
options_body()
{
	start_with yum_files
	for target in / /yum/a.rpm $service/single/yum/a.rpm \
	    $service/nullfile/1 "$service/single/none?x"; do
		want 204 "$target" -X OPTIONS
		want_field Allow 'GET, HEAD, OPTIONS'
		want_field Content-Length ''
	done
	want 204 $service/digest/$(paths_digest /a) -X OPTIONS
	want_field Allow 'GET, HEAD, POST, OPTIONS'
	want 204 / -X OPTIONS --request-target '*'
	want_field Allow 'GET, HEAD, POST, OPTIONS'
	want 404 $service/multi/a -X OPTIONS
	want 400 / -X GET --request-target '*'
	python options
}

service_case without_host "HTTP/1.0 need not name the host."
without_host_body()
{
	head -c 1100000 /dev/urandom >www/yum/a.rpm
	settle www/yum/*
	service_start "serve-files yes"
	python without_host
	service_reload "serve-files yes" "base-url http://m.example"
	python with_base_url
	service_reload "serve-files yes" "base-url http://m.example" \
	    "host m.example"
	python with_host
}

service_case health_check "HAProxy finds that somebody is there." haproxy
health_check_body()
{
	start_with yum_files "host m.example" "access-log yes"
	behind_port
	start_haproxy "option httpchk
		default-server check inter 50ms fall 1"
	wait_for 10 more_lines 5 '"OPTIONS / HTTP/1.0" 204 ' ||
	    fail "no check was answered"
	want 200 $service/single/yum/a.rpm -H 'Host: m.example'
}

service_case expect "A client that asks first is told to go on, or not."
expect_body()
{
	start_with yum_files
	post /yum/a.rpm '/yum/b+b.rpm'
	want 200 $service/digest/$digest -H 'Expect: 100-continue' \
	    -d p=/yum/a.rpm -d p=/yum/b%2bb.rpm
	grep -q '^HTTP/1.1 100 ' head || fail "curl got no 100"
	python expect
}

service_case pipelining "Answers come in the order of their requests."
pipelining_body()
{
	start_with yum_files
	python pipelining "$(paths_digest /yum/a.rpm)"
}

python_case keep_alive "A connection serves again, if both want it."
