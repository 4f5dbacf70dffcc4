"""Loads the measuring harness of ../shared/bench (load generator, HTTP client, process accounting) as it stands."""
import subprocess
import sys


def load(folder, work):
    """The harness in `folder` as a module; its load generator is built below `work` when it is older than its source."""
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    import bench  # noqa: PLC0415

    work.mkdir(parents=True, exist_ok=True)
    source = folder / "loadgen"
    binary = work / "loadgen"
    newest = max(file.stat().st_mtime for file in source.iterdir())
    if not binary.exists() or binary.stat().st_mtime < newest:
        subprocess.run(["g++", "-O2", "-std=c++20", "-o", binary, source / "loadgen.cpp", "-lsnappy", "-lz", "-lpthread"],
                       check=True)
    bench.LOADGEN = str(binary)
    return bench
