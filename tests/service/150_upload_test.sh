#! /usr/bin/env atf-sh
# Bodies that nobody knew the length of: sent in chunks, by clients and by
# proxies that pass on what they get as it comes.

. "${0%/*}/../lib/lib.sh"

# A form of 395 KB, of which one path is there, and $target for it.
make_form()
{
	mkdir -p www/yum
	head -c 1100000 /dev/urandom >www/yum/a.rpm
	python3 - >digest <<-'END'
		import hashlib
		paths = ["/yum/a.rpm"] + ["/yum/%040d.rpm" % n for n in range(7600)]
		with open("form", "w") as f:
		    f.write("&".join("p=" + p for p in paths))
		print(hashlib.sha1("\n".join(paths).encode()).hexdigest())
	END
	target=$service/digest/$(cat digest)
	form_size=$(stat -c %s form)
	[ "$form_size" -gt 390000 ] || fail "a form of $form_size bytes"
}

want_torrent_of_form()
{
	want 200 "$@"
	want_torrent files
	same "$torrent" "1100000 a.rpm" "the files"
}

service_case curl "curl sends what it reads from a pipe."
curl_body()
{
	make_form
	service_start
	for expect in 100-continue ''; do
		want_torrent_of_form $target -H 'Transfer-Encoding: chunked' \
		    -H "Expect: $expect" -d @form
		case $expect,$(grep -c '^HTTP/1.1 100 ' head) in
		100*,1|,0) ;;
		*) fail "Expect: $expect, and $(tr '\r\n' '  ' <head)" ;;
		esac
	done
	cat form | want_torrent_of_form $target -T - -X POST \
	    -H 'Content-Type: application/x-www-form-urlencoded'
	want 400 $service/digest/$(paths_digest /yum) -d @form \
	    -H 'Transfer-Encoding: chunked'
	want 501 $target -d @form -H 'Transfer-Encoding: gzip' \
	    -H 'Content-Length:'
}

service_case python "Python's clients send what an iterator gives."
python_body()
{
	make_form
	service_start
	python $target <<-'END'
		import http.client, importlib
		from service import *
		fields = {"Content-Type": "application/x-www-form-urlencoded"}
		def pieces():
		    with open("form", "rb") as f:
		        while piece := f.read(7001):
		            yield piece
		c = http.client.HTTPConnection("127.0.0.1", sys.argv[1])
		for _ in range(3):
		    c.request("POST", sys.argv[2], pieces(), fields,
		              encode_chunked=True)
		    a = c.getresponse()
		    assert a.status == 200 and b"5:a.rpm" in a.read(), a.status
		url = "http://127.0.0.1:%s%s" % tuple(sys.argv[1:3])
		for name, body in ("requests", "data"), ("httpx", "content"):
		    try:
		        library = importlib.import_module(name)
		    except ImportError:
		        print("no %s here" % name)
		        continue
		    a = library.post(url, headers=fields, **{body: pieces()})
		    assert a.status_code == 200 and b"5:a.rpm" in a.content, a
	END
}

service_case node "Node's http and fetch send streams." node
node_body()
{
	make_form
	service_start
	cat >post.js <<-'END'
		const fs = require("fs"), http = require("http");
		const url = process.argv[2];
		const headers =
		    { "Content-Type": "application/x-www-form-urlencoded" };
		const read = () => fs.createReadStream("form");
		function byHttp() {
			return new Promise((done, failed) => {
				const r = http.request(url, { method: "POST",
				    headers }, a => {
					a.resume();
					done(a.statusCode);
				});
				r.on("error", failed);
				read().pipe(r);
			});
		}
		async function byFetch() {
			const a = await fetch(url, { method: "POST", headers,
			    duplex: "half", body: read() });
			await a.arrayBuffer();
			return a.status;
		}
		(async () => {
			console.log(await byHttp());
			if (typeof fetch == "function")
				console.log(await byFetch());
			process.exit(0);
		})();
	END
	node post.js "$url$target" >statuses || fail "$(tr '\n' ' ' <statuses)"
	[ -s statuses ] && ! grep -v '^200$' statuses ||
	    fail "statuses: $(tr '\n' ' ' <statuses)"
}

