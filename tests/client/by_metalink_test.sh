#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Real clients download files by their Metalinks, and every byte is compared.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

# want_file NAME: www/yum/NAME is what aria2 got.  With libxml2 it unescapes all
# of a name but an ampersand.
want_file()
{
	_got=got/yum/$(printf %s "$1" | sed 's/&/\&#38;/')
	[ -e "$_got" ] || _got=got/yum/$1
	cmp "www/yum/$1" "$_got" || fail "$1 is not what the client got"
}

service_case aria2 "aria2 gets a file, and a set with odd names." aria2c
aria2_body()
{
	make_odd_mirror 'colon:question?.rpm' 'amp&lt<"quot.rpm'
	service_start 'serve-files yes' "access-log $here/access"
	want 200 $service/meta4/yum/zz-last.iso
	cp body single.meta4
	get_with_aria2 single.meta4 single || fail "aria2 failed with a file"
	atf_check cmp www/yum/zz-last.iso single/zz-last.iso

	want 200 "$service/meta4/yum/**"
	cp body set.meta4
	# One for each file, of which there are more than aria2 starts at once.
	get_with_aria2 set.meta4 got || fail "aria2 failed with a set"
	(cd www && find yum -type f) | sort >files
	while read -r file; do
		want_file "${file#yum/}"
	done <files
	same "$(grep -c nullfile access)" 0 "requests of padding"

	# It follows a URL that answers with one.
	get_with_aria2 "$url$service/meta4/yum/plain.rpm" followed ||
	    fail "aria2 failed with a URL"
	atf_check cmp www/yum/plain.rpm followed/plain.rpm
}

# A mirror at another address, to which aria2 counts hosts, where a byte is
# wrong.
start_wrong_mirror()
{
	random 5000000 www/yum/a.rpm
	small z
	settle www/yum/*
	cp -r www/. wrong
	printf 'XYZ' |
	    dd of=wrong/yum/a.rpm bs=1 seek=1500000 conv=notrunc 2>dd.log
	service_prepare
	wrong=http://127.0.0.2:$(free_port)
	[ "$(id -u)" != 0 ] || chmod 777 .
	cat >nginx.conf <<-END
		daemon off; master_process off; pid $here/nginx.pid;
		error_log $here/nginx.log; events { }
		http { access_log $here/nginx.access;
		client_body_temp_path $here/client; proxy_temp_path $here/proxy;
		fastcgi_temp_path $here/fastcgi; scgi_temp_path $here/scgi;
		uwsgi_temp_path $here/uwsgi;
		server { listen ${wrong#http://}; root $here/wrong; } }
	END
	nginx -c "$here/nginx.conf" >server.log 2>&1 &
	note_pid $!
	wait_for 10 curl -s -o answer "$wrong/yum/z" || fail "no nginx"
}

service_case aria2_wrong_byte \
    "aria2 notices a wrong byte, and takes the piece from another seed." \
    'aria2c nginx'
aria2_wrong_byte_body()
{
	start_wrong_mirror
	service_start 'serve-files yes' "base-url $wrong" "web-seed $url"
	want 200 "$service/meta4/yum/*"
	cp body both.meta4
	get_with_aria2 both.meta4 got || fail "aria2 failed"
	want_file a.rpm
	want_file z
	want 200 "$service/meta4/yum/[a].rpm"
	cp body single.meta4
	get_with_aria2 single.meta4 single || fail "aria2 failed with a file"
	atf_check cmp www/yum/a.rpm single/a.rpm

	service_reload 'serve-files yes' "base-url $wrong"
	want 200 "$service/meta4/yum/*"
	cp body wrong.meta4
	! get_with_aria2 wrong.meta4 none >aria2.log 2>&1 ||
	    fail "aria2 is content with a wrong byte"
	grep 'Invalid checksum index=1' aria2.log ||
	    fail "aria2 failed for another reason: $(cat aria2.log)"
}

service_case wget2 "wget2 gets a single file." wget2
wget2_body()
{
	make_odd_mirror
	service_start 'serve-files yes'
	# It names no port in Host, and so would not find the mirror.
	service_reload 'serve-files yes' "base-url $url"
	mkdir got
	for name in zz-last.iso plain.rpm 'with space.rpm'; do
		(cd got && timeout $client_limit wget2 --no-hsts --metalink \
		    "$url$service/meta4/yum/$(url_path "$name")") ||
		    fail "wget2 failed with $name"
		atf_check cmp "www/yum/$name" "got/$name"
	done
}
