#! /usr/bin/env atf-sh
# A mirror that changes while it is asked for and hashed.
#
# soak mirror: changes
# soak mirror_hashed: changes_under_hashers clock part_comes_back:root
# soak mirror_hashed: root_comes_back:root

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_timeout=590

service_case changes "No answer mixes versions, or tells of an old one."
changes_body()
{
	mkdir -p www/yum www/rare
	service_configure 'hashers 2' 'revalidate 1s' \
	    'max-jobs-per-client 1000' 'access-log no'
	run_python mirror.py "$program" "$(number 50 1000)" 1
}

# With that every answer is checked, and each new file is hashed each time.
service_case changes_under_hashers "Nor does one made while files change."
changes_under_hashers_body()
{
	mkdir -p www/yum www/rare
	service_configure 'hashers 2' 'revalidate 0s' \
	    'max-jobs-per-client 1000' 'access-log no'
	run_python mirror.py "$program" "$(number 50 1000)" 0
}

# root_case NAME DESCRIPTION: with mounts that nobody else sees.
root_case()
{
	service_case "$1" "$2"
	eval "$1_head() {
		atf_set descr \"$2\"
		atf_set timeout $service_timeout
		atf_set require.user root
		atf_set require.progs 'curl python3 sha1sum ps unshare'
	}"
}

run_mounts()
{
	unshare -m true 2>/dev/null || atf_skip "no mount namespaces"
	python3()
	{
		unshare -m python3 "$@"
	}
	service_configure 'revalidate 1s' 'access-log no' \
	    'max-jobs-per-client 1000'
	run_python mounts.py "$program" "$1"
}

root_case part_comes_back "A part that is unmounted, and mounted again."
part_comes_back_body()
{
	run_mounts part
}

root_case root_comes_back "All of it is unmounted, and mounted again."
root_comes_back_body()
{
	run_mounts root
}

# run_away WHAT: does not answer.
run_away()
{
	unshare -m true 2>/dev/null || atf_skip "no mount namespaces"
	python3()
	{
		unshare -m python3 "$@"
	}
	mkdir -p www/yum far
	echo a >www/yum/a
	echo b >www/yum/b
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

root_case server_away "A root's server goes away: only that root suffers."
server_away_body()
{
	run_away all
}

# The front may take a minute for a turn, a hasher 20 s for a slice.
root_case file_away "A file's server goes away: whoever waits is replaced."
file_away_body()
{
	run_away read
}

root_case disk_fails "Faults of a disk are told, and leave nothing out."
disk_fails_body()
{
	run_away fail
}

root_case new_root_away "A reload brings a root whose server is away."
new_root_away_body()
{
	run_away reload
}

root_case check_away "What does not answer is named by -n, which ends."
check_away_body()
{
	run_away check
}

root_case over_away "A server that is away is mounted over a root's place."
over_away_body()
{
	run_away over
}

service_case clock "The clock is moved by a year, forth and back."
clock_body()
{
	service_prepare
	use_faulty
	mkdir -p www/yum
	for file in a b c; do
		echo $file >www/yum/$file
	done
	settle www/yum/*
	service_configure 'revalidate 1s' 'cache-age 30d' 'access-log no'
	run_python clock.py "$program"
}
