#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2030,SC2031 # bats sets stderr; each test is a subshell
# Transfers: one side's word, in a file or a log. What orders make of them: order.bats.
load helper
load signed
load lineage

given_transfer() {
	given_ledger
	cat >t.yaml <<'YAML'
kind: transfer
id: t-1
party: [{id: a, legal_name: The Lab}, {id: b, legal_name: Clarity Inc}]
from: a
to: b
subject: {object: lab.example/D}
date: 2023-01-01
recipient_class: unrelated
related_party: {exists: no}
YAML
}

@test "transfer: signed into a file and a log, once" {
	given_transfer
	run -0 --separate-stderr wm transfer t.yaml --key steward.key --issuer lab.example -o t.wmk \
		--ledger work.git --json
	is_json "$output"
	[ "$(of_json "$output" '.statements[0] | "\(.object) \(.reused)"')" = 'lab.example/t-1 false' ]
	[ "$(of_json "$output" .recorded.appended)" = 1 ]
	run -0 --separate-stderr wm transfer t.yaml --key steward.key --issuer lab.example -o t.wmk \
		--ledger work.git --json
	[ "$(of_json "$output" '"\(.statements[0].reused) \(.recorded.appended)"')" = 'true 0' ]
	sed -i 's/unrelated/affiliate/' t.yaml
	run -2 --separate-stderr wm transfer t.yaml --key steward.key --issuer lab.example --ledger work.git
	refused_as said-otherwise
	run -0 --separate-stderr wm transfer t.yaml --key steward.key --issuer lab.example --ledger work.git \
		--amend --reason 'a slip' --json
	[ "$(of_json "$output" '.statements[0].sequence')" = 2 ]
}

@test "transfer: a dry run writes nothing; nowhere to write is refused" {
	given_transfer
	run -0 --separate-stderr wm transfer t.yaml --key steward.key -o t.wmk --dry-run --json
	[ ! -e t.wmk ]
	[ "$(of_json "$output" '.statements[0].payload' | jq -r .predicate.to)" = b ]
	run -2 --separate-stderr wm transfer t.yaml --key steward.key
	refused_as usage
}

@test "transfer: what does not say enough is refused" {
	given_transfer
	local field
	for field in id: from: subject: related_party:; do
		sed "/^$field/d" t.yaml >bad.yaml
		run -2 --separate-stderr wm transfer bad.yaml --key steward.key --ledger work.git
		refused_as yaml-field
	done
	sed 's/^kind: transfer/kind: order/' t.yaml >bad.yaml
	run -2 --separate-stderr wm transfer bad.yaml --key steward.key --ledger work.git
	refused_as yaml-field
	sed 's/Clarity Inc/TODO/' t.yaml >bad.yaml
	run -2 --separate-stderr wm transfer bad.yaml --key steward.key --ledger work.git
	refused_as order-unfinished
	[[ $(wm log --ledger work.git --json | jq -c '[.logs[].entries[]]') == '[]' ]]
}
