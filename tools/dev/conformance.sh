#!/usr/bin/env bash
# Runs the conformance suites against ../shared/conformance. Called by `./dev conformance [suite…]`.
set -euo pipefail
cd "$(dirname "$0")/../.."
data=../shared/conformance
if [[ ! -d $data ]]; then
  echo "conformance: $data is not here: nothing to run"
  exit 0
fi
wanted() {  # suite, arguments...
  local suite=$1 argument is_chosen=''; shift
  for argument; do
    [[ $argument == "$suite" ]] && return 0
    [[ $argument == -* ]] || is_chosen=yes
  done
  [[ -z $is_chosen ]]
}
mkdir -p build/conformance
for suite in queries grafana; do
  wanted "$suite" "$@" || continue
  python3 -B "tests/conformance/$suite.py" "$data" >"build/conformance/$suite.txt"
done
exec build/release/conformance --data "$data" --gaps tests/conformance/gaps --verdicts build/conformance "$@"
