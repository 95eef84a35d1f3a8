#! /usr/bin/env atf-sh
# Each limit lets through what reaches it, and stops what is one past it.

. "${0%/*}/../lib/lib.sh"

service_case max_body "A body may be so long."
max_body_body()
{
	mkdir -p www/yum
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
	python "$target" <<-'END'
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
		    body = b"p=/yum/a&x=" + bytes(length - 11).replace(b"\0", b"y")
		    c = Connection()
		    c.send(request(target, "POST", content_length=length + 1,
		        content_type="application/x-www-form-urlencoded") + body)
		    return c
		def answer(c):
		    c.send(b"y")
		    return c.answer()
		def is_refused(c):
		    return bool(select.select([c.socket], [], [], 0)[0])
		before = memory()
		little = start(12000)
		# They dawdle: 32 of them have 64 MiB.
		length = 2 << 20
		many = [start(length - 1) for _ in range(40)]
		wait_for(20, lambda: sum(map(is_refused, many)) == 8, "refusals")
		assert memory() - before < 100 << 10, memory() - before
		# Others have their turn, and the dawdlers too while there is room.
		with start(length - 1) as c:
		    assert answer(c).status == 200
		assert answer(little).status == 200
		refused = list(map(is_refused, many))
		assert refused == [True] * 9 + [False] * 31, refused
		for c, was in zip(many, refused):
		    a = c.answer() if was else answer(c)
		    assert a.status == (503 if was else 200), a
		    if was:
		        assert a.field("Retry-After") and c.rest() == b""
		# What has been released is not counted.
		many = [start(length - 1) for _ in range(30)]
		assert all(answer(c).status == 200 for c in many)
		# Nor is it held for what comes behind a body.
		more = []
		for _ in range(60):
		    more.append(start(length - 1))
		    more[-1].send(b"yGET ")
		    assert more[-1].answer().status == 200
		assert memory() - before < 100 << 10, memory() - before
	END
}

service_case drain_ends "A body that is not wanted is not read for ever."
drain_ends_body()
{
	service_start "max-body 1K"
	python "$service/digest/$(paths_digest /yum/a)" <<-'END'
		from service import *
		def sent(c, total, step, pause):
		    try:
		        for _ in range(0, total, step):
		            c.send(bytes(step))
		            time.sleep(pause)
		    except (ConnectionResetError, BrokenPipeError):
		        return False
		    return True
		head = request(sys.argv[2], "POST", content_length=1 << 30,
		    content_type="application/x-www-form-urlencoded")
		with Connection() as much, Connection() as long:
		    for c in much, long:
		        c.send(head)
		        assert c.answer().status == 413
		    # Sockets hold some more than what the service reads.
		    assert not sent(much, 64 << 20, 1 << 16, 0), "64 MiB"
		    assert not sent(long, 400, 1, 0.01), "4 s"
	END
}

service_case max_paths "A form may have so many paths."
max_paths_body()
{
	mkdir -p www/yum
	for f in a b c d; do
		echo $f >www/yum/$f
	done
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
	mkdir -p www/yum
	for f in a b c; do
		echo $f >www/yum/$f
	done
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
	mkdir -p www/yum
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
	mkdir -p www/yum
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

service_case request_line "The request line may have 8192 bytes."
request_line_body()
{
	service_start
	python <<-'END'
		from service import *
		def line(length):
		    start = "GET %s/nullfile/1?" % SERVICE
		    end = " HTTP/1.1\r\n"
		    return start + "x" * (length - len(start + end)) + end
		for length, status in ((8192, 200), (8193, 414), (20000, 414)):
		    with Connection() as c:
		        c.send((line(length) + "Host: h\r\n\r\n").encode())
		        assert c.answer().status == status, length
		        assert c.rest() == b""
		# No end of the line is needed to see that it is too long.
		with Connection() as c:
		    c.send(line(9000).encode()[:8193])
		    assert c.answer().status == 414
		with Connection() as c:
		    path = "/single/" + "y" * 4094
		    assert c.ask(SERVICE + path).status == 404
		    assert c.ask(SERVICE + path + "y").status == 414
	END
}

service_case header "The header may have 16384 bytes and 64 fields."
header_body()
{
	service_start
	python <<-'END'
		from service import *
		first = "GET %s/nullfile/1 HTTP/1.1\r\n" % SERVICE
		def sized(length):
		    start, end = "Host: h\r\nX: ", "\r\n\r\n"
		    return start + "x" * (length - len(start + end)) + end
		def counted(n):
		    return "Host: h\r\n" + "X: x\r\n" * (n - 1) + "\r\n"
		for fields, status in (
		    (sized(16384), 200), (sized(16385), 431), (sized(70000), 431),
		    (counted(64), 200), (counted(65), 431), (counted(5000), 431)):
		    with Connection() as c:
		        c.send((first + fields).encode())
		        assert c.answer().status == status, len(fields)
		        assert c.rest() == b""
		with Connection() as c:
		    c.send((first + sized(20000)).encode()[:len(first) + 16385])
		    assert c.answer().status == 431
	END
}

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
	200)	# What lies deeper than 32 is not there.
		want_torrent files
		echo "$torrent" | grep -q 'd/30$' || fail "not deep enough"
		! echo "$torrent" | grep -q 'd/36$' || fail "too deep" ;;
	413|400) ;;
	*) fail "answered with $status" ;;
	esac
}

