# A million requests of every kind.
if [ "$(id -u)" = 0 ]; then
	full_case endure endures_as_root
else
	full_case endure endures
fi
