#!/usr/bin/env bash
# .ci/steps.sh: every step runs whatever failed before it, and the summary names what failed and how to
# repeat it, and fails.
set -euo pipefail

readonly ROOT="$1"

unset REPEAT
output="$(bash -c 'set -euo pipefail
  source "$1/.ci/steps.sh"
  pipe() { false | cat; }
  step first "passes" true
  step second "fails" bash -c "exit 3"
  REPEAT=repeat/me step third "fails in a pipe" pipe
  REPEAT=repeat/me step fourth "still runs" bash -c "echo fourth ran\${REPEAT:+ and was told REPEAT}"
  status=0
  summary || status=$?
  echo "status $status"' _ "$ROOT")"

expect() { grep -qE "$1" <<<"$output" || { printf 'not found: %s\nin:\n%s\n' "$1" "$output"; exit 1; }; }
expect '^fourth ran$'
expect '^first +passed +[0-9]+ s of the clock, +[0-9]+ s of the processors$'
expect '^second +FAILED '
expect '^second: bash -c exit 3$'
expect '^third: repeat/me$'
expect '^fourth +passed '
expect '^status 1$'

# Without a failure the summary passes.
bash -c 'set -euo pipefail; source "$1/.ci/steps.sh"; step only "passes" true; summary' _ "$ROOT" >/dev/null
