# SPDX-License-Identifier: Apache-2.0
"""Writes TensorFlow's checkpoint bundles and SavedModels from their specifications, without TensorFlow.

Tables are LevelDB's (doc/table_format.md of LevelDB), messages those of tensorflow/core/protobuf/
tensor_bundle.proto, tensor_shape.proto, saved_model.proto, meta_graph.proto and graph.proto.
Everything can be written wrongly: defects are what testdata/scripts/make_bad_tf is for.
"""
import struct

MAGIC = 0xDB4775248B80FB57
FLOAT, DOUBLE, INT32, UINT8, STRING, INT64, BOOL, BFLOAT16, HALF = 1, 2, 3, 4, 7, 9, 10, 14, 19


def _row(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_ROWS = [_row(i) for i in range(256)]


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _ROWS[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def masked(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# --- messages ------------------------------------------------------------------------------

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """A field: of ints a varint, left out where it is 0 as proto3 does; else bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value


def header(shards=1, endianness=0, producer=1, consumer=0, more=b""):
    version = field(1, producer) + field(2, consumer)
    return field(1, shards) + field(2, endianness) + field(3, version) + more


def entry(dtype, dims, offset, size, crc=0, shard=0, more=b""):
    shape = b"".join(field(2, field(1, dim)) for dim in dims)
    crc = varint(6 << 3 | 5) + struct.pack("<I", crc) if crc else b""
    return (field(1, dtype) + field(2, shape) + field(3, shard) + field(4, offset) +
            field(5, size) + crc + more)


# --- tables --------------------------------------------------------------------------------

def block(pairs, interval=16, restarts=None):
    """The contents of a block of (key, value) pairs, which are taken as they are."""
    out, at, last = b"", [], b""
    for i, (key, value) in enumerate(pairs):
        shared = 0
        if i % interval == 0:
            at.append(len(out))
        else:
            while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    at = restarts if restarts is not None else at or [0]
    return out + b"".join(struct.pack("<I", r) for r in at) + struct.pack("<I", len(at))


def trailer(contents, kind=0, crc=None):
    crc = masked(crc32c(contents + bytes([kind]))) if crc is None else crc
    return bytes([kind]) + struct.pack("<I", crc)


def footer(meta, index, pad=None, magic=MAGIC):
    handles = b"".join(varint(n) for n in meta + index)
    return (handles + (pad or bytes(40 - len(handles))))[:40] + struct.pack("<Q", magic)


def table_of(blocks, index_keys, meta=None, kinds=(), handles=None, magic=MAGIC, pad=None):
    """A table of these block contents."""
    out, places = b"", []
    for i, contents in enumerate(blocks):
        places.append((len(out), len(contents)))
        out += contents + trailer(contents, kinds[i] if i < len(kinds) else 0)
    places = handles or places
    meta = block([]) if meta is None else meta
    meta_at = (len(out), len(meta))
    out += meta + trailer(meta)
    index = block([(key, varint(p[0]) + varint(p[1])) for key, p in zip(index_keys, places)], 1)
    index_at = (len(out), len(index))
    out += index + trailer(index)
    return out + footer(meta_at, index_at, pad, magic)


def successor(key):
    """The shortest key not below `key`, as the writer makes the last one of an index."""
    for i, byte in enumerate(key):
        if byte != 0xFF:
            return key[:i] + bytes([byte + 1])
    return key


def separator(low, high):
    """A short key not below `low` and below `high`."""
    n = 0
    while n < min(len(low), len(high)) and low[n] == high[n]:
        n += 1
    if n < min(len(low), len(high)) and low[n] + 1 < high[n]:
        return low[:n] + bytes([low[n] + 1])
    return low


def table(pairs, block_size=262144):
    """The table of sorted pairs as the writer of TensorFlow makes it."""
    groups, group, size = [], [], 0
    for key, value in pairs:
        group.append((key, value))
        size += len(key) + len(value) + 3
        if size >= block_size:
            groups.append(group)
            group, size = [], 0
    if group:
        groups.append(group)
    keys = [separator(a[-1][0], b[0][0]) for a, b in zip(groups, groups[1:])]
    keys += [successor(groups[-1][-1][0])] if groups else []
    return table_of([block(g) for g in groups], keys)


# --- bundles -------------------------------------------------------------------------------

def strings(values):
    """The bytes of a tensor of strings: their lengths, a checksum of those, themselves."""
    lengths = b"".join(varint(len(v)) for v in values)
    crc = 0
    for value in values:
        crc = crc32c(struct.pack("<I", len(value)), crc)
    return lengths + struct.pack("<I", masked(crc)) + b"".join(values)


def bundle(tensors, shards=1, block_size=262144, align=1):
    """Of {name: (dtype, dims, bytes)}: the index, and a list with the bytes of each shard."""
    data = [b""] * shards
    pairs = [(b"", header(shards))]
    for i, name in enumerate(sorted(tensors)):
        dtype, dims, content = tensors[name]
        shard = i % shards
        data[shard] += bytes(-len(data[shard]) % align)
        pairs.append((name, entry(dtype, dims, len(data[shard]), len(content),
                                  masked(crc32c(content)), shard)))
        data[shard] += content
    return table(pairs, block_size), data


def write_bundle(prefix, tensors, shards=1, **options):
    index, data = bundle(tensors, shards, **options)
    with open(prefix + ".index", "wb") as out:
        out.write(index)
    for i, content in enumerate(data):
        with open("%s.data-%05d-of-%05d" % (prefix, i, shards), "wb") as out:
            out.write(content)


# --- SavedModels ---------------------------------------------------------------------------

def node(name, op, more=b""):
    return field(1, name) + field(2, op) + more


def function(name, nodes):
    return field(1, field(1, name)) + b"".join(field(3, n) for n in nodes)


def graph(nodes, functions=()):
    library = b"".join(field(1, f) for f in functions)
    return b"".join(field(1, n) for n in nodes) + (field(2, library) if library else b"")


def saved_model(*graphs):
    return field(1, 1) + b"".join(field(2, field(2, g)) for g in graphs)
