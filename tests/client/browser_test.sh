#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# WebTorrent in a browser, on a page of another origin, downloads by torrents of
# the service from the mirror alone.  "make deps" gets both; without
# them the cases are skipped.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

have_browser()
{
	browser=$(command -v chromium || command -v chromium-browser) ||
	    atf_skip "no Chromium; run as root: make deps WHAT=browser"
	set -- "$tests"/client/webtorrent-*.js
	[ -e "$1" ] ||
	    atf_skip "no WebTorrent, for which make deps WHAT=browser has npm"
}

page_files()
{
	: >trackers
	random 2500000 www/yum/single.iso
	random 1500000 www/yum/a.rpm 'www/yum/b+c d.rpm'
	random 70001 www/yum/e.rpm
	settle www/yum/*
}

service_case itself "WebTorrent in Chromium downloads from the service."
itself_body()
{
	have_browser
	start_with page_files 'serve-files yes'
	python refused "$browser" "$url"
	service_reload 'serve-files yes' 'cors yes'
	python downloads "$browser" "$url"
}

service_case nginx "And from nginx, with the snippets." nginx
nginx_body()
{
	have_browser
	start_with page_files 'cors yes'
	mirror_location="include $tests/../etc/nginx-cors.conf.snippet;"
	start_nginx
	python downloads "$browser" "$url"
	stop_server
}
