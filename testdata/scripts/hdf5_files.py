# SPDX-License-Identifier: Apache-2.0
"""HDF5 files that h5py writes: those of testdata/good/hdf5, and random ones.

    /usr/bin/python3 testdata/scripts/hdf5_files.py      writes testdata/good/hdf5; python3-h5py
"""
import json
import pathlib
import random
import sys

import h5py
import numpy as np

DTYPES = ["<f2", "<f4", "<f8", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "?", "<c8",
          "<c16", "V2"]


def random_array(rng, dtype=None, shape=None):
    dtype = np.dtype(dtype or rng.choice(DTYPES))
    if shape is None:
        shape = tuple(rng.choice([0, 1, 2, 3, 5, 8, 20]) if rng.randrange(8) == 0 else
                      rng.randrange(1, 12) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4])))
    n = int(np.prod(shape)) if shape else 1
    if dtype.kind == "b":
        return np.array([rng.randrange(2) for _ in range(n)], dtype=dtype).reshape(shape)
    return np.frombuffer(rng.randbytes(n * dtype.itemsize), dtype=dtype).reshape(shape)


def add_dataset(group, name, rng):
    array = random_array(rng)
    options = {}
    if array.ndim and array.size and rng.randrange(2):
        options = {"chunks": tuple(rng.randrange((d + 3) // 4, d + 1) for d in array.shape)}
        if rng.randrange(2):
            options["compression"] = "gzip"
        if rng.randrange(2):
            options["shuffle"] = True
        if rng.randrange(3) == 0:
            options["fletcher32"] = True
        if rng.randrange(4) == 0:
            options["maxshape"] = (None,) + array.shape[1:]
    if options and rng.randrange(4) == 0:
        # Of some chunks nothing is ever written.
        dataset = group.create_dataset(name, shape=array.shape, dtype=array.dtype, **options)
        dataset[:1] = array[:1]
    elif rng.randrange(10) == 0:
        dataset = group.create_dataset(name, shape=array.shape, dtype=array.dtype)
    else:
        dataset = group.create_dataset(name, data=array, **options)
    if array.dtype == "V2":
        dataset.attrs["dtype"] = "bfloat16"


def add_compact(group, name, rng):
    array = random_array(rng, "<f4", (5,))
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple(array.shape)
    d = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(array.dtype), space,
                        dcpl=properties)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, array)


def random_file(path, rng):
    options = {"libver": rng.choice(["earliest", "latest", ("earliest", "v110")])}
    if rng.randrange(6) == 0:
        options["userblock_size"] = rng.choice([512, 1024, 8192])
    with h5py.File(path, "w", track_order=rng.randrange(4) == 0, **options) as f:
        groups = [f]
        for i in range(rng.randrange(6)):
            parent = rng.choice(groups)
            groups.append(parent.create_group(f"{rng.choice(['dense', 'vars', 'größe'])}_{i}"))
        for i in range(rng.randrange(1, 9)):
            add_dataset(rng.choice(groups), rng.choice(["kernel", "bias:0", "w"]) + str(i), rng)
        if rng.randrange(3) == 0:
            add_compact(rng.choice(groups), "compact", rng)
        if rng.randrange(3) == 0:
            rng.choice(groups)["text"] = rng.choice(["hello", np.bytes_(b"fixed")])
        if rng.randrange(3) == 0:
            f["first"] = np.arange(3, dtype="<f4")
            rng.choice(groups[1:] or [f])["alias"] = f["first"]
            f["soft"] = h5py.SoftLink("/first")
        for group in groups:
            group.attrs["names"] = [b"kernel", b"bias"]
        if rng.randrange(2):
            f.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {}})
        if rng.randrange(12) == 0:
            for i in range(100):
                f[f"many_{i}"] = np.float32(i)


# --- the files that are kept --------------------------------------------------------------------

