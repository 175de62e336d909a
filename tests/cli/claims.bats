#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2030,SC2031 # bats sets stderr; each test is a subshell
# What one key says never clears what another key's statement taints, leaves unknown, or names.
load helper
load signed
load lineage

verified() { # status model argument...
	run "-$1" --separate-stderr wm verify "$2" --key steward.pub --ledger work.git "${@:3}"
}

given_stranger() {
	given_ledger
	wm key new ./mallory --no-passphrase >/dev/null
}

# says YAML: a key that nobody knows signs it as if it were the lab, with a checkpoint of its own.
says() { # yaml
	n=$((${n:-0} + 1))
	tensor_file "evil$n.safetensors" w "$n..."
	printf 'kind: manifest\nmodel: {name: evil, version: "%s"}\n%s\n' "$n" "$1" >evil.yaml
	wm sign "evil$n.safetensors" -m evil.yaml --key mallory.key --issuer lab.example \
		--ledger work.git >/dev/null
}

ordered() { # scope_yaml
	order_file o.yaml ftc-1 court_order 2026-01-02 <<<"$1
obligation: [{id: data, kind: delete_data, days: 20}, {id: models, kind: delete_models, days: 20}]"
	wm order add o.yaml --key counsel.key --issuer counsel.example --ledger work.git >/dev/null 2>&1
}

# raw NAME BYTES YAML...: a checkpoint of bytes without a grammar
raw() { # name bytes yaml
	printf '%s' "$2" >"$1.bin"
	printf '%s\n' "$3" >"$1.yaml"
	wm sign "$1.bin" -m "$1.yaml" --key steward.key --issuer lab.example --ledger work.git >/dev/null
}

# folder NAME YAML: weights of its own and the same vocabulary
folder() { # name yaml
	mkdir -p "$1"
	tensor_file "$1/m.safetensors" w "$1..."
	printf 'words of all' >"$1/vocab.bin"
	printf '%s\n' "$2" >"$1.yaml"
	wm sign "$1" -m "$1.yaml" --key steward.key --issuer lab.example --ledger work.git >/dev/null
}

uses_d() { # name
	printf 'kind: dataset\ndataset_id: D\ntitle: Data D\n---\n%s\n' "$(head_of "$1")
training_run: [{id: run-$1, uses: [{dataset_id: D, role: pretrain}]}]"
}

