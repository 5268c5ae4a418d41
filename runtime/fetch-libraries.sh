#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-libraries.sh: Debian packages of another architecture, unpacked into a directory, for a cross compiler.
#
#     runtime/fetch-libraries.sh ARCHITECTURE DIRECTORY PACKAGE ...
#
# Rules:
#  1. Those of own_apt.sh: nothing is installed, and the machine need not know the architecture.
#  2. The packages named are unpacked, not those that they depend on.
#  3. DIRECTORY/packages lists them with their versions. Where it has all that are named, nothing is done; else
#     DIRECTORY is made anew. They are the newest at that time: to renew them, remove DIRECTORY.
#
# Needs apt, dpkg and a network. Exit status: 0 done, 1 failed, 2 wrong usage.

set -eu

fail() {
  printf 'fetch-libraries.sh: %s\n' "$*" >&2
  exit 1
}

if [ $# -lt 3 ] || [ -z "$1" ] || [ -z "$2" ]; then
  printf 'usage: fetch-libraries.sh ARCHITECTURE DIRECTORY PACKAGE ...\n' >&2
  exit 2
fi
architecture=$1
directory=$2
shift 2

# Whether the directory has all the packages named.
is_complete() {
  for package; do
    grep -qs "^$package " "$directory/packages" || return 1
  done
}
! is_complete "$@" || exit 0
for program in apt-get dpkg-deb; do
  command -v "$program" >/dev/null || fail "couldn't find $program (hint: this needs Debian)"
done

# shellcheck source=runtime/own_apt.sh disable=SC2034  # own_settings is read there
. "$(dirname "$0")/own_apt.sh"
make_work
: >"$work/status"
own_settings="-o APT::Architecture=$architecture -o APT::Architectures::=$architecture"
own_settings="$own_settings -o Dir::State::status=$work/status"
update_lists deb "packages for $architecture"
(cd "$work/cache" && apt download "$@") >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  fail "couldn't fetch the packages for $architecture"
}
mkdir "$work/tree"
for file in "$work"/cache/*.deb; do
  # shellcheck disable=SC2016  # the dollars are dpkg-deb's
  { dpkg-deb -x "$file" "$work/tree" && dpkg-deb -W --showformat '${Package} ${Version}\n' "$file"; } \
    >>"$work/tree/packages" 2>"$work/log" || {
    cat "$work/log" >&2
    fail "couldn't unpack \"${file##*/}\""
  }
done
[ ! -d "$directory" ] || mv "$directory" "$work/old" || fail "couldn't replace \"$directory\""
take_place
