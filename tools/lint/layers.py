#!/usr/bin/env python3
"""Refuses includes that point upwards, sideways, or into another module's private folders.

The order of the layers stands in cmake/BaroModule.cmake and is read from there. A header directly in a module's folder
is public; one in a sub-folder is the module's own.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def layers():
    text = (ROOT / "cmake/BaroModule.cmake").read_text()
    return {name: int(level) for name, level in re.findall(r"set\(BARO_LAYER_(\w+) (\d+)\)", text)}


def problems(path, level_of):
    module = Path(path).parts[0]
    for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        parts = Path(match[1]).parts
        other = parts[0]
        where = f"{path}:{number}"
        if len(parts) == 1:
            yield f'{where}: include "{match[1]}" by its path from the root'
        elif module in level_of and other in level_of and other != module:
            if level_of[other] >= level_of[module]:
                yield f"{where}: {module} may not include {match[1]}: {other} does not lie below it"
            elif len(parts) > 2:
                yield f"{where}: {match[1]} is private to {other}; only headers directly in {other}/ are public"


def main():
    level_of = layers()
    found = [p for path in sys.argv[1:] for p in problems(path, level_of)]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
