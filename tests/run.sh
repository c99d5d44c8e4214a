#!/usr/bin/env bash
# Installs what is missing, builds everything, and runs every test. Arguments go to ctest, e.g.
# `tests/run.sh -R server`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
deploy/install.sh
mkdir -p build
cmake --preset release >build/configure.log || { cat build/configure.log; exit 1; }
deploy/progress.sh "Halftone and its tests" 42 build/build.log \
  cmake --build --preset release --parallel "$(nproc)"
ctest --preset release "$@"
