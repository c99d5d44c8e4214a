#!/usr/bin/env bash
# Prints the mirror that this machine already takes its Debian packages from; fails where there is none.
set -euo pipefail

apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
  grep -v security | head -n 1 | grep . ||
  { echo "no Debian mirror is configured for apt" >&2; exit 1; }
