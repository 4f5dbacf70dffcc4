"""Remote write 1.0 by hand: the messages in protobuf's wire format, snappy's block format, and a POST."""
import struct


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, content):
    """A field that holds bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def zigzag(number):
    return varint((number << 1) ^ (number >> 63))


def labels(pairs):
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in pairs)


def sample(stamp_ms, value):
    return field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(stamp_ms))


def exemplar(pairs, value, stamp_ms):
    return field(3, labels(pairs) + b"\x11" + struct.pack("<d", value) + b"\x18" + varint(stamp_ms))


def histogram(stamp_ms, total, counts, schema=0, offset=0):
    """An integer histogram with one span of positive buckets."""
    deltas = b"".join(zigzag(count - before) for before, count in zip([0, *counts], counts))
    return field(4, b"\x08" + varint(sum(counts)) + b"\x19" + struct.pack("<d", total) + b"\x20" + zigzag(schema)
                 + field(11, b"\x08" + zigzag(offset) + b"\x10" + varint(len(counts))) + field(12, deltas)
                 + b"\x78" + varint(stamp_ms))


def series(pairs, *points):
    """A series with samples, exemplars and histograms as the functions above make them."""
    return field(1, labels(sorted(pairs.items())) + b"".join(points))


def metadata(kind, family, help_text):
    return field(3, b"\x08" + varint(kind) + field(2, family.encode()) + field(4, help_text.encode()))


def snappy(data):
    """A block of literals only: legal, if no smaller."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += b"\xf4" + struct.pack("<H", len(piece) - 1) + piece  # a literal whose length takes two bytes
    return bytes(out)


HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
           "X-Prometheus-Remote-Write-Version": "0.1.0"}


def push(server, *messages, **headers):
    """Status, headers and text of the answer."""
    status, answered, body = server.request("POST", server.prefix + "/api/v1/write", snappy(b"".join(messages)),
                                            {**HEADERS, **{name.replace("_", "-"): text
                                                           for name, text in headers.items()}})
    return status, answered, body.decode()
