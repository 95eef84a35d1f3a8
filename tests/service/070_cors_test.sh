#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Pages of other origins: the fields that allow browsers to read the answers.

. "${0%/*}/../lib/lib.sh"

# start_for_pages ['keyword argument' ...]: whose limits a few requests reach.
start_for_pages()
{
	small a b private
	truncate -s 20G www/yum/large www/yum/larger
	settle www/yum/*
	service_start 'serve-files yes' 'hash-wait 1s' 'digest openssl' \
	    'proxy none' 'max-connections-per-client 8' 'max-body 1K' \
	    'max-jobs-per-client 1' 'header-timeout 1s' 'deny /yum/private' \
	    'host m.example' "$@"
}

service_case every_answer "With cors, pages may read answers of every kind."
every_answer_body()
{
	start_for_pages 'cors yes'
	python answers yes "$(paths_digest /yum/a /yum/b)"
}

service_case off_by_default "Without cors no answer has a field for pages."
off_by_default_body()
{
	start_for_pages
	python answers no "$(paths_digest /yum/a /yum/b)"
}

service_case reload "cors can be switched on and off at SIGHUP."
reload_body()
{
	small a
	settle www/yum/*
	service_start
	for flag in yes no yes; do
		service_reload "cors $flag"
		# Also of a torrent that is in memory.
		for target in /yum/torrent_service/single/yum/a /none; do
			ask $target
			case $flag in
			yes) want_field Access-Control-Allow-Origin '\*' ;;
			no) want_field Access-Control-Allow-Origin '' ;;
			esac
		done
	done
}
