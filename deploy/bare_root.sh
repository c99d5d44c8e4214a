#!/usr/bin/env bash
# Builds and tests Halftone in a bare Debian, as a new user would: makes a root with debootstrap, copies the
# committed tree into it, and runs tests/run.sh there. To be done for both suites before every release.
#
#   deploy/bare_root.sh SUITE ROOT [COMMAND...]      SUITE: bookworm | trixie; as root
#
# ROOT is kept and used again; ccache and oneDNN stay below it. COMMAND is what runs in place of
# tests/run.sh, e.g. deploy/demo.sh; what it leaves running ends with it. ONEDNN_MAX_CPU_ISA and the like
# are handed on.
set -euo pipefail

readonly SUITE="$1" ROOT="$2"
shift 2
COMMAND=("$@")
[ "$#" -gt 0 ] || COMMAND=(tests/run.sh)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'bare root: %s\n' "$*" >&2; }

if [ ! -e "$ROOT/etc/debian_version" ]; then
  command -v debootstrap >/dev/null || apt-get install -y -q --no-install-recommends debootstrap >&2
  say "installing $SUITE into $ROOT"
  mirror="$(deploy/debian_mirror.sh)"
  debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$ROOT" "$mirror"
fi
# The machine's way to its packages: proxies and certificates, where it has any.
cp -r /etc/apt/apt.conf.d/. "$ROOT/etc/apt/apt.conf.d/" 2>/dev/null || true
cp /etc/resolv.conf /etc/hosts "$ROOT/etc/" 2>/dev/null || true

say "copying the committed tree"
mkdir -p "$ROOT/halftone"
git archive HEAD | tar -x -C "$ROOT/halftone"
mkdir -p "$ROOT/proc"
for mount in sys dev; do
  # A slave: what is unmounted below ROOT stays mounted on the machine.
  mountpoint -q "$ROOT/$mount" || { mount --rbind "/$mount" "$ROOT/$mount"; mount --make-rslave "$ROOT/$mount"; }
done
trap 'umount -R -l "$ROOT/sys" "$ROOT/dev" 2>/dev/null || true' EXIT
say "running ${COMMAND[*]} in $ROOT"
# Processes of their own: a service that the command leaves behind ends with it.
time unshare --pid --fork --kill-child --mount-proc="$ROOT/proc" chroot "$ROOT" /usr/bin/env -i \
  PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  ${ONEDNN_MAX_CPU_ISA:+ONEDNN_MAX_CPU_ISA=$ONEDNN_MAX_CPU_ISA} bash -c 'cd /halftone && "$@"' _ "${COMMAND[@]}"
