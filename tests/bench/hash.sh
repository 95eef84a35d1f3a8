#! /bin/sh
# Hashing against what makes torrents; arguments: parts of hash.py.
exec python3 "${0%/*}/hash.py" "$@"
