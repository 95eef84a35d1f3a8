#! /bin/sh
# SPDX-License-Identifier: ISC
# Serving against nginx; arguments: parts of serve.py.
set -- python3 "${0%/*}/serve.py" "$@"
[ "$(id -u)" = 0 ] && unshare -n ip link set lo up 2>/dev/null || exec "$@"

# A network of its own: without others' connections, and with so many ports
# that a connection for each request does not run out of them.
exec unshare -n sh -c '
	ip link set lo up &&
	echo 2048 65535 >/proc/sys/net/ipv4/ip_local_port_range &&
	exec "$@"' - "$@"