# proxy COMMAND ...: it listens at $port, the service at $service_port.
start_proxy()
{
	"$@" >proxy.log 2>&1 &
	proxy=$!
	note_pid $proxy
	wait_for 10 proxy_answers || fail "$(tr '\n' ' ' <proxy.log)"
}

proxy_answers()
{
	! is_gone $proxy || fail "$(tr '\n' ' ' <proxy.log)"
	curl -s -o answer "$url/"
}

# The service is there; from here on $url is the proxy's.
service_behind_proxy()
{
	make_form
	service_start
	service_port=$port
	port=$(free_port)
	url=http://127.0.0.1:$port
}

# What came of it must have come in chunks.
want_chunks_through()
{
	want_torrent_of_form $target -H 'Transfer-Encoding: chunked' -d @form
	want_torrent_of_form $target -d @form
	python3 - "$url$target" <<-'END' || fail "see above"
		import http.client, sys, urllib.parse
		u = urllib.parse.urlsplit(sys.argv[1])
		c = http.client.HTTPConnection(u.netloc, timeout=20)
		with open("form", "rb") as f:
		    form = f.read()
		for step in 1000, 100000:
		    c.request("POST", u.path, (form[i:i + step]
		        for i in range(0, len(form), step)),
		        {"Content-Type": "application/x-www-form-urlencoded"},
		        encode_chunked=True)
		    a = c.getresponse()
		    assert a.status == 200 and b"5:a.rpm" in a.read(), a.status
	END
	kill -TERM $proxy
	wait $proxy
	: >proxy.log
}

service_case nginx "nginx that does not buffer." nginx
nginx_body()
{
	service_behind_proxy
	{
		echo "daemon off; pid $here/nginx.pid;"
		echo "error_log stderr; events { }"
		echo "http { access_log off;"
		for kind in client_body proxy fastcgi scgi uwsgi; do
			echo "${kind}_temp_path $here/$kind;"
		done
		cat <<-END
			server {
				listen 127.0.0.1:$port;
				location / {
					proxy_pass http://127.0.0.1:$service_port;
					proxy_http_version 1.1;
					proxy_request_buffering off;
					proxy_set_header Host \$http_host;
				}
			}
			}
		END
	} >nginx.conf
	start_proxy nginx -c "$here/nginx.conf"
	want_chunks_through
}

service_case haproxy "HAProxy as it comes." haproxy
haproxy_body()
{
	service_behind_proxy
	cat >haproxy.cfg <<-END
		defaults
			mode http
			timeout connect 5s
			timeout client 20s
			timeout server 20s
		listen mirror
			bind 127.0.0.1:$port
			server here 127.0.0.1:$service_port
	END
	start_proxy haproxy -f haproxy.cfg
	want_chunks_through
}

service_case caddy "Caddy as it comes." caddy
caddy_body()
{
	service_behind_proxy
	cat >Caddyfile <<-END
		{
			admin off
		}
		http://127.0.0.1:$port {
			bind 127.0.0.1
			reverse_proxy 127.0.0.1:$service_port
		}
	END
	HOME=$here XDG_DATA_HOME=$here XDG_CONFIG_HOME=$here \
	    start_proxy caddy run --adapter caddyfile --config Caddyfile
	want_chunks_through
}

