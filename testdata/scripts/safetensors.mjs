// SPDX-License-Identifier: Apache-2.0
// Writes safetensors with a published writer, and reads them back with another package.
import { readFileSync, writeFileSync } from 'node:fs';
import { SafeTensorsWriter } from '@ruvector/ruvllm';
import { safetensors } from '@jax-js/loaders';

// This writer pads the header with zero bytes, where the format wants spaces. So the accuracy gets
// as many decimals as make the header a multiple of 8 bytes long, which needs no padding.
function build({ title, accuracy, tensors }, decimals) {
	const writer = new SafeTensorsWriter();

	for (const { name, shape, data } of tensors)
		writer.addTensor(name, new Float32Array(data), shape);
	writer.addMetadata('format', 'pt').addMetadata('title', title);
	writer.addMetadata('accuracy', accuracy.toFixed(decimals));
	return writer.build();
}

function isPadded(bytes) {
	const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));

	return bytes[8 + length - 1] !== '}'.charCodeAt(0);
}

export function write(target, model) {
	let bytes;

	for (let decimals = 4; decimals < 12; decimals++) {
		bytes = build(model, decimals);
		if (!isPadded(bytes))
			break;
	}
	if (isPadded(bytes))
		throw new Error('no number of decimals makes the header a multiple of 8 bytes');

	const read = safetensors.parse(bytes).tensors;
	for (const { name, shape, data } of model.tensors) {
		const values = new Float32Array(data);

		if (String(read[name].shape) !== String(shape) ||
		    !values.every((value, i) => value === read[name].data[i]))
			throw new Error(`${name} reads back differently`);
	}
	writeFileSync(target, bytes);
	console.log(`${target}: ${model.tensors.length} tensors, ${bytes.length} bytes`);
	return bytes.length;
}

export function read(source) {
	const { metadata, tensors } = safetensors.parse(new Uint8Array(readFileSync(source)));

	return {
		title: metadata.title,
		// It is a fraction of the 360 records held out; the file has some of its decimals.
		accuracy: Math.round(metadata.accuracy * 360) / 360,
		tensors: Object.entries(tensors).map(([name, t]) => ({ name, shape: t.shape, data: t.data })),
	};
}
