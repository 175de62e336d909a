# SPDX-License-Identifier: Apache-2.0
"""Writing HDF5 byte by byte, right or wrong, with Python's standard library alone.

A file is a superblock of version 0 and object headers of version 1, which have no checksums; each
group holds its links as messages. See "HDF5 File Format Specification Version 3.0".
"""
import struct

UNDEFINED = 2**64 - 1
SIGNATURE = b"\x89HDF\r\n\x1a\n"

# Datatype messages.
def integer(size, signed=True, big=False, precision=None, offset=0):
    bits = (1 if big else 0) | (8 if signed else 0)
    return struct.pack("<BBBBIHH", 0x10, bits, 0, 0, size, offset,
                       size * 8 if precision is None else precision)


def floating(size, exponent, bias, big=False):
    mantissa = size * 8 - 1 - exponent
    return struct.pack("<BBBBIHHBBBBI", 0x11, 0x20 | (1 if big else 0), size * 8 - 1, 0, size, 0,
                       size * 8, mantissa, exponent, 0, mantissa, bias)


F16, F32, F64 = floating(2, 5, 15), floating(4, 8, 127), floating(8, 11, 1023)
BF16 = floating(2, 8, 127)
I8, I16, I32, I64 = (integer(n) for n in (1, 2, 4, 8))
U8, U16, U32, U64 = (integer(n, signed=False) for n in (1, 2, 4, 8))


def text(size):
    return struct.pack("<BBBBI", 0x13, 0, 0, 0, size)


def opaque(size):
    return struct.pack("<BBBBI", 0x15, 0, 0, 0, size) + bytes(8)


def reference():
    return struct.pack("<BBBBI", 0x17, 0, 0, 0, 8)


def bitfield(size):
    return struct.pack("<BBBBIHH", 0x14, 0, 0, 0, size, 0, size * 8)


def variable(base, is_text=False):
    return struct.pack("<BBBBI", 0x19, 1 if is_text else 0, 0, 0, 16) + base


def padded(name):
    name = name.encode() + b"\0"
    return name + bytes(-len(name) % 8)


def enumeration(base, size, members):
    return (struct.pack("<BBBBI", 0x18, len(members), 0, 0, size) + base +
            b"".join(padded(name) for name, _ in members) +
            b"".join(value.to_bytes(size, "little") for _, value in members))


def compound(size, members):
    """Members are (name, offset, type)."""
    out = struct.pack("<BBBBI", 0x16, len(members), 0, 0, size)
    for name, offset, kind in members:
        out += padded(name) + struct.pack("<IB3xII16x", offset, 0, 0, 0) + kind
    return out


def array(base, size, dims):
    return (struct.pack("<BBBBIB3x", 0x1a, 0, 0, 0, size, len(dims)) +
            b"".join(struct.pack("<I", d) for d in dims) +
            b"".join(struct.pack("<I", 0) for d in dims) + base)


BOOL = enumeration(I8, 1, [("FALSE", 0), ("TRUE", 1)])
COMPLEX = compound(8, [("r", 0, F32), ("i", 4, F32)])
COMPLEX128 = compound(16, [("r", 0, F64), ("i", 8, F64)])


