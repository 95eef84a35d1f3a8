#! /bin/sh
# SPDX-License-Identifier: ISC
# require.sh CC FLAG ...: complains of everything in this compiler's system that
# common/platform.h does not accept, a line for each thing.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
said=$(LC_ALL=C "$@" -x c -fsyntax-only "$top/common/platform.h" 2>&1) &&
    exit 0
# gcc: file:line:column: error: #error "text"; clang leaves out "#error".
lines=$(echo "$said" | sed -n 's/.*error: \(#error \)*"\(.*\)"$/\2/p')
echo "${lines:-$said}" >&2
exit 1