service_case connections "Past so many connections there is 503, then nothing."
connections_body()
{
	service_start "max-connections 3" "idle-timeout 60s"
	python <<-'END'
		from service import *
		def refused(c):
		    a = c.answer()
		    assert a.status == 503, a
		    assert a.field("Connection") == "close"
		    assert a.field("Retry-After").isdigit()
		    return c.rest() == b""
		served = [Connection() for _ in range(3)]
		for c in served:
		    assert c.ask("/").status == 404
		past = [Connection() for _ in range(3)]
		beyond = Connection()
		assert all(map(refused, past))
		assert beyond.rest() == b""
		for c in served:
		    assert c.ask("/").status == 404
		for c in past + [beyond, served.pop()]:
		    c.close()
		def room():
		    with Connection() as c:
		        c.send(request("/"))
		        return c.answer().status == 404
		wait_for(5, room, "room for another one")
	END
}

service_case more_connections "SIGHUP makes room for more connections."
more_connections_body()
{
	service_start "max-connections 1"
	service_reload "max-connections 480" "serve-files yes"
	python <<-'END'
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
	service_prepare
	cat >limited <<-END
		#! /bin/sh
		ulimit -n 160
		exec "$program" "\$@"
	END
	chmod +x limited
	program=$here/limited
	service_start "max-connections 10000"
	want_log 'with 160 descriptors there are places for [0-9]* connections'
	python "$(sed -n 's/.* places for \([0-9]*\) .*/\1/p' log)" <<-'END'
		from service import *
		places = int(sys.argv[2])
		served = [Connection() for _ in range(places)]
		for c in served:
		    assert c.ask("/").status == 404
		past = [Connection() for _ in range(300)]
		said = [c.rest()[9:12] for c in past]
		assert said[0] == b"503" and said[-1] == b"", said
		assert set(said) == {b"503", b""}, said
		for c in served:
		    assert c.ask("/").status == 404
	END
	! grep 'no descriptors left' log || fail "there was one too few"
}

service_case connections_per_client "One client may have so many."
connections_per_client_body()
{
	service_start "max-connections-per-client 2" "proxy none"
	python <<-'END'
		from service import *
		mine = take_places(2)
		mine.pop().close()
		def room():
		    with Connection(source="127.0.0.2") as c:
		        c.send(request("/"))
		        return c.answer().status == 404
		wait_for(5, room, "room for another one")
	END
}

service_case starving "One address cannot take the places of others."
starving_body()
{
	service_start "max-connections 12" "max-connections-per-client 2" \
	    "proxy none"
	python <<-'END'
		from service import *
		held = [Connection(source="127.0.0.2") for _ in range(60)]
		with Connection(source="127.0.0.3") as other:
		    assert other.ask("/").status == 404
		refused = [c for c in held[2:] if b" 503 " in c.rest()]
		assert len(refused) == 1, len(refused)
		for c in held[:2]:
		    assert c.ask("/").status == 404
	END
}

