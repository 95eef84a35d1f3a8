# SPDX-License-Identifier: ISC
# From what strace has recorded of a process of this role: "role call" for each
# call since its filter, and "role call flags" if it has flags.

/^seccomp\(SECCOMP_SET_MODE_FILTER.* = 0$/ {
	inside = 1
	next
}

inside && match($0, /^[a-z_0-9]+\(/) {
	call = substr($0, 1, RLENGTH - 1)
	line = substr($0, RLENGTH + 1)
	print role, call

	sub(/\) +=.*/, "", line)
	gsub(/"([^"\\]|\\.)*"/, "", line)
	while (gsub(/\{[^{}]*\}|\[[^][]*\]/, "", line))
		continue
	# That is a 0; and 32-bit libc adds this.
	gsub(/AT_STATX_SYNC_AS_STAT\||\|O_LARGEFILE/, "", line)
	flags = ""
	n = split(line, args, /, */)
	for (i = 1; i <= n; i++)
		if (args[i] ~ /^[A-Z][A-Z0-9_]+(\|[A-Z][A-Z0-9_]+)*$/ &&
		    args[i] !~ /^(NULL|AT_FDCWD|STATX_.*|EPOLL_.*|CLOCK_.*)$/)
			flags = flags " " args[i]
	# 32-bit calls have the flags of those that they are named after.
	sub(/^(arm_)?fadvise64_64$/, "fadvise64", call)
	sub(/^fstatat64$/, "newfstatat", call)
	sub(/^mmap2$/, "mmap", call)
	sub(/^fcntl64$/, "fcntl", call)
	sub(/^futex_time64$/, "futex", call)
	if (flags != "")
		print role, call flags
}
