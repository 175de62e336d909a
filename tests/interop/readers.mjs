// SPDX-License-Identifier: Apache-2.0
// What published readers find in checkpoint files, one line a file:
//   FILE <tab> READER <tab> accepted <tab> TENSORS       TENSORS as tests/interop/answers.py has them
//   FILE <tab> READER <tab> refused <tab> WHY
// safetensors: parseSafetensorsMetadata of @huggingface/hub (headers alone), which gets the file by a
// fetch that reads the disk; GGUF: gguf of @huggingface/gguf. Paths come on standard input.
// An index of shards gives one line as well, with SHARD: before each tensor.
//   node readers.mjs <LIST       where package.json is installed: npm ci --ignore-scripts
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { parseSafetensorsMetadata } from "@huggingface/hub";
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";

const plain = new Set(["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8"]);

function escaped(name) {
	let out = "";

	for (const byte of Buffer.from(name))
		out += byte > 0x20 && byte < 0x7f && !"%|:,".includes(String.fromCharCode(byte))
			? String.fromCharCode(byte)
			: "%" + byte.toString(16).padStart(2, "0");
	return out;
}

function tensor(name, dtype, shape, offset, length) {
	return [escaped(name), String(dtype).replace(/[^!-~]/g, "?"), shape.join(","), length === 0 ? "-" : offset, length].join("|");
}

// A Hub of one repository, x/x, whose files lie in a directory.
function hubOf(directory) {
	return async (url, { method = "GET", headers = {} } = {}) => {
		const name = decodeURIComponent(new URL(url).pathname.split("/").slice(5).join("/"));
		const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(new Headers(headers).get("range") ?? "") ?? [];
		let file;

		try {
			file = await open(`${directory}/${name}`);
		} catch {
			return new Response("", { status: 404, headers: { "x-error-code": "EntryNotFound" } });
		}
		try {
			const { size } = await file.stat();
			const start = Number(from ?? 0), end = Math.min(size, to ? Number(to) + 1 : size);
			const bytes = Buffer.alloc(Math.max(0, end - start));

			await file.read(bytes, 0, bytes.length, start);
			return new Response(method === "HEAD" ? null : bytes, {
				status: from === undefined ? 200 : 206,
				headers: { etag: '"x"', "content-range": `bytes ${start}-${end - 1}/${size}` },
			});
		} finally {
			await file.close();
		}
	};
}

async function headerLength(path) {
	const file = await open(path);

	try {
		const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
		return 8 + Number(buffer.readBigUInt64LE());
	} finally {
		await file.close();
	}
}

async function headerTensors(path, header, prefix = "") {
	const start = await headerLength(path);

	return Object.entries(header).filter(([name]) => name !== "__metadata__")
		.map(([name, { dtype, shape, data_offsets: [begin, end] }]) =>
			prefix + tensor(name, dtype, shape, start + begin, end - begin));
}

async function readSafetensors(path) {
	const [, directory, name] = /^(.*)\/([^/]*)$/.exec(path) ?? ["", ".", path];
	const found = await parseSafetensorsMetadata({ repo: "x/x", path: name, fetch: hubOf(directory) });

	if (!found.sharded)
		return headerTensors(path, found.header);
	const shards = Object.entries(found.headers).map(([shard, header]) =>
		headerTensors(`${directory}/${shard}`, header, `${shard}:`));
	const tensors = (await Promise.all(shards)).flat();
	const mapped = Object.entries(found.index.weight_map).map(([key, shard]) => `${shard}:${escaped(key)}|`);

	if (mapped.length !== tensors.length || !mapped.every((m) => tensors.some((t) => t.startsWith(m))))
		throw new Error("the index maps other tensors than the shards hold");
	return tensors;
}

async function readGguf(path) {
	const { tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true });

	return tensorInfos.map(({ name, dtype, shape, offset }) => {
		const type = GGMLQuantizationType[dtype];

		if (type === undefined)
			throw new Error(`unknown tensor type ${dtype}`);
		// It does not say how many bytes a tensor has, unless none.
		return tensor(name, plain.has(type) ? type : `gguf:${type}`, [...shape].reverse(),
			tensorDataOffset + offset, shape.includes(0n) ? 0 : "?");
	});
}

for await (const path of createInterface({ input: process.stdin })) {
	const isGguf = path.endsWith(".gguf");
	let cells;

	try {
		const tensors = await (isGguf ? readGguf : readSafetensors)(path);
		cells = ["accepted", tensors.sort().join(" ")];
	} catch (e) {
		cells = ["refused", String(e.message ?? e).replaceAll(path, "FILE").replace(/\s+/g, " ").slice(0, 400)];
	}
	process.stdout.write([path, isGguf ? "@huggingface/gguf" : "@huggingface/hub", ...cells].join("\t") + "\n");
}
