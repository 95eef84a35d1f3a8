#! /bin/sh
# SPDX-License-Identifier: ISC
# Hashing against other makers of torrents; arguments: parts of hash.py.
exec python3 "${0%/*}/hash.py" "$@"
