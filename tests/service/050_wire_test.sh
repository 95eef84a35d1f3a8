#! /usr/bin/env atf-sh
# HTTP as such: where requests begin and end, what is done with their bodies,
# and in which order they are answered.

. "${0%/*}/../lib/lib.sh"

yum_files()
{
	mkdir -p www/yum
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

service_case framing "Where one request ends is never a matter of opinion."
framing_body()
{
	service_start
	python <<-'END'
		from service import *
		ok = "GET %s/nullfile/1 HTTP/1.1\r\nHost: h\r\n" % SERVICE
		second = request(SERVICE + "/nullfile/2")
		for status, first in (
		    (400, ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
		    (400, ok + "Content-Length: 3\r\nTransfer-Encoding: chunked"
		     "\r\n\r\n"),
		    (400, ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		    (501, ok + "Transfer-Encoding: gzip\r\n\r\n"),
		    (400, ok + "Content-Length: +3\r\n\r\n"),
		    (400, ok + "Content-Length: 0x3\r\n\r\n"),
		    (400, ok + "Content-Length: 3, 3\r\n\r\n"),
		    (400, ok + "Content-Length : 3\r\n\r\n"),
		    (400, ok + "X: a\r\n folded\r\n\r\n"),
		    (400, ok + "X: a\0b\r\n\r\n"),
		    (400, ok + "X: a\rb\r\n\r\n"),
		    (400, ok + "no colon\r\n\r\n"),
		    (400, ok + ": no name\r\n\r\n"),
		    (400, ok + "Host: h\r\n\r\n"),
		    (400, ok.replace("Host: h", "Host: a b") + "\r\n"),
		    (400, ok.replace("Host: h", "Host:") + "\r\n"),
		    (400, ok.replace("Host: h\r\n", "") + "\r\n"),
		    (400, ok.replace("\r\n", "\n") + "\n"),
		    (400, ok.replace("GET ", "GET  ") + "\r\n"),
		    (400, ok.replace("GET /", "GET http://i/") + "\r\n"),
		    (400, ok.replace("GET /", "GET http://i@h/") + "\r\n"),
		    (400, ok.replace("GET /", "GET http://h:81/") + "\r\n"),
		    (400, ok.replace("GET /", "GET ftp://h/") + "\r\n"),
		    (400, ok.replace("GET /", "GET h/") + "\r\n"),
		    (400, "\x16\x03\x01\x02\x00\x01\r\n\r\n"),
		    (505, ok.replace("1.1", "1.2") + "\r\n"),
		    (505, ok.replace("1.1", "2.0") + "\r\n"),
		    (400, ok.replace("1.1", "1.10") + "\r\n"),
		):
		    with Connection() as c:
		        c.send(first.encode("latin-1") + second)
		        a = c.answer()
		        assert a.status == status, (first, a)
		        assert a.field("Connection") == "close", first
		        assert c.rest() == b"", first
	END
}

service_case absolute_form "Who takes it for a proxy is answered as others."
absolute_form_body()
{
	yum_files
	service_start
	proxy=$url
	for url in http://m.example HTTPS://M.example. http://m.example:80; do
		# curl asks for https by CONNECT.
		case $url in
		HTTPS*)	python "$url" <<-'END' >body || fail "$url"
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
	yum_files
	service_start
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
	python <<-'END'
		from service import *
		with Connection() as c:
		    # Its body means nothing, but must not be taken for a request.
		    body = request("/x")
		    for _ in range(3):
		        assert c.ask("*", "OPTIONS").status == 204
		        assert c.ask("/", "OPTIONS", body).status == 204
		    c.send(request("/", "OPTIONS", content_length=100))
		    a = c.answer()
		    assert a.status == 204 and a.field("Connection") == "close", a
		    c.send(request("/") * 9)
		    assert c.rest() == b""
	END
}

service_case without_host "HTTP/1.0 need not name the host."
without_host_body()
{
	mkdir -p www/yum
	head -c 1100000 /dev/urandom >www/yum/a.rpm
	settle www/yum/*
	service_start "serve-files yes"
	cat >ask.py <<-'END'
		import hashlib
		from service import *
		def ask(status, target, method="GET", body=b""):
		    with Connection() as c:
		        c.send(request(target, method, body, "1.0", None))
		        a = c.answer(method)
		        assert a.status == status, (target, a)
		        return a
		single = SERVICE + "/single/yum/a.rpm"
		digest = "%s/digest/%s" % (SERVICE,
		    hashlib.sha1(b"/yum/a.rpm").hexdigest())
	END
	python <<-'END'
		from ask import *
		assert ask(200, SERVICE + "/nullfile/7").body == bytes(7)
		assert len(ask(200, "/yum/a.rpm").body) == 1100000
		ask(200, "/yum/a.rpm", "HEAD")
		ask(412, digest)
		ask(204, "/", "OPTIONS")
		ask(204, "*", "OPTIONS")
		ask(404, "/none")
		ask(404, SERVICE + "/multi/a")
		ask(400, SERVICE + "/single/%zz")
		ask(405, single, "PUT")
		for a in ask(400, single), ask(400, single.replace("ng", "mp", 1)), \
		        ask(400, digest, "POST", b"p=/yum/a.rpm"), \
		        ask(400, digest + "?p=/yum/a.rpm"):
		    assert b"Host" in a.body and b"base-url" in a.body, a
		with Connection() as c:
		    assert c.ask(digest, "POST", b"p=/yum/a.rpm").status == 200
		a = ask(400, digest)
		assert b"base-url" in a.body, a
		a = ask(200, "http://m.example" + single)
		assert b"http://m.example/yum/a.rpm" in a.body, a
		with Connection() as c:
		    assert c.ask("/", host=None).status == 400
	END
	service_reload "serve-files yes" "base-url http://m.example"
	python <<-'END'
		from ask import *
		for a in ask(200, single), ask(200, digest), \
		        ask(200, digest, "POST", b"p=/yum/a.rpm"):
		    assert b"http://m.example/" in a.body, a
	END
	service_reload "serve-files yes" "base-url http://m.example" \
	    "host m.example"
	python <<-'END'
		from ask import *
		for target in single, digest, SERVICE + "/nullfile/7", \
		        "/yum/a.rpm", "/none":
		    ask(421, target)
		ask(421, digest, "POST", b"p=/yum/a.rpm")
		ask(204, "/", "OPTIONS")
		ask(204, "*", "OPTIONS")
		with Connection() as c:
		    a = c.ask("/", "OPTIONS", host="evil.example")
		    assert a.status == 421, a
	END
}

service_case health_check "HAProxy finds that somebody is there." haproxy
health_check_body()
{
	yum_files
	service_start "host m.example"
	service_port=$port
	port=$(free_port)
	cat >haproxy.cfg <<-END
		defaults
			mode http
			timeout connect 5s
			timeout client 20s
			timeout server 20s
		listen mirror
			bind 127.0.0.1:$port
			option httpchk
			default-server check inter 50ms fall 1
			server here 127.0.0.1:$service_port
	END
	haproxy -f haproxy.cfg >haproxy.log 2>&1 &
	note_pid $!
	wait_for 10 more_lines 5 '"OPTIONS / HTTP/1.0" 204 ' ||
	    fail "no check was answered"
	url=http://127.0.0.1:$port
	want 200 $service/single/yum/a.rpm -H 'Host: m.example'
}

service_case expect "A client that asks first is told to go on, or not."
expect_body()
{
	yum_files
	service_start
	post /yum/a.rpm '/yum/b+b.rpm'
	want 200 $service/digest/$digest -H 'Expect: 100-continue' \
	    -d p=/yum/a.rpm -d p=/yum/b%2bb.rpm
	grep -q '^HTTP/1.1 100 ' head || fail "curl got no 100"
	python <<-'END'
		from service import *
		def head(length, **fields):
		    fields.setdefault("content_type",
		                      "application/x-www-form-urlencoded")
		    return request(SERVICE + "/digest/" + 40 * "0", "POST",
		        expect="100-continue", content_length=length, **fields)
		with Connection() as c:
		    c.send(head(3))
		    assert c.answer().status == 100
		    c.send(b"p=x")
		    assert c.answer().status == 400
		    # A body that is there already needs no invitation.
		    c.send(head(3) + b"p=x")
		    assert c.answer().status == 400
		for refused, fields in ((415, {"content_type": "text/plain"}),
		                        (413, {"length": 1 << 30}),
		                        (413, {"length": 1 << 32})):
		    with Connection() as c:
		        c.send(head(fields.pop("length", 3), **fields))
		        assert c.answer().status == refused
		        assert c.rest() == b""
		with Connection() as c:
		    c.send(request("/", expect="miracles"))
		    assert c.answer().status == 417
	END
}

service_case pipelining "Answers come in the order of their requests."
pipelining_body()
{
	yum_files
	service_start
	python "$(paths_digest /yum/a.rpm)" <<-'END'
		from service import *
		digest = SERVICE + "/digest/" + sys.argv[2]
		with Connection() as c:
		    c.send(b"".join([
		        request(SERVICE + "/single/yum/a.rpm"),
		        request("/none"),
		        request(digest, "POST", b"p=/yum/a.rpm"),
		        request(SERVICE + "/nullfile/77", range="bytes=0-49"),
		        request(SERVICE + "/single/yum/*.rpm", "HEAD"),
		        request(SERVICE + "/nullfile/9", connection="close"),
		        request(SERVICE + "/nullfile/8")]))
		    got = [c.answer(m) for m in
		           ("GET", "GET", "POST", "GET", "HEAD", "GET")]
		    assert c.rest() == b""
		assert [a.status for a in got] == [200, 404, 200, 206, 200, 200]
		assert [len(a.body) for a in got[3:]] == [50, 0, 9]
		assert b"5:filesl" in got[2].body and b"5:filesl" not in got[0].body
		# A hundred in one go, byte by byte at the seams.
		with Connection() as c:
		    data = b"".join(request(SERVICE + "/nullfile/%d" % n,
		        range="bytes=0-") for n in range(1, 101))
		    for at in range(0, len(data), 997):
		        c.send(data[at:at + 997])
		    for n in range(1, 101):
		        assert len(c.answer().body) == n
	END
}

service_case keep_alive "A connection serves again, if both want it."
keep_alive_body()
{
	service_start
	python <<-'END'
		from service import *
		with Connection() as c:
		    for _ in range(20):
		        a = c.ask("/")
		        assert a.status == 404 and a.version == "HTTP/1.1"
		        assert a.field("Connection") is None, a
		    a = c.ask("/", connection="foo, Close")
		    assert a.field("Connection") == "close"
		    assert c.rest() == b""
		with Connection() as c:
		    c.send(request("/", version="1.0"))
		    assert c.answer().field("Connection") == "close"
		    assert c.rest() == b""
		with Connection() as c:
		    for _ in range(2):
		        c.send(request("/", version="1.0", connection="keep-alive"))
		        assert c.answer().field("Connection") == "keep-alive"
		# An empty line before a request is old clients' habit.
		with Connection() as c:
		    c.send(b"\r\n" + request("/"))
		    assert c.answer().status == 404
		# In crumbs.
		with Connection() as c:
		    for byte in request("/"):
		        c.send(bytes([byte]))
		    assert c.answer().status == 404
	END
}
