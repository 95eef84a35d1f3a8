#! /usr/bin/env atf-sh
# Real clients download what a torrent describes, from web seeds alone, and
# every byte is compared.

. "${0%/*}/lib.sh"
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

# The names of other cases and what becomes of them: Transmission 3 replaces
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

# As a client does it that knows what it wants: nothing is matched here.
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

get_all()
{
	client=$1 seed=$2
	shift 2
	[ $client != libtorrent ] || have_libtorrent
	[ $client != transmission ] || only_what_transmission_escapes
	make_odd_mirror "$@"
	start_seed $seed
	post_everything
	cp body set.torrent
	mkdir set
	get_with_$client set.torrent set || fail "$client failed"
	same_everything $client set

	for name in zz-last.iso 'brackets[1].rpm'; do
		want 200 "$service/single/$(url_path "/yum/$name")"
		want_torrent form
		same "$torrent" single "the form"
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
	make_odd_mirror
	service_start 'serve-files yes' 'padding attr' "access-log $here/access"
	post_everything
	cp body set.torrent
	mkdir set
	get_with_libtorrent set.torrent set || fail "libtorrent failed"
	same_everything libtorrent set
	atf_check [ ! -e set/yum/torrent_service ]
	wait_for 5 grep -q 'GET /yum/zz-last.iso' access || fail "no log"
	! grep nullfile access || fail "padding was asked for"
}

# The others take no notice of it, so it must be there for them all the same.
service_case aria2_attr "With padding attr aria2 works as before." aria2c
aria2_attr_body()
{
	make_odd_mirror
	service_start 'serve-files yes' 'padding attr'
	post_everything
	cp body set.torrent
	mkdir set
	get_with_aria2 set.torrent set || fail "aria2 failed"
	same_everything aria2 set
}

service_case transmission_attr "And so does Transmission." transmission-cli
transmission_attr_body()
{
	only_what_transmission_escapes
	make_odd_mirror
	service_start 'serve-files yes' 'padding attr'
	post_everything
	cp body set.torrent
	mkdir set
	get_with_transmission set.torrent set || fail "Transmission failed"
	same_everything transmission set
}
