#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets stderr; each test is a subshell
# What counts as done, clean and given, and what a certificate says of what it counted.
load helper
load signed
load lineage
load certified

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
	[ "$(grep -c 'done on 2024-03-21, says counsel.example (key [0-9a-f]*, not verified)$' <<<"$output")" = 2 ]
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
	[[ $output == *'delete_data            undecided, 1 unknown although counsel.example (key '*', not verified) says that it is done'* ]]
	[[ $output == *'delete_models          overdue by '*', 1 unknown'$'\n'* && $output == *'status      overdue'* ]]
	wm order 'done' ftc-1 --obligation models --on 2024-03-21 "${by[@]}" >/dev/null
	run -4 --separate-stderr wm order status ftc-1 --ledger orders.git
	[[ $output == *'unknown     dataset lab.example/D: no ledger at hand has it'* ]]
	[[ $output == *'delete_models          undecided, 1 unknown although'* && $output == *'status      undecided'* ]]
	run -4 --separate-stderr wm order status ftc-1 --ledger orders.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.status) \(.obligations[0].done) \(.obligations[0].undecided) \(.obligations[0].unknown)"')" = \
		'undecided false true 1' ]
}

@test "accounted: a certificate names the scans that were counted, or says that none was" {
	given_order court_order
	gone "${all[@]}"
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	[[ $stderr == *'no scan is counted'* ]]
	grep -q '^No scan was counted' out/certificate.txt
	grep -q '<p>No scan was counted' out/certificate.html
	mkdir shelf
	cp M9.safetensors shelf/a
	wm scan shelf M9.safetensors --ledger work.git --json >scan.json
	[ "$(of_json "$(cat scan.json)" '.scanned | join(" ")')" = 'shelf M9.safetensors' ]
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --id scanned --out out --scan scan.json
	[[ $stderr != *'no scan'* ]]
	local sha256
	sha256=$(sha256sum scan.json)
	for form in txt html; do
		run ! grep -q 'No scan was counted' "out/certificate.$form"
		grep -q "scanned at.*$(of_json "$(cat scan.json)" .scanned_at)" "out/certificate.$form"
		grep -q 'below.*shelf' "out/certificate.$form"
		grep -q "its report.*${sha256%% *}" "out/certificate.$form"
	done
	run -0 --separate-stderr wm show out/certificate.wmk
	[[ $output == *"${sha256%% *}"* && $output == *shelf* ]]
	sed -i 's/"scanned": \[/"scanned": [1, /' scan.json
	run -2 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json
	refused_as scan-malformed
}

@test "accounted: what was let pass is named, and by the certificate too" {
	given_order court_order
	gone "${all[@]}"
	model orphan 'kind: manifest
model: {name: orphan, version: "1"}'
	derived child finetune orphan
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}"
	[[ $output == *'lab.example/orphan@1: names neither parent nor run'* ]]
	[[ $output == *'lab.example/child@1: descends from lab.example/orphan@1, which names neither parent nor run'* ]]
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --json
	[ "$(of_json "$output" '.open[] | .objects[] | "\(.object) \(.ancestor) \(.stated)"')" = 'lab.example/child@1 lab.example/orphan@1 true
lab.example/orphan@1 lab.example/orphan@1 true' ]
	wm certify ftc-1 "${by[@]}" --allow-unknown --out out >/dev/null
	grep -q 'lab.example/child@1: descends from lab.example/orphan@1' out/certificate.txt
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git
	[[ $output == 'covers counsel.example/ftc-1'* && $output != *open* ]]
	run -0 --separate-stderr wm certify --check out/certificate.wmk --ledger work.git --json
	[ "$(of_json "$output" '"\(.order) \(.current) \(.open)"')" = 'counsel.example/ftc-1 true 0' ]
	model other 'kind: manifest
model: {name: other, version: "1"}'
	run -1 --separate-stderr wm certify --check out/certificate.wmk --ledger work.git --json
	[ "$(of_json "$output" '"\(.current) \(.open) \(.unknown)"')" = 'true 1 ["lab.example/other@1"]' ]
	run -0 --separate-stderr wm certify --check out/certificate.wmk --allow-unknown --ledger work.git
	run -2 --separate-stderr wm certify --check out/certificate.wmk --clean M9@1 --from D --ledger work.git
	refused_as usage
}

@test "accounted: a certificate of a clean checkpoint is checked, and signs nothing" {
	given_order court_order
	wm certify --clean M9@1 --from D "${by[@]}" --out out >/dev/null
	derived M6 finetune M4
	local before
	before=$(wm log --ledger work.git --json)
	run -0 --separate-stderr wm certify --clean M9@1 --from D --check out/certificate.wmk --ledger work.git
	[[ $output == 'covers lab.example/M9@1'*changed* ]]
	run -0 --separate-stderr wm certify --check out/certificate.wmk --ledger work.git --json
	[ "$(of_json "$output" '"\(.checkpoint) \(.current) \(.changed)"')" = 'lab.example/M9@1 true true' ]
	run -2 --separate-stderr wm certify --clean M3@1 --from D --check out/certificate.wmk --ledger work.git
	refused_as usage
	run -2 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git
	refused_as usage
	[ "$(wm log --ledger work.git --json)" = "$before" ]
	model late "$(head_of M9)
derivation: [{kind: finetune, parent: [{object: lab.example/M0@1}]}]"
	run -1 --separate-stderr wm certify --check out/certificate.wmk --ledger work.git
	[[ $output == 'no longer covers lab.example/M9@1'*'a declared path leads there'* ]]
}

@test "accounted: certify finds things by path, name, digest and id, as trace does" {
	given_order court_order
	cp M9.safetensors copy
	for what in lab.example/M9@1 M9@1 M9 ./copy copy M9.safetensors; do
		run -0 --separate-stderr wm certify --clean "$what" --from 'Data D' "${by[@]}" --dry-run --json
		[[ $(of_json "$output" .object) == counsel.example/clean-M9* ]]
	done
	run -1 --separate-stderr wm certify --clean D --from D "${by[@]}" --dry-run
	refused_as thing-unknown
	[[ $stderr == *"no checkpoint of these ledgers is 'D', by id, name, digest, or path"* ]]
	run -1 --separate-stderr wm certify --clean M9 --from M9 "${by[@]}" --dry-run
	refused_as thing-unknown
	[[ $stderr == *"no dataset of these ledgers is 'M9', by id, name, digest"* ]]
}

@test "accounted: verify says what the ledgers decided, and nothing where none was asked" {
	given_order court_order
	run -0 --separate-stderr wm verify M9.safetensors --key steward.pub --ledger work.git
	[ "${lines[0]}" = 'accept (integrity; by what was declared, no order or withdrawal in these ledgers reaches it)' ]
	run -0 --separate-stderr wm verify M9.safetensors --key steward.pub --no-ledger
	[ "${lines[0]}" = 'accept (integrity only: nothing decided about data)' ]
}
