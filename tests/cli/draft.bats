#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

@test "draft: what the checkpoint says, its sources, and gaps" {
	run -0 --separate-stderr wm draft "$GOOD"
	[ -z "$stderr" ]
	[[ $output == *'architecture: Mlp  # config.json'*'parameter_count: 2410'*'licence: Apache-2.0'*'dataset_id: optdigits'* ]]
	[[ $output == *'name:  # fill in'* ]]
}

@test "draft: cannot be signed until it is filled in, and then can" {
	given
	run -0 --separate-stderr wm draft "$GOOD" --out draft.yaml
	[ -z "$output" ]
	[[ $stderr == *'wrote draft.yaml'* ]]
	run -2 --separate-stderr wm sign model.safetensors -m draft.yaml --key publisher.key
	refused_as yaml-field
	[[ $stderr == *'draft.yaml: line '* ]]
	[ ! -e model.safetensors.wmk ]
	sed -i 's/^  name: /&digits/; s/^  version: /&1.0.0/; s/^  - id: /&run-1/; s/^        role: /&pretrain/
		s/^title: /&Digits/; s/^licence: /&CC-BY-4.0/; s/^record_count: /&1797/; s/^has_personal_info: /&no/' draft.yaml
	run -0 --separate-stderr wm sign model.safetensors -m draft.yaml --key publisher.key
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --full
}

@test "draft: --out never overwrites; --json carries the YAML" {
	given
	sha256sum m.yaml >before
	run -2 --separate-stderr wm draft model.safetensors --out m.yaml
	refused_as exists
	sha256sum -c --quiet before
	run -0 --separate-stderr wm draft model.safetensors --json
	[ "$(of_json "$output" '.yaml | [scan("kind: ")] | length')" = 2 ]
	run -3 --separate-stderr wm draft absent
	refused_as not-found
	run -3 --separate-stderr wm draft model.safetensors --out no/such/place
	refused_as write-failed
}

@test "draft: hostile names and sources stay comments and quoted values" {
	given
	printf '%s\n' '---' 'license: "mit\nkind: order"' 'datasets: ["x\nkind: manifest"]' '---' >README.md
	printf '{"architectures": ["\\u001b[2J: #"]}' >config.json
	local name line
	for name in "${hostile_names[@]}"; do
		cp model.safetensors "./$name"
		run -0 --separate-stderr wm draft -- "$name"
		for line in "${lines[@]}"; do harmless "$line"; done
		[ "$(grep -c '^kind: ' <<<"$output")" = 2 ]
		run -0 --separate-stderr wm draft --json -- "$name"
		is_json "$output"
		rm "./$name"
	done
}

@test "draft: a directory: what lies in it, its parts" {
	given_directory
	run -0 --separate-stderr wm draft m
	[ -z "$stderr" ]
	[[ $output == '# m: '*' bytes in 4 files'*'# part model.safetensors: '*' in 1 file, 4 tensors, 2410 parameters'* ]]
	[[ $output == *'architecture: Mlp  # config.json'*'parameter_count: 2410'*'licence: Apache-2.0  # README.md'* ]]
	# Not what lies beside it.
	printf '{"architectures": ["Other"]}' >config.json
	run -0 wm draft m/
	[[ $output != *Other* ]]
	# With several parts nobody can tell what the publisher counts.
	tensor_file m/adapter.safetensors a aaaa
	run -0 wm draft m
	[[ $output == *'# part adapter.safetensors'*'# part model.safetensors'* ]]
	[[ $output != *parameter_count* ]]
}

@test "draft: a slot that came along from elsewhere becomes a parent" {
	given_signed
	wm embed model.safetensors >/dev/null
	run -0 --separate-stderr wm draft model.safetensors
	[[ $output != *derivation* ]]
	# What a converter makes of it: the same metadata, other tensors.
	local header value
	value=$(head -c 65536 model.safetensors | LC_ALL=C grep -ao '"weightmark":"[^"]*"')
	header="{\"__metadata__\":{$value},\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}"
	mkdir tuned
	{
		local n=${#header}
		for _ in 1 2 3 4 5 6 7 8; do
			# shellcheck disable=SC2059
			printf "\\x$(printf %02x $((n % 256)))"
			n=$((n / 256))
		done
		printf '%saaaa' "$header"
	} >tuned/model.safetensors
	printf '%s\n' '---' 'base_model: acme/base' '---' >tuned/README.md
	local statement weights
	statement=$(wm sign model.safetensors -m m.yaml --key publisher.key --json | jq -r '.statements[2].statement')
	weights=$(wm digest model.safetensors --json | jq -r '.. | .weights_digest? // empty' | head -1)
	run -0 --separate-stderr wm draft tuned
	[[ $output == *$'derivation:\n  - kind:'*$'    parent:\n      - object: '*'/digits-mlp@1.0.0'*'slot of model.safetensors; its signature was not verified'* ]]
	[[ $output == *"statement: "*"$statement"*"weights_digest: "*"$weights"*'- uri: acme/base'* ]]
	# Filled in it can be signed, and the parent is referred to.
	run -0 --separate-stderr wm draft tuned --out draft.yaml
	sed -i 's/^  name: /&tuned/; s/^  version: /&1.0.0/; s/^  licence: /&MIT/; s/^  - id: /&run-1/; s/^        role: /&pretrain/
		s/^      - dataset_id: /&d/; s/^dataset_id: /&d/; s/^title: /&D/; s/^licence: /&MIT/; s/^record_count: /&1/
		s/^has_personal_info: /&no/; s/^  - kind: /&finetune/' draft.yaml
	# An id stands for one thing: the run of the parent has this one.
	run -2 --separate-stderr wm sign tuned -m draft.yaml --key publisher.key
	refused_as already-signed
	[[ $stderr == *"another run 'run-1'; if this is not the same, give it another id"* ]]
	sed -i 's/run-1/tuning/' draft.yaml
	run -0 --separate-stderr wm sign tuned -m draft.yaml --key publisher.key
	run -0 wm show tuned/weightmark.wmk
	[[ $output == *'derivation[0].parent[0].statement '*"$statement"* ]]
}