service_case seams "A body ends where it ends, however it is cut."
seams_body()
{
	mkdir -p www/yum
	echo a >www/yum/a
	# The torrent of a younger file is not remembered.
	settle www/yum/a
	service_start
	python "$service/digest/$(paths_digest /yum/a)" <<-'END'
		from service import *
		head = request(sys.argv[2], "POST", transfer_encoding="chunked",
		    content_type="application/x-www-form-urlencoded")
		body = (b"3;x=\"y\"\r\np=/\r\n1\r\ny\r\n00000004 ; z\r\num/a\r\n"
		    b"0;end\r\nA: b\r\nContent-Length: 9\r\n\r\n")
		null = request(SERVICE + "/nullfile/7", range="bytes=0-")
		def check(c):
		    for _ in range(2):
		        a = c.answer()
		        assert a.status == 200 and b"6:lengthi2e" in a.body, a
		        a = c.answer()
		        assert a.status == 206 and len(a.body) == 7, a
		import socket
		with Connection() as c:
		    c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		    for at in range(len(head + body + null)):
		        data = (head + body + null) * 2
		        c.send(data[:at])
		        time.sleep(0.001)
		        c.send(data[at:])
		        check(c)
		with Connection() as c:
		    for byte in (head + body + null) * 2:
		        c.send(bytes([byte]))
		    check(c)
		# What was only the plain question for a digest still is.
		with Connection() as c:
		    for cut in 0, len(head), len(head) + 2:
		        c.send((head + b"0\r\n\r\n")[:cut])
		        c.send((head + b"0\r\n\r\n")[cut:])
		        assert c.answer().status == 200
	END
}

service_case wrong "After a chunk that is wrong nothing more is answered."
wrong_body()
{
	service_start "access-log yes"
	python "$service/digest/$(paths_digest /yum/a)" <<-'END'
		from service import *
		head = request(sys.argv[2], "POST", transfer_encoding="chunked",
		    content_type="application/x-www-form-urlencoded")
		null = request(SERVICE + "/nullfile/7", range="bytes=0-")
		for bad in b"x\r\n", b"3\np=/", b"3\r\np=/a", b"0\r\n\n", \
		        b"0\r\nGET / HTTP/1.1\r\n", b"ffffffff\r\n":
		    for first in b"", b"1\r\np\r\n", b"1\r\np\r\n1\r\n=\r\n":
		        for wait in False, True:
		            with Connection() as c:
		                c.send(null + head + (b"" if wait else first + bad))
		                assert c.answer().status == 206
		                if wait:
		                    c.send(first)
		                    time.sleep(0.01)
		                    c.send(bad)
		                c.send(null * 3)
		                a = c.answer()
		                assert a.status == (413 if bad[0] == 102 else 400), a
		                assert a.field("Connection") == "close", a
		                assert c.rest() == b""
	END
	# Each is in the log with its request line.
	wait_for 5 more_lines 35 '"POST /mirror/.* HTTP/1.1" 4' ||
	    fail "only $(grep -c '"POST .* HTTP/1.1" 4' log) lines"
	! grep -q '"-" 4' log || fail "a request without its line"
}

service_case continues "A client that asks first sends chunks, or does not."
continues_body()
{
	mkdir -p www/yum
	echo a >www/yum/a
	service_start
	python "$service/digest/$(paths_digest /yum/a)" <<-'END'
		from service import *
		def head(target=sys.argv[2], **fields):
		    fields.setdefault("content_type",
		                      "application/x-www-form-urlencoded")
		    return request(target, "POST", transfer_encoding="chunked",
		                   expect="100-continue", **fields)
		with Connection() as c:
		    for _ in range(3):
		        c.send(head())
		        assert c.answer().status == 100
		        c.send(b"8\r\np=/yum/a\r\n0\r\n\r\n")
		        assert c.answer().status == 200
		        c.send(head() + b"8\r\np=/yum/a\r\n0\r\n\r\n")
		        assert c.answer().status == 200
		        c.send(head() + b"8\r\np=/y")
		        time.sleep(0.01)
		        c.send(b"um/a\r\n0\r\n\r\n")
		        assert c.answer().status == 200
		for data, status in (
		        (head(content_type="text/plain"), 415),
		        (head(SERVICE + "/single/yum/a"), 405),
		        (head(SERVICE + "/none"), 404)):
		    with Connection() as c:
		        c.send(data)
		        a = c.answer()
		        assert a.status == status, a
		        assert a.field("Connection") == "close", a
		        assert c.rest() == b""
	END
}

