#! /usr/bin/env bash
# SPDX-License-Identifier: ISC
# make field: the service where it really runs.  As root, for each distribution
# in FIELD_SUITES: makes a chroot from the mirror that this machine's apt uses,
# builds there with the distribution's compiler, runs make check, installs, and
# boots a machine with a systemd of its own, on which each unit serves clients.
#
#	FIELD_SUITES=	bookworm trixie; those of FIELD_WARN (sid) may fail
#	FIELD_MIRROR=	another mirror than that of this machine's apt
#	FIELD_CACHE=	a directory that keeps the chroots for a week
#	WHAT=		only these steps, by name ("check" is make check;
#			"package" alone is make deb: the Debian package of each
#			distribution, built as in "deb", and left in dist/)
#	CHECK_WHAT=	only these tests in that
#
# Each tests/field/NAME.sh is a step, in the order of their names.  It says in
# its first lines where it runs, and how many seconds it may take:
#
#	# field: chroot 600 network
#	# field: machine 120
#
# chroot	as root in a chroot, in the tree as make check leaves it, with
#		the programs that that installs, and devices.  No other
#		network than an empty loopback, unless "network" is there: then
#		it may use apt-get.
# machine	as root on the booted machine, which has the installed service
#		with its dependencies, curl and aria2, but neither compiler
#		nor Python nor procps; this directory is /field.  No unit runs
#		before a step or after it, see lib.sh.
#
# firstboot	as machine, but as it is after its first boot, at which systemd
#		has enabled units by itself.
# package	as root on a booted machine without the service, which has
#		curl, aria2 and logrotate.  /packages has the Debian package of
#		this tree; /packages/old the same as if it were an older one,
#		with another configuration.  apt-get finds what they depend on.
#
# With the exit status 0 a step has passed, with 77 it is skipped, with any
# other it has failed.  Instead of one, a step may be many tests: it then says
# "N passed, N failed, N skipped" on a line of its own.
#
# All of it runs in namespaces of its own for mounts and processes, so nothing
# is left, however it ends.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
tree=$PWD
suite_s=1440
passed=0
failed=0
skipped=0

say() {
	printf '### %s\n' "$*"
}

die() {
	echo "make field: $*" >&2
	echo "$passed passed, $((failed + 1)) failed, $skipped skipped"
	exit 1
}

#
# Inside: process 1 of namespaces of its own, for one distribution.
#

# wanted NAME: is this step among those asked for?
wanted() {
	[ -z "${WHAT:-}" ] || [[ " $WHAT " = *" $1 "* ]]
}

# count LOG STATUS: the counts in a step's log, else how it ended.
count() {
	local p f s said=no

	while read -r p _ f _ s _; do
		said=yes
		passed=$((passed + p))
		failed=$((failed + f))
		skipped=$((skipped + s))
	done < <(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1")
	case $said,$2 in
	no,0)	passed=$((passed + 1)) ;;
	no,77)	skipped=$((skipped + 1)) ;;
	no,*)	failed=$((failed + 1)) ;;
	yes,0)	;;
	# In spite of the counts of its parts.
	yes,124 | yes,137)
		failed=$((failed + 1)) ;;
	# It ended before it could say so.
	yes,*)	tail -n 1 "$1" | grep -qaE '^[0-9]+ passed, .* skipped$' ||
		    failed=$((failed + 1)) ;;
	esac
	echo "$passed $failed $skipped" >"$work/counts"
}

# step NAME SECONDS COMMAND ...: the command may be a function.
step() {
	local name=$1 bound=$2 start=$SECONDS status pid

	shift 2
	say "$suite, $name"
	: >"$work/log"
	timeout -k 10 "$bound" bash -c '"$@"' field "$@" </dev/null \
	    >>"$work/log" 2>&1 &
	pid=$!
	tail -n +1 -s 0.1 -f --pid=$pid "$work/log" &
	wait $pid
	status=$?
	wait $!
	count "$work/log" $status
	case $status in
	0)	;;
	77)	say "$suite, $name: skipped" ;;
	124 | 137) say "$suite, $name: FAILED: not done after $bound s" ;;
	*)	say "$suite, $name: FAILED: exit status $status" ;;
	esac
	say "$suite, $name: $((SECONDS - start)) s"
	[ $status = 0 ] || [ $status = 77 ]
}

