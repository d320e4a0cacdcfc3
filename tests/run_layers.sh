#!/usr/bin/env bash
# Runs the layers of the test suite, cheapest first, and stops at the first that fails.
# Usage: tests/run_layers.sh [LAYER...], all layers if none is named.
set -euo pipefail
wanted=" $* "
cd "$(dirname "$0")/.."

layer() {
  local name=$1 meaning=$2
  shift 2
  case "$wanted" in "  " | *" $name "*) ;; *) return 0 ;; esac
  [ -n "$(find "tests/$name" -name 'test_*.py' -print -quit 2>/dev/null)" ] || return 0
  printf '\n== %s: %s\n' "$name" "$meaning"
  .venv/bin/python -m pytest "tests/$name" "$@"
}

layer unit "one module at a time, on fakes, without a network" -n 2 --disable-socket --allow-hosts=
layer integration "stores, feed and handlers together, on an embedded DynamoDB" -n 2
layer contract "answers and feeds, as clients and providers know them" -n 2
layer infrastructure "the template, the lock, and the artifacts that get deployed, under Lambda's own runtime"
layer docs "README, docs and events agree with the code" -n 2
layer e2e "the local stack as a user starts it"
