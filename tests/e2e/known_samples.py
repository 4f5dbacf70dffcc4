"""Samples with every kind of bits, for both servers: pushed by remote write, and what must come out again."""
import struct
import time

from harness import wait_for
from remote_write import field, histogram, push, series, varint

STEP_MS = 15_000
STALE = 0x7FF0000000000002
# Zeros, infinities, denormals, the ends of the range, a plain NaN, one with a payload, the stale marker.
ODD = [0x0000000000000000, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 0x0000000000000001,
       0x800FFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF, 0x7FF8000000000001, 0xFFF8DEADBEEF0001, STALE, 0x3FF0000000000000]


def bits_of(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def value_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


class KnownSamples:
    """`moments` moments that end about now, or about `end_ms`. floats: {labels: {stamp: bits}}, histograms: {labels: {stamp: counts}}."""

    def __init__(self, moments, histograms=True, end_ms=None):
        self.start = ((end_ms or int(time.time() * 1000)) - moments * STEP_MS) // STEP_MS * STEP_MS + 4000
        self.end = self.start + (moments - 1) * STEP_MS
        self.moments = moments
        self.floats = {}
        self.histograms = {}
        for moment in range(moments):
            stamp = self.start + moment * STEP_MS
            for index in range(5):
                self._float(stamp, bits_of(float(moment * (index + 3) % 1000)), __name__="load_total", job="a", i=str(index))
                self._float(stamp, bits_of(round(20 + index / 7 + moment % 13 / 10, 1)), __name__="heat", job="a",
                            i=str(index))
            self._float(stamp, ODD[moment % len(ODD)], __name__="odd", job="b", text='q"\\\n\u00e9')
            self._float(stamp, bits_of(1 / (moment + 1)), __name__="mantissa", job="b")
            if moment % 4 != 1:
                self._float(stamp, bits_of(float(moment)), __name__="sometimes", job="b")
            if histograms:
                self._histogram(stamp, [moment % 40, 2 + moment % 40, 5], __name__="sizes", job="b")

    def _float(self, stamp, bits, **pairs):
        self.floats.setdefault(frozenset(pairs.items()), {})[stamp] = bits

    def _histogram(self, stamp, counts, **pairs):
        self.histograms.setdefault(frozenset(pairs.items()), {})[stamp] = counts

    def push_to(self, server, moments_at_once=10):
        """In the order of time; waits where the server is not ready yet."""
        for first in range(0, self.moments, moments_at_once):
            begin = self.start + first * STEP_MS
            end = begin + moments_at_once * STEP_MS
            messages = []
            for pairs, points in self.floats.items():
                part = [raw_sample(stamp, bits) for stamp, bits in points.items() if begin <= stamp < end]
                if part:
                    messages.append(series(dict(pairs), *part))
            for pairs, points in self.histograms.items():
                messages.append(series(dict(pairs), *[histogram(stamp, 1.5 * sum(counts), counts)
                                                      for stamp, counts in points.items()
                                                      if begin <= stamp < end]))
            wait_for("a push to be taken", lambda: self._is_taken(server, messages))

    @staticmethod
    def _is_taken(server, messages):
        status, _, text = push(server, *messages)
        if status // 100 == 4:
            raise AssertionError(f"push: {status} {text}")
        return status // 100 == 2


def raw_sample(stamp_ms, bits):
    """As remote_write.sample(), for bits that a float of Python's might not keep."""
    return field(2, b"\x09" + struct.pack("<Q", bits) + b"\x10" + varint(stamp_ms))
