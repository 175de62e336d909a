// SPDX-License-Identifier: Apache-2.0
// The tensors of a safetensors file as GGUF: one file, and a split set of two.
//   node write_gguf.mjs MODEL.safetensors DIRECTORY
// Counts, keys and values are serialised by the npm package @huggingface/gguf, which then reads the
// file back. It has no writer for the table of tensors, so that one is written here.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GGMLQuantizationType, GGUFValueType, gguf, serializeGgufMetadata } from '@huggingface/gguf';
import { read } from './safetensors.mjs';

const ALIGNMENT = 32;
const padded = (length) => Math.ceil(length / ALIGNMENT) * ALIGNMENT;
const text = (value) => ({ value, type: GGUFValueType.STRING });
const u16 = (value) => ({ value, type: GGUFValueType.UINT16 });
const i32 = (value) => ({ value, type: GGUFValueType.INT32 });

// What precedes the tensor table: the package pads it, which only the end of the table wants.
function keysAndValues(metadata) {
	const some = serializeGgufMetadata(metadata, { alignment: 1 });

	return Buffer.from(some.buffer, some.byteOffset, some.byteLength);
}

function tableEntry({ name, shape }, offset) {
	const utf8 = Buffer.from(name);
	const entry = Buffer.alloc(8 + utf8.length + 4 + 8 * shape.length + 4 + 8);
	let at = entry.writeBigUInt64LE(BigInt(utf8.length));

	at += utf8.copy(entry, at);
	at = entry.writeUInt32LE(shape.length, at);
	for (const dim of [...shape].reverse()) // innermost first
		at = entry.writeBigUInt64LE(BigInt(dim), at);
	at = entry.writeUInt32LE(GGMLQuantizationType.F32, at);
	entry.writeBigUInt64LE(BigInt(offset), at);
	return entry;
}

function pad(buffer) {
	return Buffer.concat([buffer], padded(buffer.length));
}

async function write(target, tensors, more) {
	const table = [], data = [];
	let offset = 0;

	for (const tensor of tensors) {
		const bytes = pad(Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));

		table.push(tableEntry(tensor, offset));
		data.push(bytes);
		offset += bytes.length;
	}
	const head = keysAndValues({
		version: { value: 3, type: GGUFValueType.UINT32 },
		tensor_count: { value: BigInt(tensors.length), type: GGUFValueType.UINT64 },
		kv_count: { value: 0n, type: GGUFValueType.UINT64 },
		...more,
	});
	const bytes = Buffer.concat([pad(Buffer.concat([head, ...table])), ...data]);
	writeFileSync(target, bytes);
	await readBack(target, bytes, tensors);
	console.log(`${target}: ${tensors.length} tensors, ${bytes.length} bytes`);
}

async function readBack(target, bytes, tensors) {
	const found = await gguf(target, { allowLocalFile: true });

	for (const [i, { name, shape, data }] of tensors.entries()) {
		const info = found.tensorInfos[i];
		const at = Number(found.tensorDataOffset + info.offset);
		const same = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
			.equals(bytes.subarray(at, at + data.byteLength));

		if (info.name !== name || String([...info.shape].reverse()) !== String(shape) || !same)
			throw new Error(`${name} reads back differently`);
	}
}

const [source, directory] = process.argv.slice(2);
const { title, tensors } = read(source);
const about = {
	'general.architecture': text(title),
	'general.name': text(title),
	'general.license': text('apache-2.0'),
};
const halves = [/^(token|position|layers\.0)\./, /^(layers\.1|norm|classifier)\./];

await write(join(directory, 'model.gguf'), tensors, about);
for (const [i, pattern] of halves.entries())
	await write(join(directory, `model-split-0000${i + 1}-of-0000${halves.length}.gguf`),
		tensors.filter(({ name }) => pattern.test(name)),
		{
			// llama.cpp writes the rest of the metadata into the first file alone.
			...(i ? {} : about),
			'split.no': u16(i),
			'split.count': u16(halves.length),
			'split.tensors.count': i32(tensors.length),
		});
