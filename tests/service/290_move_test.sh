#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A new host of a mirror starts with what another one has hashed.

. "${0%/*}/../lib/lib.sh"

# start_ctl ['keyword argument' ...]: ./ctl commands the service.
start_ctl()
{
	service_start "control $here/control.sock" "$@"
	printf '#! /bin/sh\nexec "%s" -s "%s" "$@"\n' \
	    "${program%/*/*}/ctl/pkgtorrentctl" "$here/control.sock" >ctl
	chmod +x ctl
}

# host_a ['keyword argument' ...]: has hashed three files, whose torrent is
# $hash_a, and has exported them to the file lists.
host_a()
{
	mkdir -p www/yum/sub
	random 3000000 www/yum/a
	small b sub/c
	# The other host must not be newer than that.
	touch -d '2 days ago' www/yum/a www/yum/b www/yum/sub/c
	settle www/yum/* www/yum/sub/*
	start_ctl "$@"
	want_torrent_of /yum/a /yum/b /yum/sub/c
	hash_a=$torrent
	want 200 "$service/single/yum/a?piece=auto"
	want_pieces /yum/a /yum/b /yum/sub/c
	atf_check -e match:"exported: 4 piece lists," ./ctl export lists
	service_stop
}

# The same tree as it arrives on host B, which has an empty cache.
copy_tree()
{
	mirror_dir b
	rsync -a www/ b/ || fail "rsync"
	mv cache cache-of-a
}

host_b()
{
	find b/ -type f -exec touch -c -r b/yum/b -a {} +
	settle b/yum/* b/yum/sub/*
	mkdir cache
	port=
	service_start "control $here/control.sock" "root $here/b" \
	    'revalidate 1s' "$@"
}

hashers()
{
	kill -"$1" $(children hasher)
}

nothing_is_imported()
{
	[ -z "$(packs imported)" ]
}

has_entry()
{
	want 200 $service/digest/$digest
	[ -e cache/info/$digest ]
}

service_case warm "Its first torrents need no hashing, which follows." rsync
warm_body()
{
	host_a
	copy_tree
	host_b
	cat >expected <<-END
		imported: 4 piece lists, one for each file and piece length, of 5.7 MiB of files
		not stored: 0 known already; 0 of other roots or too long
		They are used for a file of that size and modification time, and the file is
		hashed when a hasher is idle.  Until then a torrent of it is only as true as
		the host that exported them.
	END
	atf_check -e file:expected ./ctl import lists
	hashers STOP
	want_torrent_of /yum/a /yum/b /yum/sub/c
	same "$torrent" "$hash_a" "the info hash"
	want_torrent_at $service/single/yum/sub/c
	want_torrent_at "$service/single/yum/a?piece=auto"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	same "$(packs imported | wc -l)" 4 "imported ones"
	atf_check -e match:"exported: 0 piece lists," \
	    -e match:"left out: 4 imported" ./ctl export none
	[ ! -e cache/info/$digest ] || fail "an entry of imported pieces"

	hashers CONT
	wait_for 10 nothing_is_imported || fail "not rechecked"
	packs stored /yum/a /yum/b /yum/sub/c || fail "what was hashed"
	same "$(service_count 'bytes hashed')" 6000008 "bytes hashed"
	wait_for 10 has_entry || fail "no entry of what is rechecked"
	want_torrent
	same "$torrent" "$hash_a" "the info hash"
	atf_check -e match:"exported: 4 piece lists," ./ctl export again
	atf_check -e match:"not stored: 4 known" -e not-match:"They are used" \
	    ./ctl import again
	same "$(service_count 'bytes hashed')" 6000008 "bytes hashed"
	! grep -q 'is not what' log || fail "something is wrong"
}

service_case different "Files that differ are hashed, or found by the recheck." rsync
different_body()
{
	host_a
	copy_tree
	random 3000000 b/yum/a
	touch -r www/yum/a b/yum/a
	echo more >>b/yum/b
	touch -r www/yum/b b/yum/b
	touch -d '1 day ago' b/yum/sub/c
	host_b
	# By a pipe, as from another host.
	atf_check -e match:'4 piece lists' sh -c 'cat lists | ./ctl import'
	want_post 200 /yum/b /yum/sub/c
	want_b
	! grep -q 'is not what' log || fail "these were never used"
	same "$(packs imported)" "$(echo /yum/a; echo /yum/a)" "imported ones"
	hashers STOP
	want 200 "$service/single/yum/a?piece=auto"
	want 200 $service/single/yum/a
	cp body wrong
	hashers CONT
	want_log 'front.*"/yum/a" is not what its imported pieces say'
	wait_for 10 nothing_is_imported || fail "not rechecked"
	want 200 $service/single/yum/a
	differs "$(cksum <body)" "$(cksum <wrong)" "the torrent"
	want_b
	want_post 200 /yum/a /yum/b /yum/sub/c
	want_b
	same "$(grep -c 'is not what' log)" 2 "errors, of two piece lengths"
}

# The last answer is a good torrent of host B's files.
want_b()
{
	"$tests/lib/torrent_check.py" body --root b >hash_b ||
	    fail "a wrong torrent"
}

service_case refused "What is cut, damaged or no export is refused."
refused_body()
{
	mkdir -p www/yum/sub
	small a b sub/c
	settle www/yum/* www/yum/sub/*
	start_ctl
	want_post 200 /yum/a /yum/b /yum/sub/c
	want_pieces /yum/a /yum/b /yum/sub/c
	atf_check -e match:"3 piece lists" ./ctl export lists
	service_stop
	rm -r cache/pieces
	service_run
	head -c 300 lists >cut
	atf_check -s exit:1 -e match:'it was cut off' \
	    -e match:'2 piece lists had been imported from cut' \
	    ./ctl import cut
	same "$(packs imported | wc -l)" 2 "imported ones"
	atf_check -s exit:1 -e match:'it is no export of pkgtorrentctl' \
	    ./ctl import conf
	atf_check -s exit:1 -e match:'No such file' ./ctl import missing
	atf_check -s exit:1 -e match:'Is a directory' ./ctl import cache
	[ ! -e /dev/full ] || atf_check -s exit:1 -e match:'No space left' \
	    -e match:'is not complete' ./ctl export /dev/full
	atf_check -s exit:2 -e match:usage ./ctl import one two
	atf_check -s exit:2 -e match:usage ./ctl export one two
	atf_check -e match:'imported: 1 piece lists' -e match:'2 known already' \
	    ./ctl import lists
	# An export that does not begin leaves the file alone; one that is
	# shorter leaves nothing of it.
	cp lists kept
	service_stop
	atf_check -s exit:1 -e match:'does not run' ./ctl export lists
	atf_check cmp kept lists
	rm -r cache/pieces
	service_run
	atf_check -e match:"0 piece lists" ./ctl export lists
	same "$(stat -c %s lists)" 96 "bytes of an empty export"
}

service_case descriptors "The cache is given a stream socket and nothing else."
descriptors_body()
{
	service_start "control $here/control.sock"
	"$tests/tool/msg_table" | awk '$2 == "CONTROL" { print NR - 2 }' >number
	run_python - "$(cat number)" <<-'END'
		import array, socket, struct, sys

		EXPORT, FAILED = 6, 3


		def export(fd):
		    """The state that ends it."""
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.connect("control.sock")
		    s.sendmsg([struct.pack("=IIQII", int(sys.argv[2]), 16, 0,
		                           EXPORT, 0)],
		              [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
		                array.array("i", [fd]))])
		    state = 1
		    while state == 1:
		        state = struct.unpack_from("=IIQI", s.recv(70000))[3]
		    return state


		mine, its = socket.socketpair()
		assert export(its.fileno()) == 2
		its.close()
		assert mine.recv(8) == b"pkglists"
		for other in (open("conf"), open("conf", "r+"),
		              socket.socket(),
		              socket.socketpair(socket.AF_UNIX,
		                                socket.SOCK_DGRAM)[0]):
		    assert export(other.fileno()) == FAILED, other
	END
	want 404 /
}