@test "a scope of object and digest means both, whoever refers to the object" {
	given_stranger
	mkdir photos
	printf one >photos/1.jpg
	printf 'kind: dataset\ndataset_id: photos\ntitle: P\n' >d.yaml
	wm dataset record photos -f d.yaml --key steward.key --issuer lab.example --ledger work.git >/dev/null
	model M0 "$(head_of M0)
training_run: [{id: run-M0, uses: [{dataset: {object: lab.example/photos}, role: pretrain}]}]"
	local root
	root=$(wm show photos.wmk --json | jq -r '[.. | .content_root? // empty][0]')
	[ ${#root} = 64 ]
	ordered "scope_dataset: [{object: other.example/photos, sha256: $root}]"
	verified 1 M0.safetensors
	says 'training_run: [{id: r, uses: [{dataset: {object: other.example/photos}, role: finetune}]}]'
	verified 1 M0.safetensors
	[[ $output == *ancestor-tainted* ]]
}

@test "equal bytes without a grammar are linked" {
	given_stranger
	raw T 'the same bytes' "$(uses_d T)"
	raw C 'the same bytes' "$(head_of C)"
	raw N 'other bytes' "$(head_of N)"
	verified 0 C.bin
	ordered 'scope_dataset: [{object: lab.example/D}]'
	verified 1 C.bin
	[[ $output == *ancestor-tainted* ]]
	verified 0 N.bin
	run -0 --separate-stderr wm trace --from lab.example/D --ledger work.git
	[[ $output == *C@1*equal-files* && $output != *N@1* ]]
}

@test "a parent by object and digest is all that have the digest" {
	given_stranger
	folder A "$(head_of A)"
	folder T "$(uses_d T)"
	model other "$(head_of other)"
	local vocab
	vocab=$(sha256sum <A/vocab.bin | cut -d' ' -f1)
	model kid "$(head_of kid)
derivation: [{kind: finetune, parent: [{object: lab.example/other@1, sha256: $vocab}]}]"
	ordered 'scope_dataset: [{object: lab.example/D}]'
	verified 1 kid.safetensors
	[[ $output == *ancestor-tainted* ]]
	run --separate-stderr wm trace --from lab.example/D --ledger work.git
	[[ $output == *kid@1* && $output != *A@1\ * ]] # it shares a file, and no more
}

@test "a dataset stays one of the order, whatever else somebody calls it" {
	given_stranger
	says 'training_run: [{id: D}, {id: M0@1}]'
	trained M0 D pretrain
	ordered 'scope_dataset: [{object: lab.example/D}]'
	run -1 --separate-stderr wm order status --ledger work.git --json
	[ "$(jq -c '[.orders[0] | .n_data, .n_data_open, .n_tainted_open]' <<<"$output")" = '[1,1,2]' ]
	run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git
	[[ $output == *"kinds: things of several kinds are called 'lab.example/D': wm:"*' by lab.example and wm:'* ]]
}

@test "what is said to be a dataset is one, though it is only referred to" {
	given_stranger
	model M0 "$(head_of M0)
training_run: [{id: run-M0, uses: [{dataset: {object: lab.example/D}, role: pretrain}]}]"
	verified 4 M0.safetensors
	[[ $output == *ancestor-unknown*lab.example/D* ]]
	says 'training_run: [{id: D}]'
	verified 4 M0.safetensors
	[[ $output == *ancestor-unknown*lab.example/D* ]]
	ordered 'scope_dataset: [{object: lab.example/D}]'
	run -1 --separate-stderr wm order status --ledger work.git --json
	[ "$(jq -c '[.orders[0] | .n_data, .n_data_open]' <<<"$output")" = '[1,1]' ]
}

@test "only the key of a manifest says where its checkpoint comes from" {
	given_stranger
	model base 'kind: manifest
model: {name: base, version: "1"}'
	derived ft finetune base
	verified 4 ft.safetensors
	[[ $output == *ancestor-unknown*base@1* ]]
	says 'training_run: [{id: r, output_model: {object: lab.example/base@1}}]'
	verified 4 ft.safetensors
	[[ $output == *ancestor-unknown*base@1* ]]
	run -4 --separate-stderr wm trace --to lab.example/ft@1 --ledger work.git
	[[ $output == *'finding: origin: another key than that of the first adds where it comes from'*base@1* ]]
	cp base.safetensors b2.safetensors
	head_of base >b2.yaml
	wm sign b2.safetensors -m b2.yaml --key mallory.key --issuer lab.example --ledger work.git >/dev/null
	verified 4 ft.safetensors
	[[ $output == *ancestor-unknown*base@1* ]]
	run -1 --separate-stderr wm certify --clean lab.example/ft@1 --from lab.example/base@1 --ledger work.git
}

@test "the same key may say it elsewhere" {
	given_stranger
	model base 'kind: manifest
model: {name: base, version: "1"}'
	model late "$(head_of late)
training_run: [{id: r, output_model: {object: lab.example/base@1}}]"
	verified 0 base.safetensors
}

@test "a run that somebody says began earlier has begun after the withdrawal all the same" {
	given_stranger
	model MW "$(head_of MW)
training_run: [{id: r, start: \"2026-03-01T00:00:00Z\", uses: [{dataset: {object: lab.example/W}, role: pretrain}]}]"
	printf 'kind: dataset\ndataset_id: W\ntitle: W\n' >W.yaml
	mkdir W
	printf one >W/1
	wm dataset record W -f W.yaml --key steward.key --issuer lab.example --ledger work.git >/dev/null
	wm dataset withdraw --dataset W.wmk --record W/1 --effective 2026-01-01T00:00:00Z \
		--key steward.key --issuer lab.example --ledger work.git >/dev/null
	verified 1 MW.safetensors
	[[ $output == *record-withdrawn* ]]
	says 'training_run: [{id: r, start: "1990-03-01T00:00:00Z"}]'
	verified 1 MW.safetensors
	[[ $output == *record-withdrawn* && $output != *record-withdrawn-later* ]]
}

@test "data that a model made descends from it" {
	given_stranger
	trained M0 D pretrain
	local id
	for id in lab.example/M0@1 M0@1; do
		model "M8-${id//[^0-9A-Za-z]/}" "kind: dataset
dataset_id: S-${id//[^0-9A-Za-z]/}
title: S
generator_model_id: ['$id']
---
$(head_of "M8-${id//[^0-9A-Za-z]/}")
training_run: [{id: run-${id//[^0-9A-Za-z]/}, uses: [{dataset_id: S-${id//[^0-9A-Za-z]/}, role: pretrain}]}]"
	done
	ordered 'scope_dataset: [{object: lab.example/D}]'
	verified 1 M8-M01.safetensors
	[[ $output == *ancestor-tainted* ]]
	verified 1 M8-labexampleM01.safetensors
	run -0 --separate-stderr wm trace --from lab.example/D --ledger work.git
	[[ $output == *S-M01*generated* ]]
}
