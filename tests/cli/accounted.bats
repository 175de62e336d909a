#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets stderr; each test is a subshell
# What counts as done, clean and given, and what a certificate says of what it counted.
load helper
load signed
load lineage

by=(--key counsel.key --issuer counsel.example --ledger work.git)

given_order() { # kind
	given_family
	order_file o.yaml ftc-1 "$1" 2024-03-08 <<<"${2-}$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
}

gone() { # name...
	for name; do
		printf 'lab.example/%s\t/models\tdestroy\tStaff\t2024-03-21T10:00:00Z\n' "$name"
	done >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
}

all=(D M0@1 M1@1 M2@1 M3@1 M4@1 M5@1)

# orphaned NAME DATA: a model trained on data that no ledger knows
orphaned() { # name data
	model "$1" "$(head_of "$1")
training_run: [{id: run-$1, uses: [{dataset: {object: $2}, role: pretrain}]}]"
}

@test "accounted: a certificate does not move the day of the deed" {
	given_order court_order
	gone "${all[@]}"
	wm certify ftc-1 "${by[@]}" --out out >/dev/null
	run -0 --separate-stderr wm order status ftc-1 --ledger work.git
	[ "$(grep -c 'done on 2024-03-21, says counsel.example$' <<<"$output")" = 2 ]
	[[ $output == *'status      closed'* && $output != *' late'* ]]
}

@test "accounted: what descends from data that no ledger knows is not clean, by one rule" {
	given_order court_order
	orphaned N typo.example/dz
	run -1 --separate-stderr wm order status ftc-1 --clean --ledger work.git
	[[ $output != *'  lab.example/N@1'$'\n'* ]]
	[[ $output == *'lab.example/N@1: descends from typo.example/dz, of which no statement is at hand'* ]]
	run -1 --separate-stderr wm order status ftc-1 --clean --ledger work.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.n_unknown) \(.n_clean) \(.clean)"')" = '1 1 ["lab.example/M9@1"]' ]
	[ "$(of_json "$output" '.orders[0].unknown[] | "\(.object) \(.ancestor)"')" = 'lab.example/N@1 typo.example/dz' ]
	run -4 --separate-stderr wm scan N.safetensors --ledger work.git
	run -1 --separate-stderr wm certify --clean N@1 --from D "${by[@]}"
	refused_as clean-unproven
	gone "${all[@]}"
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}"
	[[ $output == *'unknown     1: '*$'\n'*'lab.example/N@1: descends from typo.example/dz'* ]]
}

@test "accounted: the certificate that keeps a thing is not its supplement; one that destroyed it is" {
	given_order court_order
	gone "${all[@]:0:6}"
	local today tomorrow
	today=$(date -u +%F)
	tomorrow=$(date -u -d tomorrow +%F)
	printf 'lab.example/M5@1\tlegal_hold\tCourt of X\t\t%s\n' "$today" >kept.tsv
	wm order 'done' ftc-1 --kept kept.tsv "${by[@]}" >/dev/null
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	[[ $output == *'6 destroyed, 1 kept'* ]]
	for day in "$today" "$tomorrow"; do
		run --separate-stderr wm order status ftc-1 --as-of "$day" --ledger work.git --json
		[ "$(of_json "$output" '.orders[0].holds[0].supplement')" = null ]
		[ "$(of_json "$output" '.orders[0].status')" != closed ]
	done
	printf 'lab.example/M5@1\t/models\tdestroy\tStaff\t%s\n' "$today" >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
	wm certify ftc-1 "${by[@]}" --out out --amend --reason 'the hold is over' >/dev/null
	run -0 --separate-stderr wm order status ftc-1 --as-of "$tomorrow" --ledger work.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.status) \(.holds[0].supplement.kind)"')" = 'closed certificate' ]
}

@test "accounted: what is in scope and unknown is never done" {
	given_order court_order
	gone "${all[@]}"
	wm init counsel.example/orders --ledger orders.git >/dev/null
	wm order add o.yaml --key counsel.key --issuer counsel.example --ledger orders.git >/dev/null 2>&1
	by=(--key counsel.key --issuer counsel.example --ledger orders.git)
	wm order 'done' ftc-1 --obligation data --on 2024-03-21 "${by[@]}" >/dev/null
	run -1 --separate-stderr wm order status ftc-1 --ledger orders.git
	[[ $output == *'delete_data            undecided, 1 unknown although counsel.example says that it is done'* ]]
	[[ $output == *'delete_models          overdue by '*', 1 unknown'$'\n'* && $output == *'status      overdue'* ]]
	wm order 'done' ftc-1 --obligation models --on 2024-03-21 "${by[@]}" >/dev/null
	run -4 --separate-stderr wm order status ftc-1 --ledger orders.git
	[[ $output == *'unknown     dataset lab.example/D: no ledger at hand has it'* ]]
	[[ $output == *'delete_models          undecided, 1 unknown although'* && $output == *'status      undecided'* ]]
	run -4 --separate-stderr wm order status ftc-1 --ledger orders.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.status) \(.obligations[0].done) \(.obligations[0].undecided) \(.obligations[0].unknown)"')" = \
		'undecided false true 1' ]
}
