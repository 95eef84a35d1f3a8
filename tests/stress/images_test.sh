#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Images and the like: their files are known by the mount as well, since two of
# them can agree in everything else.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_timeout=120

# image_case NAME DESCRIPTION KIND [reused]: as root, with mounts that nobody
# else sees; on a kernel that gives the numbers of mounts again.
image_case()
{
	_name=$1_$3${4:+_$4}
	case $3 in
	erofs) _maker=mkfs.erofs ;;
	*) _maker=mksquashfs ;;
	esac
	root_case "$_name" "$2 ($3)" unshare $_maker
	eval "${_name}_body() {
		run_images $1 $3 ${4:-unique}
	}"
}

run_images()
{
	mkdir -p source probe
	echo probe >source/probe
	case $2 in
	erofs) mkfs.erofs probe.img source >/dev/null ;;
	*) mksquashfs source probe.img -no-progress >/dev/null ;;
	esac || fail "no image"
	unshare -m sh -c '
	    mount -o loop,ro probe.img probe && case $1 in
	    overlay) mount -t overlay -o lowerdir=probe:source o probe ;;
	    esac' sh "$2" || atf_skip "cannot mount $2 images here"
	rm -r source probe probe.img
	own_mounts
	[ "$3" = unique ] || use_faulty
	_revalidate=1s
	[ "$1" != told ] || _revalidate=60s
	service_configure "revalidate $_revalidate" 'serve-files yes' \
	    "access-log $here/access"
	run_python images.py "$program" "$@"
}

for kind in squashfs erofs overlay; do
	image_case below "Another image in the same place below the root." \
	    $kind
	image_case restart "Exchanged while the service does not run." $kind
	image_case root "The root itself is an image." $kind
	image_case link "root is a link, switched between two images." $kind
	image_case hashing "Exchanged before a file is hashed." $kind
done
for kind in squashfs erofs; do
	image_case old_entries "What an older version has stored of images." \
	    $kind
	image_case future "Times ahead of the clock are as good as old ones." \
	    $kind
done
image_case told "A change of mounts is told at once." squashfs
for case in below hashing told restart root; do
	image_case $case "The same before Linux 6.8." squashfs reused
done
image_case unrelated "Any mount ends what was remembered of images." squashfs
image_case kept "Where change times are kept all is remembered." squashfs