# must NAME SECONDS COMMAND ...: without it nothing else can be tried.
must() {
	step "$@" || exit 1
}

# in_chroot ROOT COMMAND ...: in the tree if it is there.  Not by chroot(1),
# within which the kernel refuses user namespaces, which tests want.
in_chroot() {
	local root=$1

	shift
	unshare --mount --propagation private sh -c '
	    mount --rbind "$1" "$1" && cd "$1" && shift &&
	    pivot_root . mnt && umount -l /mnt && exec "$@"' sh "$root" \
	    /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	    CHECK_AGAIN="${CHECK_AGAIN:-0}" \
	    ${http_proxy:+"http_proxy=$http_proxy"} \
	    ${https_proxy:+"https_proxy=$https_proxy"} \
	    sh -c '[ ! -d /src/tree ] || cd /src/tree; exec "$@"' sh "$@"
}

# The same with a loopback for all network.
alone_in_chroot() {
	unshare --net bash -c 'ip link set lo up && in_chroot "$@"' field "$@"
}

# kept NAME ROOT: is there a copy of that chroot, not older than a week?
kept() {
	local file=${FIELD_CACHE:-}/$suite-$1.tar

	[ -n "${FIELD_CACHE:-}" ] &&
	    [ -n "$(find "$file" -mtime -7 2>/dev/null)" ] &&
	    mkdir -p "$2" && tar xpf "$file" -C "$2"
}

# keep NAME ROOT: whole or not at all, as others may be doing the same.
keep() {
	local file=${FIELD_CACHE:-}/$suite-$1.tar

	[ -n "${FIELD_CACHE:-}" ] || return 0
	mkdir -p "$FIELD_CACHE" &&
	    tar cpf "$file.$$" --one-file-system -C "$2" . &&
	    mv "$file.$$" "$file"
	rm -f "$file.$$"
}

