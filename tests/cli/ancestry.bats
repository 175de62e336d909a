#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2030,SC2031 # bats sets stderr; each test is a subshell
# Verifying where a checkpoint comes from: with ledgers, and with sidecars alone.
load helper
load signed
load lineage

by=(--key counsel.key --issuer counsel.example)

verified() { # status model argument...
	run "-$1" --separate-stderr wm verify "$2.safetensors" --key steward.pub "${@:3}"
}

ordered() { # kind
	order_file o.yaml ftc-1 "$1" 2026-01-02 <<<"$about_d"
	wm order add o.yaml "${by[@]}" --ledger work.git >/dev/null 2>&1
}

@test "verify --ledger: complete lineage without an order is accepted, and the checks are counted" {
	given_family
	verified 0 M9
	[[ $output == *'29 passed, 0 failed, 6 not run (1: only with --full; 5: no ledger was asked)'* ]]
	[ -z "$stderr" ]
	local without
	without=$(wm verify M9.safetensors --key steward.pub --json | jq '[.checks[] | select(.outcome == "passed")] | length')
	verified 0 M9 --ledger work.git --json
	[ "$(jq '[.checks[] | select(.outcome == "passed")] | length' <<<"$output")" = $((without + 5)) ]
	verified 0 M5 --ledger work.git
}

@test "verify asks the ledgers of the settings and the private one, offline" {
	given_family
	order_file o.yaml ftc-1 court_order 2026-01-02 <<<"$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
	verified 4 M1 # the private ledger alone: M0 is unknown there
	[[ $output == *ancestor-unknown*M0* ]]
	wm config set ledger work.git
	verified 1 M1
	[[ $output == *ancestor-tainted*lab.example/D*ordered* ]]
	verified 0 M9
	[[ $output == *'34 passed, 0 failed, 1 not run (1: only with --full)'* ]]
	verified 0 M1 --no-ledger
	[[ $output == *'5: no ledger was asked'* ]]
	verified 0 M1 --no-ledger --json
	[ "$(jq -r '[.checks[] | select(.why_not == "no ledger was asked").name] | join(" ")' <<<"$output")" = \
		'ancestors-untainted records-standing withdrawals-answered ancestors-known declarations-agree' ]
	[[ $output != *'"ledgers"'* ]]
	verified 0 M1 --ledger work.git # what is named counts alone
	[[ $stderr == *'read lab.example/models in work.git: '*' entries, root '* && $stderr != *private* ]]
	verified 1 M1 --json
	[ "$(jq -r '[.ledgers[].origin] | join(" ")' <<<"$output")" = 'lab.example/models private/orders' ]
	verified 2 M1 --ledger work.git --no-ledger
	refused_as usage
}

@test "verify: a ledger of the settings that is not there is no reason to accept" {
	given_family
	wm config set ledger gone.git
	verified 1 M9
	refused_as ledger-missing
	[[ $stderr == *'the ledgers of the settings (or --no-ledger)'* ]]
	verified 0 M9 --no-ledger
	run -0 --separate-stderr env -u HOME -u XDG_DATA_HOME "$B/weightmark" verify M9.safetensors --key steward.pub --no-ledger
	rm "$CONFIG"
	run -0 --separate-stderr env -u HOME -u XDG_DATA_HOME "$B/weightmark" verify M9.safetensors --key steward.pub
}

@test "verify --ledger: what an order reaches is refused, whatever lies between" {
	given_family
	ordered agency_order
	local m
	for m in M0 M1 M2 M3 M4 M5; do
		verified 1 "$m" --ledger work.git --json
		[ "$(jq -r .reason <<<"$output")" = ancestor-tainted ]
	done
	[[ $(jq -r .message <<<"$output") == *lab.example/D*ordered* ]]
	verified 0 M9 --ledger work.git
	verified 0 M0
}

@test "verify --ledger: an undertaking is never called an order" {
	given_family
	ordered voluntary_undertaking
	verified 1 M0 --ledger work.git
	[[ $output == *ancestor-tainted*undertak* ]]
	[[ $output != *'the order '* && $output != *' ordered'* ]]
}

