#!/usr/bin/env python3
"""Rules about single lines and files: calls that belong to base and net, unfinished work, files that grew too long."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Threads, sleeps, clocks, randomness, files and sockets are touched below the seams only (docs/architecture.md).
SEAM_CALLS = re.compile(
    r"std::(thread|jthread|async|this_thread|random_device|ifstream|ofstream|fstream)\b"
    r"|std::chrono::(system|steady|high_resolution)_clock::now\b"
    r"|(?<![\w.:>])(::)?(usleep|nanosleep|fopen|fsync|fdatasync|mmap|socket|clock_gettime|gettimeofday)\s*\("
    r"|std::filesystem::(?!path)")
SEAM_FREE = ("base/", "net/", "tests/", "bench/")

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LINES_MAX = 600
# Data and tables may be long: one idea each, nothing to scroll through.
LONG_FILES = {"tools/lint/rules.py"}


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if line]


def main():
    found = []
    for path in tracked("*.cpp", "*.h", "*.ts", "*.tsx", "*.py", "*.sh", "dev", "*.cmake", "CMakeLists.txt"):
        lines = (ROOT / path).read_text(errors="replace").splitlines()
        is_cpp = path.endswith((".cpp", ".h"))
        if len(lines) > LINES_MAX and path not in LONG_FILES:
            found.append(f"{path}: {len(lines)} lines, the limit is {LINES_MAX}: is it one idea?")
        for number, line in enumerate(lines, 1):
            if path != "tools/lint/rules.py" and UNFINISHED.search(line):
                found.append(f"{path}:{number}: unfinished work: {line.strip()}")
            if (is_cpp and not path.startswith(SEAM_FREE) and not path.endswith(("_test.cpp", "/testing.h"))
                    and SEAM_CALLS.search(line.split("//")[0])):
                found.append(f"{path}:{number}: goes around the seams of base: {line.strip()}")
            if is_cpp and len(line) > 120 and "http" not in line:
                found.append(f"{path}:{number}: {len(line)} columns, the limit is 120")
    for header in tracked("*.h"):
        if "#pragma once" not in (ROOT / header).read_text(errors="replace"):
            found.append(f"{header}: no #pragma once")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
