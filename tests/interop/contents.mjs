// SPDX-License-Identifier: Apache-2.0
// Loads checkpoints whole, as published packages do it, and prints every tensor, sorted by name:
//   NAME <tab> dimensions, outermost first <tab> SHA-256 of its values
// FILE is safetensors (@jax-js/loaders), an index of shards, which says where to look for each
// tensor, or GGUF of F32 tensors (@huggingface/gguf), and then all files of a split set.
//   node contents.mjs FILE
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { safetensors } from "@jax-js/loaders";
import { GGMLQuantizationType, gguf, parseGgufShardFilename } from "@huggingface/gguf";

function row(name, shape, { buffer, byteOffset, byteLength }) {
	const values = new Uint8Array(buffer, byteOffset, byteLength);

	return [name, shape.join(","), createHash("sha256").update(values).digest("hex")].join("\t");
}

function load(path) {
	return safetensors.parse(new Uint8Array(readFileSync(path))).tensors;
}

function fromSafetensors(path) {
	return Object.entries(load(path)).map(([name, { shape, data }]) => row(name, shape, data));
}

function fromIndex(path) {
	const { weight_map } = JSON.parse(readFileSync(path));
	const shards = {};

	return Object.entries(weight_map).map(([name, file]) => {
		const { shape, data } = (shards[file] ??= load(join(dirname(path), file)))[name];

		return row(name, shape, data);
	});
}

async function fromGguf(path) {
	const { tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true });
	const bytes = readFileSync(path);

	return tensorInfos.map(({ name, dtype, shape, offset }) => {
		const start = Number(tensorDataOffset + offset);

		if (dtype !== GGMLQuantizationType.F32)
			throw new Error(`${name} is not F32`);
		const length = 4 * Number(shape.reduce((n, dim) => n * dim, 1n));
		return row(name, [...shape].reverse(), bytes.subarray(start, start + length));
	});
}

function split(path) {
	const shard = parseGgufShardFilename(path);

	return !shard ? [path] : Array.from({ length: Number(shard.total) }, (_, i) =>
		`${shard.prefix}-${String(i + 1).padStart(5, "0")}-of-${shard.total}.gguf`);
}

const [path] = process.argv.slice(2);
const rows = path.endsWith(".gguf") ? (await Promise.all(split(path).map(fromGguf))).flat()
	: path.endsWith(".json") ? fromIndex(path) : fromSafetensors(path);

process.stdout.write(rows.sort().join("\n") + "\n");
