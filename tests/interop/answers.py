#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plain reader of safetensors and GGUF, with the standard library alone: what a loader does that
trusts its input. Paths come on standard input; one line a file, tab separated:

    FILE  python  accepted  TENSORS      sorted, space separated: NAME|DTYPE|DIMS|OFFSET|BYTES
    FILE  python  refused   WHY

DIMS outermost first; OFFSET in the file, or - where there are no bytes; bytes of NAME outside of
printable ASCII, and % | : , are escaped as %xx.
"""
import json
import struct
import sys

GGUF_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("gguf:Q4_0", 32, 18), 3: ("gguf:Q4_1", 32, 20), 6: ("gguf:Q5_0", 32, 22),
    7: ("gguf:Q5_1", 32, 24), 8: ("gguf:Q8_0", 32, 34), 9: ("gguf:Q8_1", 32, 36), 10: ("gguf:Q2_K", 256, 84),
    11: ("gguf:Q3_K", 256, 110), 12: ("gguf:Q4_K", 256, 144), 13: ("gguf:Q5_K", 256, 176), 14: ("gguf:Q6_K", 256, 210),
    15: ("gguf:Q8_K", 256, 292), 16: ("gguf:IQ2_XXS", 256, 66), 17: ("gguf:IQ2_XS", 256, 74),
    18: ("gguf:IQ3_XXS", 256, 98), 19: ("gguf:IQ1_S", 256, 50), 20: ("gguf:IQ4_NL", 32, 18), 21: ("gguf:IQ3_S", 256, 110),
    22: ("gguf:IQ2_S", 256, 82), 23: ("gguf:IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("gguf:IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("gguf:TQ1_0", 256, 54),
    35: ("gguf:TQ2_0", 256, 66), 39: ("gguf:MXFP4", 32, 17),
}
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Refused(Exception):
    pass


def demand(holds, why):
    if not holds:
        raise Refused(why)


def escaped(name):
    return "".join(chr(b) if 0x20 < b < 0x7F and chr(b) not in "%|:," else "%%%02x" % b for b in name)


def token(name, dtype, dims, offset, length):
    dtype = "".join(c if "!" <= c <= "~" else "?" for c in dtype)
    return "|".join([escaped(name), dtype, ",".join(map(str, dims)), str(offset) if length else "-", str(length)])


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def safetensors(data):
    demand(len(data) >= 8, "no header length")
    head = 8 + struct.unpack("<Q", data[:8])[0]
    demand(head <= len(data), "the header is cut off")
    try:
        header = json.loads(data[8:head].decode())
    except (ValueError, RecursionError):
        raise Refused("the header is not JSON") from None
    demand(isinstance(header, dict), "the header is no map")
    header.pop("__metadata__", None)
    found = []
    for name, t in header.items():
        demand(isinstance(t, dict) and {"dtype", "shape", "data_offsets"} <= set(t), "a tensor lacks members")
        dtype, dims, offsets = t["dtype"], t["shape"], t["data_offsets"]
        demand(isinstance(dtype, str) and isinstance(dims, list) and isinstance(offsets, list), "members of other types")
        demand(len(offsets) == 2 and all(map(is_count, dims + offsets)), "numbers that are no counts")
        demand(offsets[0] <= offsets[1] <= len(data) - head, "a tensor beyond the end")
        found.append(token(name.encode("utf-8", "surrogatepass"), dtype, dims, head + offsets[0], offsets[1] - offsets[0]))
    return found


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        demand(n <= len(self.data) - self.at, "it is cut off")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def text(self):
        return self.take(self.number("Q"))

    def value(self, kind, depth=0):
        if kind == 8:
            return self.text()
        if kind == 9:
            demand(depth < 8, "arrays too deep")
            inner, count = self.number("I"), self.number("Q")
            demand(count <= len(self.data), "it is cut off")
            return [self.value(inner, depth + 1) for _ in range(count)]
        demand(kind in SCALARS, "a type that does not exist")
        return self.number(SCALARS[kind])


def gguf(data):
    c = Cursor(data)
    demand(c.take(4) == b"GGUF", "another magic")
    demand(c.number("I") in (2, 3), "another version")
    n_tensors, n_kvs = c.number("Q"), c.number("Q")
    demand(n_tensors + n_kvs <= len(data), "it is cut off")
    metadata = {}
    for _ in range(n_kvs):
        key = c.text()
        metadata[key] = c.value(c.number("I"))
    tensors = []
    for _ in range(n_tensors):
        name, rank = c.text(), c.number("I")
        demand(rank <= 64, "too many dimensions")
        dims = [c.number("Q") for _ in range(rank)]
        tensors.append((name, dims[::-1], c.number("I"), c.number("Q")))
    align = metadata.get(b"general.alignment", 32)
    demand(is_count(align) and align > 0, "no alignment")
    start, found = -(-c.at // align) * align, []
    for name, dims, kind, offset in tensors:
        demand(kind in GGUF_TYPES, "a tensor type that does not exist")
        dtype, elements, size = GGUF_TYPES[kind]
        length = size
        for dim in dims:
            length *= dim
        length //= elements
        demand(start + offset + length <= len(data) or not length, "a tensor beyond the end")
        found.append(token(name, dtype, dims, start + offset, length))
    return found


def main():
    for line in sys.stdin:
        path = line.rstrip("\n")
        with open(path, "rb") as f:
            data = f.read()
        try:
            tensors = (gguf if path.endswith(".gguf") else safetensors)(data)
            cells = ["accepted", " ".join(sorted(tensors))]
        except Refused as why:
            cells = ["refused", str(why)]
        print(path, "python", *cells, sep="\t")


main()
