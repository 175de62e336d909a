#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes one set of tensors in a container, for tests/bench/formats; the standard library alone.

    containers.py safetensors|torch|npz|tar N_TENSORS BYTES FILE

N_TENSORS of F32, BYTES in all, random but the same every time, whatever the container.
"""
import json
import random
import struct
import sys
import tarfile
import zlib


def chunks(seed, size):
    """The bytes of one tensor, piece by piece: one block of random bytes, again and again."""
    block = random.Random(seed).randbytes(min(size, 1 << 20))
    while size > 0:
        yield block[:size]
        size -= len(block)


def crc_of(seed, size):
    crc = 0
    for chunk in chunks(seed, size):
        crc = zlib.crc32(chunk, crc)
    return crc


def header_of(n, size):
    """A safetensors header of n tensors of `size` bytes."""
    entries = {f"layer.{i}": {"dtype": "F32", "shape": [size // 4], "data_offsets": [i * size, (i + 1) * size]}
               for i in range(n)}
    text = json.dumps(entries).encode()
    return text + b" " * (-len(text) % 8)


def write_safetensors(out, n, size):
    header = header_of(n, size)
    out.write(struct.pack("<Q", len(header)) + header)
    for i in range(n):
        for chunk in chunks(i, size):
            out.write(chunk)


class Archive:
    """A zip archive of stored members, their bytes at multiples of 64, large records where needed."""

    def __init__(self, out):
        self.out, self.directory, self.n = out, [], 0

    def add(self, name, size, crc, pieces):
        off, name = self.out.tell(), name.encode()
        local_extra = b"" if size < 0xffffffff else struct.pack("<HHQQ", 1, 16, size, size)
        pad = -(off + 30 + len(name) + len(local_extra) + 4) % 64
        local_extra += struct.pack("<2sH", b"FB", pad) + b"Z" * pad
        short = min(size, 0xffffffff)
        self.out.write(struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0x800, 0, 0, 0x21, crc, short, short, len(name),
                                   len(local_extra)) + name + local_extra)
        wide = [v for v in (size, size) if v >= 0xffffffff] + ([off] if off >= 0xffffffff else [])
        extra = struct.pack("<HH%dQ" % len(wide), 1, 8 * len(wide), *wide) if wide else b""
        self.directory.append(struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0x800, 0, 0, 0x21, crc, short, short,
                                          len(name), len(extra), 0, 0, 0, 0, min(off, 0xffffffff)) + name + extra)
        self.n += 1
        for piece in pieces:
            self.out.write(piece)

    def close(self):
        off, directory = self.out.tell(), b"".join(self.directory)
        self.out.write(directory)
        self.out.write(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, self.n, self.n, len(directory), off))
        self.out.write(struct.pack("<4sIQI", b"PK\6\7", 0, off + len(directory), 1))
        self.out.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, min(self.n, 0xffff), min(self.n, 0xffff),
                                   min(len(directory), 0xffffffff), min(off, 0xffffffff), 0))


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value) if value < 1 << 31 else b"\x8a\x08" + struct.pack("<q", value)


def pickle_of(n, size):
    """What torch.save() pickles of a dict of n tensors, without a memo."""
    numel, out = size // 4, [b"\x80\2}("]
    for i in range(n):
        storage = (b"((" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(i)) + text("cpu") + number(numel) + b"tQ")
        out.append(text(f"layer.{i}") + b"ctorch._utils\n_rebuild_tensor_v2\n" + storage + number(0) + number(numel) +
                   b"\x85" + b"K\1\x85" + b"\x89" + b"ccollections\nOrderedDict\n)RtR")
    return b"".join(out) + b"u."


def write_torch(out, n, size):
    archive = Archive(out)
    for name, data in (("data.pkl", pickle_of(n, size)), ("byteorder", b"little")):
        archive.add("archive/" + name, len(data), zlib.crc32(data), [data])
    for i in range(n):
        archive.add(f"archive/data/{i}", size, crc_of(i, size), chunks(i, size))
    archive.add("archive/version", 2, zlib.crc32(b"3\n"), [b"3\n"])
    archive.close()


def write_npz(out, n, size):
    archive = Archive(out)
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % (size // 4)
    header = text + " " * (-(10 + len(text) + 1) % 64) + "\n"
    head = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()
    for i in range(n):
        crc = zlib.crc32(head)
        for chunk in chunks(i, size):
            crc = zlib.crc32(chunk, crc)
        archive.add(f"layer.{i}.npy", len(head) + size, crc, (p for q in ([head], chunks(i, size)) for p in q))
    archive.close()


def write_tar(out, n, size):
    member = tarfile.TarInfo("model.safetensors")
    member.size = 8 + len(header_of(n, size)) + n * size
    out.write(member.tobuf(tarfile.PAX_FORMAT if member.size >= 1 << 33 else tarfile.USTAR_FORMAT))
    write_safetensors(out, n, size)
    out.write(b"\0" * (-member.size % 512) + b"\0" * 1024)


def main():
    kind, n, total, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    size = total // n // 4 * 4
    writers = {"safetensors": write_safetensors, "torch": write_torch, "npz": write_npz, "tar": write_tar}
    with open(path, "wb", buffering=1 << 20) as out:
        writers[kind](out, n, size)


main()
