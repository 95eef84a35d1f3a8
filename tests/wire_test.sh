#! /usr/bin/env atf-sh
# HTTP as such: where requests begin and end, what is done with their bodies,
# and in which order they are answered.

. "${0%/*}/lib.sh"

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
	want 200 $target -H 'Content-Encoding: gzip'
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
		    (400, ok.replace("1.1\r\nHost: h", "1.0") + "\r\n"),
		    (400, ok.replace("\r\n", "\n") + "\n"),
		    (400, ok.replace("GET ", "GET  ") + "\r\n"),
		    (400, ok.replace("GET /", "GET http://h/") + "\r\n"),
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
		                        (413, {"length": 1 << 30})):
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
