# A thousand more, with every answer checked and what is new hashed each time.
full_case mirror changes_under_hashers
full_case mirror clock
[ "$(id -u)" != 0 ] || {
	full_case mirror part_comes_back
	full_case mirror root_comes_back
}
