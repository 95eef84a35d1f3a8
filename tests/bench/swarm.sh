#! /bin/sh
# SPDX-License-Identifier: ISC
# The bytes that a mirror sends to a swarm.
exec python3 "${0%/*}/swarm.py" "$@"
