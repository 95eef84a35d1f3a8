#! /bin/sh
# SPDX-License-Identifier: ISC
# Disk, memory and time of the cache; arguments: parts of cache.py.
exec python3 "${0%/*}/cache.py" "$@"
