#!/usr/bin/env bash
# Shows Halftone at work on the processor in front of you: installs what is missing, builds, starts the
# service on loopback, and searches the bit-widths of a small trained ResNet so that it costs at most the
# middle between its fastest and its slowest form, which every processor can give. Ends with the service
# still answering. Run again, it takes seconds: what was built and measured is kept.
#
#   HALFTONE_ADDRESS      where the service listens        (default 127.0.0.1:50551)
#   HALFTONE_STATE_DIR    where it keeps jobs and results  (default below XDG_STATE_HOME)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly ADDRESS="${HALFTONE_ADDRESS:-127.0.0.1:50551}"
readonly STATE="${HALFTONE_STATE_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/halftone}"
readonly NETWORKS=tests/data/networks
readonly BIN=build/bin

say() { printf '\ndemo: %s\n' "$*" >&2; }
halftone() { "$BIN/halftone" --server "$ADDRESS" --state-dir "$STATE" "$@"; }

build() {
  say "building (seconds where it was built before)"
  mkdir -p build
  local log=build/demo-build.log
  cmake --preset release >"$log" 2>&1 || { tail -n 40 "$log" >&2; return 1; }
  deploy/progress.sh Halftone 17 "$log" cmake --build --preset release --parallel "$(nproc)" \
    --target halftone halftone-server
}

answers() { halftone version >/dev/null 2>&1; }

start_server() {
  if answers; then
    say "the service answers already on $ADDRESS"
    return
  fi
  (umask 077 && mkdir -p "$STATE")
  say "starting the service on $ADDRESS, state and log in $STATE"
  setsid nohup "$BIN/halftone-server" --address "$ADDRESS" --state-dir "$STATE" \
    >>"$STATE/server.log" 2>&1 </dev/null &
  local server=$!
  for _ in $(seq 50); do
    if answers; then return; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$STATE/server.log" >&2
  say "the service did not start"
  return 1
}

# The first 100 of the 512 samples decide: more of them cost minutes and change no accuracy.
search() {
  local job
  job="$(halftone submit "$NETWORKS/resnet14.onnx" --target cpu --budget latency=50% \
    --data "$NETWORKS/calib.npz" --samples 100 --eval "$NETWORKS/eval.npz" --name demo)"
  say "$job: ResNet-14 on this processor, half the way from its fastest to its slowest form (about a minute)"
  local status=0
  halftone watch "$job" || status=$?
  # 3: the budget cannot be met here; the nearest solution was printed.
  [ "$status" = 0 ] || [ "$status" = 3 ] || return "$status"
  answers
  cat >&2 <<END

demo: the service keeps answering on $ADDRESS. Look further:
  $BIN/halftone --server $ADDRESS jobs
  $BIN/halftone --server $ADDRESS frontier $job
  $BIN/halftone --server $ADDRESS resolve $job --budget latency=0.5x --budget size=0.3x
  $BIN/halftone --server $ADDRESS profile $NETWORKS/resnet14.onnx --target cpu
  $BIN/halftone --help
Stop it with: kill $(cat $STATE/lock)
END
}

deploy/install.sh
build
start_server
search
