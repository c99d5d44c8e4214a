#!/usr/bin/env bash
# Installs everything that building and testing Halftone needs, on Debian 12 or newer.
#
#   deploy/install.sh               what the build, the tests and the demo need
#   deploy/install.sh --checks      also what .ci/run and .ci/nightly need (clang, clang-format, clang-tidy)
#   deploy/install.sh --networks    also what tests/networks/train.py needs (torch, Fashion-MNIST)
#
# Idempotent and non-interactive; runs as root, or as a user who may use sudo. Everything comes
# from the distribution's packages, except oneDNN where the distribution's is older than 3.5
# (Debian 12): there the source package of the next Debian release is fetched through apt, checked
# by apt against the installed archive keyring, and built once into the user's cache directory.
set -euo pipefail

readonly ONEDNN_MINIMUM=3.5
readonly ONEDNN_SUITE=trixie
# Upstream version and checksum of the source package that this script was tried with.
readonly ONEDNN_VERSION=3.7.2
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/halftone"

readonly PACKAGES=(
  # the compiler and the build
  g++ cmake ninja-build ccache pkg-config
  # the service
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev
  nlohmann-json3-dev libsqlite3-dev libspdlog-dev libcli11-dev libssl-dev
  libeigen3-dev
  # models and data
  libonnx-dev libzip-dev
  # tests and benchmarks: the ONNX node tests, and other libraries' answers to compare with
  libgtest-dev libgmock-dev libbenchmark-dev libonnx-testdata
  python3 python3-grpcio python3-protobuf python3-numpy python3-scipy
)
# libomp-dev: clang's own headers of OpenMP; dpkg-dev: source packages are built with sanitizers.
readonly CHECK_PACKAGES=(clang clang-format clang-tidy libclang-rt-dev libomp-dev dpkg-dev)
readonly NETWORK_PACKAGES=(python3-torch python3-onnx libopenblas0 dataset-fashion-mnist)

DEPLOY="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly DEPLOY

say() { printf 'install: %s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" || sudo "$@"; fi; }

is_installed() {
  local installed
  installed="$(dpkg-query -W -f='${db:Status-Abbrev}\n' "$@" 2>/dev/null | grep -c '^ii' || true)"
  [ "$installed" -ge "$#" ]
}

install_packages() {
  if is_installed "$@"; then return; fi
  say "installing $# packages of the distribution (a few minutes when all are missing)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

# The version of a package that apt would install, without epoch and Debian revision.
candidate_version() {
  apt-cache policy "$1" | sed -n 's/^ *Candidate: \([0-9]*:\)\?\([0-9.]*\).*/\2/p'
}

build_onednn() {
  local prefix="$1" work
  work="$(mktemp -d)"
  # shellcheck disable=SC2064  # the path of now
  trap "rm -rf '$work'" EXIT
  say "oneDNN $ONEDNN_VERSION: fetching the source package of $ONEDNN_SUITE"
  install_packages dpkg-dev
  local source
  source="$("$DEPLOY/debian_source.sh" "$ONEDNN_SUITE" onednn "$ONEDNN_VERSION" "$work")"
  say "oneDNN $ONEDNN_VERSION: building into $prefix (once)"
  # Only the primitives that Halftone lowers to; the others double the time of the build. git: oneDNN asks
  # it for a commit, which a source package has none of.
  GIT_DIR=/dev/null cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix.partial" -DCMAKE_INSTALL_LIBDIR=lib \
    -DONEDNN_CPU_RUNTIME=OMP -DONEDNN_GPU_RUNTIME=NONE -DONEDNN_BUILD_GRAPH=OFF \
    -DONEDNN_BUILD_EXAMPLES=OFF -DONEDNN_BUILD_TESTS=OFF \
    "-DCMAKE_PROJECT_INCLUDE=$DEPLOY/onednn.cmake" -DCMAKE_SHARED_LINKER_FLAGS=-Wl,--no-undefined \
    "-DONEDNN_ENABLE_PRIMITIVE=BINARY;CONCAT;CONVOLUTION;ELTWISE;LAYER_NORMALIZATION;MATMUL;POOLING;REORDER;SOFTMAX" \
    >"$work/configure.log" 2>&1 || { cat "$work/configure.log" >&2; return 1; }
  "$DEPLOY/progress.sh" "oneDNN $ONEDNN_VERSION" 25 "$work/build.log" ninja -C "$work/build" -j "$(nproc)"
  rm -rf "$prefix.partial"
  ninja -C "$work/build" install >/dev/null
  mv "$prefix.partial" "$prefix"
}

install_onednn() {
  local candidate
  candidate="$(candidate_version libdnnl-dev)"
  if [ -n "$candidate" ] && dpkg --compare-versions "$candidate" ge "$ONEDNN_MINIMUM"; then
    install_packages libdnnl-dev
    return
  fi
  local prefix="$CACHE/onednn-$ONEDNN_VERSION"
  if [ -e "$prefix/lib/libdnnl.so" ]; then
    say "oneDNN $ONEDNN_VERSION: found in $prefix"
  else
    mkdir -p "$CACHE"
    build_onednn "$prefix"
  fi
  ln -sfn "$prefix" "$CACHE/onednn"  # where cmake/onednn.cmake looks
}

main() {
  install_packages "${PACKAGES[@]}"
  install_onednn
  case "${1:-}" in
    --checks) install_packages "${CHECK_PACKAGES[@]}" ;;
    --networks) install_packages "${NETWORK_PACKAGES[@]}" ;;
  esac
  say "everything that Halftone needs is installed"
}

main "$@"
