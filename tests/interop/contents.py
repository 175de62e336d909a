#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `weightmark digest --tensors --json` with the bytes that answers.py finds.

    tests/interop/answers.py <LIST | tests/interop/contents.py      weightmark is found by PATH

Of every tensor: name, dtype, shape, bytes, and the RFC 6962 root of its content (docs/format.md).
"""
import hashlib
import json
import re
import subprocess
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


def root(leaves):
    if len(leaves) < 2:
        return sha256(b"\x00" + leaves[0]) if leaves else sha256(b"")
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:]))


def expected(path, tokens):
    with open(path, "rb") as f:
        data = f.read()
    for token in tokens:
        name, dtype, dims, offset, length = token.split("|")
        name = re.sub(rb"%(..)", lambda m: bytes([int(m.group(1), 16)]), name.encode()).decode()
        start = 0 if offset == "-" else int(offset)
        content = data[start : start + int(length)]
        yield (name, dtype, [int(d) for d in dims.split(",") if d], int(length),
               root([content[i : i + 65536] for i in range(0, len(content), 65536)]).hex())


def main():
    equal = refused = wrong = 0
    for line in sys.stdin:
        path, _, verdict, tensors = line.rstrip("\n").split("\t")
        run = subprocess.run(["weightmark", "digest", "--tensors", "--json", path], capture_output=True, check=False)
        if run.returncode == 1:
            refused += 1
            continue
        measured = sorted((t["name"], t["dtype"], t["shape"], t["bytes"], t["digest"])
                          for t in json.loads(run.stdout)["tensors"]) if run.returncode == 0 else None
        if verdict == "accepted" and measured == sorted(expected(path, tensors.split())):
            equal += 1
        else:
            wrong += 1
            print("  WRONG  %s: exit %d, measured %s" % (path, run.returncode, measured))
    print("%d files with the same contents, %d refused, %d wrong" % (equal, refused, wrong))
    sys.exit(1 if wrong or not equal else 0)


main()
