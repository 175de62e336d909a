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
