#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2034 # bats sets stderr
# What one key says adds taint and findings; it never clears what another key's statement reaches.
load helper
load signed
load lineage

by=(--key counsel.key --issuer counsel.example --ledger work.git)

ordered() { # further lines of the order
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d${1-}"
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
