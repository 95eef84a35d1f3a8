# SPDX-License-Identifier: ISC
# The cases of an atf-sh script, which list themselves:
#
#	test_case NAME "A fact that a user notices." [program ...]
#	NAME_body() { ... }

cases=

test_case()
{
	atf_test_case "$1"
	describe_case '' "$@"
}

# describe_case USER NAME DESCRIPTION [program ...]: the head of a case, which
# needs that kind of user ('': any) and these programs.  $service_timeout are
# the seconds that it may take.
describe_case()
{
	_user=$1 _case=$2 _descr=$3
	shift 3
	cases="$cases $_case"
	eval "${_case}_head() {
		atf_set descr \"$_descr\"
		${service_timeout:+atf_set timeout $service_timeout}
		${_user:+atf_set require.user $_user}
		${*:+atf_set require.progs '$*'}
	}"
}

atf_init_test_cases()
{
	for _case in $cases; do
		atf_add_test_case "$_case"
	done
}
