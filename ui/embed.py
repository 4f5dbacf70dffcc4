#!/usr/bin/env python3
"""Makes a folder of web files part of the binary: embed.py <folder> <pages.json> <output folder>

Writes, for each file, its .gz (level 9, no time stamp: equal input gives equal bytes), one assembler file that includes
them all, and one C++ file with the table that ui/assets.h declares.
"""
import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# Vite's names: assets/<name>-<8 characters of a hash>.<type>.
HASHED = re.compile(r"^assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")


def cpp_text(text):
    return json.dumps(text, ensure_ascii=True)


def write_if_changed(path, data):
    """Leaves an equal file alone, so that nothing is assembled or compiled again for it."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def embed(folder, pages, out):
    assembler = ["// Made by ui/embed.py.", '.section .rodata, "a"']
    symbols, rows = [], []
    files = sorted((file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file())
    for index, (path, file) in enumerate(files):
        content_type = CONTENT_TYPES.get(file.suffix)
        if content_type is None:
            sys.exit(f"embed.py: {path}: no content type is known for '{file.suffix}'; add it to CONTENT_TYPES")
        data = file.read_bytes()
        packed = gzip.compress(data, compresslevel=9, mtime=0)
        digest = hashlib.sha256(data).hexdigest()[:20]
        target = out / "gz" / f"{path}.gz"
        write_if_changed(target, packed)
        symbol = f"baro_ui_asset_{index}"
        # The digest makes this file change whenever one that it includes does: build tools do not look into .incbin.
        assembler += [f".global {symbol}", f".balign 16  // {digest}", f"{symbol}:", f".incbin {cpp_text(str(target))}"]
        symbols.append(f"extern const std::byte {symbol}[{len(packed)}];")
        rows.append(f"    {{{cpp_text(path)}, {cpp_text(content_type)}, {cpp_text(f'W/' + chr(34) + digest + chr(34))}, "
                    f"{symbol}, {len(data)}, {'true' if HASHED.match(path) else 'false'}}},")
    assembler += ['.section .note.GNU-stack, "", @progbits', ""]

    cpp = ["// Made by ui/embed.py.", '#include "ui/assets.h"', "", 'extern "C" {', *symbols, "}", "",
           "namespace baro::ui {", "namespace {", "constexpr Asset kAssets[] = {", *rows, "};",
           "constexpr std::string_view kPages[] = {", *(f"    {cpp_text(page)}," for page in pages), "};", "}  // namespace",
           "", "std::span<const Asset> AllAssets() { return kAssets; }",
           "std::span<const std::string_view> PagePaths() { return kPages; }", "}  // namespace baro::ui", ""]
    write_if_changed(out / "ui_assets.S", "\n".join(assembler).encode())
    write_if_changed(out / "ui_assets.cpp", "\n".join(cpp).encode())


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, pages, out = (Path(argument).resolve() for argument in sys.argv[1:])
    if not (folder / "index.html").is_file():
        sys.exit(f"embed.py: {folder}: no index.html; has the interface been built?")
    embed(folder, json.loads(pages.read_text()), out)


if __name__ == "__main__":
    main()
