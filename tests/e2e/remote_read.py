"""Remote read by hand: all samples of a Prometheus with each bit that they have, stale markers too."""
import struct

from remote_write import field, snappy, varint

EQUAL, NOT_EQUAL = 0, 1


def unsnappy(data):
    """A block of snappy's, uncompressed."""
    length, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                extra = size - 59
                size = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(size):
            out.append(out[-offset])
    if len(out) != length:
        raise AssertionError(f"snappy: {len(out)} bytes instead of {length}")
    return bytes(out)


def read_varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def fields(data):
    """(number, content) of a message: an integer, 8 bytes, or the bytes of a field that holds bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            content, at = read_varint(data, at)
        elif key & 7 == 1:
            content, at = data[at:at + 8], at + 8
        else:
            size, at = read_varint(data, at)
            content, at = data[at:at + size], at + size
        yield key >> 3, content


def read_all(server, start_ms, end_ms):
    """{labels: {stamp: bits of the float, or the bytes of the histogram's message}} of all series with a name."""
    matcher = field(3, b"\x08" + varint(NOT_EQUAL) + field(2, b"__name__") + field(3, b""))
    query = b"\x08" + varint(start_ms) + b"\x10" + varint(end_ms) + matcher
    status, _, body = server.request("POST", "/api/v1/read", snappy(field(1, query)),
                                     {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                                      "X-Prometheus-Remote-Read-Version": "0.1.0"})
    if status != 200:
        raise AssertionError(f"remote read: {status} {body[:300]!r}")
    found = {}
    for _, result in fields(unsnappy(body)):
        for _, series in fields(result):
            pairs, points = {}, {}
            for number, content in fields(series):
                if number == 1:
                    pair = {key: text.decode() for key, text in fields(content)}
                    pairs[pair[1]] = pair.get(2, "")
                else:
                    point = dict(fields(content))
                    if number == 2:
                        points[point.get(2, 0)] = struct.unpack("<Q", point.get(1, bytes(8)))[0]
                    else:
                        points[point[15]] = content
            found[frozenset(pairs.items())] = points
    return found
