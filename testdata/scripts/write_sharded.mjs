// SPDX-License-Identifier: Apache-2.0
// The tensors of a safetensors file as three shards with their index.
//   node write_sharded.mjs MODEL.safetensors DIRECTORY
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { read, write } from './safetensors.mjs';

const [source, directory] = process.argv.slice(2);
const model = read(source);
const shards = [/^(token|position|layers\.0)\./, /^layers\.1\./, /^(norm|classifier)\./];
const weight_map = {};
let total_size = 0;

shards.forEach((pattern, i) => {
	const file = `model-0000${i + 1}-of-0000${shards.length}.safetensors`;
	const tensors = model.tensors.filter(({ name }) => pattern.test(name));

	for (const { name, data } of tensors) {
		weight_map[name] = file;
		total_size += data.byteLength;
	}
	write(join(directory, file), { ...model, tensors });
});
writeFileSync(join(directory, 'model.safetensors.index.json'),
	JSON.stringify({ metadata: { total_size }, weight_map }, null, 2) + '\n');
