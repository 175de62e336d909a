#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # bats runs each test in a subshell, and sets output
load helper
load signed

given_ledger() {
	given
	wm init acme.example/log --ledger ledger.git >/dev/null
	wm sign model.safetensors --manifest m.yaml --key publisher.key --ledger ledger.git >/dev/null
	all=$(wm log --ledger ledger.git --json)
	model=$(of_json "$all" '.logs[0].entries[] | select(.kind == "manifest") | .object')
	run_id=$(of_json "$all" '.logs[0].entries[] | select(.kind == "run") | .object')
	data=$(of_json "$all" '.logs[0].entries[] | select(.kind == "dataset") | .object')
}

@test "from data to weights, and back" {
	given_ledger
	run -0 --separate-stderr wm trace --from "$data" --ledger ledger.git
	[[ $output == "dataset $data"$'\n'"  run $run_id  [used, "*"; asserted by "*$'\n'"    checkpoint $model  [made"* ]]
	run -0 --separate-stderr wm trace --to "$model" --ledger ledger.git
	[[ $output == "checkpoint $model"$'\n'"  run $run_id  ["*"no parent is declared"*$'\n'"    dataset $data  [used"* ]]
}

@test "which ledgers were read, and how far" {
	given_ledger
	run -0 --separate-stderr wm trace --from "$data" --ledger ledger.git
	[[ $stderr == *'read acme.example/log in ledger.git: '[1-9]*' entries, root '* ]]
	root=$(of_json "$all" '.logs[0].root')
	run -0 --separate-stderr wm trace --from "$data" --ledger ledger.git --json
	[ -z "$stderr" ]
	[ "$(of_json "$output" '.ledgers[0] | [.ledger, .origin, .root] | join(" ")')" = "ledger.git acme.example/log $root" ]
	[ "$(of_json "$output" '.ledgers[0].size')" = "$(of_json "$all" '.logs[0].size')" ]
}

@test "names, digests and parties begin a walk" {
	given_ledger
	weights=$(of_json "$(wm digest model.safetensors --json)" '.. | .weights_digest? // empty' | head -1)
	run -0 --separate-stderr wm trace --from "${data##*/}" --ledger ledger.git
	[[ $output == "dataset $data"* ]]
	run -0 --separate-stderr wm trace --to "$weights" --ledger ledger.git
	[[ $output == "checkpoint $model"* ]]
	run -0 --separate-stderr wm trace --from "party:${data%/*}" --ledger ledger.git
	[[ $output == "dataset $data"* ]]
	run -1 --separate-stderr wm trace --from "party:nobody" --ledger ledger.git
}

@test "JSON says who asserts what" {
	given_ledger
	run -0 --separate-stderr wm trace --from "$data" --ledger ledger.git --json
	is_json "$output"
	[ "$(of_json "$output" '[.nodes[].kind] | join(" ")')" = 'dataset run checkpoint' ]
	[ "$(of_json "$output" '.nodes[2].before')" = "$run_id" ]
	[ "$(of_json "$output" '.nodes[1].assurance')" = asserted ]
	[ "$(of_json "$output" '.findings | length')" = 0 ]
	run -0 --separate-stderr wm trace --from "$data" --depth 1 --ledger ledger.git --json
	[ "$(of_json "$output" '.nodes | length')" = 2 ]
}

@test "what is not known, and usage" {
	given_ledger
	run -1 --separate-stderr wm trace --from nothing --ledger ledger.git
	[[ $stderr == *"no statement of these ledgers is about 'nothing'"* ]]
	refused_as thing-unknown
	run -1 --separate-stderr wm trace --from nothing --ledger ledger.git --json
	[ "$(of_json "$output" '"\(.error.reason) \(.exit)"')" = 'thing-unknown 1' ]
	run -2 --separate-stderr wm trace --ledger ledger.git
	refused_as usage
	run -2 --separate-stderr wm trace --from a --to b --ledger ledger.git
	refused_as usage
	run -2 --separate-stderr wm trace --from a --depth x --ledger ledger.git
	refused_as usage
}
