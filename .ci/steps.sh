# shellcheck shell=bash
# Sourced by .ci/run and .ci/nightly: runs checks one after another whatever the others did, says what each
# does and how long it took, and keeps what failed.
FAILED=()
TIMES=()
CHILDREN="$(mktemp)"
trap 'rm -f "$CHILDREN"' EXIT

# step NAME WHAT COMMAND...: COMMAND, or REPEAT where set, is also what repeats the step.
step() {
  local name="$1" what="$2" status=0 started=$SECONDS before repeat
  shift 2
  repeat="${REPEAT:-$*}"
  unset REPEAT  # What the step runs may have steps of its own.
  printf '\n=== %s: %s\n=== %s\n' "$name" "$what" "$repeat"
  times >"$CHILDREN"
  before="$(children_seconds)"
  "$@" || status=$?
  times >"$CHILDREN"
  local line
  line="$(printf '%-12s %-6s %5d s of the clock, %6d s of the processors' "$name" \
    "$([ "$status" = 0 ] && echo passed || echo FAILED)" $((SECONDS - started)) \
    $(($(children_seconds) - before)))"
  printf '=== %s\n' "$line"
  TIMES+=("$line")
  if [ "$status" != 0 ]; then
    printf '=== %s failed; to repeat it: %s\n' "$name" "$repeat"
    FAILED+=("$name: $repeat")
  fi
}

# User and system seconds of all children, of what the shell's `times` wrote.
children_seconds() {
  awk 'NR == 2 { gsub("[ms]", " "); print int($1 * 60 + $2 + $3 * 60 + $4) }' "$CHILDREN"
}

# Says what every step did; fails when one failed.
summary() {
  printf '\n=== all steps\n'
  printf '%s\n' "${TIMES[@]}"
  [ "${#FAILED[@]}" = 0 ] && return
  printf '\n=== FAILED, each with the command to repeat it\n'
  printf '%s\n' "${FAILED[@]}"
  return 1
}
