#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Real clients download a torrent's files, from web seeds alone, and
# every byte is compared.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

latin1=$(printf 'latin1-\351.rpm')

# client_case CLIENT PROGRAM SEED [NAME ...]: the names are further ones that
# it can cope with.
client_case()
{
	_client=$1 _program=$2 _seed=$3
	shift 3
	[ $_seed = nginx ] && _program="$_program nginx"
	service_case ${_client}_from_$_seed \
	    "$_client gets a set with odd names, and a file, from $_seed." \
	    $_program
	eval "${_client}_from_${_seed}_body() {
		get_all $_client $_seed$(printf " '%s'" "$@")
	}"
}

# The names of other cases, which clients change: Transmission 3 replaces
# ':' and '?' by '_' and takes bytes that are no UTF-8 for Latin-1, libtorrent
# 2.0 makes a mess of those bytes; both ask the web seed for the new names, so
# no service can help them.  Transmission 4.1 gets '%', '#' and '?' wrong.
# aria2 asks for the right ones.
client_case aria2 aria2c nginx 'colon:question?.rpm' "$latin1"
client_case aria2 aria2c itself 'colon:question?.rpm' "$latin1"
client_case transmission transmission-cli nginx
client_case transmission transmission-cli itself
client_case libtorrent /usr/bin/python3 nginx 'colon:question?.rpm'
client_case libtorrent /usr/bin/python3 itself 'colon:question?.rpm'

start_seed()
{
	case $1 in
	itself)
		service_start 'serve-files yes' "access-log $here/access"
		;;
	nginx)
		service_start "access-log $here/access"
		start_nginx
		;;
	esac
}

# Like a client that knows each path: nothing is matched here.
post_everything()
{
	find www/yum -type f | sort >files
	set --
	while read -r _file; do
		set -- "$@" "${_file#www}"
	done <files
	want_post 200 "$@"
	want_torrent files
	same "$(echo "$torrent" | wc -l)" $# "the number of files"
}

# same_everything CLIENT DIRECTORY
same_everything()
{
	while read -r _file; do
		_got=$2/${_file#www/}
		case $1:$_file in
		aria2:*"$latin1")
			# It writes names that are valid UTF-8.
			_got=$2/yum/latin1-%E9.rpm
			;;
		transmission:*/empty)
			# It does not make files without bytes.
			continue
			;;
		esac
		cmp "$_file" "$_got" || fail "$_file is not what $1 got"
	done <files
}

get_set()
{
	post_everything
	cp body set.torrent
	mkdir set
	get_with_$1 set.torrent set || fail "$1 failed"
	same_everything $1 set
}

# get_attr CLIENT ['keyword argument' ...]
get_attr()
{
	_client=$1
	shift
	make_odd_mirror
	service_start 'serve-files yes' 'padding attr' "$@"
	get_set $_client
}

get_all()
{
	client=$1 seed=$2
	shift 2
	[ $client != libtorrent ] || have_libtorrent
	[ $client != transmission ] || only_what_transmission_escapes
	make_odd_mirror "$@"
	start_seed $seed
	get_set $client

	# With the piece length that fits, and so other padding.
	want 200 "$service/digest/$digest?piece=auto"
	torrent_has piece-length 65536 "the piece length"
	cp body fit.torrent
	mkdir fit
	get_with_$client fit.torrent fit ||
	    fail "$client failed with small pieces"
	same_everything $client fit

	for name in zz-last.iso 'brackets[1].rpm'; do
		want 200 "$service/single/$(url_path "/yum/$name")"
		torrent_has form single "the form"
		cp body single.torrent
		mkdir -p single
		get_with_$client single.torrent single ||
		    fail "$client failed with a single file"
		atf_check cmp "www/yum/$name" "single/$name"
	done

	# A digest's torrent of one file, which is the multi form.
	want_post 200 /yum/zz-last.iso
	cp body one.torrent
	mkdir one
	get_with_$client one.torrent one ||
	    fail "$client failed with a set of one"
	atf_check cmp www/yum/zz-last.iso one/yum/zz-last.iso
}

service_case libtorrent_attr \
    "With padding attr libtorrent neither fetches nor stores padding."
libtorrent_attr_body()
{
	have_libtorrent
	get_attr libtorrent "access-log $here/access"
	atf_check [ ! -e set/yum/torrent_service ]
	wait_for 5 grep -q 'GET /yum/zz-last.iso' access || fail "no log"
	! grep nullfile access || fail "padding was asked for"
}