@test "verify --lineage: the same without a ledger, from sidecars by trusted keys" {
	given_family
	verified 4 M1 --lineage M9.safetensors.wmk
	[[ $output == *ancestor-unknown*M0* ]]
	verified 0 M1 --lineage M0.safetensors.wmk
	order_file o.yaml ftc-1 court_order 2026-01-02 <<<"$about_d"
	wm order add o.yaml "${by[@]}" --ledger work.git --out order.wmk >/dev/null 2>&1
	verified 1 M1 --lineage M0.safetensors.wmk --lineage order.wmk
	refused_as key-untrusted
	verified 1 M1 --lineage M0.safetensors.wmk --lineage order.wmk --key counsel.pub
	[[ $output == *ancestor-tainted* ]]
}

@test "verify --ledger: an ancestor that nobody speaks of asks for review" {
	given_ledger
	derived M1 finetune M0
	verified 4 M1 --ledger work.git
	[[ $output == *ancestor-unknown*lab.example/M0@1* ]]
	trained M0 D pretrain
	verified 0 M1 --ledger work.git
}

# withdrawal DAY: a person's consent for data of D
withdrawal() {
	printf 'kind: revocation\nid: w-1\n' >w.yaml
	mkdir -p records
	printf 'photo' >records/photo.jpg
	printf 'kind: dataset\ndataset_id: D\ntitle: Data D\n' >D.yaml
	wm dataset record records -f D.yaml --key steward.key --issuer lab.example -o D.wmk \
		--ledger work.git >/dev/null
	wm dataset withdraw --dataset D.wmk --record records/photo.jpg --effective "$1" \
		--key steward.key --issuer lab.example --ledger work.git >/dev/null
}

given_run() { # dataset recorded, then a run from 2026-02-01 to 2026-02-03
	given_ledger
	model M0 "$(head_of M0)
training_run: [{id: run-M0, start: \"2026-02-01T00:00:00Z\", end: \"2026-02-03T00:00:00Z\", uses: [{dataset: {object: lab.example/D}, role: pretrain}]}]"
}

@test "verify --ledger: data withdrawn before the run refuses; withdrawn later asks for review" {
	given_run
	withdrawal 2026-01-31T00:00:00Z
	verified 1 M0 --ledger work.git
	[[ $output == *record-withdrawn*lab.example/D* ]]
}

@test "verify --ledger: what was withdrawn after the dataset was recorded without it refuses too" {
	given_run
	mkdir records
	for r in photo other; do printf %s "$r" >"records/$r.jpg"; done
	printf 'kind: dataset\ndataset_id: D\ntitle: Data D\n' >D.yaml
	record() {
		wm dataset record records -f D.yaml --key steward.key --issuer lab.example -o D.wmk --ledger work.git "$@" >/dev/null
	}
	record
	mv records/photo.jpg .
	record --amend
	verified 0 M0 --ledger work.git
	wm dataset withdraw --dataset D.wmk --record photo.jpg --effective 2026-01-31 \
		--key steward.key --issuer lab.example --ledger work.git >/dev/null
	verified 1 M0 --ledger work.git
	[[ $output == *record-withdrawn*lab.example/D* ]]
	run -0 --separate-stderr wm order status --ledger work.git --as-of 2026-02-05 --commitments D.wmc
	[[ $output == *'lab.example/run-M0, BEGAN AFTER'* ]]
}

@test "verify --ledger: data withdrawn after the run began asks for review" {
	given_run
	withdrawal 2026-02-02T00:00:00Z
	verified 4 M0 --ledger work.git
	[[ $output == *record-withdrawn-later* ]]
}

@test "verify --ledger: declarations that contradict each other ask for review" {
	given_family
	# The same weights by another issuer, who says that they come of C alone.
	cp M1.safetensors other.safetensors
	printf '%s\n' "$(head_of other)
derivation: [{kind: finetune, parent: [{object: lab.example/M9@1}]}]" >other.yaml
	wm sign other.safetensors -m other.yaml --key counsel.key --issuer counsel.example \
		--ledger work.git >/dev/null
	verified 4 M1 --ledger work.git
	[[ $output == *declarations-conflict* ]]
	[[ $output == *"'counsel.example/other@1' by counsel.example and 'lab.example/M1@1' by lab.example have equal weights and name different ancestors"* ]]
	[ "$(grep -c conflict <<<"$output")" = 1 ]
}
