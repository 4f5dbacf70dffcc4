"""Reads Prometheus' text format, as far as exporters write it: the tests' own reader, not the one under test."""
import re

SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def parse(text):
    """(types by family, values by (name, frozenset of label pairs)). A line that is no sample fails."""
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            match = SAMPLE.match(line)
            if not match:
                raise AssertionError(f"no sample: {line!r}")
            pairs = LABEL.findall(match[2] or "")
            labels = frozenset((name, re.sub(r'\\[n"\\]', lambda m: ESCAPES[m[0]], value)) for name, value in pairs)
            if (match[1], labels) in samples:
                raise AssertionError(f"twice: {line!r}")
            samples[match[1], labels] = float(match[3])
    return types, samples