# The others take no notice of it, so it must be there for them all the same.
service_case aria2_attr "With padding attr aria2 works as before." aria2c
body aria2_attr get_attr aria2

service_case transmission_attr "And so does Transmission." transmission-cli
transmission_attr_body()
{
	only_what_transmission_escapes
	get_attr transmission
}

# rewritten_case CLIENT PROGRAM NAME REQUESTED AS: a name that the client
# rewrites.  It gets such a file by itself, but not in a set.
rewritten_case()
{
	service_case "$1_rewrites" \
	    "Names that $1 rewrites are logged with the torrent." "aria2c $2"
	eval "$1_rewrites_body() {
		rewritten_name $1 '$3' '$4' '$5'
	}"
}

rewritten_name()
{
	client=$1 name=$2 requested=$3 as=$4
	[ $client != libtorrent ] || have_libtorrent
	# Later ones rewrite fewer names, this one not.
	case $client,$(transmission-cli --version 2>&1) in
	transmission,*' 3.'* | libtorrent,*) ;;
	*) atf_skip "not Transmission 3, which rewrites it" ;;
	esac
	: >trackers
	random 70001 "www/yum/$name" www/yum/z.rpm
	settle www/yum/*
	service_start 'serve-files yes' 'revalidate 0s' 'access-log yes'
	logged='front.*: torrent [0-9a-f]\{40\} of .* cannot fetch'

	want 200 "$service/single/$(url_path "/yum/$name")"
	cp body single.torrent
	mkdir single set aria2
	get_with_$client single.torrent single || fail "$client failed"
	find single -type f -exec cmp "www/yum/$name" {} ';' >differs
	atf_check cat differs
	! grep "$logged" log || fail "a file by itself is warned of"

	for _ in 1 2 3; do
		want_post 200 "/yum/$name" /yum/z.rpm
		want 200 "$service/single/yum/*"
		touch www/yum/z.rpm
	done
	cp body set.torrent
	same "$(grep -c "$logged" log)" 1 "lines of the log in a minute"
	want_log "$logged.*, because the client changes the name"
	want_log "of \"/yum/$as\" and others: $(client_title) cannot fetch \"/yum/$as\""
	get_with_aria2 set.torrent aria2 || fail "aria2 failed"
	cmp "www/yum/$name" "aria2/yum/$name" || fail "aria2 has another name"
	client_limit=10
	! get_with_$client set.torrent set || fail "$client can fetch it"
	want_log "\"GET /yum/$requested HTTP/1.1\" 404"
}

client_title()
{
	case $client in
	transmission) echo 'Transmission 3' ;;
	libtorrent) echo 'libtorrent (qBittorrent, Deluge)' ;;
	esac
}

rewritten_case transmission transmission-cli acl-1:2.3.rpm 'acl-1%5F2\.3\.rpm' \
    'acl-1:2\.3\.rpm'
rewritten_case libtorrent /usr/bin/python3 \
    "$(printf 'a\342\200\256b.rpm')" 'ab\.rpm' \
    'a\\xe2\\x80\\xaeb\.rpm'

service_case libtorrent_size "libtorrent's limit on torrents is in the log." \
    /usr/bin/python3
libtorrent_size_body()
{
	have_libtorrent
	service_prepare
	for pair in under:2560 over:2640; do
		mkdir -p www/yum/${pair%:*}
		make_long_paths www/yum/${pair%:*} ${pair#*:}
	done
	service_start
	logged="loads at most 10000000 bytes"
	want 200 "$service/single/yum/under/**"
	[ "$(wc -c <body)" -le 10000000 ] || fail "$(wc -c <body) bytes"
	load_with_libtorrent || fail "libtorrent does not load it"
	! grep "$logged" log || fail "it is warned of"
	for _ in 1 2; do
		want 200 "$service/single/yum/over/**" -H "Host: host$_"
	done
	[ "$(wc -c <body)" -gt 10000000 ] || fail "$(wc -c <body) bytes"
	! load_with_libtorrent || fail "libtorrent loads it"
	want_log "front.*: torrent [0-9a-f]\{40\} of \"/yum/over/\*\*\" has $(
	    wc -c <body) bytes: libtorrent .*$logged"
	same "$(grep -c "$logged" log)" 1 "lines of the log in a minute"
}

# make_long_paths DIRECTORY N: files of no bytes, and one of one.
make_long_paths()
{
	python make_long_paths "$1" "$2"
}

load_with_libtorrent()
{
	/usr/bin/python3 - <<-'END' 2>libtorrent.log
	import libtorrent
	libtorrent.torrent_info("body")
	END
}
