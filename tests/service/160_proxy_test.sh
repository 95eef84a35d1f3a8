#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Proxies that are believed about a client, and the URLs in torrents.

. "${0%/*}/../lib/lib.sh"

files()
{
	echo a >www/yum/a
	echo b >'www/yum/b ü'
}

# want_client ADDRESS NAME: the client that the access log has for NAME.
want_client()
{
	want_log "GET /$2 "
	same "$(sed -n "s|^\(front[^ ]* \)*\([^ ]*\) - - .*\"GET /$2 .*|\2|p" \
	    log)" "$1" "the client that asked for $2"
}

service_case forwarded_for "The rightmost address that is no proxy's counts."
forwarded_for_body()
{
	service_start "proxy 127.0.0.1 192.0.2.0/24 2001:db8::/32" \
	    "access-log yes"
	n=0
	while read -r client list; do
		n=$((n + 1))
		want 404 /case$n -H "X-Forwarded-For: $list"
		want_client "$client" case$n
	done <<-END
		198.51.100.1 198.51.100.1
		198.51.100.1 203.0.113.9, 198.51.100.1
		198.51.100.1 203.0.113.9, 198.51.100.1, 192.0.2.7
		198.51.100.1 198.51.100.1,192.0.2.7,2001:db8::1
		198.51.100.1 ::ffff:198.51.100.1
		198.51.100.1 [::ffff:c633:6401]:80, ::ffff:192.0.2.7
		198.51.100.1 203.0.113.9, 198.51.100.1, ,
		192.0.2.7 , 192.0.2.7,
		2001:db9::5 203.0.113.9,	2001:db9::5
		127.0.0.1 nonsense
		127.0.0.1 198.51.100.1, <script>
		127.0.0.1 198.51.100.1, 999.1.1.1
	END
	want 404 /two -H 'X-Forwarded-For: 198.51.100.1' \
	    -H 'X-Forwarded-For: 198.51.100.2, 192.0.2.3'
	want_client 198.51.100.2 two
	want 404 /empty -H 'X-Forwarded-For: 198.51.100.1' \
	    -H 'X-Forwarded-For;'
	want_client 198.51.100.1 empty
	want 404 /none
	want_client 127.0.0.1 none
}

# In place of the program: a socket of both families, handed over.
both_families()
{
	cat >both <<-END
		#!$(command -v python3)
		import os, socket, sys
		s = socket.socket(socket.AF_INET6)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
		s.bind(("::", $port))
		s.listen()
		os.dup2(s.fileno(), 3)
		os.set_inheritable(3, True)
		os.environ["LISTEN_FDS"] = "1"
		os.environ["LISTEN_PID"] = str(os.getpid())
		os.execv("$program", ["$program"] + sys.argv[1:])
	END
	chmod 755 both
	program=$here/both
}

service_case both_families "IPv4 clients of an IPv6 socket are told apart."
both_families_body()
{
	[ -e /proc/net/if_inet6 ] || atf_skip "no IPv6 here"
	service_prepare
	both_families
	service_start "proxy 127.0.0.1" "max-connections-per-client 2" \
	    "access-log yes"
	want 404 /two --interface 127.0.0.2
	want_client 127.0.0.2 two
	want 404 /believed -H 'X-Forwarded-For: 198.51.100.1'
	want_client 198.51.100.1 believed
	run_python - <<-'END'
		from service import *
		take_places(2)
	END
}

service_case not_a_proxy "Nobody else is believed."
not_a_proxy_body()
{
	start_with files "access-log yes"
	want 200 $service/single/yum/a --interface 127.0.0.2 \
	    -H 'X-Forwarded-For: 198.51.100.1' -H 'X-Forwarded-Proto: https'
	torrent_has urls "$url/yum/a" "the web seed"
	want_field Vary ''
	want_client 127.0.0.2 mirror/torrent_service/single/yum/a
	service_reload "proxy none" "access-log yes"
	want 404 /x -H 'X-Forwarded-For: 198.51.100.1'
	want_client 127.0.0.1 x
	service_reload "proxy 127.0.0.2" "access-log yes"
	want 404 /y --interface 127.0.0.2 -H 'X-Forwarded-For: 198.51.100.1'
	want_client 198.51.100.1 y
}

service_case forwarded_proto "A proxy says by which scheme it was asked."
forwarded_proto_body()
{
	start_with files
	while read -r scheme say; do
		want 200 $service/single/yum/a -H "$say" -H 'Host: m.example:81'
		want_field Vary X-Forwarded-Proto
		torrent_has urls "$scheme://m.example:81/yum/a" "after $say"
	done <<-END
		https X-Forwarded-Proto: https
		https X-Forwarded-Proto: HTTPS
		http X-Forwarded-Proto: http
		http X-Forwarded-Proto: gopher
		https X-Forwarded-Proto: https, https
		http X-Forwarded-Proto: gopher, gopher
		http X-Forwarded-Host: evil.example
		http Forwarded: proto=https
	END
	want 200 $service/single/yum/a -H 'X-Forwarded-Proto: https' \
	    -H 'X-Forwarded-Proto: https'
	torrent_has urls "https://${url#http://}/yum/a" "said twice"
	! grep 'X-Forwarded-Proto' log || fail "there is nothing to say"
	# Others that say so are not believed, and not worth a line.
	want 200 $service/single/yum/a --interface 127.0.0.2 \
	    -H 'X-Forwarded-Proto: https, http'
	! grep 'X-Forwarded-Proto' log || fail "it is not from a proxy"
}