make_base() {
	kept base "$work/base" && return
	debootstrap --variant=minbase \
	    --include=ca-certificates,dbus,systemd-sysv \
	    "$suite" "$work/base" "$mirror" ||
	    { cat "$work/base/debootstrap/debootstrap.log"; return 1; }
	rm -f "$work"/base/var/cache/apt/archives/*.deb
	keep base "$work/base"
}

# The file systems that a chroot needs; they go with our namespace.
furnish() {
	mount -t proc proc "$1/proc" &&
	    mount -t sysfs sysfs "$1/sys" &&
	    mount --rbind /dev "$1/dev" &&
	    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
}

# make_chroot NAME COMMAND ...: with the tree in it, and its dependencies, which
# the command installs by what deps.sh and debian/control say.
make_chroot() {
	local cache root=$work/$1

	cache=$1-$(cat "$tree/tests/tool/deps.sh" "$tree/debian/control" |
	    cksum | cut -d ' ' -f 1)
	shift
	if ! kept "$cache" "$root"; then
		cp -a "$work/base" "$root" && furnish "$root" &&
		    mkdir -p "$root/src/tree/tests/tool" &&
		    cp "$tree/tests/tool/deps.sh" "$root/src/tree/tests/tool" &&
		    cp -a "$tree/debian" "$root/src/tree" &&
		    in_chroot "$root" apt-get -q update &&
		    in_chroot "$root" "$@" &&
		    in_chroot "$root" apt-get clean || return 1
		keep "$cache" "$root"
	else
		furnish "$root" || return 1
	fi
	rm -rf "$root/src"
	mkdir -p "$root/src/tree"
	(cd "$tree" && tar cf - --exclude=./.git .) |
	    tar xpf - -C "$root/src/tree" || return 1
	# Recorded answers, which are beside the tree if they are here.
	[ ! -d "$tree/../shared" ] ||
	    cp -a "$tree/../shared/." "$root/src/shared" || return 1
	chown -R 0:0 "$root/src"
	in_chroot "$root" make clean >/dev/null
}

# With no packages but those of "make deps WHAT=build".
build() {
	alone_in_chroot "$work/build" sh -c '
	    gcc --version | head -n 1
	    for program in kyua atf-sh clang nginx python3 aria2c; do
		! command -v $program || exit 1
	    done
	    make -j"$(nproc)" CC=gcc WERROR=1 all'
}

build_tests() {
	alone_in_chroot "$work/check" sh -c \
	    'make -j"$(nproc)" CC=gcc WERROR=1 all tests'
}

check() {
	alone_in_chroot "$work/check" make check CC=gcc WERROR=1 \
	    WHAT="${CHECK_WHAT:-}"
}

# build_package NUMBER: in a directory of that name, and so at another path.
build_package() {
	alone_in_chroot "$work/package" sh -c '
	    mkdir "/src/$1" && cp -a . "/src/$1/tree" && cd "/src/$1/tree" &&
	    dpkg-buildpackage --build=binary --no-sign >../log 2>&1 ||
		{ cat ../log; exit 1; }
	    cd .. && sha256sum *.deb && ls -l *.deb' sh "$1"
}

# At another time, by somebody else with other habits.
build_package_again() {
	alone_in_chroot "$work/package" useradd -m builder &&
	    alone_in_chroot "$work/package" sh -c 'chmod a+rx /src &&
		install -d -o builder /src/2 && umask 027 &&
		cp -a /src/tree /src/2/tree && chown -R builder /src/2 &&
		cd /src/2/tree && find . -exec touch -h -d 2020-02-02 {} + &&
		setpriv --reuid builder --regid builder --clear-groups env \
		    HOME=/home/builder TZ=Asia/Kathmandu LC_ALL=C \
		    DEB_BUILD_OPTIONS=parallel=1 \
		    dpkg-buildpackage --build=binary --no-sign >../log 2>&1 ||
		    { cat ../log; exit 1; }
		cd .. && for deb in *.deb; do
			cmp "$deb" "../1/$deb" || exit 1
		done'
}

# lintian, and blhc: each file was compiled with the flags of Debian.
check_package() {
	alone_in_chroot "$work/package" sh -c 'cd /src/1 &&
	    blhc --all log &&
	    lintian --allow-root --fail-on error,warning \
		pkgtorrentd_*.changes'
}

# keep_packages DIRECTORY: with /old, an older package, whose files in /etc are
# others.
keep_packages() {
	mkdir -p "$1" && cp "$work"/package/src/1/pkgtorrentd_*.deb "$1" ||
	    return 1
	[ "${2:-}" = old ] || return 0
	alone_in_chroot "$work/package" sh -c 'cd /src/1 &&
	    dpkg-deb --raw-extract pkgtorrentd_*.deb old &&
	    sed -i "s/^Version: .*/Version: 0.0.1-1/" old/DEBIAN/control &&
	    for file in pkgtorrentd.conf logrotate.d/pkgtorrentd; do
		echo "# An older line." >>"old/etc/$file" || exit 1
	    done && dpkg-deb --root-owner-group --build old old.deb' &&
	    mkdir "$1/old" && cp "$work/package/src/1/old.deb" "$1/old"
}

# With what debian/control wants, and no more but programs that check it.
make_packages() {
	step "apt-get build-dep" 300 make_chroot package sh -c '
	    apt-get -q -y --no-install-recommends build-dep ./ &&
	    apt-get -q -y --no-install-recommends install lintian blhc' &&
	    step "make deb" 180 build_package 1 &&
	    step "lintian, blhc" 60 check_package
}

# The packages of the libraries that the programs are linked to.
libraries() {
	in_chroot "$work/build" sh -c '
	    ldd pkgtorrentd/pkgtorrentd hasher/pkgtorrent-hasher |
	    sed -n "s,.* => \(/[^ ]*\) .*,\1,p" | sort -u |
	    while read -r lib; do
		dpkg -S "$(realpath "$lib")"
	    done | sed "s/:.*//" | sort -u'
}

