#!/usr/bin/env bash
# Installs the tools that quantizers.py and searches.py compare with, from PyPI, into a virtual environment in
# the user's cache directory (7 GB, most of it torch's libraries for GPUs that are not used). Nothing of the
# build or of ctest calls it. What pip cannot install is skipped with a word, here and by the comparisons.
#
#   benchmarks/peers/install.sh                 into ${XDG_CACHE_HOME:-~/.cache}/halftone/peer-tools
#   PYTHON=python3.12 benchmarks/peers/install.sh    with another Python than the first in the path
set -euo pipefail

readonly ENVIRONMENT="${XDG_CACHE_HOME:-$HOME/.cache}/halftone/peer-tools"

say() { printf 'peers: %s\n' "$*" >&2; }
install() {
  "$ENVIRONMENT/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: "$@"
}

"${PYTHON:-python3}" -m venv "$ENVIRONMENT"
install 'onnx==1.23.2' 'onnxruntime==1.32.0'
# ModelOpt imports huggingface_hub and does not say so; nothing is fetched with it.
for peer in 'aimet-onnx==2.42.0' 'nvidia-modelopt==0.47.0 huggingface_hub' 'model-compression-toolkit==2.6.1 torch'; do
  # shellcheck disable=SC2086  # several packages
  if install $peer; then say "installed: $peer"; else say "skipped, pip cannot install it here: $peer"; fi
done
