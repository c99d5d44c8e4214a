#!/usr/bin/env bash
# Installs what is missing, builds everything, and runs every test. Arguments go to ctest, e.g.
# `tests/run.sh -R server`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
deploy/install.sh
cmake --preset release
cmake --build --preset release
ctest --preset release "$@"
