#! /bin/sh
# SPDX-License-Identifier: ISC
# make rpm: a package by rpmbuild.
#
#	build.sh TARBALL DIRECTORY [RPMBUILD-OPTION ...]
#
# It comes into the directory.  The tarball is that of make dist.  The same one
# gives the same bytes, whenever and wherever it is built with the same
# compiler: times are that of its newest file, or SOURCE_DATE_EPOCH.  (A source
# package has the names of the build's directories in it, so none is made.)
set -eu

tarball=$1
out=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
command -v rpmbuild >/dev/null ||
    { echo "make rpm: no rpmbuild; as root: make deps" >&2; exit 1; }
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-rpm.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$work/SOURCES"
cp "$tarball" "$work/SOURCES"
cp "$here/../etc/pkgtorrentd.sysusers" "$work/SOURCES"
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	SOURCE_DATE_EPOCH=$(TZ=UTC tar tvzf "$tarball" --full-time |
	    awk '{ print $4, $5 }' | sort | tail -n 1 |
	    date -u -f - +%s)
fi
export SOURCE_DATE_EPOCH
# Packages of Fedora's names have others on Debian.
nodeps=
[ ! -e /etc/debian_version ] || nodeps=--nodeps
# Without a package for debuggers the names of the build's directories would be
# left in the programs.
# shellcheck disable=SC2016
rpmbuild -bb ${nodeps:+"$nodeps"} \
    --define "_topdir $work" \
    --define "_rpmdir $out" \
    --define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
    --define "debug_package %{nil}" \
    --define 'moreflags -ffile-prefix-map=$PWD=.' \
    --define "_buildhost localhost" \
    --define "use_source_date_epoch_as_buildtime 1" \
    --define "clamp_mtime_to_source_date_epoch 1" \
    --define "build_mtime_policy clamp_to_source_date_epoch" \
    "$@" "$here/pkgtorrentd.spec"
ls -l "$out"
