# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # run, which sources this, sets work, good and interop
# ONNX: what the onnx package reads, and that it and ONNX Runtime load what weightmark embedded into.

onnx_runtime() { # file
	"$interop/node" onnx/load.mjs "$1" >"$work/$2" && ! grep -q '"refused"' "$work/$2"
}

onnx_embedded() { # name
	local before=$good/onnx/$1.onnx after=$work/onnx/$1/$1.onnx
	mkdir -p "$work/onnx/$1"
	cp "$good/onnx/$1".* "$work/onnx/$1"
	expect 0 "onnx/$1: sign" weightmark sign "$work/onnx/$1" -m "$good/digits-mlp.yaml" --key "$work/p256.key"
	expect 0 "onnx/$1: embed" weightmark embed "$work/onnx/$1"
	rm "$work/onnx/$1/weightmark.wmk"
	expect 0 "onnx/$1: verify by the slot alone" weightmark verify "$work/onnx/$1" --key "$work/p256.pub" --full
	expect 1 "onnx/$1: has changed" cmp "$before" "$after"
	expect 0 "onnx/$1: the package loads the same model" "$interop/onnx/same" "$before" "$after"
	if [ "$1" != external ]; then
		expect 0 "onnx/$1: ONNX Runtime, before" onnx_runtime "$before" said
		expect 0 "onnx/$1: ONNX Runtime, after" onnx_runtime "$after" says
		expect 0 "onnx/$1: ONNX Runtime computes the same" cmp "$work/said" "$work/says"
	fi
	expect 0 "onnx/$1: strip" weightmark strip "$work/onnx/$1"
	expect 0 "onnx/$1: as it was" cmp "$before" "$after"
}

expect 0 "onnx: the package finds the same tensors" "$interop/onnx/compare"
for name in perceptron nested raw numbers external; do
	onnx_embedded "$name"
done