service_case two_proxies "Two that say different things are not believed."
two_proxies_body()
{
	start_with files
	for _ in 1 2 3; do
		want 200 $service/single/yum/a -H 'X-Forwarded-Proto: https, http'
		torrent_has urls "$url/yum/a" "as a list"
		want 200 $service/single/yum/a -H 'X-Forwarded-Proto: http' \
		    -H 'X-Forwarded-Proto: https'
		torrent_has urls "$url/yum/a" "as two fields"
	done
	want_log 'X-Forwarded-Proto has several values.*set base-url'
	same "$(grep -c 'X-Forwarded-Proto has' log)" 1 "lines in a minute"
	service_stop
	: >log
	service_start "base-url https://m.example"
	want 200 $service/single/yum/a -H 'X-Forwarded-Proto: https, http'
	torrent_has urls https://m.example/yum/a "with base-url"
	! grep 'X-Forwarded-Proto' log || fail "base-url is set"
}

service_case unix_socket "Who may open the socket is a proxy."
unix_socket_body()
{
	files
	service_prepare
	service_start "listen 127.0.0.1:$port" "listen $here/socket" \
	    "proxy none" "access-log yes"
	want 200 $service/single/yum/a --unix-socket socket \
	    -H 'X-Forwarded-For: 198.51.100.1' -H 'X-Forwarded-Proto: https' \
	    -H 'Host: m.example'
	torrent_has urls https://m.example/yum/a "the web seed"
	want_client 198.51.100.1 mirror/torrent_service/single/yum/a
	want 404 /quiet --unix-socket socket
	want_client unix quiet
}

service_case base_url "The configured URL wins over what a request says."
base_url_body()
{
	start_with files "base-url https://mirror.example/pub/"
	want 200 $service/single/yum/a -H 'Host: other.example'
	torrent_has urls https://mirror.example/pub/yum/a "a single file"
	want_post 200 /yum/a '/yum/b ü'
	torrent_has urls https://mirror.example/pub/ "several"
	want_field Vary ''
}

service_case web_seeds "Other mirrors follow the first."
web_seeds_body()
{
	start_with files "web-seed http://two.example/" \
	    "web-seed https://three.example:8443/x%20y"
	want 200 "$service/single/yum/b%20%c3%bc" -H 'Host: One.example'
	torrent_has urls "http://one.example/yum/b%20%C3%BC
http://two.example/yum/b%20%C3%BC
https://three.example:8443/x%20y/yum/b%20%C3%BC" "a single file"
	want_post 200 /yum/a '/yum/b ü'
	torrent_has urls "$url/
http://two.example/
https://three.example:8443/x%20y/" "several"
	want_post 200 /yum/a
	torrent_has urls "$url/
$url/yum/a
http://two.example/
http://two.example/yum/a
https://three.example:8443/x%20y/
https://three.example:8443/x%20y/yum/a" "one in multi form"
}

service_case host "Only the mirror's own names are answered."
host_body()
{
	start_with files "host mirror.example" "host [::1]" "host 192.0.2.1"
	for host in mirror.example MIRROR.example:8080 '[::1]' '[::1]:80' \
	    192.0.2.1 192.0.2.1:1; do
		want 200 $service/single/yum/a -H "Host: $host"
		torrent_has urls "http://$(echo $host | tr A-Z a-z)/yum/a" \
		    "the web seed"
	done
	# It is that host all the same, and URLs name it plainly.
	while read -r host plain; do
		want 200 $service/single/yum/a -H "Host: $host"
		torrent_has urls "http://$plain/yum/a" "the web seed"
	done <<-END
		mirror.example: mirror.example
		mirror.example. mirror.example
		Mirror.Example.: mirror.example
		mirror.example.:8080 mirror.example:8080
		[::1]: [::1]
		192.0.2.1.:81 192.0.2.1:81
	END
	for host in evil.example mirror.example.evil.example \
	    notmirror.example '[::2]' 192.0.2.10 127.0.0.1:$port; do
		want 421 $service/single/yum/a -H "Host: $host"
		want 421 $service/nullfile/1 -H "Host: $host"
	done
	service_configure
	service_reload
	want 200 $service/single/yum/a -H "Host: evil.example"
}

service_case one_hash_for_all "Whoever asks however, the info hash is one."
one_hash_for_all_body()
{
	start_with files
	want_torrent_of /yum/a '/yum/b ü'
	first=$torrent
	for say in 'Host: a.example' 'X-Forwarded-Proto: https'; do
		want 200 "$service/single/yum/*" -H "$say"
		same "$(torrent)" "$first" "the info hash after $say"
	done
	service_reload "base-url http://c.example" "web-seed http://d.example"
	want_post 200 /yum/a '/yum/b ü'
	same "$(torrent)" "$first" "the info hash"
}
