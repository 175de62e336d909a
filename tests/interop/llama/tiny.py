#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a GGUF model that llama.cpp can run: one layer of width 32, weights by a fixed seed, bytes as tokens.

    tests/interop/llama/tiny.py FILE
"""
import random
import struct
import sys

WIDTH, INNER, HEADS, ALIGNMENT = 32, 64, 4, 32
TOKENS = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)] + ["\u2581"] + [chr(c) for c in range(97, 123)]
TYPES = [2, 3, 3] + [6] * 256 + [1] * 27


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def u32(value):
    return struct.pack("<II", 4, value)


def array(kind, values):
    return struct.pack("<IIQ", 9, kind, len(values)) + b"".join(values)


KVS = {
    "general.architecture": struct.pack("<I", 8) + text("llama"),
    "general.name": struct.pack("<I", 8) + text("tiny"),
    "llama.block_count": u32(1),
    "llama.context_length": u32(256),
    "llama.embedding_length": u32(WIDTH),
    "llama.feed_forward_length": u32(INNER),
    "llama.attention.head_count": u32(HEADS),
    "llama.attention.layer_norm_rms_epsilon": struct.pack("<If", 6, 1e-5),
    "llama.rope.dimension_count": u32(WIDTH // HEADS),
    "llama.vocab_size": u32(len(TOKENS)),
    "tokenizer.ggml.model": struct.pack("<I", 8) + text("llama"),
    "tokenizer.ggml.tokens": array(8, [text(t) for t in TOKENS]),
    "tokenizer.ggml.scores": array(6, [struct.pack("<f", -float(i)) for i in range(len(TOKENS))]),
    "tokenizer.ggml.token_type": array(5, [struct.pack("<i", t) for t in TYPES]),
    "tokenizer.ggml.unknown_token_id": u32(0),
    "tokenizer.ggml.bos_token_id": u32(1),
    "tokenizer.ggml.eos_token_id": u32(2),
}
SHAPES = {  # innermost first
    "token_embd.weight": [WIDTH, len(TOKENS)],
    "blk.0.attn_norm.weight": [WIDTH],
    "blk.0.attn_q.weight": [WIDTH, WIDTH],
    "blk.0.attn_k.weight": [WIDTH, WIDTH],
    "blk.0.attn_v.weight": [WIDTH, WIDTH],
    "blk.0.attn_output.weight": [WIDTH, WIDTH],
    "blk.0.ffn_norm.weight": [WIDTH],
    "blk.0.ffn_gate.weight": [WIDTH, INNER],
    "blk.0.ffn_up.weight": [WIDTH, INNER],
    "blk.0.ffn_down.weight": [INNER, WIDTH],
    "output_norm.weight": [WIDTH],
    "output.weight": [WIDTH, len(TOKENS)],
}


def main():
    r, table, data = random.Random("tiny"), b"", b""
    for name, shape in SHAPES.items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        table += text(name) + struct.pack("<I%dQIQ" % len(shape), len(shape), *shape, 0, len(data))
        spread = 0.0 if len(shape) == 1 else 0.5
        data += struct.pack("<%df" % n, *(r.gauss(0 if spread else 1, spread) for _ in range(n)))
        data += b"\0" * (-len(data) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(SHAPES), len(KVS))
    head += b"".join(text(key) + value for key, value in KVS.items()) + table
    with open(sys.argv[1], "wb") as f:
        f.write(head + b"\0" * (-len(head) % ALIGNMENT) + data)


main()
