// SPDX-License-Identifier: Apache-2.0
// What ONNX Runtime makes of models: their inputs and outputs, and what they compute of ones; or
// "refused". One JSON object a line.   node load.mjs FILE...
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "fatal";

async function run(file) {
	const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)),
		{ executionProviders: ["wasm"], logSeverityLevel: 4 });
	const inputs = {};

	for (const { name, shape, type } of session.inputMetadata) {
		const dims = shape.map((d) => typeof d === "number" ? d : 1);

		if (type !== "float32")
			throw new Error("an input of another type");
		inputs[name] = new ort.Tensor(new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(1), dims);
	}
	const outputs = await session.run(inputs);

	return Object.entries(outputs).map(([name, t]) => [name, t.dims, Array.from(t.data, String)]);
}

for (const file of process.argv.slice(2)) {
	try {
		console.log(JSON.stringify(await run(file)));
	} catch (e) {
		console.log(JSON.stringify({ refused: String(e.message).replaceAll(file, "FILE").slice(0, 300) }));
	}
}
