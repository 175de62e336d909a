// SPDX-License-Identifier: Apache-2.0
// The weights of one training script as safetensors.   node write_safetensors.mjs WEIGHTS.json MODEL.safetensors
import { readFileSync } from 'node:fs';
import { write } from './safetensors.mjs';

const [source, target] = process.argv.slice(2);

write(target, JSON.parse(readFileSync(source, 'utf8')));