# begin_machine NAME PACKAGE ...: with these packages, and clients.
begin_machine() {
	local root=$work/$1

	shift
	cp -a "$work/base" "$root" && furnish "$root" &&
	    in_chroot "$root" apt-get -q update &&
	    in_chroot "$root" apt-get -q -y --no-install-recommends install \
	    "$@" curl aria2
}

# Ready to be booted: without our mounts, and with a mirror.
finish_machine() {
	local root=$work/$1 name pub

	pub=$root/srv/mirror/pub
	umount -R "$root/dev" "$root/sys" "$root/proc" &&
	    mkdir -p "$pub/sub" || return 1
	rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
	for name in a.rpm b.rpm sub/c.rpm; do
		head -c 1500001 /dev/urandom >"$pub/$name" || return 1
	done
	head -c 5000000 /dev/urandom >"$pub/image.iso" &&
	    cp -a "$tree/tests/field" "$root/field" &&
	    cp -a "$tree/etc" "$root/field/etc"
}

# A machine that has nothing but the service's dependencies.
make_machine() {
	local packages root=$work/machine

	packages=$(libraries | xargs) || return 1
	echo "depends on: $packages"
	# shellcheck disable=SC2086
	begin_machine machine $packages || return 1
	mkdir "$work/build/src/machine" &&
	    mount --bind "$root" "$work/build/src/machine" &&
	    alone_in_chroot "$work/build" make install CC=false \
	    PREFIX=/usr DESTDIR=/src/machine &&
	    umount "$work/build/src/machine" && finish_machine machine
}

# What the package depends on is not installed, but can be, without a network.
make_fresh_machine() {
	local root=$work/fresh

	begin_machine fresh logrotate && keep_packages "$root/packages" old &&
	    in_chroot "$root" sh -c 'apt-get -q -y --download-only \
		--no-install-recommends install /packages/*.deb' &&
	    finish_machine fresh
}

# on_machine COMMAND ...
on_machine() {
	local leader

	leader=$(leader_pid) || return 1
	nsenter -t "$leader" -m -u -i -n -p -r -w env -i HOME=/root \
	    LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Of nspawn's children the one that is process 1 of its own.
leader_pid() {
	local nspawn pid pids

	read -r nspawn <"$work/nspawn" &&
	    pids=$(cat "/proc/$nspawn/task/$nspawn/children") || return 1
	for pid in $pids; do
		if grep -q '^NSpid:.*[[:blank:]]1$' "/proc/$pid/status"; then
			echo "$pid"
			return
		fi
	done 2>/dev/null
	return 1
}

# boot NAME: nobody is there to answer questions at a first boot, nor a network
# to wait for.  Some units of a container may fail; ours are another matter.
boot() {
	local end=$((SECONDS + 50)) state

	systemd-nspawn --quiet --directory="$work/$1" --boot \
	    --private-network --register=no --keep-unit --settings=no \
	    --link-journal=no --resolv-conf=off --timezone=off \
	    --system-call-filter='openat2 landlock_create_ruleset
		landlock_add_rule landlock_restrict_self' \
	    systemd.firstboot=no \
	    systemd.mask=systemd-networkd-wait-online.service \
	    </dev/null >"$work/console" 2>&1 &
	echo $! >"$work/nspawn"
	until on_machine test -S /run/systemd/private 2>/dev/null; do
		[ $SECONDS -lt $end ] && kill -0 $! 2>/dev/null ||
		    { cat "$work/console"; return 1; }
		sleep 0.1
	done
	state=$(on_machine systemctl is-system-running --wait)
	echo "$(on_machine systemctl --version | head -n 1): $state"
	[ "$state" = running ] || on_machine systemctl --failed --no-legend
	case $state in running | degraded) ;; *) return 1 ;; esac
}