service_case waiting_through_a_proxy "Of one client so many may wait there."
waiting_through_a_proxy_body()
{
	sparse_files a
	service_start "digest openssl" "max-connections 10" \
	    "max-connections-per-client 2"
	python <<-'END'
		from service import *
		target = SERVICE + "/single/yum/a"
		def ask(address):
		    c = Connection()
		    c.send(request(target, x_forwarded_for=address))
		    return c
		# As many as there is room for, while there is plenty.
		mine = [ask("192.0.2.1") for _ in range(5)]
		# Connections are not heard in order.
		time.sleep(0.3)
		last = ask("192.0.2.1").answer()
		assert last.status == 429, last
		assert last.field("Retry-After").isdigit()
		assert b"waiting" in last.body
		other = ask("192.0.2.2")
		other.socket.settimeout(1)
		try:
		    assert False, other.answer()
		except TimeoutError:
		    pass
		# Who is not identified is not counted.
		for c in [Connection() for _ in range(2)]:
		    c.send(request(target))
		    c.socket.settimeout(0.2)
		    try:
		        assert False, c.answer()
		    except TimeoutError:
		        pass
	END
}

service_case waiting_ends "What has waited is not counted any longer."
waiting_ends_body()
{
	sparse_files a
	echo small >www/yum/b
	settle www/yum/b
	service_start "digest openssl" "hash-wait 1s" "max-connections 8" \
	    "max-connections-per-client 2"
	python <<-'END'
		from service import *
		# Places are scarce.
		idle = [Connection() for _ in range(5)]
		def ask(name, n=1):
		    c = Connection()
		    c.send(n * request(SERVICE + "/single/yum/" + name,
		                       x_forwarded_for="192.0.2.1"))
		    return c
		# Not one that is refused as a connection too many, but one that
		# has waited.
		def room():
		    a = ask("a").answer()
		    return a.status == 503 and b"connections" not in a.body
		for _ in range(3):
		    piped = ask("[b]", 3)
		    assert [piped.answer().status for _ in range(3)] == 3 * [200]
		    wait_for(5, room, "room for one more")
		    piped.close()
		    ask("a").close()
		wait_for(5, room, "room for another one")
		def limited():
		    held = [ask("a"), ask("a")]
		    third = ask("a").answer().status
		    return third == 429 and all(c.answer() for c in held)
		wait_for(10, limited, "a limit")
	END
}

service_case proxies_are_many "A proxy may have as many as there are."
proxies_are_many_body()
{
	service_start "max-connections-per-client 2"
	python <<-'END'
		from service import *
		for c in [Connection() for _ in range(20)]:
		    assert c.ask("/").status == 404
	END
}

service_case deadlines "A client that dawdles is cut off."
deadlines_body()
{
	service_start "header-timeout 1s" "body-timeout 2s" "idle-timeout 3s"
	python <<-'END'
		from service import *
		import threading
		wrong = []
		def dribble(c, data, stop):
		    try:
		        for byte in data:
		            if stop.wait(0.1):
		                return
		            c.send(bytes([byte]))
		    except OSError:
		        pass
		def check(name, seconds, status, slowly, before=b""):
		    with Connection() as c:
		        c.send(before)
		        if name == "idle":
		            c.answer()
		        stop = threading.Event()
		        slow = threading.Thread(target=dribble,
		                                args=(c, slowly, stop))
		        c.start = time.monotonic()
		        slow.start()
		        rest = c.rest()
		        age = c.age()
		        stop.set()
		        slow.join()
		    got = rest[9:12].decode()
		    if got != status or not seconds - 0.1 <= age <= seconds + 1:
		        wrong.append("%s: %r after %.2f s" % (name, rest, age))
		body = request("/", "POST", content_length=1000,
		    content_type="application/x-www-form-urlencoded").replace(
		    b" / ", (" %s/digest/%040d " % (SERVICE, 0)).encode())
		threads = [threading.Thread(target=check, args=args) for args in (
		    ("header", 1, "408", b"GET / HTTP/1.1\r\nHost: h" + b"h" * 90),
		    ("silence", 1, "", b""),
		    ("body", 2, "408", b"x" * 99, body),
		    ("idle", 3, "", b"", request("/")),
		    ("half", 1, "408", b"", b"GET / HTTP/1.1\r\nHo"))]
		for t in threads:
		    t.start()
		for t in threads:
		    t.join()
		assert not wrong, "\n".join(wrong)
	END
}

