#!/usr/bin/env python3
"""Relative links in Markdown must lead to a file that git tracks or a folder that has such files."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def main():
    files = set(subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
                .stdout.splitlines())
    folders = {str(parent) for file in files for parent in Path(file).parents}
    found = []
    for document in sorted(file for file in files if file.endswith(".md")):
        for number, line in enumerate((ROOT / document).read_text().splitlines(), 1):
            for target in LINK.findall(line):
                path = target.split("#")[0]
                if not path or re.match(r"[a-z]+:", target):
                    continue
                resolved = (ROOT / document).parent.joinpath(path).resolve()
                try:
                    name = str(resolved.relative_to(ROOT))
                except ValueError:
                    name = None
                if name not in files and name not in folders:
                    found.append(f"{document}:{number}: dead link {target}")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
