#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A cache directory that the original service, pkgtorrent-service(8) of
# yum-utils, has used for years: pickles of Python's under the same names.

. "${0%/*}/../lib/lib.sh"

# The entries that it would have left of 200 files, of some that are gone, and
# from crashes.  Prints how many files that is.
make_original_cache()
{
	python make_original_cache
	[ "$(id -u)" != 0 ] || chown -R nobody cache
}

ask_for_all()
{
	python ask_for_all
}

service_case pickles "Each is taken for what it is, removed and counted."
pickles_body()
{
	service_prepare
	made=$(make_original_cache)
	settle www/yum/*
	service_start 'access-log no'
	ask_for_all
	want_log "cache.* removed $made files"
	same "$(grep -c ': removed' log)" 1 "lines about it"
	# None is left, not even in a directory that nothing is needed in.
	python pickles
	atf_check [ ! -e cache/pieces/yum ]
	same "$(grep -c -e 'cache\[.*info/' -e 'cache\[.*pieces/' log)" 0 \
	    "other lines about entries"
	service_restart
	ask_for_all
	same "$(service_count 'bytes hashed')" 0 "bytes hashed again"
	same "$(grep -c ': removed' log)" 1 "lines about it"
}

# One thing where another is needed, as no cache of either ever was.
service_case other_kinds "A directory for a file, and the other way round."
other_kinds_body()
{
	service_prepare
	for top in a b c d e; do
		mkdir -p www/$top
		echo $top >www/$top/x
	done
	settle www/*/*
	mkdir -p cache/info/"$(paths_digest /a/x)"/deep/er \
	    "$(packs name /b/x)"/deep/er
	echo something >cache/info/"$(paths_digest /a/x)"/deep/er/file
	echo something >"$(packs name /b/x)"/deep/er/file
	for top in c d; do
		name=$(packs name /$top/x)
		echo something >"${name%/*}"
	done
	python3 -c 'import pickle, sys; pickle.dump([1], open(sys.argv[1],
	    "wb"), 2)' "${name%/*}"
	name=$(packs name /e/x)
	mkdir -p "${name%/*}"
	echo something >"$name"
	[ "$(id -u)" != 0 ] || chown -R nobody cache
	service_start
	for top in a b c d e; do
		want_torrent_of /$top/x
		wait_for 5 [ -f cache/info/"$digest" ] ||
		    fail "$top: no entry of the digest"
		want_pieces /$top/x
	done
	service_restart
	for top in a b c d e; do
		want_torrent_of /$top/x
	done
	same "$(service_count 'bytes hashed')" 0 "bytes hashed again"
}

service_case no_directories "info and pieces themselves are files."
no_directories_body()
{
	service_prepare
	echo a >www/yum/a
	settle www/yum/a
	echo something >cache/info
	python3 -c 'import pickle; pickle.dump([1], open("cache/pieces",
	    "wb"), 0)'
	[ "$(id -u)" != 0 ] || chown -R nobody cache
	service_start
	want_torrent_of /yum/a
	wait_for 5 [ -f cache/info/"$digest" ] || fail "nothing is remembered"
}
