#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Small requests that ask for much work.  Times are printed.
#
# soak amplify: sparse_file hard_globs broad_tree kinds
# soak repeats: repeats
# soak known_paths: known_paths
# soak cold: cold_crowd cold_crowd_and_patterns
# soak permutations: permutations

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_case sparse_file "A terabyte of nothing is refused at once."
sparse_file_body()
{
	truncate -s 1T www/yum/huge
	service_start 'max-bytes 512G'
	python sparse
}

service_case broad_tree "A pattern reads so much of a broad tree."
broad_tree_body()
{
	entries=$(number 201000 1000000)
	python make_names "$entries"
	service_start
	python broad "$pid" "$entries"
}

service_case hard_globs "Patterns that look hard are not."
hard_globs_body()
{
	(
		cd www/yum || exit 1
		long=$(printf 'a%.0s' $(seq 250))
		for n in $(seq 100); do
			echo "$n" >"${long%a???}$n"
		done
		mkdir "$long"
		echo x >"$long/$long"
	)
	settle www/yum
	service_start 'revalidate 0s'
	python globs
}

# Ten times cache-size of them, as a small entry has a block.
service_case permutations "No digests flush the pieces, or pass cache-size."
permutations_body()
{
	small 0 1 2 3 4 5 6 7 8 $(seq 100 "$(number 150 1000)")
	settle www/yum/*
	size=$(number 1048576 16777216)
	service_start "cache-size $size" 'hot-size 1M' 'access-log no'
	python permutations "$pid" "$(number 2600 100000)" "$size"
}

cold_files()
{
	may_open 4000
	mkdir -p www/yum www/cold
	echo hot >www/yum/hot
	(cd www/cold && truncate -s 20G $(printf '%04d ' $(seq 0 999)))
	good_files
	settle www/yum/hot www/good/?
}

service_case cold_crowd "A thousand cold files do not delay what is hot."
cold_crowd_body()
{
	cold_files
	service_start 'max-queue 64' 'hash-wait 4s' 'access-log no' \
	    'max-connections 2000'
	python cold 1000 64 "$(number 4 30)" 0
	want 200 $service/single/yum/hot
}

service_case cold_crowd_and_patterns "Nor do eight of the worst besides."
cold_crowd_and_patterns_body()
{
	python make_names "$(number 40000 200000)"
	cold_files
	service_start 'max-queue 64' 'hash-wait 4s' 'access-log no' \
	    'max-connections 2000'
	# Where there is a place for each, and where most are turned away.
	for clients in 40 1000; do
		python cold $clients 64 "$(number 4 30)" 8
		want 200 $service/single/yum/hot
		service_restart
	done
}

service_case kinds "The cost of each kind of request is within its bound."
kinds_body()
{
	size=$(number 1024 10240)
	mkdir -p www/set www/cold www/single www/large
	python make_files set 990 cold 200 single 100
	truncate -s "${size}M" www/large/file
	settle www/*/*
	service_start 'serve-files yes' 'hot-size 64M' 'access-log no' \
	    'max-bytes 4T' 'hash-wait 10m' 'revalidate 10m'
	run_python kinds.py "$pid" "$size"
}

known_files()
{
	mkdir -p www/set
	python make_files set 990
	truncate -s "$1M" www/set/large
	echo hot >www/yum/hot
	good_files
	settle www/set/* www/yum/hot www/good/?
}

service_case repeats "One long file named 199 times, again and again."
repeats_body()
{
	known_files "$(number 1024 10240)"
	service_start 'access-log no' 'max-bytes 4T' 'hash-wait 10m' \
	    "max-jobs-per-client $(number 1 4)"
	python known repeats 4 "$(number 4 500)"
}

service_case known_paths "Orders of 990 known files, by sixteen connections."
known_paths_body()
{
	known_files 1
	service_start 'access-log no' "max-jobs-per-client $(number 1 4)"
	python known permutations 16 "$(number 4 500)"
}