def keras_2(f):
    """What model.save("m.h5") of tf.keras writes for two dense layers."""
    rng = random.Random(7)
    layers = [("dense", 4, 3), ("dense_1", 3, 2)]
    f.attrs["keras_version"] = b"2.11.0"
    f.attrs["backend"] = b"tensorflow"
    f.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {
        "name": "sequential", "layers": [
            {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4],
                                                    "dtype": "float32", "name": "input"}}] + [
            {"class_name": "Dense", "config": {
                "name": name, "units": n, "activation": "relu", "kernel_initializer": {
                    "class_name": "GlorotUniform", "config": {"seed": None}}}}
            for name, _, n in layers]}}).encode()
    f.attrs["training_config"] = json.dumps({"loss": "mse", "metrics": None, "optimizer_config": {
        "class_name": "Adam", "config": {"learning_rate": 0.001}}}).encode()
    weights = f.create_group("model_weights")
    weights.attrs["layer_names"] = np.array([n.encode() for n, *_ in layers])
    optimizer = f.create_group("optimizer_weights")
    optimizer["Adam/iteration:0"] = np.int64(10)
    for name, rows, columns in layers:
        group = weights.create_group(name)
        names = [f"{name}/kernel:0", f"{name}/bias:0"]
        group.attrs["weight_names"] = np.array([n.encode() for n in names])
        group[names[0]] = random_array(rng, "<f4", (rows, columns))
        group[names[1]] = random_array(rng, "<f4", (columns,))


def keras_3(f):
    """What model.save_weights("m.weights.h5") of Keras 3 writes."""
    rng = random.Random(8)
    for layer, rows, columns in (("dense", 4, 3), ("dense_1", 3, 2)):
        group = f.create_group(f"layers/{layer}/vars")
        group["0"] = random_array(rng, "<f4", (rows, columns))
        group["1"] = random_array(rng, "<f4", (columns,))
    f.create_group("vars")
    f.create_group("optimizer/vars")["0"] = np.int64(3)


def all_kinds(f):
    rng = random.Random(9)
    for dtype in ["<f2", "<f4", "<f8", "i1", "<i8", "u1", "?", "<c8"]:
        f["types/" + np.dtype(dtype).name] = random_array(rng, dtype, (2, 3))
    array = random_array(rng, "<i4", (7, 9)) % 100
    for name, options in {"chunked": {}, "packed": {"shuffle": True, "compression": "gzip",
                                                    "fletcher32": True}}.items():
        f.create_dataset("storage/" + name, data=array, chunks=(4, 5), **options)
    add_compact(f["storage"], "compact", rng)
    f.create_dataset("storage/never-written", shape=(3, 4), dtype="<f4")
    f.create_dataset("storage/empty", shape=(0, 4), dtype="<f4")
    f["storage/scalar"] = np.float64(2.5)
    f["storage/hard"] = f["storage/scalar"]
    f["storage/soft"] = h5py.SoftLink("/storage/scalar")
    f["text"] = "no tensor"


def keras_bfloat16(f):
    """A layer of complex weights, and one whose weights Keras 3 keeps as bfloat16."""
    rng = random.Random(10)
    for i, (shape, options) in enumerate((((4, 3), {}), ((3,), {"chunks": (2,)}), ((), {}))):
        weight = f.create_dataset(f"layers/dense/vars/{i}", data=random_array(rng, "V2", shape),
                                  **options)
        weight.attrs["dtype"] = "bfloat16"
    f["layers/fft/vars/0"] = random_array(rng, "<c16", (2, 3))
    f["layers/fft/vars/1"] = random_array(rng, "<c8", (3,))


def main():
    folder = pathlib.Path(__file__).resolve().parents[1] / "good" / "hdf5"
    folder.mkdir(exist_ok=True)
    for name, fill, options in (
            ("keras-2.h5", keras_2, {}), ("keras-3.weights.h5", keras_3, {}),
            ("all-kinds.h5", all_kinds, {}), ("latest.h5", all_kinds, {"libver": "latest"}),
            ("keras-bfloat16.weights.h5", keras_bfloat16, {}),
            ("user-block.h5", keras_3, {"userblock_size": 1024})):
        with h5py.File(folder / name, "w", **options) as f:
            fill(f)


if __name__ == "__main__":
    sys.exit(main())
