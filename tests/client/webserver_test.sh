#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The service behind a web server that is configured as etc/ says.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

etc=$tests/../etc

# The name of this file does not survive a proxy that decodes it.
odd_name='a%2Fb+c d&e.rpm'
odd_path='a%252Fb%2Bc%20d%26e.rpm'

# Afterwards $url is the web server's address, $service_port the service's.
files_and_service()
{
	random 1500000 "www/yum/$odd_name"
	random 300000 www/yum/z.rpm
	settle www/yum/*
	service_start "revalidate 60s" "access-log yes"
	behind_port
}

check_webserver()
{
	want 200 "/yum/torrent_service/single/yum/$odd_path"
	torrent_has form single "a name with escapes"
	torrent_has urls "$url/yum/$odd_path" "the web seed"
	want 200 "/yum/torrent%5Fservice/single/yum/z.rpm"
	want 200 "//yum/torrent_service/single/yum/z.rpm"
	want 200 "/yum/torrent_service/single/yum%2Fz.rpm"
	for path in //m/torrent%5Fservice /m//%74orrent_service; do
		want 200 "$path/single/yum/$odd_path?x=%3F"
		torrent_has urls "$url/yum/$odd_path" "the web seed for $path"
	done
	want 400 "/yum/torrent_service/single/yum/%zz"
	post /yum/z.rpm "/yum/$odd_name"
	same "$status" 200 "POST"
	want 412 "/yum/torrent_service/digest/$(paths_digest /none)"
	# Longer than Apache keeps in memory before it passes it on.
	printf 'p=/yum/z.rpm&other=%0400000d' 0 >form
	want 200 "/yum/torrent_service/digest/$(paths_digest /yum/z.rpm)" \
	    --data-binary @form

	# A body that nobody knew the length of, and a long one.
	set -- /yum/z.rpm $(seq -f /yum/%040.0f.rpm 1 8000)
	target=/yum/torrent_service/digest/$(paths_digest "$@")
	printf 'p=%s&' "$@" >form
	want 200 "$target" -d @form -H 'Transfer-Encoding: chunked'
	want 200 "$target" -d @form

	# The page is what each client asks for, also from a cache.
	for path in /yum/torrent_service /yum/torrent_service/; do
		for kind in html plain html; do
			want 200 $path -H "Accept: text/$kind"
			want_field Content-Type "text/$kind; charset=utf-8"
			want_body "'$url/yum/torrent_service/simple/PATH'"
		done
	done

	# As Transmission and aria2 ask for padding.
	want 206 "/yum/torrent%5Fservice/nullfile/748576%5F0" -r 0-99
	want_field Content-Range 'bytes 0-99/748576'
	case $(field Connection) in *close*) fail "closed after a Range" ;; esac
	for path in torrent_service/nullfile/1_0 torrent%5Fservice/nullfile/1
	do
		want 200 /yum/$path
		want_field Connection close
	done

	# The client is the one that the web server saw, and the scheme its own.
	ask /yum/torrent_service/single/yum/z.rpm --interface 127.0.0.2 \
	    -A stranger -H 'X-Forwarded-Proto: https'
	want_log '^[^ ]* 127\.0\.0\.2 .*stranger'
	torrent_has urls "$url/yum/z.rpm" "the web seed"
}

service_case nginx "The nginx snippet lets all through as it came." nginx
nginx_body()
{
	files_and_service
	nginx_conf "error_log stderr;"
	atf_check -e match:successful nginx -t -c "$here/nginx.conf"
	start_server nginx -c "$here/nginx.conf"
	check_webserver

	# Many clients that want the same are one request.
	for _ in 1 2 3; do
		want 200 /other/torrent_service/single/yum/z.rpm
	done
	want 200 /last/torrent_service/single/yum/z.rpm
	want_log 'GET /last/'
	same "$(grep -c 'GET /other/' log)" 1 "requests that came through"
	stop_server
}

# has_once FIELD VALUE: a browser refuses it twice.
has_once()
{
	want_field "$1" "$2"
	same "$(grep -ci "^$1:" head)" 1 "fields $1 of $_target"
}

# Pages may read the answers of the service and the web server, and their
# browsers get the permission that they ask for before.
check_cors()
{
	for path in z.rpm none torrent_service/single/yum/z.rpm \
	    torrent_service/single/none torrent%5Fservice/nullfile/7_0; do
		for method in GET OPTIONS; do
			ask /yum/$path -X $method -H 'Origin: http://page' \
			    -H 'Access-Control-Request-Method: GET' \
			    -H 'Access-Control-Request-Headers: range'
			has_once Access-Control-Allow-Origin '\*'
			[ $method = OPTIONS ] ||
			    has_once Access-Control-Expose-Headers \
			    '*Content-Range*Retry-After'
		done
		case $status in
		20[04]) ;;
		*) fail "OPTIONS $path: $status" ;;
		esac
		has_once Access-Control-Allow-Methods 'GET, HEAD*'
		has_once Access-Control-Allow-Headers \
		    'Range, Cache-Control, User-Agent'
		has_once Access-Control-Max-Age 86400
		has_once Allow '*GET*'
	done
	want 206 /yum/z.rpm -r 0-9
	has_once Access-Control-Allow-Origin '\*'
	want_field Access-Control-Max-Age ''
	want 304 /yum/z.rpm -H "If-None-Match: $(field ETag)"
	has_once Access-Control-Allow-Origin '\*'
}

service_case nginx_cors "The nginx snippet for pages is for the mirror's files." nginx
nginx_cors_body()
{
	random 300000 www/yum/z.rpm
	service_start 'cors yes'
	mirror_location="include $etc/nginx-cors.conf.snippet;"
	start_nginx
	atf_check -e match:successful nginx -t -c "$here/nginx.conf"
	check_cors
	stop_server
}

# apache_conf ADDRESS SNIPPET
apache_conf()
{
	modules=/usr/lib/apache2/modules
	[ -f $modules/mod_proxy_http.so ] || atf_skip "no mod_proxy_http"
	{
		for module in mpm_event authz_core setenvif headers rewrite \
		    proxy proxy_http; do
			echo "LoadModule ${module}_module" \
			    "$modules/mod_$module.so"
		done
		[ "$(id -u)" != 0 ] || printf 'User nobody\nGroup nogroup\n'
		cat <<-END
			ServerName localhost
			ServerRoot $here
			PidFile $here/apache.pid
			Mutex file:$here default
			Listen $1
			ErrorLog $here/apache.log
			LogFormat "%{remote}p \"%r\" \"%{Range}i\"" connections
			CustomLog $here/connections connections
			DocumentRoot $here/www
			<VirtualHost $1>
			Include $2
			</VirtualHost>
		END
	} >apache.conf
	atf_check -e match:'Syntax OK' apache2 -t -f "$here/apache.conf"
}

service_case apache "The Apache snippet lets all through as it came." apache2
apache_body()
{
	files_and_service
	sed "s,127.0.0.1:8080,127.0.0.1:$service_port," \
	    "$etc/apache.conf.snippet" >snippet
	apache_conf 127.0.0.1:$port "$here/snippet"
	start_server apache2 -X -f "$here/apache.conf"
	check_webserver
	stop_server
}

service_case apache_cors "So is Apache's." apache2
apache_cors_body()
{
	random 300000 www/yum/z.rpm
	service_start 'cors yes'
	behind_port
	sed "s,127.0.0.1:8080,127.0.0.1:$service_port," \
	    "$etc/apache.conf.snippet" "$etc/apache-cors.conf.snippet" >snippet
	apache_conf 127.0.0.1:$port "$here/snippet"
	start_server apache2 -X -f "$here/apache.conf"
	check_cors
	stop_server
}

# shipped_case NAME DESCRIPTION PROGRAM: as root, with a network and mounts
# that nobody else sees, so that all ports and directories are those of etc/.
shipped_case()
{
	service_timeout=200
	root_case "$@" unshare ip aria2c
}

# own_machine CASE: its body goes on in namespaces of its own.
own_machine()
{
	[ -z "${OWN_MACHINE:-}" ] || return 0
	unshare -m -n true 2>/dev/null || atf_skip "no namespaces"
	OWN_MACHINE=yes exec unshare -m -n sh -c \
	    'ip link set lo up && exec "$@"' sh \
	    "$0" -s "$Source_Dir" -r "$Results_File" "$1:body"
}

# 40 small files and one that wants a single byte of padding: aria2 asks for
# that without Range.
small_files()
{
	have_libtorrent
	: >trackers
	head -c 1048575 /dev/urandom >www/yum/a-byte-short
	for _n in $(seq 10 49); do
		head -c 20000 /dev/urandom >www/yum/small-"$_n"
	done
	settle www/yum/*
	chmod 777 .
	service_start "listen 127.0.0.1:8080"
	url=http://127.0.0.1
}

# padding RANGE: connections of requests for null files, from the web server's
# log; RANGE is a pattern of their field Range.
padding()
{
	awk -F '"' -v range="$1" '
	    $2 ~ "/nullfile/" && $4 ~ range { print $1 }' connections
}

# Connections that a whole null file was asked on, and that were used again.
reused_after_whole()
{
	awk -F '"' '$1 in whole { print $1 }
	    $2 ~ "/nullfile/" && $4 == "-" { whole[$1] = 1 }' connections
}

# Padding with Range stays on kept connections, others end theirs, and each
# download takes less than the second for each file that closing would cost.
download_small_files()
{
	for client in aria2 libtorrent; do
		want 200 "$service/single/yum/*"
		cp body set.torrent
		mkdir $client
		: >connections
		clock
		start=$now
		get_with_$client set.torrent $client || fail "$client failed"
		clock
		[ $((now - start)) -lt 2000 ] ||
		    fail "$client took $((now - start)) hundredths of a second"
		for file in www/yum/*; do
			cmp "$file" "$client/${file#www/}" ||
			    fail "$file is not what $client got"
		done
		wait_for 5 padding_logged || fail "$(cat connections)"
		count=$(padding bytes | sort -u | wc -l)
		[ "$count" -le 4 ] ||
		    fail "$client: padding on $count connections"
		same "$(reused_after_whole)" '' "connections used after that"
		[ $client != aria2 ] ||
		    [ -n "$(padding "^-\$")" ] || fail "no padding without Range"
	done
}

padding_logged()
{
	[ "$(padding bytes | wc -l)" -ge 38 ]
}

# The directories that Debian's nginx has, empty.
debian_nginx()
{
	for dir in conf.d sites-enabled snippets; do
		[ -d /etc/nginx/$dir ] || atf_skip "not Debian's nginx"
		mount -t tmpfs none /etc/nginx/$dir
	done
	for dir in /var/lib/nginx /var/log/nginx /run; do
		mount -t tmpfs -o mode=755 none $dir
	done
	cp "$etc/nginx-http.conf.snippet" /etc/nginx/conf.d/pkgtorrentd.conf
	cp "$etc/nginx.conf.snippet" /etc/nginx/snippets/pkgtorrentd.conf
	cat >/etc/nginx/sites-enabled/mirror <<-END
		log_format connections '\$connection "\$request" "\$http_range"';
		server {
			listen 80;
			root $here/www;
			access_log $here/connections connections;
			include snippets/pkgtorrentd.conf;
		}
	END
}

shipped_case nginx_as_shipped \
    "Debian's nginx takes the snippets as they are, and clients are fast." \
    nginx
nginx_as_shipped_body()
{
	own_machine nginx_as_shipped
	small_files
	debian_nginx
	atf_check -e match:successful nginx -t
	start_server nginx -g 'daemon off;'
	download_small_files
	stop_server
}

shipped_case apache_as_shipped \
    "Apache takes the snippet as it is, and clients are fast." apache2
apache_as_shipped_body()
{
	own_machine apache_as_shipped
	small_files
	apache_conf '*:80' "$etc/apache.conf.snippet"
	start_server apache2 -X -f "$here/apache.conf"
	download_small_files
	stop_server
}
