#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Many at once, and things that go wrong meanwhile.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_case one_hashing "A hundred ask for the same, which is read once."
one_hashing_body()
{
	random 200M www/yum/a
	settle www/yum/a
	service_start 'hashers 2' 'max-queue 1000'
	digest=$(paths_digest /yum/a)
	python one_hashing "$digest"
	same "$(service_count 'bytes hashed')" 209715200 "bytes hashed"
	for path in single/yum/a "single/yum/*" digest/"$digest"; do
		want_torrent_at "$service/$path"
	done
}

# The architecture of the service, on a kernel of any.
is_x86_64()
{
	case $(od -An -tu1 -N1 -j4 "$program")$(od -An -tu1 -N1 -j18 \
	    "$program") in
	*2*62) ;;
	*) return 1 ;;
	esac
}

service_case digest "It is computed as the configuration says."
digest_body()
{
	random 3000000 www/yum/openssl www/yum/avx2 www/yum/avx512
	service_start 'digest openssl'
	for kernel in openssl avx2 avx512; do
		[ $kernel = openssl ] || {
			is_x86_64 || continue
			grep -q "^flags.* $kernel" /proc/cpuinfo || continue
			service_reload "digest $kernel"
		}
		want_log "digests by $kernel\$"
		want_torrent_at $service/single/yum/$kernel
	done
}

service_case piece_lengths "The shortest pieces, and the longest."
piece_lengths_body()
{
	# More than a slice; its end is not that of a piece.
	random 150000001 www/yum/a
	service_start 'piece-length 16K'
	for size in 16K 4M 16M; do
		[ $size = 16K ] || service_reload "piece-length $size"
		want_torrent_at $service/single/yum/a
	done
}

service_case burst "2,500 connections at once, cold and hot."
burst_body()
{
	may_open 12000
	random 64M www/yum/a
	settle www/yum/a
	service_start 'max-connections 3000' 'revalidate 60s' 'access-log no'
	for name in cold hot; do
		python burst $name
	done
	same "$(service_count 'bytes hashed')" 67108864 "bytes hashed"
	want_torrent_at $service/single/yum/a
}

# Requests of every kind, over connections kept and new ones, for so many
# seconds; every so often $3 (an expression) is done.
ask_all_kinds()
{
	python ask_all_kinds "$pid" "$@"
}

start_for_all_kinds()
{
	random 1300000 www/yum/a www/yum/b
	settle www/yum/*
	service_start 'serve-files yes' 'access-log no' "$@"
	post /yum/a /yum/b
}

# No more of them come in: N in all.
reloads_are_done()
{
	_seen=$(grep -c ': reloaded' log)
	sleep 0.3
	[ "$(grep -c ': reloaded' log)" -eq "$_seen" ]
}

service_case reloads "SIGHUP every 200 ms, and no request fails."
reloads_body()
{
	start_for_all_kinds
	ask_all_kinds 3 same "$digest"
	wait_for 5 reloads_are_done || fail "reloads without end"
	more_lines 5 ': reloaded' || fail "hardly a reload was heard of"
	want_torrent_of /yum/a /yum/b
}

service_case reloads_that_change "The same with other children each time."
reloads_that_change_body()
{
	start_for_all_kinds 'revalidate 0s'
	first=$(children | sort)
	wait_for 5 [ -f cache/info/"$digest" ] || fail "not remembered"
	cp -Rp cache cache.1
	mkdir www.1
	ln www/yum/* www.1
	cp conf conf.0
	sed -e "s,^cache.*,cache $here/cache.1," -e "s,^hashers.*,hashers 2," \
	    -e "\$a listen 127.0.0.1:$(free_port)" \
	    -e "\$a root /other $here/www.1" -e '$a hash-wait 40s' \
	    conf >conf.1
	ask_all_kinds 3 change "$digest"
	wait_for 5 reloads_are_done || fail "reloads without end"
	more_lines 5 ': reloaded' || fail "hardly a reload was heard of"
	differs "$(children | sort)" "$first" "the children"
	cp conf.0 conf
	service_reload
	want_torrent_of /yum/a /yum/b
}

# 200,000 names that all match, each a link which has to be followed to a
# directory which has to be read.
make_broad_tree()
{
	mkdir -p www/deep www/none
	python make_broad_tree
}

service_case worst_patterns "Eight of the worst do not hold up a plain file."
worst_patterns_body()
{
	make_broad_tree
	random 1M www/yum/1 www/yum/2 www/yum/3 www/yum/4 www/yum/5
	settle www/yum
	service_start 'access-log no'
	python worst_patterns
}

service_case murder "Children are killed, and what is answered is right."
murder_body()
{
	random 700000 www/yum/0 www/yum/1 www/yum/2 www/yum/3 www/yum/4 \
	    www/yum/5 www/yum/6 www/yum/7 www/yum/8 www/yum/9
	mkdir -p www/big www/wide/real www/none
	truncate -s 200M www/big/x
	echo x >www/wide/real/x
	# A pattern's work: links to follow, directories to read.
	python3 - <<-'EOT'
	import os
	os.symlink("../none", "www/wide/link")
	for n in range(5000):
	    os.link("www/wide/link", "www/wide/%d" % n, follow_symlinks=False)
	EOT
	settle www/yum/*
	service_start 'serve-files yes' 'access-log no' 'hashers 2' \
	    'digest openssl' 'revalidate 1s' 'hash-wait 10m'
	python murder "$pid"
	wait_for 35 all_are_back || fail "a child has not come back"
	want_torrent_at "$service/single/yum/*"
}

all_are_back()
{
	[ "$(children | wc -l)" -eq 6 ] &&
	    [ "$(curl -sS -g --max-time 5 -o body -w '%{http_code}' \
	    "$url$service/single/yum/*")" = 200 ]
}

service_case swapped_links "No byte from outside comes in by a link."
swapped_links_body()
{
	mkdir -p www/yum/dir outside
	for name in www/yum/dir/x www/yum/y; do
		head -c 100000 /dev/zero | tr '\0' i >$name
	done
	head -c 100000 /dev/zero | tr '\0' O >outside/x
	chmod 755 outside
	service_start 'serve-files yes' 'access-log no' 'revalidate 0s'
	python swapped_links
}