shut_down() {
	local nspawn end=$((SECONDS + 40))

	read -r nspawn <"$work/nspawn"
	on_machine systemctl --no-block poweroff
	while kill -0 "$nspawn" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			tail -n 20 "$work/console"
			kill -KILL "$nspawn"
			return 1
		fi
		sleep 0.1
	done
}

# The administrator's first steps.
set_up() {
	local conf=$work/machine/etc/pkgtorrentd.conf

	sed -i 's,^#[[:blank:]]*\(root /srv/mirror\)$,\1,' "$conf" &&
	    echo 'serve-files yes' >>"$conf" &&
	    cp "$conf" "$work/machine/field/conf"
}

# steps CLASS: those of that class; "field: CLASS SECONDS [network]".
steps() {
	local file name words

	for file in "$tree"/tests/field/*.sh; do
		name=${file##*/}
		name=${name%.sh}
		words=$(sed -n 's/^# field: //p;5q' "$file")
		# shellcheck disable=SC2086
		set -- "$1" $words
		if [ $# -lt 3 ] || [ "$2" != "$1" ] || ! wanted "$name"; then
			continue
		fi
		case $1,${4:-} in
		chroot,network)
			step "$name" "$3" in_chroot "$work/check" \
			    sh "tests/field/$name.sh" ;;
		chroot,*)
			step "$name" "$3" alone_in_chroot "$work/check" \
			    sh "tests/field/$name.sh" ;;
		*)	step "$name" "$3" on_machine \
			    sh "/field/$name.sh" ;;
		esac
		set -- "$1"
	done
}

# have_steps CLASS ...: is there anything to do for that?
have_steps() {
	local class file name

	for file in "$tree"/tests/field/*.sh; do
		name=${file##*/}
		wanted "${name%.sh}" || continue
		for class; do
			! grep -q "^# field: $class " "$file" || return 0
		done
	done
	return 1
}

first_boot() {
	# Of the marks of a first boot that which each systemd knows.
	echo uninitialized >"$work/machine/etc/machine-id"
	must "first boot" 60 boot machine
	steps firstboot
	step shutdown 60 shut_down
}

inside() {
	local group

	suite=$1
	say "$suite, from $mirror"
	export suite
	for group in $groups; do
		mkdir -p "$group" && echo $$ >"$group/cgroup.procs" || exit 1
	done
	must debootstrap 300 make_base
	if [ "${WHAT:-}" = package ]; then
		make_packages && keep_packages "$tree/dist/$suite" || exit 1
	fi
	! have_steps package || package_steps
	if wanted check || have_steps chroot firstboot machine; then
		other_steps
	fi
}

package_steps() {
	make_packages && step "the same bytes again" 240 build_package_again &&
	    step "a fresh machine" 120 make_fresh_machine &&
	    step boot 60 boot fresh || return
	steps package
	step shutdown 60 shut_down
	rm -rf --one-file-system "${work:?}/fresh"
}

other_steps() {
	must "make deps WHAT=build" 300 make_chroot build \
	    sh tests/tool/deps.sh install build
	must build 180 build
	if wanted check || have_steps chroot; then
		must "make deps" 480 make_chroot check \
		    sh tests/tool/deps.sh check
		must "build of tests" 240 build_tests
		! wanted check || step check 1200 check
		steps chroot
	fi
	have_steps firstboot machine || return 0
	must install 180 make_machine
	must "set up" 20 set_up
	! have_steps firstboot || first_boot
	have_steps machine || return 0
	must boot 60 boot machine
	steps machine
	step shutdown 60 shut_down
}

#
# Outside: starts that for each distribution, and clears away after it.
#

# The mirror's address, from apt's list of this machine's sources.
apts_mirror() {
	apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' \
	    'Created-By: Packages' 2>/dev/null |
	    awk '($1 == "Debian" || $1 == "(none)") && $2 == "main" {
		print $3
		exit
	    }'
}