service_case limits "max-body is for what was decoded; framing has its own."
limits_body()
{
	mkdir -p www/yum
	echo a >www/yum/a
	service_start "max-body 1K"
	target=$service/digest/$(paths_digest /yum/a)
	printf 'p=/yum/a&x=%01013d' 0 >exact
	printf 'p=/yum/a&x=%01014d' 0 >over
	want 200 $target -H 'Transfer-Encoding: chunked' -d @exact
	want 413 $target -H 'Transfer-Encoding: chunked' -d @over
	want_field Connection close
	python "$target" <<-'END'
		from service import *
		def post(body, chunk, extension):
		    head = request(sys.argv[2], "POST",
		        transfer_encoding="chunked",
		        content_type="application/x-www-form-urlencoded")
		    out = [head]
		    for at in range(0, len(body), chunk):
		        part = body[at:at + chunk]
		        out.append(b"%x%s\r\n%s\r\n" % (len(part), extension, part))
		    return b"".join(out) + b"0\r\n\r\n"
		def status(data):
		    with Connection() as c:
		        c.send(data)
		        a = c.answer()
		        if a.status != 200:
		            assert a.field("Connection") == "close", a
		            assert c.rest() == b""
		        return a.status
		with open("exact", "rb") as f:
		    body = f.read()
		assert status(post(body, 1, b"")) == 200
		# 65536 + 128 bytes: 1024 chunks of one byte may have 58 each.
		assert status(post(body, 1, b";" + b"x" * 57)) == 200
		assert status(post(body, 1, b";" + b"x" * 60)) == 413
		assert status(post(body, 1024, b";" + b"x" * 250)) == 200
		assert status(post(body, 1024, b";" + b"x" * 251)) == 400
	END
}

service_case body_timeout "The whole of it has one deadline."
body_timeout_body()
{
	service_start "body-timeout 1s"
	python "$service/digest/$(paths_digest /yum/a)" <<-'END'
		from service import *
		head = request(sys.argv[2], "POST", transfer_encoding="chunked",
		    content_type="application/x-www-form-urlencoded")
		for part in b"1\r\n&\r\n", b";x", b"A: b\r\n":
		    with Connection() as c:
		        c.send(head + {59: b"1", 65: b"0\r\n"}.get(part[0], b""))
		        def dribble():
		            try:
		                c.send(part)
		            except OSError:
		                pass
		            c.socket.settimeout(0.05)
		            try:
		                c.buffer += c.socket.recv(4096)
		            except TimeoutError:
		                pass
		            return c.buffer
		        wait_for(10, dribble, "an answer")
		        c.socket.settimeout(10)
		        assert c.answer().status == 408, part
		        assert c.rest() == b""
	END
}

service_case bodies "All chunked bodies together may have so much memory."
bodies_body()
{
	mkdir -p www/yum
	echo a >www/yum/a
	service_start "body-timeout 1m"
	python "$service/digest/$(paths_digest /yum/a)" \
	    "$(children front)" <<-'END'
		from service import *
		import select
		target, pid = sys.argv[2:]
		def memory():
		    with open("/proc/%s/status" % pid) as f:
		        return int(f.read().split("RssAnon:")[1].split()[0])
		def start(length):
		    body = b"p=/yum/a&x=" + b"y" * (length - 11)
		    c = Connection()
		    c.send(request(target, "POST", transfer_encoding="chunked",
		        content_type="application/x-www-form-urlencoded"))
		    for at in range(0, length, 1 << 16):
		        part = body[at:at + (1 << 16)]
		        c.send(b"%x\r\n%s\r\n" % (len(part), part))
		    return c
		def answer(c):
		    c.send(b"0\r\n\r\n")
		    return c.answer()
		def is_refused(c):
		    return bool(select.select([c.socket], [], [], 0)[0])
		before = memory()
		length = 2 << 20
		many = [start(length) for _ in range(40)]
		wait_for(20, lambda: sum(map(is_refused, many)) == 8, "refusals")
		assert memory() - before < 100 << 10, memory() - before
		for c, was in zip(many, list(map(is_refused, many))):
		    a = c.answer() if was else answer(c)
		    assert a.status == (503 if was else 200), a
		# What has been released is not counted.
		many = [start(length) for _ in range(30)]
		assert all(answer(c).status == 200 for c in many)
		assert memory() - before < 100 << 10, memory() - before
	END
}
