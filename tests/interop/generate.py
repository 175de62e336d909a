#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes small safetensors and GGUF files for the differential test: half as they should be, half changed.

    tests/interop/generate.py DIRECTORY COUNT [SEED]      prints their paths; the same seed, the same files
"""
import json
import os
import random
import struct
import sys

NAMES = ["a", "w", "0", "1", "layers.0.weight", "layers.10.weight", "é", "e\u0301", "重み", "\U0001f642", "a b",
         "a/b", "A", "constructor", "__proto__", "__metadata", "x%y", "a|b:c,d", '"', "\\", "n" * 63]
ST_SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2,
            "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "C64": 8, "F64": 8, "I64": 8, "U64": 8}
GGUF_TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 20: (32, 18),
              24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2), 39: (32, 17)}
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
SCALARS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}


def shape_of(r, rank_max=3):
    return [r.choice([0, 1, 1, 2, 3]) if r.random() < 0.9 else 4 for _ in range(r.randrange(rank_max + 1))]


def product(shape):
    n = 1
    for dim in shape:
        n *= dim
    return n


# --- safetensors ---------------------------------------------------------------------------------

def quoted(r, text):
    if r.random() < 0.15:
        return '"' + "".join("\\u%04x" % unit for unit in
                             struct.unpack("<%dH" % (len(text.encode("utf-16-le")) // 2), text.encode("utf-16-le"))) + '"'
    return json.dumps(text, ensure_ascii=r.random() < 0.3)


class Tensor:
    def __init__(self, r, name, start):
        self.name = quoted(r, name)
        self.dtype = r.choice(list(ST_SIZES))
        self.shape = shape_of(r)
        self.begin, self.end = start, start + product(self.shape) * ST_SIZES[self.dtype]
        self.extra = []

    def members(self, r):
        found = [('"dtype"', json.dumps(self.dtype) if isinstance(self.dtype, str) else self.dtype.decode()),
                 ('"shape"', "[%s]" % ",".join(map(str, self.shape))),
                 ('"data_offsets"', "[%s,%s]" % (self.begin, self.end))] + self.extra
        if r.random() < 0.5:
            r.shuffle(found)
        return found


def obj(r, members, loose):
    def space():
        return r.choice(["", " ", "\n", "  "]) if loose else ""
    return "{" + space() + ("," + space()).join(k + space() + ":" + space() + v for k, v in members) + space() + "}"


def st_change(r, tensors, metadata, members):
    """One change before the header is written; members is what the header will hold."""
    t = r.choice(tensors) if tensors else None
    u = r.choice(tensors) if tensors else None
    big = r.choice(["18446744073709551616", "9007199254740993", "-1", "1.0", "1e0", "01", "-0", '"1"', "null", "true"])
    changes = [
        lambda: metadata.append(('"k"', r.choice(["1", "null", '{"a":"b"}', "[]", "true"]))),
        lambda: metadata.extend([('"k"', '"1"'), (r.choice(['"k"', '"\\u006b"']), '"2"')]),
        lambda: members.append(('"__metadata__"', r.choice(["{}", "null", '"x"', '{"a":"b"}', "[]"]))),
        lambda: members.append((r.choice(['"x"', '"\\u0000"', '"\\ud800"']), r.choice(["{}", "[]", "1", "null"]))),
    ]
    if t:
        changes += [
            lambda: setattr(t, "name", u.name),
            lambda: setattr(t, "begin", u.begin),
            lambda: (setattr(t, "begin", u.begin), setattr(t, "end", u.end)),
            lambda: setattr(t, "end", t.end + r.choice([-1, 1, 8])),
            lambda: (setattr(t, "begin", t.begin + 1), setattr(t, "end", t.end + 1)),
            lambda: setattr(t, "dtype", r.choice(["f32", "F33", "", "F4", "F6_E2M3", "U64", "I8", b"1", b"null"])),
            lambda: t.shape.append(r.choice([0, 1, 2, big])),
            lambda: t.shape.reverse(),
            lambda: setattr(t, "shape", [r.choice([0, 2**32, 2**63, 2**64 - 1, 2**53 + 1]), r.choice([0, 1, 2**32])]),
            lambda: setattr(t, r.choice(["begin", "end"]), big),
            lambda: t.extra.append(('"dtype"', json.dumps(r.choice(list(ST_SIZES))))),
            lambda: t.extra.append(('"shape"', "[1]")),
            lambda: t.extra.append((r.choice(['"data_offsets"', '"data_\\u006fffsets"']), "[0,1]")),
            lambda: t.extra.append(('"more"', "1")),
            lambda: t.extra.append(('"Dtype"', '"F32"')),
            lambda: setattr(t, "name", r.choice(['"a\\u0000"', '"\\u001b[2J"', '"\\ud800"', '"\\udc00\\ud800"', '""',
                                                 '"\\ufeffa"', '"__metadata__"', '"\\/"', '"a\\nb"', '"a\nb"'])),
        ]
    r.choice(changes)()


def byte_changed(r, data, start, end):
    if end <= start:
        return data
    at = r.randrange(start, end)
    value = r.choice([data[at] ^ (1 << r.randrange(8)), r.randrange(256), 0, 255, ord(" "), ord('"'), ord(",")])
    return data[:at] + bytes([value]) + data[at + 1:]


def safetensors(r, changed):
    count, tensors, at = r.randrange(5), [], 0
    for name in r.sample(NAMES, count):
        tensors.append(Tensor(r, name, at))
        at = tensors[-1].end
    data = r.randbytes(at)
    if r.random() < 0.3:
        r.shuffle(tensors)
    metadata = [(quoted(r, k), quoted(r, v)) for k, v in
                r.sample([("format", "pt"), ("é", "ü"), ("", ""), ("a", "\n\t"), ("weightmark", "no slot")], r.randrange(4))]
    members = []
    late = changed and r.random() < 0.45  # change bytes, not what is meant
    if changed and not late:
        st_change(r, tensors, metadata, members)
    members += [(t.name, obj(r, t.members(r), False)) for t in tensors]
    if metadata or r.random() < 0.2:
        members.insert(r.randrange(len(members) + 1), ('"__metadata__"', obj(r, metadata, False)))
    # White space inside is where readers differ from the specification: now and then.
    text = obj(r, members, r.random() < 0.1).encode("utf-8", "surrogatepass")
    text += b" " * r.choice([0, 0, -len(text) % 8])
    whole = struct.pack("<Q", len(text)) + text + data
    if not late:
        return whole
    head = 8 + len(text)
    return r.choice([
        lambda: byte_changed(r, whole, 8, head),
        lambda: byte_changed(r, whole, 8, head),
        lambda: byte_changed(r, byte_changed(r, whole, 8, head), 8, head),
        lambda: byte_changed(r, whole, 0, 8),
        lambda: struct.pack("<Q", max(0, len(text) + r.choice([-8, -2, -1, 1, 2, 8]))) + whole[8:],
        lambda: struct.pack("<Q", r.choice([0, 1, 2**63, 2**64 - 1, 100_000_001])) + whole[8:],
        lambda: whole[:r.randrange(len(whole))],
        lambda: whole + r.randbytes(r.choice([1, 8, 40])),
        lambda: struct.pack("<Q", head - 8 + 3) + b"\xef\xbb\xbf" + whole[8:],
        lambda: struct.pack("<Q", head - 8 + 1) + whole[8:head] + r.choice([b"\0", b"}", b",", b"\n"]) + whole[head:],
        lambda: struct.pack("<Q", head - 8 + 1) + b" " + whole[8:],
        lambda: whole[:8] + whole[8:head].replace(b"0", b"9", 1) + whole[head:],
        lambda: whole[:8] + whole[8:head].replace(b"1", b"2", 1) + whole[head:],
    ])()


# --- GGUF ----------------------------------------------------------------------------------------

def text(value):
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(value)) + value


def value_of(r, kind):
    if kind == STRING:
        return text(r.choice(["", "x", "é", "a longer text than the others", "llama"]))
    if kind == ARRAY:
        inner = r.choice([k for k in range(13) if k != ARRAY])
        values = [value_of(r, inner) for _ in range(r.randrange(4))]
        return struct.pack("<IQ", inner, len(values)) + b"".join(values)
    if kind == BOOL:
        return bytes([r.randrange(2)])
    return r.randbytes(struct.calcsize("<" + SCALARS[kind]))


class Info:
    def __init__(self, r, name):
        self.name, self.type = name, r.choice(list(GGUF_TYPES))
        elements, size = GGUF_TYPES[self.type]
        self.dims = shape_of(r)
        if elements > 1:
            self.dims = [elements * r.choice([1, 1, 2])] + [d for d in self.dims[:1] if d < 3]
        self.length = product(self.dims) // elements * size
        self.offset = 0


def gguf_change(r, kvs, infos, counts):
    t = r.choice(infos) if infos else None
    u = r.choice(infos) if infos else None
    changes = [
        lambda: kvs.append(kvs[0] if kvs else (text("k"), 13, b"")),
        lambda: kvs.append((text("general.alignment"), r.choice([U64, I32, U16, STRING]), struct.pack("<Q", 64))),
        lambda: kvs.extend([(text("general.alignment"), U32, struct.pack("<I", n)) for n in (32, 64)]),
        lambda: kvs.append((text("general.alignment"), U32, struct.pack("<I", r.choice([0, 1, 3, 4, 24, 2**31])))),
        lambda: kvs.append((text("nested"), ARRAY, struct.pack("<IQIQ", ARRAY, 1, U8, 0))),
        lambda: kvs.append((r.choice([text(""), text("a\0b"), text(b"\xff"), text("\ufeffk")]), U8, b"\1")),
        lambda: kvs.append((text("b"), BOOL, b"\2")),
        lambda: kvs.append((text("\ufeffgeneral.alignment"), U32, struct.pack("<I", 64))),
        lambda: kvs.append((text("general.alignment"), ARRAY, struct.pack("<IQI", U32, 1, 64))),
        lambda: counts.__setitem__(r.randrange(2), r.choice([0, 1, 2, 9, 2**32, 2**63, 2**64 - 1])),
        lambda: counts.__setitem__(2, r.choice([0, 1, 4, 3 << 24, 0x10003])),
    ]
    if t:
        changes += [
            lambda: setattr(t, "name", u.name),
            lambda: setattr(t, "name", r.choice(["", "\ufeffa", "a\0", "\x1b[2J", "n" * 64, b"\xff\xfe", "a\u202eb", "\u0085"])),
            lambda: setattr(t, "type", r.choice([4, 5, 31, 33, 36, 43, 2**31, *GGUF_TYPES])),
            lambda: setattr(t, "offset", r.choice([u.offset, t.offset + 1, t.offset + 32, 2**64 - 32, 2**63])),
            lambda: setattr(t, "dims", r.choice([[2**63, 2], [2**64 - 1], [2**32, 2**32, 0], [1] * 5, [2**53 + 1, 0]])),
            lambda: t.dims.append(r.choice([0, 1, 2])),
            lambda: t.dims.reverse(),
        ]
    r.choice(changes)()


def gguf(r, changed):
    infos = [Info(r, name) for name in r.sample(NAMES, r.randrange(4))]
    kvs, align = [], 32
    for key in r.sample(["general.architecture", "general.name", "k", "llama.block_count", "é"], r.randrange(4)):
        kind = r.randrange(13)
        kvs.append((text(key), kind, value_of(r, kind)))
    if r.random() < 0.4:
        align = r.choice([8, 16, 32, 64, 128])
        kvs.insert(r.randrange(len(kvs) + 1), (text("general.alignment"), U32, struct.pack("<I", align)))
    at = 0
    for t in infos:
        t.offset = at
        at += -(-t.length // align) * align
    counts = [len(infos), len(kvs), r.choice([2, 3, 3, 3])]
    late = changed and r.random() < 0.45
    if changed and not late:
        kept = list(counts)
        gguf_change(r, kvs, infos, counts)
        if counts == kept:
            counts[1] = len(kvs)
    head = b"GGUF" + struct.pack("<IQQ", counts[2], counts[0], counts[1])
    head += b"".join(key + struct.pack("<I", kind) + value for key, kind, value in kvs)
    for t in infos:
        head += text(t.name) + struct.pack("<I", len(t.dims)) + b"".join(struct.pack("<Q", d) for d in t.dims)
        head += struct.pack("<IQ", t.type, t.offset)
    padded = head + b"\0" * (-len(head) % align) if infos else head
    data = b"".join(r.randbytes(t.length) + b"\0" * (-t.length % align) for t in infos)
    if late or not changed and r.random() < 0.2:
        # Writers differ in whether the last tensor is padded.
        data = data[: len(data) - (-infos[-1].length % align)] if infos else data
    whole = padded + data
    if not late:
        return whole
    return r.choice([
        lambda: byte_changed(r, whole, 0, len(padded)),
        lambda: byte_changed(r, whole, 4, len(head)),
        lambda: byte_changed(r, byte_changed(r, whole, 8, len(head)), 8, len(head)),
        lambda: whole[:r.randrange(len(whole))],
        lambda: whole + r.choice([b"\0" * 32, b"x", b"\0"]),
        lambda: padded + b"\0" * align + data,
        lambda: head + data,
        lambda: b"GGUF" + struct.pack(">IQQ", counts[2], counts[0], counts[1]) + whole[24:],
        lambda: byte_changed(r, whole, len(head), len(padded)),
    ])()


def main():
    directory, count = sys.argv[1], int(sys.argv[2])
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    os.makedirs(directory, exist_ok=True)
    for i in range(count):
        make, suffix = ((safetensors, "safetensors"), (gguf, "gguf"))[i % 2]
        changed = i % 4 >= 2
        r = random.Random("%s/%d" % (seed, i))
        data = make(r, changed)
        path = os.path.join(directory, "%s-%05d.%s" % ("changed" if changed else "valid", i, suffix))
        with open(path, "wb") as f:
            f.write(data)
        print(path)


main()
