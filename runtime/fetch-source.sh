#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-source.sh: a Debian source package, with Debian's patches applied, in a directory.
#
#     runtime/fetch-source.sh PACKAGE DIRECTORY
#
# Rules:
#  1. The machine's own lists and caches stay as they are: apt gets lists of its own, which name the source packages
#     of the very archives that the machine takes its binary packages from.
#  2. apt checks signatures and sums. Nothing is fetched by other means.
#  3. DIRECTORY appears whole or not at all; where it is there already, nothing is done.
#  4. The version is that of the installed packages built from PACKAGE. Where none is installed, or the archive has
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

parent=$(dirname "$directory")
mkdir -p "$parent"
work=$(mktemp -d "$(cd "$parent" && pwd)/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/empty"

# One line for each binary archive of this release that the machine knows, turned into its sources. Archives of others
# name releases of their own.
# shellcheck source=/dev/null
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
[ -n "$codename" ] || fail "couldn't find the release's name in /etc/os-release"
# shellcheck disable=SC2016  # the dollars are apt's
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  awk -v release="$codename" '$3 == release || index($3, release "-") == 1' | sort -u >"$work/sources.list"
[ -s "$work/sources.list" ] || fail "couldn't find an archive of \"$codename\" in apt's sources"

# In lists that are not the machine's, and as the user that runs this: the directory is this user's alone.
apt() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/empty" \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root \
    -o Acquire::Retries=2 -o Acquire::Languages=none "$@"
}

apt -o APT::Update::Error-Mode=any update >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  fail "couldn't fetch the lists of source packages (hint: this needs a network)"
}

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
# Another run may have been faster.
mv -T "$work/tree" "$directory" 2>/dev/null || [ -d "$directory" ] || fail "couldn't make \"$directory\""
