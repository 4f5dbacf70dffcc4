#!/usr/bin/env bash
# All checks of style and structure that a machine can make. Run through `./dev lint`.
# `./dev lint quick` leaves out clang-tidy, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
check() {  # title, command...
  local title=$1; shift
  printf '%-14s' "$title" >&2
  if "$@" >build/lint.log 2>&1; then echo ok >&2; else echo FAILED >&2; cat build/lint.log >&2; status=1; fi
}

mapfile -t sources < <(git ls-files '*.cpp' '*.h')
mkdir -p build

check format clang-format-19 --dry-run --Werror "${sources[@]}"
check layers python3 tools/lint/layers.py "${sources[@]}"
check rules python3 tools/lint/rules.py
check links python3 tools/lint/links.py
if [[ -d ui/node_modules ]]; then check ui npm --prefix ui run --silent lint; fi

tidy() {
  # A build tree of its own: clang cannot read g++'s precompiled header, and needs one to be quick.
  cmake -S . -B build/tidy -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_C_COMPILER=clang-19 -DBARO_UI=OFF \
    -DCMAKE_BUILD_TYPE=Debug
  ninja -C build/tidy CMakeFiles/baro_pch.dir/cmake_pch.hxx.pch
  # Deprecated: what libstdc++ 12's std::stable_sort uses inside.
  git ls-files '*.cpp' | grep -vE '_(test|fuzz|bench)\.cpp$' |
    xargs -P "$(nproc)" -n 2 clang-tidy-19 -p build/tidy --quiet --extra-arg=-Wno-deprecated-declarations >build/tidy.log 2>&1 && return
  # Without the count of warnings in others' headers, so that the end of a long log shows what is wrong.
  grep -vE '^\[[0-9]+/[0-9]+\] Processing file|^[0-9]+ warnings? generated' build/tidy.log
  return 1
}
[[ ${1:-} == quick ]] || check clang-tidy tidy
exit $status
