# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# own_apt.sh: apt with lists of its own, for the scripts that fetch; they source it, and have `fail MESSAGE` and
# $directory.
#
# Rules:
#  1. The machine's own lists, caches and packages stay as they are: the lists here name the very archives that the
#     machine takes its packages from, and nothing is installed.
#  2. apt checks signatures and sums. Nothing is fetched by other means.
#  3. What is made appears whole or not at all: in $work first, which is gone at the end, then by `take_place`.
#
# Needs apt and a network.

# Makes $work beside the directory that is to be made.
make_work() {
  parent=$(dirname "$directory")
  mkdir -p "$parent"
  work=$(mktemp -d "$(cd "$parent" && pwd)/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/empty"
}

# update_lists TYPE WHAT: fetches the lists. One line for each binary archive of this release that the machine knows,
# of type `deb` or `deb-src`. Archives of others name releases of their own.
update_lists() {
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [ -n "$codename" ] || fail "couldn't find the release's name in /etc/os-release"
  apt-get indextargets --format "$1 \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" 'Created-By: Packages' |
    awk -v release="$codename" '$3 == release || index($3, release "-") == 1' | sort -u >"$work/sources.list"
  [ -s "$work/sources.list" ] || fail "couldn't find an archive of \"$codename\" in apt's sources"
  apt -o APT::Update::Error-Mode=any update >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "couldn't fetch the lists of $2 (hint: this needs a network)"
  }
}

# As the user that runs this: $work is this user's alone. $own_settings are more options.
apt() {
  # shellcheck disable=SC2086  # a list
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/empty" \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root \
    -o Acquire::Retries=2 -o Acquire::Languages=none ${own_settings:-} "$@"
}

# take_place: $work/tree becomes $directory. Another run may have been faster.
take_place() {
  mv -T "$work/tree" "$directory" 2>/dev/null || [ -d "$directory" ] || fail "couldn't make \"$directory\""
}
