#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2034 # bats sets stderr
# What one key says adds taint and findings; it never clears what another key's statement reaches.
load helper
load signed
load lineage

by=(--key counsel.key --issuer counsel.example --ledger work.git)

ordered() {
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
}

gone() { # thing...
	for thing; do
		printf '%s\t/srv\tdestroy\tStaff\t2024-03-21\n' "$thing"
	done >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
}

sha256_of() { # file
	sha256sum "$1" | cut -d' ' -f1
}

stranger() {
	wm key new ./mallory --no-passphrase >/dev/null
}

@test "claims: the digest of a file that checkpoints share destroys none of them" {
	given_ledger
	local name
	for name in T1 T2; do
		mkdir $name
		printf '{"vocabulary": 1}' >$name/tokenizer.json
		tensor_file $name/model.safetensors w "own $name"
		printf 'kind: dataset\ndataset_id: D\ntitle: D\n---\n%s\ntraining_run: [{id: run-%s, uses: [{dataset_id: D, role: pretrain}]}]\n' \
			"$(head_of $name)" $name >$name.yaml
		wm sign $name -m $name.yaml --key steward.key --issuer lab.example --ledger work.git >/dev/null
	done
	ordered
	gone lab.example/D "$(sha256_of T1/tokenizer.json)"
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object)"')" = 'digest lab.example/T1@1
digest lab.example/T2@1' ]
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub
	[[ $output == *'digest      lab.example/T1@1: '*'record the object itself'* ]]
	gone lab.example/T1@1 lab.example/T2@1
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub
}

@test "claims: a digest accounts for the object that all who speak of it give it to, whose keys are at hand" {
	given_ledger
	trained M0 D pretrain
	trained T D pretrain
	ordered
	gone lab.example/D "$(sha256_of M0.safetensors)"
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object)"')" = 'checkpoint lab.example/T@1' ]
	stranger
	cp M0.safetensors other.safetensors
	wm sign other.safetensors -m T.yaml --key mallory.key --issuer lab.example --ledger work.git >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object)"')" = 'digest lab.example/T@1' ]
	run -1 --separate-stderr wm order status ftc-1 --ledger work.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.status) \(.n_tainted_open)"')" = 'overdue 1' ]
	gone lab.example/T@1
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub
	# Whose digest it is, a key that is not at hand says: that counts for nothing.
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --json
	[[ "$(of_json "$output" '.open[] | "\(.kind) \(.statement)"')" == 'unverified lab.example/M0@1 wm:'* ]]
}

# forged YAML SIDECAR: an amended version in the ledger, whose signature is not that of its key
forged() { # yaml
	cp -r work.git other.git
	wm order add "$1" --amend --reason forged --key counsel.key --issuer counsel.example \
		--ledger other.git --out forged.wmk >/dev/null 2>&1
	local at
	at=$(LC_ALL=C grep -obUa 'in-toto+json' forged.wmk | head -n 1 | cut -d: -f1)
	flip forged.wmk $((at + 12 + 24)) # within its signature
	wm append forged.wmk --ledger work.git --no-proofs >/dev/null
}

@test "claims: a version that counsel did not sign narrows and relaxes nothing, and is a finding" {
	given_ledger
	trained M0 D pretrain
	ordered
	order_file o2.yaml ftc-1 court_order 2024-03-08 <<<'scope_role: [test]
scope_dataset: [{object: lab.example/D}]
obligation: [{id: data, kind: delete_data, days: 2000, done: yes}]'
	forged o2.yaml
	run -1 --separate-stderr wm order status ftc-1 --as-of 2024-03-10 --ledger work.git --trust counsel.pub
	[[ $output == *', verified, version 2'* && $output == *'signature-invalid: counsel.example/ftc-1 wm:'* ]]
	run -0 --separate-stderr wm order status ftc-1 --as-of 2024-03-10 --ledger work.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.n_tainted) \(.roles | length) \(.said.signature)"')" = '1 0 not verified' ]
	[ "$(of_json "$output" '.orders[0].obligations[] | "\(.id) \(.due) \(.done)"')" = 'data 2024-03-28 false
models 2024-03-28 false' ]
	run -1 --separate-stderr wm order status ftc-1 --as-of 2024-03-10 --ledger work.git --trust counsel.pub --json
	[ "$(of_json "$output" '"\(.signature_invalid | length) \(.signature_invalid[0].said.signature) \(.orders[0].said.signature)"')" = '1 not by this key verified' ]
	run -1 --separate-stderr wm verify M0.safetensors --key steward.pub --key counsel.pub --ledger work.git --json
	[[ $output == *'"ancestor-tainted"'* && $output == *'signature-invalid: a version is not by its key'* ]]
	run -1 --separate-stderr wm verify M0.safetensors --key steward.pub --ledger work.git
	[[ $output == *ancestor-tainted* ]]
}

