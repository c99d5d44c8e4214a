#!/usr/bin/env bash
# debian_source.sh SUITE PACKAGE VERSION DIRECTORY: fetches and unpacks a source package of a Debian suite
# into DIRECTORY, with the distribution's patches, and prints the folder. VERSION with or without Debian's
# revision. Source list and state are its own, so that the machine's apt configuration stays as it is; apt
# verifies the signed index, and the files against the index.
set -euo pipefail

readonly SUITE="$1" PACKAGE="$2" VERSION="$3" DIRECTORY="$4"

fail() { printf 'source: %s\n' "$*" >&2; exit 1; }

mirror="$("$(dirname "${BASH_SOURCE[0]}")/debian_mirror.sh")"
mkdir -p "$DIRECTORY"/{lists/partial,cache/archives/partial,source}
: >"$DIRECTORY/status"
printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
  "$mirror" "$SUITE" >"$DIRECTORY/sources.list"
options=(
  -o Dir::Etc::SourceList="$DIRECTORY/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o Dir::State="$DIRECTORY" -o Dir::State::Lists="$DIRECTORY/lists"
  -o Dir::State::status="$DIRECTORY/status" -o Dir::Cache="$DIRECTORY/cache"
  -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0)
apt-get "${options[@]}" update -q >&2
version="$(apt-cache "${options[@]}" showsrc "$PACKAGE" |
  awk -v wanted="$VERSION" '$1 == "Version:" && ($2 == wanted || index($2, wanted "-") == 1 || index($2, wanted "+") == 1) { print $2; exit }')"
[ -n "$version" ] || fail "suite $SUITE has no source of $PACKAGE $VERSION"
(cd "$DIRECTORY/source" && apt-get "${options[@]}" source -q "$PACKAGE=$version" >&2)
find "$DIRECTORY/source" -mindepth 1 -maxdepth 1 -type d
