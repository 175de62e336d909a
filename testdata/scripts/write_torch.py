#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes testdata/good/torch/ and torch-legacy/: small files by torch.save (Debian's python3-torch), in its present
form and in that of before 1.6, and tensors.tsv with what torch holds of each: name, dtype, shape, SHA-256 of the
bytes in row-major order.

    testdata/scripts/write_torch.py [FOLDER]
"""
import collections
import hashlib
import os
import sys

import torch

DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
          torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
          torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64"}


def fact(name, t):
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16:
        data = t.view(torch.int16).numpy().tobytes()
    else:
        data = t.numpy().tobytes()
    return (name, DTYPES.get(t.dtype, str(t.dtype)), ",".join(map(str, t.shape)),
            hashlib.sha256(data).hexdigest())


def facts(x, name=""):
    """All tensors below an object, by the names that weightmark gives them."""
    under = lambda key: name + "." + key if name else key
    if isinstance(x, torch.Tensor):
        return [fact(name, x)]
    if isinstance(x, torch.storage.TypedStorage):
        return [fact(name, torch.tensor([], dtype=x.dtype).set_(x))]
    if isinstance(x, torch.UntypedStorage):
        return [fact(name, torch.tensor([], dtype=torch.uint8).set_(x))]
    if isinstance(x, dict):
        found = [facts(v, under(k if isinstance(k, str) else str(int(k))
                                if isinstance(k, (int, bool)) else "?"))
                 for k, v in x.items()]
        return sum(found, [])
    if isinstance(x, (list, tuple)):
        return sum((facts(v, under(str(i))) for i, v in enumerate(x)), [])
    return []


def count(*shape, dtype=torch.float32):
    n = torch.Size(shape).numel()
    return (torch.arange(n) % 120).to(dtype).reshape(shape)


def optimised():
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(5, 3)).sum().backward()
    optimizer.step()
    return {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
            "best": 0.5, "args": None, "shape": torch.Size([2, 3])}


def objects():
    m, whole = count(6, 4), count(40)
    yield "tensor", count(2, 3)
    yield "scalar", {"s": torch.tensor(2.5), "one": torch.ones(1), "n": torch.tensor(7)}
    yield "empty", {"e": torch.zeros(0), "f": torch.zeros(3, 0, 2), "g": count(2)}
    yield "dtypes", {str(d)[6:]: count(5, dtype=d) for d in DTYPES}
    yield "transposed", {"m": m, "t": m.t(), "p": count(2, 3, 4).permute(2, 0, 1)}
    yield "sliced", {"rows": m[1:3], "columns": m[:, 1:3], "steps": m[::2, ::3], "one": m[2, 3]}
    yield "fortran", count(4, 6).t().contiguous().t()
    yield "shared", {"a": whole, "b": whole, "view": whole.view(8, 5)}
    yield "overlapping", {"a": whole[:20], "b": whole[10:30], "c": whole[30:]}
    yield "expanded-within", {"x": count(4)[:2].expand(2, 2), "h": count(8).as_strided((3, 2), (1, 1))}
    yield "bfloat16", {"w": count(3, 3, dtype=torch.bfloat16).t()}
    yield "nested", {"a": {"b": [count(2), (count(3), {"c": count(1)})]}, "d": 1, "e": "text", 5: count(2)}
    yield "list", [count(1), count(2), [count(3)]]
    yield "parameter", collections.OrderedDict(w=torch.nn.Parameter(count(2, 2)),
                                               b=torch.nn.Parameter(count(2), requires_grad=False))
    yield "ordered", collections.OrderedDict((f"layer.{i}", count(i)) for i in range(1, 6))
    yield "storage", {"s": count(4).storage(), "t": count(4, dtype=torch.int16)}
    yield "many", collections.OrderedDict((f"w{i}", count(1)) for i in range(70))
    yield "optimiser", optimised()
    yield "no-tensors", {"a": 1, "b": [True, None, 1.5, "x", 2**40, 2**80]}


def write(folder, **options):
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/tensors.tsv", "w", encoding="utf-8") as table:
        table.write("# file\tname\tdtype\tshape\tSHA-256 of the bytes\n")
        for name, x in objects():
            torch.save(x, f"{folder}/{name}.pt", **options)
            for f in sorted(facts(x)):
                table.write("\t".join((name + ".pt",) + f) + "\n")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "testdata/good/torch"
    write(folder)
    write(folder + "-legacy", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
