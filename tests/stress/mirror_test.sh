#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A mirror that changes while it is asked for and hashed.
#
# soak mirror: changes
# soak mirror_hashed: changes_under_hashers clock part_comes_back:root
# soak mirror_hashed: root_comes_back:root

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_timeout=590

run_mirror()
{
	mkdir www/rare
	service_configure 'hashers 2' "revalidate $1s" \
	    'max-jobs-per-client 1000' 'access-log no'
	run_python mirror.py "$program" "$(number 50 1000)" "$1"
}

service_case changes "No answer mixes versions, or tells of an old one."
body changes run_mirror 1

# With that every answer is checked, and each new file is hashed each time.
service_case changes_under_hashers "Nor does one made while files change."
body changes_under_hashers run_mirror 0

# fault_case NAME COMMAND ARGUMENT DESCRIPTION: as root, by that command.
fault_case()
{
	root_case "$1" "$4"
	body "$1" "$2" "$3"
}

run_mounts()
{
	own_mounts
	service_configure 'revalidate 1s' 'access-log no' \
	    'max-jobs-per-client 1000'
	run_python mounts.py "$program" "$1"
}

fault_case part_comes_back run_mounts part \
    "A part that is unmounted, and mounted again."
fault_case root_comes_back run_mounts root \
    "All of it is unmounted, and mounted again."

# run_away WHAT: does not answer.
run_away()
{
	own_mounts
	mkdir -p www/yum far
	small a b
	settle www/yum/*
	_far="root /far $here/far/dir"
	case $1 in
	reload|check) _far= ;;
	over)
		mkdir -p far/dir far/cache
		chown nobody far/cache
		echo a >far/dir/a
		settle far/dir/a
		_far="root /over $here/link"
		ln -s far/dir link
		_cache=far/cache
		;;
	esac
	service_configure "root $here/www" ${_far:+"$_far"} \
	    "cache $here/${_cache:-cache}" \
	    'revalidate 1s' 'hash-wait 2s' 'access-log no' 'hashers 1' \
	    'serve-files yes'
	run_python away.py "$program" far "$1"
}

fault_case server_away run_away all \
    "A root's server goes away: only that root suffers."

# The front may take a minute for a turn, a hasher 20 s for a slice.
fault_case file_away run_away read \
    "A file's server goes away: whoever waits is replaced."
fault_case disk_fails run_away fail \
    "Faults of a disk are told, and leave nothing out."
fault_case new_root_away run_away reload \
    "A reload brings a root whose server is away."
fault_case check_away run_away check \
    "What does not answer is named by -n, which ends."
fault_case over_away run_away over \
    "A server that is away is mounted over a root's place."

service_case clock "The clock is moved by a year, forth and back."
clock_body()
{
	service_prepare
	use_faulty
	small a b c
	settle www/yum/*
	service_configure 'revalidate 1s' 'cache-age 30d' 'access-log no'
	run_python clock.py "$program"
}
