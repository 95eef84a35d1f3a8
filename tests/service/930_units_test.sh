#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# systemd's analysis of our units, and facts that it leaves out.

. "${0%/*}/../lib/cases.sh"

etc=$(atf_get_srcdir)/../../etc

exposure()
{
	systemd-analyze security --offline=true "$1" >out 2>err ||
	    atf_skip "systemd-analyze does not do that: $(head -n 1 err)"
	sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p' out
}

# at_most UNIT LIMIT
at_most()
{
	level=$(exposure "$etc/$1")
	echo "$1: $level"
	[ -n "$level" ] || atf_fail "$1: no exposure level in the answer"
	awk -v a="$level" -v b="$2" 'BEGIN { exit !(a <= b) }' ||
	    atf_fail "$1: exposure $level, at most $2 was promised"
}

test_case exposure "Little of the system is exposed to the service." \
    systemd-analyze
exposure_body()
{
	# Of each, 0.2 are for RestrictSUIDSGID, see the case openat2.
	at_most pkgtorrentd.service 2.6
	at_most pkgtorrentd-confined.service 0.5
}

test_case verify "systemd takes the units without a complaint." systemd-analyze
verify_body()
{
	# It wants the program to be there.
	for unit in "$etc"/pkgtorrentd*.service "$etc"/pkgtorrentd.socket; do
		sed 's|^\(Exec[A-Za-z]*\)=/usr/sbin/pkgtorrentd|\1=/bin/true|' \
		    "$unit" >"${unit##*/}"
	done
	systemd-analyze verify --man=no --recursive-errors=no \
	    ./pkgtorrentd.service ./pkgtorrentd-confined.service \
	    ./pkgtorrentd@one.service ./pkgtorrentd.socket >out 2>&1 ||
	    ! grep -q 'unrecognized option\|Failed to' out ||
	    atf_skip "systemd-analyze cannot do that here: $(head -n 1 out)"
	if grep . out; then
		atf_fail "there are complaints"
	fi
}

test_case whitelist "It takes those of the whitelist, whose commands work." \
    systemd-analyze
whitelist_body()
{
	for unit in whitelist-opentracker.socket \
	    whitelist-opentracker@.service; do
		sed -e 's|^ExecStart=.*|ExecStart=/bin/true|' \
		    -e 's|^User=.*|User=daemon|' "$etc/$unit" >"$unit"
	done
	systemd-analyze verify --man=no --recursive-errors=no \
	    ./whitelist-opentracker.socket \
	    ./whitelist-opentracker@1.service >out 2>&1 ||
	    ! grep -q 'unrecognized option\|Failed to' out ||
	    atf_skip "systemd-analyze cannot do that here: $(head -n 1 out)"
	if grep . out; then
		atf_fail "there are complaints"
	fi
	# The program that it starts is the one of the instructions.
	atf_check -o ignore grep \
	    '^#	install -m 755 whitelist-opentracker /usr/local/libexec/$' \
	    "$etc/whitelist-opentracker.socket"
	atf_check -o ignore grep \
	    '^ExecStart=/usr/local/libexec/whitelist-opentracker$' \
	    "$etc/whitelist-opentracker@.service"
	# And the socket's group is that of the example's front.
	front=$(sed -n 's/^user front //p' "$etc/pkgtorrentd.conf")
	atf_check -o ignore grep "^SocketGroup=$front\$" \
	    "$etc/whitelist-opentracker.socket"
}

test_case unconfigured "A configuration without a root is no failure." \
    systemd-analyze
unconfigured_body()
{
	# The condition, as systemd reads it.
	sed -n '/^ExecCondition=/{:more
	    /\\$/{N;s/\\\n/ /;bmore
	    }
	    s/^ExecCondition=\/bin\/sh -c //p}' "$etc/pkgtorrentd.service" |
	    sed "s,/etc/pkgtorrentd.conf,$PWD/conf,g" >condition
	eval "set -- $(cat condition)"
	atf_check [ $# = 1 ]
	# A missing file is for the service to complain of.
	atf_check sh -c "$1"
	cp "$etc/pkgtorrentd.conf" conf
	atf_check -s exit:1 -o inline:"not started: set root in $PWD/conf\n" sh -c "$1"
	echo ' Root	/srv/mirror' >>conf
	atf_check sh -c "$1"
	sed -i 's/^#	root /root /; $d' conf
	atf_check sh -c "$1"
}

test_case apparmor "apparmor_parser takes the profile." apparmor_parser
apparmor_body()
{
	atf_check -e save:said apparmor_parser -Q -T \
	    "$etc/pkgtorrentd.apparmor"
	# Most kernels of tests have no AppArmor.
	atf_check -s exit:1 grep -v '^Cache read/write disabled' said
	# It has the paths of the other files.
	for word in /etc/pkgtorrentd.conf /var/lib/torrent_service \
	    /var/cache/torrent_service /var/log/pkgtorrentd; do
		grep -q "^	$word" "$etc/pkgtorrentd.apparmor" ||
		    atf_fail "no $word"
	done
}

test_case openat2 "No unit has systemd refuse openat2(2)."
openat2_body()
{
	# systemd answers it with ENOSYS under these, in any mode:
	# no analysis says so, and the walker can open nothing.
	for unit in "$etc"/pkgtorrentd*.service; do
		if grep -i -E '^(RestrictSUIDSGID|DynamicUser) *=' "$unit" |
		    grep -v -i -E '= *(no|n|false|f|off|0)? *$'; then
			atf_fail "$unit"
		fi
	done
}

test_case one_install "A default of enabling units enables one of ours."
one_install_body()
{
	# A template without a default is enabled by the name of an instance.
	atf_check_equal "pkgtorrentd.service pkgtorrentd@.service" "$(
	    cd "$etc" && echo $(grep -l "^.Install.$" pkgtorrentd*.service \
	    pkgtorrentd*.socket))"
	atf_check -s exit:1 grep '^DefaultInstance' "$etc/pkgtorrentd@.service"
}