service_case write_deadline "A client that does not read is cut off."
write_deadline_body()
{
	mkdir -p www/yum
	truncate -s 64M www/yum/a
	service_start "write-timeout 1s" "serve-files yes"
	python <<-'END'
		from service import *
		stuck, slow = [Connection(receive_buffer=1 << 16)
		               for _ in range(2)]
		for c in stuck, slow:
		    c.send(request("/yum/a", connection="close"))
		wait_for(1, stuck.is_held, "the connection")
		got = 0
		def cut():
		    global got
		    got += len(slow.receive(1 << 18))
		    return not stuck.is_held()
		wait_for(2, cut, "the end of the one who does not read")
		# Slow, but at it.
		end = time.monotonic() + 2
		while time.monotonic() < end:
		    got += len(slow.receive(1 << 16))
		    time.sleep(0.05)
		got += len(slow.rest())
		assert got > 64 << 20, got
		assert len(stuck.rest()) < 64 << 20
	END
}

# They take long, the slowest way more so.
sparse_files()
{
	mkdir -p www/yum
	for f; do
		truncate -s 20G www/yum/$f
	done
}

is_progress()
{
	want 503 $service/single/yum/$1
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
	want 503 $service/single/yum/a $two
	want 503 $service/single/yum/b $two
	want_body '^hashing'
	want 429 $service/single/yum/c $two
	want_field Retry-After '[1-9]*'
	want_field Content-Type 'text/plain; charset=utf-8'
	# What is under way may be asked for, and is not counted again.
	want 503 $service/single/yum/a $two
	want 200 $service/nullfile/1 $two
	want 503 $service/single/yum/c --interface 127.0.0.3
	want_body '^hashing'
}

service_case many_paths_per_client "One client may ask for so many lists."
many_paths_per_client_body()
{
	mkdir -p www/yum
	service_start 'max-jobs-per-client 2' 'hash-wait 30s' 'proxy none'
	walker=$(children walker)
	kill -STOP "$walker"
	python "$walker" <<-'END'
		import os, signal
		from faults import *
		def post_of(n, i):
		    return post(*("/yum/%d/%d" % (i, k) for k in range(n)))
		waiting = []
		for i, n in enumerate((1000, 1001, 1000, 1001, 1000)):
		    waiting.append(Connection())
		    waiting[-1].send(post_of(n, i))
		assert ask(post_of(1001, 99)).status == 429
		os.kill(int(sys.argv[2]), signal.SIGCONT)
		for c in waiting:
		    assert c.answer("POST").status == 404
		assert ask(post_of(1001, 99)).status == 404
	END
}

service_case jobs_through_a_proxy "A proxy's clients are counted one by one."
jobs_through_a_proxy_body()
{
	sparse_files a b c
	service_start "digest openssl" "hash-wait 0" "max-jobs-per-client 1"
	want 503 $service/single/yum/a -H 'X-Forwarded-For: 192.0.2.1'
	want 429 $service/single/yum/b -H 'X-Forwarded-For: 192.0.2.1'
	want 503 $service/single/yum/b -H 'X-Forwarded-For: 2001:db8::1'
	want 429 $service/single/yum/c -H 'X-Forwarded-For: 2001:db8::ffff'
	want 503 $service/single/yum/c -H 'X-Forwarded-For: 2001:db8:0:1::1'
}

service_case queue "All clients together may have so much hashed."
queue_body()
{
	sparse_files a b c
	service_start "digest openssl" "hash-wait 0" "max-queue 2"
	is_progress a
	is_progress b
	want 503 $service/single/yum/c
	! grep -q '^hashing' body || fail "it was let in"
	want_field Retry-After '[1-9]*'
	is_progress a
	want 200 $service/nullfile/1
}
