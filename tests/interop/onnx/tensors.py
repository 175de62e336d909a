# SPDX-License-Identifier: Apache-2.0
"""What the onnx package finds in a model, in the words of tests/interop/tensors.c.

    NAME in hexadecimal, DTYPE, DIMS, SHA-256 of the row-major little-endian bytes

Names by path are made from the descriptors of the package's own messages.
"""
import hashlib

import numpy
from onnx import TensorProto, numpy_helper

DTYPES = {
    TensorProto.FLOAT: "F32", TensorProto.UINT8: "U8", TensorProto.INT8: "I8",
    TensorProto.UINT16: "U16", TensorProto.INT16: "I16", TensorProto.INT32: "I32",
    TensorProto.INT64: "I64", TensorProto.BOOL: "BOOL", TensorProto.FLOAT16: "F16",
    TensorProto.DOUBLE: "F64", TensorProto.UINT32: "U32", TensorProto.UINT64: "U64",
    TensorProto.COMPLEX64: "C64", TensorProto.COMPLEX128: "C128", TensorProto.BFLOAT16: "BF16",
}
COMPLEX = {TensorProto.COMPLEX64: ("float_data", "<f4"),
           TensorProto.COMPLEX128: ("double_data", "<f8")}


def contents(tensor):
    """The bytes, as the package itself loads them."""
    if tensor.data_type in COMPLEX and not tensor.HasField("raw_data"):
        # Release 1.12 fails at these: it makes complex numbers, and converts them to real ones.
        field, kind = COMPLEX[tensor.data_type]
        array = numpy.array(getattr(tensor, field), kind)
        return array.reshape(list(tensor.dims) + [2]).tobytes()
    array = numpy_helper.to_array(tensor)
    if tensor.data_type == TensorProto.BFLOAT16:  # widened to 32 bits by the package
        array = (array.view(numpy.uint32) >> 16).astype(numpy.uint16)
    assert list(array.shape) == list(tensor.dims)
    return numpy.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()


def name_of(path, tensor):
    """`path` is a list of (message around, field, index or None)."""
    own = path[-1][0] == "GraphProto"
    if own and [step[1] for step in path] == ["graph", "initializer"]:
        return tensor.name
    steps = []
    for around, field, index in path:
        bare = index is None or (around == "GraphProto" and field == "initializer")
        steps.append(field if bare else "%s[%d]" % (field, index))
    return "onnx:" + "/".join(steps) + (":" + tensor.name if own else "")


def find(message, path=()):
    """Yields every TensorProto of a message, with its path."""
    around = message.DESCRIPTOR.name
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        many = field.label == field.LABEL_REPEATED
        for index, inner in enumerate(value if many else [value]):
            step = path + ((around, field.name, index if many else None),)
            if field.message_type.name == "TensorProto":
                yield step, inner
            else:
                yield from find(inner, step)


def tensors(model):
    """A line a tensor that is in the file and not of strings, sorted by name."""
    lines = []
    for path, tensor in find(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            continue
        data = contents(tensor) if tensor.data_type != TensorProto.STRING else None
        if data is None:
            numpy_helper.to_array(tensor)
            continue
        name = name_of(path, tensor).encode()
        lines.append((name, "\t".join((name.hex(), DTYPES[tensor.data_type],
                                       ",".join(map(str, tensor.dims)),
                                       hashlib.sha256(data).hexdigest()))))
    return [line for _, line in sorted(lines)]