# settings UNIT: its lines without comments, each whole.
settings()
{
	sed -e ':a' -e '/\\$/{' -e N -e 's/ *\\\n */ /' -e ta -e '}' "$etc/$1" |
	    grep -v '^#'
}

test_case template "The template is the unit, but for names."
template_body()
{
	# An instance without a root is an error: somebody has started it.
	settings pkgtorrentd.service | grep -v '^ExecCondition=' >unit
	settings pkgtorrentd@.service >template
	options=$(sed -n 's/^ExecStart=[^ ]* -d //p' template)
	atf_check -o inline:"$options\n" \
	    sed -n 's/^ExecReload=[^ ]* -n //p' template
	sed -e '/^ExecStartPre=/d' -e 's/ (%i)$//' -e 's/-%i//' \
	    -e "s|\(^Exec[^ ]* -[dn]\) -f /etc/pkgtorrentd/%i.conf .*|\1|" \
	    template >same
	atf_check -o file:unit cat same
	# Each name is told from those of the other instances.
	grep 'pkgtorrentd/\|torrent_service\|^RuntimeDirectory=' template |
	    grep -v '%i' >shared
	atf_check cat shared
}

test_case users "Each user of the example is made by all that makes users."
users_body()
{
	top=$etc/..
	sed -n 's/^#*user \(.* \)*\([^ ]*\)$/\2/p' "$etc/pkgtorrentd.conf" |
	    sort >named
	atf_check [ "$(wc -l <named)" = 4 ]
	sed -n 's/^u \([^ ]*\) .*/\1/p' "$etc/pkgtorrentd.sysusers" | sort \
	    >made
	atf_check -o file:named cat made
	sed -n 's/.*useradd -r .* \(_[^ ]*\)$/\1/p' "$top/man/pkgtorrentd.8" |
	    sort >made
	atf_check -o file:named cat made
	# And they go with the package.
	sed -n '/for user in/,/do$/p' "$top/debian/pkgtorrentd.postrm" |
	    grep -o '_pkgtorrent[a-z-]*' | sort >made
	atf_check -o file:named cat made
	# The one of walkers and cache is that of the cache and of the unit.
	atf_check -o ignore grep "^d .*_pkgtorrent _pkgtorrent -" \
	    "$etc/pkgtorrentd.tmpfiles"
	atf_check -o inline:'User=_pkgtorrent\n' grep '^User=' \
	    "$etc/pkgtorrentd-confined.service"
}

test_case sysusers "systemd-sysusers takes the file." systemd-sysusers
sysusers_body()
{
	mkdir -p root/etc
	atf_check -o ignore -e ignore systemd-sysusers --root="$PWD/root" \
	    "$(cd "$etc" && pwd)/pkgtorrentd.sysusers"
	while read -r _ name _; do
		grep "^$name:" root/etc/passwd || atf_fail "no $name"
	done <<-END
		$(grep '^u ' "$etc/pkgtorrentd.sysusers")
	END
	cut -d : -f 4 root/etc/passwd | sort | uniq -d >shared
	atf_check cat shared
}

test_case reload "A reload checks first, and needs no other package."
reload_body()
{
	for unit in "$etc"/pkgtorrentd*.service; do
		sed -n 's/^ExecReload=\([^ ]*\)\( -n\)*.*/\1\2/p' "$unit" >found
		printf '%s\n' '/usr/sbin/pkgtorrentd -n' /bin/sh >wanted
		atf_check -o file:wanted cat found
		# Both with the options that the service runs with; of those
		# of the template see the case template.
		atf_check -o match:'^ExecStart=/usr/sbin/pkgtorrentd -d( -f|$)' \
		    grep '^ExecStart=' "$unit"
	done
}