@test "claims: a correction relaxes a day once its signature is verified" {
	given_ledger
	trained M0 D pretrain
	ordered
	order_file o2.yaml ftc-1 court_order 2024-03-08 <<<"${about_d//days: 20/days: 40}"
	wm order add o2.yaml "${by[@]}" --amend --reason extended >/dev/null
	day() {
		of_json "$output" '.orders[0].obligations[0].due'
	}
	run -0 --separate-stderr wm order status ftc-1 --as-of 2024-03-10 --ledger work.git --json
	[ "$(day)" = 2024-03-28 ]
	run -0 --separate-stderr wm order status ftc-1 --as-of 2024-03-10 --ledger work.git --trust counsel.pub --json
	[ "$(day)" = 2024-04-17 ]
}

@test "claims: who said what, by which key, and whether that is known" {
	given_ledger
	trained M0 D pretrain
	ordered
	gone lab.example/M0@1
	local key
	key=$(wm order status ftc-1 --ledger work.git --json | jq -r '.orders[0].said.keyid' | cut -c1-8) || true
	run -1 --separate-stderr wm order status ftc-1 --ledger work.git
	[[ $output == *"lab.example/M0@1  destroyed, says counsel.example (key $key, not verified)"* ]]
	run -1 --separate-stderr wm order status ftc-1 --ledger work.git --trust counsel.pub
	[[ $output == *"lab.example/M0@1  destroyed, says counsel.example (key $key, verified)"* ]]
}

@test "claims: a use of another subset, and what no ledger has, stay undecided when all else is closed" {
	given_ledger
	local root=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa name
	for name in A B; do
		model $name "kind: dataset
dataset_id: D
title: Data D
---
$(head_of $name)
training_run: [{id: run-$name, uses: [{dataset_id: D, role: pretrain, subset_root: ${root}$([ $name = A ] && echo a || echo b)}]}]"
	done
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"scope_subset_root: [${root}a]
scope_checkpoint: [{object: lab.example/nowhere}]
$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
	gone lab.example/A@1 lab.example/D
	run -4 --separate-stderr wm order status ftc-1 --as-of 2024-03-22 --ledger work.git --json
	[ "$(of_json "$output" '.orders[0].undecided')" = true ]
	run -4 --separate-stderr wm verify B.safetensors --key steward.pub --ledger work.git --json
	[[ $output == *'"use-undecided"'* ]]
}

@test "claims: no certificate ahead of time, over what no scan could read, or by a folder left again" {
	given_ledger
	trained M0 D pretrain
	ordered
	printf '%s\tsrv/old\tdestroy\tStaff\t2024-03-21\n' lab.example/D lab.example/M0@1 >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
	scanned() { # place state
		printf '{"scanned_at": "2024-03-10T00:00:00Z", "places": [{"place": "%s", "state": "%s", "object": "lab.example/M0@1"}]}' "$1" "$2" >s.json
		run "-$3" --separate-stderr wm certify ftc-1 "${by[@]}" --scan s.json --dry-run --json
	}
	scanned srv/old/../live/m tainted 1
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.place)"')" = 'copy srv/old/../live/m' ]
	scanned srv/old/m..n/m tainted 0
	printf '{"scanned_at": "2024-03-10T00:00:00Z", "places": [{"place": "x", "state": "failed"}]}' >s.json
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --scan s.json --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.number)"')" = 'unread 1' ]
	run -2 --separate-stderr wm certify ftc-1 "${by[@]}" --as-of 2099-12-31
	refused_as usage
}
