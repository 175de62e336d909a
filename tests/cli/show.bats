#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

@test "show: every statement, and that nothing is verified here" {
	given_signed
	run -0 --separate-stderr wm show model.safetensors
	[ -z "$stderr" ]
	[[ ${lines[0]} == *'nothing is verified here'* ]]
	[ "$(grep -Ec '^(dataset|run|manifest) key:' <<<"$output")" = 3 ]
	[[ $output == *'/digits-mlp@1.0.0'* && $output == *'checkpoint.file[0].sha256'* ]]
	local by_path=$output
	run -0 --separate-stderr wm show model.safetensors.wmk
	[ "$output" = "$by_path" ]
	mv model.safetensors.wmk elsewhere
	run -0 --separate-stderr wm show model.safetensors --sidecar elsewhere
	run -1 --separate-stderr wm show model.safetensors
	refused_as sidecar-missing
}

@test "show: the logs that statements are said to be in, not verified" {
	given_signed
	run -0 --separate-stderr wm show model.safetensors
	[[ $output != *'in log'* ]]
	run -0 --separate-stderr wm show model.safetensors --json
	[ "$(of_json "$output" '[.carriers[].statements[].logs | length] | add')" = 0 ]
	wm init acme.example/models --ledger ledger.git --out acme.vkey >/dev/null
	wm append model.safetensors.wmk --ledger ledger.git >/dev/null
	run -0 --separate-stderr wm show model.safetensors
	[ "$(grep -Ec '^  in log +acme.example/models at index [0-2] of 3$' <<<"$output")" = 3 ]
	run -0 --separate-stderr wm show model.safetensors --json
	[ "$(of_json "$output" '[.carriers[].statements[].logs[] | [.origin, .index, .size] | join(" ")] | sort | join(",")')" = \
		'acme.example/models 0 3,acme.example/models 1 3,acme.example/models 2 3' ]
	run -0 --separate-stderr wm show model.safetensors --yaml
	[[ $output != *'in log'* ]]
}

@test "show: --yaml is what an author writes, once what sign adds is taken out" {
	given_signed
	run -0 --separate-stderr wm show model.safetensors --yaml
	[ "$(grep -c '^kind: ' <<<"$output")" = 3 ]
	[[ $output == *'has_personal_info: "no"'*'licence: CC-BY-4.0'* ]]
	wm show model.safetensors --yaml >all.yaml
	# The dataset document can be signed again as it is printed.
	{
		awk '/^---/ { if (text ~ /kind: dataset/) printf "%s", text; text = "" } { text = text $0 "\n" }
			END { if (text ~ /kind: dataset/) printf "%s", text }' all.yaml
		sed '1,/^---/d' m.yaml | sed '1i ---'
	} | sed '/^  *\(as_of\|issued_at\|issuer\|nonce\|object\|schema_minor\|sequence\):/d; /^header:/d' >again.yaml
	run -0 --separate-stderr wm sign model.safetensors -m again.yaml --key publisher.key
	[ "${lines[0]}" = 'signed already: model.safetensors' ]
}

@test "show: --json has the payloads as they were signed" {
	given_signed
	run -0 --separate-stderr wm show model.safetensors --json
	[ "$(of_json "$output" '.verified')" = false ]
	[ "$(of_json "$output" '.carriers[0].statements | length')" = 3 ]
	local i
	for i in 0 1 2; do
		[ "wm:$(of_json "$output" ".carriers[0].statements[$i].payload" -cSj | sha256sum | cut -d' ' -f1)" = \
			"$(of_json "$output" ".carriers[0].statements[$i].statement")" ]
	done
}

@test "show: a broken sidecar is refused, not shown in part" {
	given_signed
	flip model.safetensors.wmk 5
	run -1 --separate-stderr wm show model.safetensors
	[[ $stderr == *'fix: '* ]]
	truncate -s -1 model.safetensors.wmk
	run -1 --separate-stderr wm show model.safetensors --json
	is_json "$output"
	[[ $output == *'"error"'* ]]
	: >model.safetensors.wmk
	run -1 --separate-stderr wm show model.safetensors
	refused_as sidecar-malformed
}

@test "show: hostile values are escaped, and cannot be YAML of their own" {
	given
	printf '%s\n' 'kind: manifest' 'model:' '  name: m' '  version: "1\n---\nkind: run\e[2J"' \
		'  model_id: m' >m.yaml
	wm sign model.safetensors -m m.yaml --key publisher.key
	local line
	run -0 --separate-stderr wm show model.safetensors
	for line in "${lines[@]}"; do harmless "$line"; done
	run -0 --separate-stderr wm show model.safetensors --yaml
	for line in "${lines[@]}"; do harmless "$line"; done
	[ "$(grep -c '^---' <<<"$output")" = 1 ]
	run -0 --separate-stderr wm show model.safetensors --json
	[[ $output != *$'\e'* ]]
	[ "$(of_json "$output" '.carriers[0].statements[0].payload.predicate.model.version == "1\n---\nkind: run\u001b[2J"')" = true ]
}
