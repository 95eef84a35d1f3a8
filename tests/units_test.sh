#! /usr/bin/env atf-sh
# What systemd has to say about our units.

exposure()
{
	systemd-analyze security --offline=true "$1" >out 2>err ||
	    atf_skip "systemd-analyze does not do that: $(head -n 1 err)"
	sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p' out
}

# at_most UNIT LIMIT
at_most()
{
	level=$(exposure "$(atf_get_srcdir)/../etc/$1")
	echo "$1: $level"
	[ -n "$level" ] || atf_fail "$1: no exposure level in the answer"
	awk -v a="$level" -v b="$2" 'BEGIN { exit !(a <= b) }' ||
	    atf_fail "$1: exposure $level, at most $2 was promised"
}

atf_test_case exposure
exposure_head()
{
	atf_set descr "Little of the system is exposed to the service."
	atf_set require.progs systemd-analyze
}
exposure_body()
{
	at_most pkgtorrentd.service 2.4
	at_most pkgtorrentd-confined.service 1.2
}

atf_test_case verify
verify_head()
{
	atf_set descr "systemd takes the units without a complaint."
	atf_set require.progs systemd-analyze
}
verify_body()
{
	# It wants the program to be there.
	for unit in "$(atf_get_srcdir)"/../etc/pkgtorrentd*.service \
	    "$(atf_get_srcdir)"/../etc/pkgtorrentd.socket; do
		sed 's|^ExecStart=/usr/sbin/pkgtorrentd|ExecStart=/bin/true|' \
		    "$unit" >"${unit##*/}"
	done
	systemd-analyze verify --man=no --recursive-errors=no \
	    ./pkgtorrentd.service ./pkgtorrentd-confined.service \
	    ./pkgtorrentd.socket >out 2>&1 ||
	    ! grep -q 'unrecognized option\|Failed to' out ||
	    atf_skip "systemd-analyze cannot do that here: $(head -n 1 out)"
	if grep . out; then
		atf_fail "there are complaints"
	fi
}

atf_init_test_cases()
{
	atf_add_test_case exposure
	atf_add_test_case verify
}
