# SPDX-License-Identifier: Apache-2.0
"""Compares what weightmark finds in TensorFlow's checkpoints with a second reader: tables by LevelDB itself
(table.cc), messages by Google's protobuf, and what TensorFlow's BundleReader demands of them.
  check.py TABLE FOLDER COUNT [SEED]      FOLDER is for files; weightmark is in the PATH
Where we accept, names, dtypes, shapes and bytes must be the same; what the other refuses, we must refuse.
"""
import hashlib
import json
import os
import random
import struct
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path.insert(0, os.path.join(TOP, "testdata/scripts"))
import tf_bundle as tf  # noqa: E402

TYPES = {1: "F32", 2: "F64", 3: "I32", 4: "U8", 5: "I16", 6: "I8", 8: "C64", 9: "I64", 10: "BOOL", 14: "BF16",
         17: "U16", 18: "C128", 19: "F16", 22: "U32", 23: "U64", 24: "F8_E5M2", 25: "F8_E4M3", 26: "F8_E4M3FNUZ",
         28: "F8_E5M2FNUZ"}
WIDTHS = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 14: 2, 17: 2, 18: 16, 19: 2, 22: 4, 23: 8, 24: 1, 25: 1,
          26: 1, 28: 1}
TEXT = (7, 20, 21)


def messages():
    """The messages of tensor_bundle.proto and what they need."""
    f = descriptor_pb2.FileDescriptorProto(name="tf.proto", package="tf", syntax="proto3")
    kinds = {"int32": 5, "int64": 3, "bool": 8, "string": 9, "fixed32": 7, "enum": 5}

    def message(name, *fields):
        m = f.message_type.add(name=name)
        for number, kind, label, repeated in fields:
            field = m.field.add(name=label, number=number, label=3 if repeated else 1)
            if kind in kinds:
                field.type = kinds[kind]
            else:
                field.type, field.type_name = 11, ".tf." + kind

    message("Version", (1, "int32", "producer", 0), (2, "int32", "min_consumer", 0), (3, "int32", "bad_consumers", 1))
    message("Header", (1, "int32", "num_shards", 0), (2, "enum", "endianness", 0), (3, "Version", "version", 0))
    message("Dim", (1, "int64", "size", 0), (2, "string", "name", 0))
    message("Shape", (2, "Dim", "dim", 1), (3, "bool", "unknown_rank", 0))
    message("Extent", (1, "int64", "start", 0), (2, "int64", "length", 0))
    message("Slice", (1, "Extent", "extent", 1))
    message("Entry", (1, "enum", "dtype", 0), (2, "Shape", "shape", 0), (3, "int32", "shard_id", 0),
            (4, "int64", "offset", 0), (5, "int64", "size", 0), (6, "fixed32", "crc32c", 0), (7, "Slice", "slices", 1))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(f)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName("tf." + m)) for m in ("Header", "Entry")]


Header, Entry = messages()


class Refused(Exception):
    pass


def demand(condition, why):
    if not condition:
        raise Refused(why)


def load(line, prefix, digest):
    """What TensorFlow finds: {name: (dtype, dims, digest of the bytes)}; as BundleReader, tensor by tensor."""
    demand(line.startswith("ok"), "table")
    pairs = [tuple(bytes.fromhex(x) for x in p.split("=")) for p in line.split()[1:]]
    demand(pairs and pairs[0][0] == b"", "header")
    try:
        header = Header.FromString(pairs[0][1])
        entries = [(key, Entry.FromString(value)) for key, value in pairs[1:]]
    except DecodeError as e:
        raise Refused("message") from e
    demand(header.num_shards > 0 and header.endianness == 0, "header")
    demand(header.version.min_consumer <= 1 and 1 not in header.version.bad_consumers, "version")
    demand(header.version.producer >= 0, "version")
    found = {}
    for key, e in entries:
        demand(key not in found and not e.slices, "key")
        dims = [d.size for d in e.shape.dim]
        demand(not e.shape.unknown_rank and all(d >= 0 for d in dims), "shape")
        path = "%s.data-%05d-of-%05d" % (prefix, e.shard_id, header.num_shards)
        demand(os.path.exists(path) and e.offset >= 0 and e.size >= 0, "data")
        with open(path, "rb") as f:
            f.seek(min(e.offset, 1 << 40))
            data = f.read(min(e.size, 1 << 24))
        demand(len(data) == e.size, "range")
        if e.dtype in TEXT:
            continue
        n = WIDTHS.get(e.dtype, 0)
        demand(n, "type")
        for dim in dims:
            n *= dim
        demand(n == e.size, "size")
        found[key] = (TYPES[e.dtype], dims, digest(data))
    return found


def leaf(data):
    """The digest of a tensor of less than one leaf (docs/format.md)."""
    return hashlib.sha256(b"\0" + data if data else b"").hexdigest()


def plain(data):
    return hashlib.sha256(data).hexdigest()


def ours(folder):
    """The same by weightmark, or None where it refuses."""
    run = subprocess.run(["weightmark", "digest", "--tensors", "--json", folder], capture_output=True, check=False)
    if run.returncode == 1:
        return None
    assert run.returncode == 0, (folder, run)
    said = json.loads(run.stdout)
    if not any(f["grammar"] == "tf-index/1" for f in said["file"]):
        return None
    return {t["name"].encode(): (t["dtype"], t["shape"], t["digest"]) for t in said.get("tensors", [])}


# --- files ---------------------------------------------------------------------------------

