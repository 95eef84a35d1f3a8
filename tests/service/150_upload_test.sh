#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Bodies that nobody knew the length of: sent in chunks, by clients and by
# proxies that pass them on as they come.

. "${0%/*}/../lib/lib.sh"

# A form of 395 KB, of which one path is there, and $target for it.
make_form()
{
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
	torrent_has files "1100000 a.rpm" "the files"
}

service_case curl "curl sends what it reads from a pipe."
curl_body()
{
	start_with make_form
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
	start_with make_form
	python iterated $target
}

service_case node "Node's http and fetch send streams." node
node_body()
{
	start_with make_form
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

# The service is there; from here on $url is the proxy's.
service_behind_proxy()
{
	start_with make_form
	behind_port
}

# The request must have come in chunks.
want_chunks_through()
{
	want_torrent_of_form $target -H 'Transfer-Encoding: chunked' -d @form
	want_torrent_of_form $target -d @form
	python want_chunks_through "$url$target"
	stop_server
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
	start_server nginx -c "$here/nginx.conf"
	want_chunks_through
}

service_case haproxy "HAProxy as it comes." haproxy
haproxy_body()
{
	service_behind_proxy
	start_haproxy
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
	    start_server caddy run --adapter caddyfile --config Caddyfile
	want_chunks_through
}

service_case seams "A body ends where it ends, however it is cut."
seams_body()
{
	echo a >www/yum/a
	# The torrent of a younger file is not remembered.
	settle www/yum/a
	service_start
	python seams "$service/digest/$(paths_digest /yum/a)"
}

service_case wrong "After a chunk that is wrong nothing more is answered."
wrong_body()
{
	service_start "access-log yes"
	python wrong "$service/digest/$(paths_digest /yum/a)"
	# Each is in the log with its request line.
	wait_for 5 more_lines 35 '"POST /mirror/.* HTTP/1.1" 4' ||
	    fail "only $(grep -c '"POST .* HTTP/1.1" 4' log) lines"
	! grep -q '"-" 4' log || fail "a request without its line"
}

service_case continues "A client that asks first sends chunks, or does not."
continues_body()
{
	echo a >www/yum/a
	service_start
	python continues "$service/digest/$(paths_digest /yum/a)"
}

service_case limits "max-body is for what was decoded; framing has its own."
limits_body()
{
	echo a >www/yum/a
	service_start "max-body 1K"
	target=$service/digest/$(paths_digest /yum/a)
	printf 'p=/yum/a&x=%01013d' 0 >exact
	printf 'p=/yum/a&x=%01014d' 0 >over
	want 200 $target -H 'Transfer-Encoding: chunked' -d @exact
	want 413 $target -H 'Transfer-Encoding: chunked' -d @over
	want_field Connection close
	python limits "$target"
}

service_case body_timeout "The whole of it has one deadline."
body_timeout_body()
{
	service_start "body-timeout 1s"
	python body_timeout "$service/digest/$(paths_digest /yum/a)"
}

service_case bodies "All chunked bodies together may have so much memory."
bodies_body()
{
	echo a >www/yum/a
	service_start "body-timeout 1m"
	run_python bodies.py chunked "$service/digest/$(paths_digest /yum/a)" \
	    "$(children front)"
}
