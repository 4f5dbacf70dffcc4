#!/usr/bin/env bash
# Runs the conformance suites against ../shared/conformance. Called by `./dev conformance [suite…]`.
set -uo pipefail
cd "$(dirname "$0")/../.."
data=../shared/conformance
if [[ ! -d $data ]]; then
  echo "conformance: $data is not here: nothing to run"
  exit 0
fi
exec build/release/conformance --data "$data" --gaps tests/conformance/gaps "$@"
