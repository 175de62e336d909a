// SPDX-License-Identifier: Apache-2.0
// Prints what the published reader @huggingface/gguf finds in GGUF files, one line a tensor:
//   FILE <tab> name <tab> type <tab> dimensions, outermost first <tab> offset in the data
// and FILE <tab> refused <tab> why <tab> - <tab> - where it refuses the file. Paths are arguments,
// or, without any, lines of standard input. Types that both containers have bear their plain name.
//   node gguf.mjs FILE...     in a folder with a copy of this file, package.json and package-lock.json,
//                             after npm ci --ignore-scripts there
import { createInterface } from "node:readline";
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";

const plain = new Set(["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8"]);

function row(...cells) {
	process.stdout.write(cells.join("\t") + "\n");
}

function typeName(number) {
	const name = GGMLQuantizationType[number] ?? `unknown ${number}`;
	return plain.has(name) ? name : `gguf:${name}`;
}

async function show(file) {
	let parsed;
	try {
		parsed = await gguf(file, { allowLocalFile: true });
	} catch (e) {
		row(file, "refused", String(e.message ?? e).replace(/\s+/g, " "), "-", "-");
		return;
	}
	for (const t of parsed.tensorInfos)
		row(file, t.name, typeName(t.dtype), [...t.shape].reverse().join(","), t.offset);
}

if (process.argv.length > 2)
	for (const file of process.argv.slice(2))
		await show(file);
else
	for await (const file of createInterface({ input: process.stdin }))
		await show(file);
