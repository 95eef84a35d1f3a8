#! /bin/sh
# SPDX-License-Identifier: ISC
# Padding of random sets of packages: of the sizes that apt knows, or else of
# the recorded ones.
set -eu

here=$(cd "${0%/*}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-cache dumpavail 2>/dev/null | sed -n 's/^Size: //p' >sizes || :
[ -s sizes ] || cp "$here/../data/debian.sizes" sizes
"$here/padding" -s "$here" -r result padding__table
