#! /bin/sh
# field: chroot 600 network
# 32 bits: the same distribution's i386 in a chroot of its own, on this kernel.
# Builds there, runs the modules' tests and the shortest ways through the whole,
# and has a file of 6 GiB hashed and served.
set -u

here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(sed -n -e 's/^deb \([^ ]*\) .*/\1/p' -e 's/^URIs: //p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
root=/i386

[ "$(uname -m)" = x86_64 ] || exit 77
apt-get -q update &&
    apt-get -q -y --no-install-recommends install debootstrap || exit 1
debootstrap --arch=i386 --variant=minbase --include=make "$suite" $root \
    "$mirror" || exit 1
mkdir -p $root/src || exit 1
(cd "$here" && tar cf - --exclude=./.git .) | tar xpf - -C $root/src || exit 1
cp /etc/resolv.conf $root/etc/resolv.conf
mount -t proc proc $root/proc && mount --rbind /dev $root/dev || exit 1
trap 'umount -R $root/dev; umount $root/proc; rm -rf $root' EXIT

in_i386() {
	chroot $root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
	    sh -c "cd /src && $1"
}

in_i386 'apt-get -q -y --no-install-recommends install gcc pkg-config \
    libc6-dev libevent-dev libssl-dev libseccomp-dev libbsd-dev kyua \
    libatf-dev atf-sh curl python3-minimal python3 procps' || exit 1
in_i386 'make clean >/dev/null && make -s -j"$(nproc)" WERROR=1 all tests' ||
    exit 1
in_i386 'chown -R nobody . && CHECK_USER=nobody sh tests/check.sh \
    $(cd tests && ls *_test.c | sed "s/\.c$//") large_test.sh smoke_test.sh'
