// SPDX-License-Identifier: Apache-2.0
// Writes the weights of one training script as safetensors with a published writer, and reads them
// back with another package.   node write_safetensors.mjs WEIGHTS.json MODEL.safetensors
import { readFileSync, writeFileSync } from 'node:fs';
import { SafeTensorsWriter } from '@ruvector/ruvllm';
import { safetensors } from '@jax-js/loaders';

const [source, target] = process.argv.slice(2);
const { title, accuracy, tensors } = JSON.parse(readFileSync(source, 'utf8'));

// This writer pads the header with zero bytes, where the format wants spaces. So the accuracy gets
// as many decimals as make the header a multiple of 8 bytes long, which needs no padding.
function build(decimals) {
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

let bytes;
for (let decimals = 4; decimals < 12; decimals++) {
	bytes = build(decimals);
	if (!isPadded(bytes))
		break;
}
if (isPadded(bytes))
	throw new Error('no number of decimals makes the header a multiple of 8 bytes');

const read = safetensors.parse(bytes).tensors;
for (const { name, shape, data } of tensors) {
	const values = new Float32Array(data);

	if (String(read[name].shape) !== String(shape) ||
	    !values.every((value, i) => value === read[name].data[i]))
		throw new Error(`${name} reads back differently`);
}
writeFileSync(target, bytes);
console.log(`${target}: ${tensors.length} tensors, ${bytes.length} bytes`);
