// SPDX-License-Identifier: Apache-2.0
// What llama.cpp makes of GGUF files: tensors, metadata but for our slot, and what it completes; or
// what it refuses them for. One JSON object a line.   node run.mjs FILE...
import { createHash } from "node:crypto";
import { LlamaCompletion, LlamaLogLevel, getLlama, readGgufFileInfo } from "node-llama-cpp";

const llama = await getLlama({
	build: "never", gpu: false, progressLogs: false, skipDownload: true,
	logLevel: LlamaLogLevel.disabled, // what it logs comes late or not at all, from one run to the next
});

async function complete(modelPath) {
	const model = await llama.loadModel({ modelPath });
	const context = await model.createContext({ contextSize: 256, threads: 1 });
	const completion = new LlamaCompletion({ contextSequence: context.getSequence() });
	const text = await completion.generateCompletion("weights", { maxTokens: 32, temperature: 0 });

	await model.dispose();
	return Buffer.from(text).toString("hex");
}

for (const file of process.argv.slice(2)) {
	const { metadata, fullTensorInfo } = await readGgufFileInfo(file, { logWarnings: false });
	const found = { tensors: fullTensorInfo.map(({ name, ggmlType, dimensions }) => [name, ggmlType, ...dimensions]) };

	delete metadata.weightmark;
	found.metadata = createHash("sha256").update(JSON.stringify(metadata)).digest("hex");
	try {
		found.completed = await complete(file);
	} catch (e) {
		found.refused = String(e.message).replaceAll(file, "FILE");
	}
	console.log(JSON.stringify(found, (_, value) => typeof value === "bigint" ? Number(value) : value));
}
process.exit(0);
