#!/usr/bin/env bash
# progress.sh WHAT MINUTES LOG COMMAND...: runs a build by ninja with its output in LOG. Says first how long
# it will take here, if MINUTES is what it takes one processor from nothing; then shows how far it is, as a
# line that is rewritten on a terminal and as a line every twentieth of the way elsewhere. Fails as the
# command does, after showing what it said at its end; tells the time that it took, of the clock and of the
# processors, otherwise.
set -euo pipefail

readonly WHAT="$1" MINUTES="$2" LOG="$3"
shift 3
PROCESSORS="$(nproc)"

show() {
  local line done total twentieth last=-1 started=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$LOG"
    [[ "$line" =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    done="${BASH_REMATCH[1]}" total="${BASH_REMATCH[2]}"
    twentieth=$((done * 20 / total))
    if [ -t 2 ]; then
      printf '\r%s: %3d %% (%d of %d), %d s ' "$WHAT" $((done * 100 / total)) "$done" "$total" $((SECONDS - started)) >&2
    elif [ "$twentieth" != "$last" ]; then
      printf '%s: %d %% (%d of %d), %d s\n' "$WHAT" $((done * 100 / total)) "$done" "$total" $((SECONDS - started)) >&2
    fi
    last=$twentieth
  done
  if [ -t 2 ]; then printf '\n' >&2; fi
}

: >"$LOG"
printf '%s: about %d minutes on the %d processors here when all of it is to be built\n' "$WHAT" \
  $(((MINUTES + PROCESSORS - 1) / PROCESSORS)) "$PROCESSORS" >&2
TIMEFORMAT="$WHAT: took %0R s (%0U + %0S s of the processors)"
time { "$@" 2>&1 | show || { tail -n 50 "$LOG" >&2; exit 1; }; }
