#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes testdata/good/torch-tar/model.pt: a tar of pickles, the oldest form that torch.load reads (Debian's
python3-torch, whose torch.save no longer writes it), and loads it again.

    testdata/scripts/write_torch_tar.py [FILE]
"""
import io
import pickle
import struct
import sys
import tarfile

import torch

STORAGE, TENSOR = 7, 9  # the addresses that objects had


class Reference:
    """The tensor, as the pickle of the object names it."""


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return str(TENSOR) if isinstance(value, Reference) else None


def parts():
    values = torch.arange(4, dtype=torch.float32)
    storages = pickle.dumps(1, 2) + pickle.dumps((STORAGE, "cpu", torch.FloatStorage), 2) + struct.pack("<q", 4) + \
        values.numpy().tobytes() + pickle.dumps([], 2)
    tensors = pickle.dumps(1, 2) + pickle.dumps((TENSOR, STORAGE, torch.FloatTensor), 2) + \
        struct.pack("<ii2q2qq", 2, 0, 2, 2, 2, 1, 0)  # rank, nothing, shape, strides, offset
    whole = io.BytesIO()
    Pickler(whole, 2).dump({"w": Reference()})
    info = pickle.dumps({"protocol_version": 1000, "little_endian": True}, 2)
    return {"sys_info": info, "pickle": whole.getvalue(), "tensors": tensors, "storages": storages}


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "testdata/good/torch-tar/model.pt"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in parts().items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    loaded = torch.load(path)
    assert list(loaded) == ["w"] and loaded["w"].tolist() == [[0, 1], [2, 3]]


if __name__ == "__main__":
    main()