class File:
    """Bytes that grow; addresses are offsets into them."""

    def __init__(self):
        self.data = bytearray(96)

    def put(self, data):
        self.data += bytes(-len(self.data) % 8)
        at = len(self.data)
        self.data += data
        return at

    def header(self, messages):
        """An object header of (type, data) messages."""
        body = b""
        for kind, data in messages:
            data += bytes(-len(data) % 8)
            body += struct.pack("<HHB3x", kind, len(data), 0) + data
        return self.put(struct.pack("<BBHII4x", 1, 0, len(messages), 1, len(body)) + body)

    def group(self, links, attributes=()):
        """Links are made by hard(), soft() and the like."""
        return self.header([(0x02, struct.pack("<BBQQ", 0, 0, UNDEFINED, UNDEFINED)),
                            (0x0a, bytes(2))] + [(0x06, link) for link in links] +
                           list(attributes))

    def dataset(self, kind, dims, layout, filters=None, extra=(), space=None, fill=b""):
        return self.header([
            (0x01, dataspace(dims) if space is None else space), (0x03, kind),
            (0x05, struct.pack("<BBBBI", 2, 2, 2, 1, len(fill)) + fill), (0x08, layout)] +
            ([(0x0b, filters)] if filters is not None else []) + list(extra))

    def run(self, data):
        """The layout of bytes in one run."""
        return contiguous(self.put(data) if data else UNDEFINED, len(data))

    def plain(self, kind, dims, data, **more):
        return self.dataset(kind, dims, self.run(data), **more)

    def chunked(self, dims, chunk, element, chunks, end=None, skipped=0, stored=None, at=None):
        """Chunks are (offset of each dimension, data) in order, in one leaf of a tree; what it says of
        them may be that filters were skipped, another length, another place."""
        leaf = b"TREE" + struct.pack("<BBHQQ", 1, 0, len(chunks), UNDEFINED, UNDEFINED)
        for offsets, data in chunks:
            leaf += struct.pack("<II", len(data) if stored is None else stored, skipped)
            leaf += b"".join(struct.pack("<Q", o) for o in offsets) + struct.pack("<Q", 0)
            leaf += struct.pack("<Q", self.put(data) if at is None else at)
        last = end if end is not None else [d for d in dims]
        leaf += struct.pack("<II", 0, 0) + b"".join(struct.pack("<Q", o) for o in last)
        leaf += struct.pack("<Q", 0)
        # The library reads whole nodes, of 64 children.
        key = 8 + 8 * (len(dims) + 1)
        leaf += bytes(24 + 65 * key + 64 * 8 - len(leaf))
        at = self.put(leaf) if chunks else UNDEFINED
        return chunks_at(at, list(chunk) + [element])

    def finish(self, root, end=None, base=0):
        self.data += bytes(-len(self.data) % 8)
        self.data[:96] = (SIGNATURE + bytes([0, 0, 0, 0, 0, 8, 8, 0]) +
                          struct.pack("<HHI", 4, 16, 0) +
                          struct.pack("<QQQQ", base, UNDEFINED,
                                      len(self.data) if end is None else end, UNDEFINED) +
                          struct.pack("<QQII16x", 0, root, 0, 0))
        return bytes(self.data)


def dataspace(dims):
    return struct.pack("<BBB5x", 1, len(dims), 0) + b"".join(struct.pack("<Q", d) for d in dims)


NULL_SPACE = bytes([2, 0, 0, 2])


def contiguous(at, size):
    return struct.pack("<BBQQ", 3, 1, at, size)


def compact(data):
    return struct.pack("<BBH", 3, 0, len(data)) + data


def chunks_at(at, dims):
    return (struct.pack("<BBBQ", 3, 2, len(dims), at) +
            b"".join(struct.pack("<I", d) for d in dims))


def virtual(at):
    return struct.pack("<BBQI", 4, 3, at, 0)


def filters(*ids):
    """A pipeline; each with one value."""
    out = struct.pack("<BB6x", 1, len(ids))
    for number in ids:
        out += struct.pack("<HHHHI4x", number, 0, 0, 1, 6)
    return out


def link(name, kind, data):
    """Flags: the length of the name takes two bytes, kind and character set stand there."""
    name = name if isinstance(name, bytes) else name.encode()
    return struct.pack("<BBBBH", 1, 0x19, kind, 1, len(name)) + name + data


def hard(name, at):
    return link(name, 0, struct.pack("<Q", at))


def soft(name, path):
    return link(name, 1, struct.pack("<H", len(path)) + path.encode())


def external(name, file, path):
    value = b"\0" + file.encode() + b"\0" + path.encode() + b"\0"
    return link(name, 64, struct.pack("<H", len(value)) + value)


def user_defined(name, value):
    return link(name, 65, struct.pack("<H", len(value)) + value)


def attribute(name, value, size=None):
    """A text of fixed length, as an attribute's message."""
    value = value if isinstance(value, bytes) else value.encode()
    kind, space = text(len(value) if size is None else size), dataspace([])
    name = name.encode() + b"\0"
    return (0x0c, struct.pack("<BBHHH", 1, 0, len(name), len(kind), len(space)) +
            name + bytes(-len(name) % 8) + kind + bytes(-len(kind) % 8) + space + value)
