#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-source.sh: a Debian source package, with Debian's patches applied, in a directory.
#
#     runtime/fetch-source.sh PACKAGE DIRECTORY
#
# Rules:
#  1. Those of own_apt.sh. The source packages are those of the archives of the machine's binary packages.
#  2. Where DIRECTORY is there already, nothing is done.
#  3. The version is that of the installed packages built from PACKAGE. Where none is installed, or the archive has
#     moved on since, it is the newest, which is said.
#
# Needs apt, dpkg-dev and a network. Exit status: 0 done, 1 failed, 2 wrong usage.

set -eu

fail() {
  printf 'fetch-source.sh: %s\n' "$*" >&2
  exit 1
}

if [ $# != 2 ] || [ -z "$1" ] || [ -z "$2" ]; then
  printf 'usage: fetch-source.sh PACKAGE DIRECTORY\n' >&2
  exit 2
fi
package=$1
directory=$2
[ ! -d "$directory" ] || exit 0
[ ! -e "$directory" ] || fail "couldn't make \"$directory\": a file of this name is there"
for program in apt-get dpkg-query dpkg-source; do
  command -v "$program" >/dev/null || fail "couldn't find $program (hint: on Debian, apt-get install dpkg-dev)"
done

# shellcheck source=runtime/own_apt.sh
. "$(dirname "$0")/own_apt.sh"
make_work
update_lists deb-src 'source packages'

# shellcheck disable=SC2016  # the dollars are dpkg-query's
version=$(dpkg-query -W -f '${db:Status-Status} ${source:Package} ${source:Version}\n' 2>/dev/null |
  awk -v package="$package" '$1 == "installed" && $2 == package { print $3; exit }')
download() {
  (cd "$work" && apt --download-only source "$1") >"$work/log" 2>&1
}
[ -n "$version" ] && download "$package=$version" || {
  [ -z "$version" ] || printf 'fetch-source.sh: no source of %s %s, taking the newest\n' "$package" "$version" >&2
  download "$package"
} || {
  cat "$work/log" >&2
  fail "couldn't fetch the source package \"$package\""
}
set -- "$work"/*.dsc
{ [ $# = 1 ] && [ -f "$1" ]; } || fail "couldn't find one .dsc file of \"$package\""
dpkg-source --no-copy -x "$1" "$work/tree" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  fail "couldn't unpack \"$package\""
}
take_place
