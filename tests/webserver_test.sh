#! /usr/bin/env atf-sh
# The service behind a web server that is configured as etc/ says.

. "${0%/*}/lib.sh"

# A file whose name does not survive a proxy that decodes it.
odd_name='a%2Fb+c d&e.rpm'
odd_path='a%252Fb%2Bc%20d%26e.rpm'

# Afterwards $url is the web server's address, $service_port the service's.
files_and_service()
{
	mkdir -p www/yum
	head -c 1500000 /dev/urandom >"www/yum/$odd_name"
	head -c 300000 /dev/urandom >www/yum/z.rpm
	settle www/yum/*
	service_start "revalidate 60s"
	service_port=$port
	port=$(free_port)
	url=http://127.0.0.1:$port
}

snippet()
{
	sed "s,127.0.0.1:8080,127.0.0.1:$service_port," \
	    "$(atf_get_srcdir)/../etc/$1.conf.snippet"
}

webserver_answers()
{
	! is_gone $webserver || fail "$(cat webserver.log)"
	curl -s -o answer "$url/"
}

start_webserver()
{
	"$@" >webserver.log 2>&1 &
	webserver=$!
	note_pid $webserver
	wait_for 10 webserver_answers || fail "it does not answer within 10 s"
}

stop_webserver()
{
	kill -TERM $webserver
	wait $webserver
}

check_webserver()
{
	want 200 "/yum/torrent_service/single/yum/$odd_path"
	want_torrent form
	same "$torrent" single "a name with escapes"
	want_torrent urls
	same "$torrent" "$url/yum/$odd_path" "the web seed"
	want 200 "/yum/torrent%5Fservice/single/yum/z.rpm"
	want 200 "//yum/torrent_service/single/yum/z.rpm"
	want 400 "/yum/torrent_service/single/yum/%zz"
	post /yum/z.rpm "/yum/$odd_name"
	same "$status" 200 "POST"
	want 412 "/yum/torrent_service/digest/$(paths_digest /none)"

	# As Transmission and aria2 ask for padding.
	want 206 "/yum/torrent%5Fservice/nullfile/748576%5F0" -r 0-99
	want_field Content-Range 'bytes 0-99/748576'
	want 200 /yum/torrent_service/nullfile/1_0
	want_field Connection close

	# The client is whom the web server saw, and the scheme its own.
	ask /yum/torrent_service/single/yum/z.rpm --interface 127.0.0.2 \
	    -A stranger -H 'X-Forwarded-Proto: https'
	want_log '^[^ ]* 127\.0\.0\.2 .*stranger'
	want_torrent urls
	same "$torrent" "$url/yum/z.rpm" "the web seed"
}

service_case nginx "The nginx snippet lets all through as it came." nginx
nginx_body()
{
	files_and_service
	{
		echo "daemon off; pid $here/nginx.pid;"
		echo "error_log stderr; events { }"
		echo "http { access_log off;"
		for kind in client_body proxy fastcgi scgi uwsgi; do
			echo "${kind}_temp_path $here/$kind;"
		done
		snippet nginx | sed -e "s,listen 80,listen 127.0.0.1:$port," \
		    -e '/listen \[/d' -e "s,/srv/mirror,$here/www," \
		    -e "s,/var/cache/nginx,$here,"
		echo "}"
	} >nginx.conf
	atf_check -e match:successful nginx -t -c "$here/nginx.conf"
	start_webserver nginx -c "$here/nginx.conf"
	check_webserver

	# Many who want the same are one request.
	for _ in 1 2 3; do
		want 200 /other/torrent_service/single/yum/z.rpm
	done
	want 200 /last/torrent_service/single/yum/z.rpm
	want_log 'GET /last/'
	same "$(grep -c 'GET /other/' log)" 1 "requests that came through"
	stop_webserver
}

service_case apache "The Apache snippet lets all through as it came." apache2
apache_body()
{
	modules=/usr/lib/apache2/modules
	[ -f $modules/mod_proxy_http.so ] || atf_skip "no mod_proxy_http"
	files_and_service
	{
		for module in mpm_event authz_core setenvif headers proxy \
		    proxy_http; do
			echo "LoadModule ${module}_module" \
			    "$modules/mod_$module.so"
		done
		echo "ServerName localhost"
		echo "ServerRoot $here"
		echo "PidFile $here/apache.pid"
		echo "Mutex file:$here default"
		echo "Listen 127.0.0.1:$port"
		echo "ErrorLog $here/apache.log"
		echo "DocumentRoot $here/www"
		snippet apache
	} >apache.conf
	atf_check -e match:'Syntax OK' apache2 -t -f "$here/apache.conf"
	start_webserver apache2 -X -f "$here/apache.conf"
	check_webserver
	stop_webserver
}
