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
#	WHAT=		only these steps, by name ("check" is make check)
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

# make_chroot NAME DEPS-ARGUMENT ...: with the tree in it, and its dependencies.
make_chroot() {
	local cache root=$work/$1

	cache=$1-$(cksum <"$tree/tests/tool/deps.sh" | cut -d ' ' -f 1)
	shift
	if ! kept "$cache" "$root"; then
		cp -a "$work/base" "$root" && furnish "$root" &&
		    mkdir -p "$root/src/tree/tests/tool" &&
		    cp "$tree/tests/tool/deps.sh" "$root/src/tree/tests/tool" &&
		    in_chroot "$root" apt-get -q update &&
		    in_chroot "$root" sh tests/tool/deps.sh "$@" &&
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

# The packages of the libraries that the programs are linked to.
libraries() {
	in_chroot "$work/build" sh -c '
	    ldd pkgtorrentd/pkgtorrentd hasher/pkgtorrent-hasher |
	    sed -n "s,.* => \(/[^ ]*\) .*,\1,p" | sort -u |
	    while read -r lib; do
		dpkg -S "$(realpath "$lib")"
	    done | sed "s/:.*//" | sort -u'
}

# A machine that has nothing but the service's dependencies, and clients.
make_machine() {
	local packages root=$work/machine

	packages=$(libraries | xargs) && cp -a "$work/base" "$root" &&
	    furnish "$root" || return 1
	echo "depends on: $packages"
	# shellcheck disable=SC2086
	in_chroot "$root" apt-get -q update &&
	    in_chroot "$root" apt-get -q -y --no-install-recommends install \
	    $packages curl aria2 || return 1
	mkdir "$work/build/src/machine" &&
	    mount --bind "$root" "$work/build/src/machine" &&
	    alone_in_chroot "$work/build" make install CC=gcc WERROR=1 \
	    PREFIX=/usr DESTDIR=/src/machine &&
	    umount "$work/build/src/machine" &&
	    umount -R "$root/dev" "$root/sys" "$root/proc" || return 1
	rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
	cp -a "$tree/tests/field" "$root/field"
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

# Nobody is there to answer questions at a first boot, nor a network to wait
# for.  Some units of a container may fail; ours are another matter.
boot() {
	local end=$((SECONDS + 50)) state

	systemd-nspawn --quiet --directory="$work/machine" --boot \
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

# The administrator's first steps, and a mirror.
set_up() {
	local pub=$work/machine/srv/mirror/pub name

	mkdir -p "$pub/sub" || return 1
	for name in a.rpm b.rpm sub/c.rpm; do
		head -c 1500001 /dev/urandom >"$pub/$name" || return 1
	done
	head -c 5000000 /dev/urandom >"$pub/image.iso" || return 1
	echo 'serve-files yes' >>"$work/machine/etc/pkgtorrentd.conf"
	cp "$work/machine/etc/pkgtorrentd.conf" "$work/machine/field/conf"
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
	must "first boot" 60 boot
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
	must "make deps WHAT=build" 300 make_chroot build install build
	must build 180 build
	if wanted check || have_steps chroot; then
		must "make deps" 480 make_chroot check check
		must "build of tests" 240 build_tests
		! wanted check || step check 1200 check
		steps chroot
	fi
	have_steps firstboot machine || return 0
	must install 180 make_machine
	must "set up" 20 set_up
	! have_steps firstboot || first_boot
	have_steps machine || return 0
	must boot 60 boot
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