def random_tensors(rng):
    tensors = {}
    for i in range(rng.randrange(1, 30)):
        name = b"/".join(rng.choice([b"dense", b"layer", b"kernel", b"b", b"\xc3\xa8", b"%d" % i])
                         for _ in range(rng.randrange(1, 4)))
        dims = [rng.choice([0, 1, 2, 3, 7, 200]) for _ in range(rng.randrange(0, 3))]
        dtype = rng.choice(sorted(WIDTHS) + [7])
        n = WIDTHS.get(dtype, 1)
        for dim in dims:
            n *= dim
        data = rng.randbytes(n) if dtype != 7 else tf.strings([b"x" * rng.randrange(9)])
        if len(data) < 60000:
            tensors[name] = (dtype, dims if dtype != 7 else [], data)
    return tensors


def blocks_of(index):
    """Contents of data blocks and keys of the index block of a table of this house."""
    def varints(data, at, n):
        out = []
        for _ in range(n):
            value = shift = 0
            while True:
                byte, at = data[at], at + 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            out.append(value)
        return out, at
    (_, _, at, size), _ = varints(index[-48:], 0, 4)
    end = at + size - 4 - 4 * struct.unpack("<I", index[at + size - 4:at + size])[0]
    blocks, keys, key = [], [], b""
    while at < end:
        (shared, unshared, length), at = varints(index, at, 3)
        key = key[:shared] + index[at:at + unshared]
        (off, size), _ = varints(index, at + unshared, 2)
        at += unshared + length
        blocks.append(index[off:off + size])
        keys.append(key)
    return blocks, keys


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at = rng.randrange(len(data) or 1)
        what = rng.randrange(4)
        if what == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1 and data:
            data[at] = rng.choice([0, 1, 127, 128, 255])
        elif what == 2:
            data[at:at] = rng.randbytes(1)
        elif data:
            del data[at]
    return bytes(data)


def change(index, rng):
    """The index changed somewhere, mostly with checksums that are right again."""
    blocks, keys = blocks_of(index)
    at = rng.randrange(len(blocks))
    what = rng.randrange(8)
    if what == 0:
        return mutate(index, rng)
    if what == 1:
        keys[at] = mutate(keys[at], rng)
    elif what == 2 and len(blocks) > 1:
        blocks[at], keys[at] = blocks[at - 1], keys[at - 1]
    else:
        blocks[at] = mutate(blocks[at], rng)
    return tf.table_of(blocks, keys)


def make(folder, count, seed, table):
    """Pairs of folder and prefix: bundles, some with tables by LevelDB, and changed ones."""
    rng = random.Random(seed)
    for i in range(count):
        where = os.path.join(folder, "%05d" % i)
        os.makedirs(where)
        prefix = where + "/" + rng.choice(["model.ckpt-%d" % i, "variables"])
        shards = rng.choice([1, 1, 2, 3])
        index, data = tf.bundle(random_tensors(rng), shards, rng.choice([60, 200, 262144]), rng.choice([1, 64]))
        for k, content in enumerate(data):
            with open("%s.data-%05d-of-%05d" % (prefix, k, shards), "wb") as f:
                f.write(content)
        with open(prefix + ".index", "wb") as f:
            f.write(index)
        if i % 8 == 0:
            line = subprocess.run([table, "read"], input=prefix + ".index\n", capture_output=True, text=True,
                                  check=True).stdout
            pairs = "\n".join(p.replace("=", " ") for p in line.replace(" =", " -=").split()[1:])
            subprocess.run([table, "write", prefix + ".index", str(rng.choice([64, 4096])),
                            str(rng.choice([1, 2, 16]))], input=pairs, text=True, check=True)
        elif i % 4:
            with open(prefix + ".index", "wb") as f:
                f.write(change(index, rng))
        yield where, prefix


def recorded():
    """The recorded tensors of testdata/good/tf."""
    want = {}
    with open(os.path.join(TOP, "testdata/good/tf/tensors.tsv"), encoding="utf-8") as f:
        for line in f.read().splitlines()[1:]:
            where, name, dtype, shape, digest = line.split("\t")
            want.setdefault(where, {})[name.encode()] = (dtype, [int(d) for d in shape.split("x")] if shape != "-"
                                                         else [], digest)
    return want


def main(table, folder, count, seed):
    cases = list(make(folder, count, seed, table))
    good = os.path.join(TOP, "testdata/good/tf")
    cases += [(good + "/bundle", good + "/bundle/model.ckpt-1000"),
              (good + "/saved_model", good + "/saved_model/variables/variables")]
    listing = "".join(prefix + ".index\n" for _, prefix in cases)
    lines = subprocess.run([table, "read"], input=listing, capture_output=True, text=True, check=True).stdout
    both = neither = strict = 0
    for (where, prefix), line in zip(cases, lines.splitlines(), strict=True):
        mine = ours(where)
        try:
            theirs = load(line, prefix, leaf)
        except Refused as why:
            assert mine is None, (where, "they refuse, we do not", why)
            neither += 1
            continue
        if mine is None:
            strict += 1
            continue
        assert mine == theirs, (where, "read differently", mine, theirs)
        both += 1
    want = recorded()
    for (where, prefix), line in list(zip(cases, lines.splitlines()))[-2:]:
        assert load(line, prefix, plain) == want[os.path.basename(where)], where
    assert both > count // 5 and neither > 0 and strict < count // 2, (both, neither, strict)
    print("%d read alike, %d refused by both, %d by us alone" % (both, neither, strict))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 1)