# A control group of its own, since nspawn makes others below that it is in,
# by the same names for all machines.
own_cgroup() {
	local id controllers path mount

	while IFS=: read -r id controllers path; do
		case $id,$controllers in
		*,name=systemd) mount=/sys/fs/cgroup/systemd ;;
		0,)	mount=/sys/fs/cgroup/unified
			[ -d $mount ] || mount=/sys/fs/cgroup ;;
		*)	continue ;;
		esac
		[ ! -w "$mount$path/cgroup.procs" ] ||
		    echo "$mount${path%/}/pkgtorrentd-field.$$"
	done </proc/self/cgroup
}

clear_away() {
	local group try

	[ -z "$child" ] || { kill -KILL "$child"; wait "$child"; } 2>/dev/null
	# Once its last process is gone each can be removed.
	for group in $groups; do
		for try in {1..50}; do
			[ -d "$group" ] || break
			[ "$try" = 1 ] || sleep 0.1
			find "$group" -depth -type d -exec rmdir {} \; \
			    2>/dev/null
		done
	done
	rm -rf --one-file-system "$work"
}

# Of runs that were killed, files are left, and control groups of theirs.
sweep() {
	local left pid

	for left in /var/tmp/pkgtorrentd-field.*.* \
	    /sys/fs/cgroup/pkgtorrentd-field.* \
	    /sys/fs/cgroup/*/pkgtorrentd-field.*; do
		pid=${left#*pkgtorrentd-field.}
		pid=${pid%%.*}
		if [ ! -d "$left" ] || [ -d "/proc/$pid" ]; then
			continue
		fi
		case $left in
		/sys/*)	find "$left" -depth -type d -exec rmdir {} \; ;;
		*)	rm -rf --one-file-system "$left" ;;
		esac
	done
}

# one SUITE
one() {
	local start=$SECONDS status p f s

	mkdir "$work/$1" || exit 1
	# As process 1 it takes all others with it; it goes with unshare, and
	# that goes with timeout, and that with us.
	work=$work/$1 setpriv --pdeathsig KILL timeout -k 5 $suite_s \
	    setpriv --pdeathsig KILL \
	    unshare --mount --pid --fork --kill-child=KILL --mount-proc \
	    --propagation private \
	    bash "$tree/tests/tool/field.sh" --inside "$1" &
	child=$!
	wait $child
	status=$?
	child=
	read -r p f s <"$work/$1/counts" || { p=0 f=0 s=0; }
	case $status in
	124 | 137) say "$1: FAILED: not done after $suite_s s" ;;
	esac
	# It may have ended without a word.
	[ $status = 0 ] || [ "$f" -gt 0 ] || f=1
	say "$1: $p passed, $f failed, $s skipped in $((SECONDS - start)) s"
	if [ "$f" -gt 0 ] && [[ " ${FIELD_WARN:-sid} " = *" $1 "* ]]; then
		say "$1: a warning, no failure"
		f=0
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	rm -rf --one-file-system "${work:?}/$1"
}

main() {
	local suite

	[ "$(id -u)" = 0 ] || die "chroots are made by root"
	[ -z "$(apts_mirror)" ] || mirror=${FIELD_MIRROR:-$(apts_mirror)}
	[ -n "${mirror:=${FIELD_MIRROR:-}}" ] ||
	    die "apt has no Debian mirror here: set FIELD_MIRROR"
	sweep
	work=$(mktemp -d /var/tmp/pkgtorrentd-field.$$.XXXXXX) || exit 1
	child=
	groups=$(own_cgroup)
	trap clear_away EXIT
	trap 'exit 1' HUP INT TERM
	eval "$(apt-config shell apt_proxy Acquire::http::Proxy)"
	export mirror tree groups http_proxy="${http_proxy:-${apt_proxy:-}}"
	for suite in ${FIELD_SUITES:-bookworm trixie}; do
		one "$suite"
	done
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
}

if [ "${1:-}" = --inside ]; then
	export work
	# For those that a step starts by "bash -c".
	# shellcheck disable=SC2046
	export -f $(declare -F | cut -d ' ' -f 3)
	inside "$2"
	exit 0
fi
main
