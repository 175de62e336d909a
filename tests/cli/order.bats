#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC1010,SC2016 # bats sets stderr; each test is a subshell; "order done"; jq
# Orders: drafted, recorded, where they stand, what was done.
load helper
load signed
load lineage

by=(--key counsel.key --issuer counsel.example)

given_order() { # kind trigger; scope and obligations from standard input
	order_file o.yaml ftc-1 "$1" "$2"
	wm order add o.yaml "${by[@]}" 2>/dev/null >&2
	wm config set ledger "$PWD/work.git"
}

status_on() { # day status argument...
	run "-$2" --separate-stderr wm order status --as-of "$1" "${@:3}"
}

due() { # id: the row of an obligation
	of_json "$output" '.orders[0].obligations[] | select(.id == $id)' --arg id "$1"
}

@test "order: a draft is refused until it is filled in; Rite Aid is due on April 22 and May 7" {
	given_family
	run -0 --separate-stderr wm order draft --template rite-aid --trigger 2024-03-08
	[[ $output == *'# Deadlines as in E.D. Pa. 2:23-cv-05023'* ]]
	run -0 wm order draft --template rite-aid --trigger 2024-03-08 --id ra -o o.yaml
	run -2 --separate-stderr wm order draft --template rite-aid --trigger 2024-03-08 -o o.yaml
	refused_as exists
	run -2 --separate-stderr wm order add o.yaml "${by[@]}"
	refused_as order-unfinished
	[[ $stderr == *'o.yaml:'* ]]
	sed -i 's/"TODO: issuer.*"/lab.example\/D/; s/"TODO: whose days.*"/America\/New_York/; s/"TODO.*"/said/' o.yaml
	run -0 --separate-stderr wm order add o.yaml "${by[@]}" --ledger work.git
	[ ! -e "$XDG_DATA_HOME" ]
	status_on 2024-04-22 0 ra --ledger work.git
	[[ $output == *'2024-04-22  models         delete_models          due today, 6 open'* ]]
	[[ $output == *'2024-05-07  recipients     instruct_recipients    in 15 days'* ]]
	status_on 2024-04-23 1 ra --ledger work.git
	[[ $output == *'overdue by 1 day, 6 open'* ]]
	[[ $output == *'complaint for the Federal Trade Commission ordered, E.D. Pa.'* ]]
	status_on 2024-04-23 1 --ledger work.git --json
	[ "$(due models | jq .overdue_days)" = 1 ]
	[ "$(due recipients | jq .days_left)" = 14 ]
}

@test "order: every template becomes an order once its places are filled" {
	given_ledger
	local name
	for name in avast cambridge-analytica edmodo erasure-request everalbum premom ring rite-aid undertaking ww; do
		wm order draft --template "$name" --trigger 2024-01-31 -o "$name.yaml"
		sed -i 's/"TODO: issuer.*"/lab.example\/D/; s/"TODO: whose days.*"/UTC/; s/"TODO[^"]*"/said/' "$name.yaml"
		wm order add "$name.yaml" "${by[@]}" --ledger work.git >/dev/null 2>&1
	done
	status_on 2024-02-01 4 --ledger work.git
	harmless "${output//$'\n'/}"
	[ "$(grep -c '^$' <<<"$output")" = 9 ]
	[[ $output != *'\u'* ]]
	status_on 2024-02-01 4 --ledger work.git --json
	[ "$(of_json "$output" '.orders | length')" = 10 ]
	[ "$(of_json "$output" '.orders[] | select(.object | endswith("erasure-request")) | .obligations[0].due')" = 2024-02-29 ]
	[ "$(of_json "$output" '.orders[] | select(.object | endswith("avast")) | .obligations[0].due')" = 2024-02-20 ]
	run -0 --separate-stderr wm order draft --template undertaking
	printf '%s\n' "$output" >blank.yaml
	sed -i 's/"TODO: issuer.*"/lab.example\/D/; s/"TODO: whose days.*"/UTC/' blank.yaml
	sed -i '/trigger_date/!s/"TODO[^"]*"/said/; s/id: undertaking/id: blank/' blank.yaml
	run -2 --separate-stderr wm order add blank.yaml "${by[@]}" --ledger work.git
	refused_as order-unfinished
	[[ $stderr == *trigger_date* ]]
	run -2 --separate-stderr wm order draft --template everalbun --trigger 2024-01-31
	refused_as usage
	[[ $stderr == *"'everalbum'"* ]]
	run -2 --separate-stderr wm order draft --template ww --trigger 31.1.2024
	refused_as usage
	run -2 --separate-stderr wm order draft --template ww --trigger 9024-01-31
	refused_as order-date
}

@test "order: what is wrong with an order is said before anything is recorded" {
	given_ledger
	order_file o.yaml x court_order 2024-03-08 <<<"$about_d"
	sed '/trigger_date/d' o.yaml >no-trigger.yaml
	run -2 --separate-stderr wm order add no-trigger.yaml "${by[@]}"
	refused_as yaml-field
	[[ $stderr == *trigger_date* ]]
	sed 's/UTC/Mars\/Olympus/' o.yaml >zone.yaml
	run -2 --separate-stderr wm order add zone.yaml "${by[@]}"
	refused_as zone-unknown
	sed 's,UTC,../../etc/passwd,' o.yaml >zone.yaml
	run -2 --separate-stderr wm order add zone.yaml "${by[@]}"
	refused_as zone-unknown
	sed 's/2024-03-08/0024-03-08/' o.yaml >far.yaml
	run -2 --separate-stderr wm order add far.yaml "${by[@]}"
	refused_as order-date
	sed '/order_kind/d' o.yaml >kind.yaml
	run -2 --separate-stderr wm order add kind.yaml "${by[@]}"
	refused_as yaml-field
	run -2 --separate-stderr wm order status nothing --ledger work.git
	refused_as order-unknown
}

@test "order: recorded in a ledger of its own, for nobody else to read" {
	given_ledger
	wm config set ledger "$PWD/work.git"
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	run -0 --separate-stderr wm order add o.yaml --dry-run "${by[@]}"
	[ ! -e "$XDG_DATA_HOME" ]
	run -0 --separate-stderr wm order add o.yaml "${by[@]}" --json
	[[ $stderr == *'no ledger at hand knows lab.example/D'* ]]
	is_json "$output"
	[ "$(stat -c %a "$XDG_DATA_HOME/weightmark/private.git")" = 700 ]
	[ "$(wm log --ledger work.git --json | jq '[.logs[].entries[]] | length')" = 0 ]
	run -0 --separate-stderr wm order add o.yaml "${by[@]}" --json
	[ "$(of_json "$output" '.statements[0].reused, .recorded.size' | paste -sd ' ')" = 'true 1' ]
	wm config set private-ledger "$PWD/other.git"
	run -0 --separate-stderr wm order add o.yaml "${by[@]}"
	[ -d other.git ]
	[[ $output == *"log       private/orders, 1 entry, 1 new, in $PWD/other.git"* && $output != *'ledger '* ]]
	run -0 --separate-stderr wm order add o.yaml "${by[@]}" --json
	[ "$(of_json "$output" '.recorded.ledger')" = "$PWD/other.git" ]
}

@test "order: all that descends is tainted, by whatever way; what does not is clean" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	status_on 2024-03-10 0 ftc-1 --json
	[ "$(of_json "$output" '.orders[0].tainted[].object' | paste -sd ' ')" = \
		'lab.example/M0@1 lab.example/M1@1 lab.example/M2@1 lab.example/M3@1 lab.example/M4@1 lab.example/M5@1' ]
	[ "$(of_json "$output" '.orders[0] | "\(.n_clean) \(.n_candidates) \(.clean)"')" = '1 0 null' ]
	status_on 2024-03-10 0 ftc-1 --clean --json
	[ "$(of_json "$output" '.orders[0].clean | join(" ")')" = lab.example/M9@1 ]
	status_on 2024-03-10 0 ftc-1 --clean
	[[ $output == *'  clean       1 checkpoint without a declared path from it'* ]]
	run -2 --separate-stderr wm order status --clean
	refused_as usage
	status_on 2024-03-10 0 ftc-1 --plan --json
	local steps
	steps=$(of_json "$output" '.orders[0].plan.steps[] | "\(.object[12:14]) \(.after[12:14]) \(.start[12:14])"')
	[ "$(grep -c . <<<"$steps")" = 6 ]
	[ "$(head -1 <<<"$steps")" = 'M0 null null' ]
	grep -qx 'M3 M1 M9' <<<"$steps"
	grep -qx 'M5 M2 null' <<<"$steps"
	[ "$(grep -n '^M1' <<<"$steps" | cut -d: -f1)" -lt "$(grep -n '^M3' <<<"$steps" | cut -d: -f1)" ]
	[ "$(of_json "$output" '.orders[0].plan.cost | "\(.runs) \(.flops) \(.energy_kwh)"')" = '1 1000000000000000000.5 0.1' ]
	status_on 2024-03-10 0 ftc-1 --plan
	[[ $output == *'cost        1 run, 1000000000000000000.5 flops, 0.1 kWh, as the run says'* ]]
	run -2 --separate-stderr wm order status --plan
	refused_as usage
}

@test "order: any role taints, unless the signed scope names roles" {
	given_ledger
	trained V D validation
	trained K D calibration
	given_order court_order 2024-03-08 <<<"$about_d"
	status_on 2024-03-10 0 ftc-1 --json
	[ "$(of_json "$output" '.orders[0].n_tainted')" = 2 ]
	order_file narrow.yaml ftc-1 court_order 2024-03-08 <<<"scope_role: [pretrain, calibration]
$about_d"
	run -2 --separate-stderr wm order add narrow.yaml "${by[@]}"
	refused_as said-otherwise
	# A correction narrows nothing that the first version reached.
	wm order add narrow.yaml "${by[@]}" --amend --reason 'counsel' >/dev/null
	status_on 2024-03-10 0 ftc-1
	[[ $output != *' alone taint'* && $output == *'1 dataset, 2 tainted checkpoints;'* && $output == *'version 2'* ]]
	order_file narrow.yaml ftc-2 court_order 2024-03-08 <<<"scope_role: [pretrain, calibration]
$about_d"
	wm order add narrow.yaml "${by[@]}" >/dev/null
	status_on 2024-03-10 0 ftc-2
	[[ $output == *'pretrain, calibration alone taint, as the signed scope says'* ]]
	[[ $output == *'1 dataset, 1 tainted checkpoint;'* ]]
}

@test "order: an amendment clears nothing that an earlier version reached" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	order_file less.yaml ftc-1 court_order 2024-03-08 <<<"${about_d/example\/D/example\/C}"
	wm order add less.yaml "${by[@]}" --amend >/dev/null
	status_on 2024-03-10 0 --json
	[ "$(of_json "$output" '.orders[0] | "\(.n_data) \(.n_tainted) \(.versions)"')" = '2 7 2' ]
}

@test "order: another subset, something unknown, undeclared ancestors: undecided" {
	given_ledger
	trained A D pretrain
	given_order court_order 2024-03-08 <<<"$about_d"
	status_on 2024-03-10 0
	model orphan 'kind: manifest
model: {name: orphan, version: "1"}'
	status_on 2024-03-10 4
	[[ $output == *'1 further checkpoint may descend from it: an ancestor is of unknown origin'* ]]
	status_on 2024-04-10 1
	wm order add o.yaml --key counsel.key --issuer other.example --ledger work.git >/dev/null
	run -2 --separate-stderr wm order status ftc-1
	refused_as usage
	[[ $stderr == *'several orders are called'* ]]
}

@test "order: of a subset, uses of that root taint, and others are undecided" {
	given_ledger
	local root=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
	trained A D "pretrain, subset_root: $root"
	trained Z D "pretrain, subset_root: ${root//a/b}"
	given_order agency_order 2024-03-08 <<<"scope_subset_root: [$root]
$about_d"
	status_on 2024-03-10 4 ftc-1 --json
	[ "$(of_json "$output" '.orders[0].tainted[].object')" = lab.example/A@1 ]
	[ "$(of_json "$output" '.orders[0].undecided_uses[].run')" = lab.example/run-Z ]
	[ "$(of_json "$output" '.orders[0].data[0].in_part')" = true ]
	[ "$(of_json "$output" '.orders[0] | "\(.n_clean) \(.n_undecided_checkpoints)"')" = '0 1' ]
	order_file p.yaml gone agency_order 2024-03-08 <<<"scope_subset_root: [${root//a/c}]
obligation: [{id: data, kind: delete_data, months: 1}]"
	wm order add p.yaml "${by[@]}" >/dev/null
	status_on 2024-03-10 4 gone
	[[ $output == *"subset ${root//a/c}: no ledger at hand has it"* ]]
}

@test "order: all data of a party, by its name" {
	given_ledger
	model P "kind: dataset
dataset_id: E
title: E
party: [{id: okc, legal_name: Dating Inc, identifier: [LEI-1]}]
provider: okc
---
$(head_of P)
training_run: [{id: run-P, uses: [{dataset_id: E, role: finetune}]}]"
	trained Q F pretrain
	order_file o.yaml ftc-1 voluntary_undertaking 2026-03-30 <<'YAML'
scope_party: [us]
obligation: [{id: models, kind: delete_models, days: 10}]
YAML
	sed -i 's/The Lab/dating inc/' o.yaml
	wm order add o.yaml "${by[@]}" --ledger work.git >/dev/null
	status_on 2026-04-01 0 ftc-1 --ledger work.git --json
	[ "$(of_json "$output" '.orders[0] | "\(.data[].object) \(.tainted[].object)"')" = 'lab.example/E lab.example/P@1' ]
}

@test "order: an undertaking is never called ordered, and each closes alone" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	order_file u.yaml promise voluntary_undertaking 2024-03-08 <<<"$about_d"
	wm order add u.yaml "${by[@]}" >/dev/null
	status_on 2024-03-10 0 promise
	[[ $output == *'voluntary undertaking: The Lab undertook'* && $output != *ordered* ]]
	status_on 2024-03-10 0 promise --json --ics u.ics
	[ "$(of_json "$output" '.orders[0].verb')" = undertook ]
	run -1 grep -i ordered u.ics
	{
		printf 'lab.example/D\ts3://a;s3://b\tpurge\tStaff\t2024-03-20\n'
		printf 'lab.example/M%s@1\t/models\tdestroy\tStaff\t2024-03-21T10:00:00Z\n' 0 1 2 3 4 5
	} >gone.tsv
	wm order 'done' promise --destroyed gone.tsv "${by[@]}" >/dev/null
	status_on 2024-03-20 0 promise --json
	[ "$(of_json "$output" '.orders[0].status')" = open ]
	status_on 2024-04-20 0 promise --json
	[ "$(of_json "$output" '.orders[0].status')" = closed ]
	status_on 2024-04-20 1 ftc-1 --json
	[ "$(of_json "$output" '.orders[0] | "\(.status) \(.n_tainted_open)"')" = 'overdue 6' ]
}

@test "order: saying that models are gone does not close it while one is open" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	wm order 'done' ftc-1 --obligation models --on 2024-03-20 "${by[@]}" >/dev/null
	status_on 2024-04-20 1 ftc-1
	[[ $output == *'6 open although counsel.example (key '*', not verified) says that it is done'* ]]
	status_on 2024-04-20 1 ftc-1 --json
	[ "$(due models | jq '"\(.done) \(.overdue_days) \(.open)"' -r)" = 'false 23 6' ]
	run -2 --separate-stderr wm order done ftc-1 --obligation model "${by[@]}"
	refused_as usage
	[[ $stderr == *"'models'"* ]]
	run -2 --separate-stderr wm order done ftc-1 --told $'Some\xff' "${by[@]}"
	refused_as usage
	[[ $stderr == *'told: '*' is not UTF-8'* ]]
	run -2 --separate-stderr wm order done ftc-1 --hold Court --subject 'no object' "${by[@]}"
	refused_as usage
	local wrong
	for wrong in '' '--until 2024-05-01 --told X' '--subject a/b --obligation models'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr wm order done ftc-1 $wrong "${by[@]}"
		refused_as usage
	done
}

@test "order: what was done is recorded once" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	printf 'object\tplaces\tmethod\twho\twhen\nlab.example/M0@1\t/m\tclear\t\t2024-03-20\n' >gone.tsv
	for again in false true; do
		run -0 --separate-stderr wm order done ftc-1 --destroyed gone.tsv --told Someone "${by[@]}" --json
		[ "$(of_json "$output" '.statements[].reused' | uniq)" = "$again" ]
		[ "$(of_json "$output" '.statements | length')" = 2 ]
	done
	local row
	for row in 'x' 'lab.example/M0@1\t/m\tburn\t\t2024-03-20' 'lab.example/M0@1\t/m\tclear\t\tyesterday' \
		'not an object\t/m\tclear\t\t2024-03-20' 'a/b\t/m\tclear\tme\t2024-03-20\tmore' ''; do
		printf '# list\n%b\n' "$row" >bad.tsv
		run -2 --separate-stderr wm order done ftc-1 --destroyed bad.tsv "${by[@]}"
		refused_as order-list
	done
	seq -f 'lab.example/X%g@1	/m	clear		2024-03-20' 5000 >many.tsv
	run -0 --separate-stderr wm order done ftc-1 --destroyed many.tsv "${by[@]}" --json
	[ "$(of_json "$output" '.statements | length')" = 2 ]
}

@test "order: what cannot be, or does not fit the order, is refused or warned of; the answer counts" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	printf 'lab.example/M0@1\t/m\tclear\t\t2024-03-20\nlab.example/M1@1\t/m\tclear\t\t2099-03-20\n' >gone.tsv
	run -2 --separate-stderr wm order done ftc-1 --destroyed gone.tsv "${by[@]}"
	refused_as deed-future
	[[ $stderr == *'lab.example/M1@1'*2099-03-20* ]]
	run -2 --separate-stderr wm order done ftc-1 --told X --on 2098-01-01 "${by[@]}"
	refused_as deed-future
	printf '%s\t/m\tclear\t\t%s\n' lab.example/M0@1 2024-03-20 lab.example/M9@1 2024-03-20 \
		lab.example/bas@1 2024-03-20 lab.example/bat@1 2024-03-20 lab.example/M1@1 2024-03-01 >gone.tsv
	run -0 --separate-stderr wm order done ftc-1 --destroyed gone.tsv --told 'Nobody Inc' --on 2024-03-01 "${by[@]}"
	[[ $stderr == *'warning: lab.example/bas@1 and 1 more: no ledger at hand knows this'* ]]
	[[ $stderr == *'warning: lab.example/M9@1: is not among what is reached by counsel.example/ftc-1'* ]]
	[[ $stderr == *'warning: lab.example/M1@1: is said to be destroyed before the day of counsel.example/ftc-1'* ]]
	[[ $stderr == *"'Nobody Inc'"* && $stderr == *'the day that is said is before'* ]]
	[[ $output == *'2 destroyed, 0 kept, 5 still open' ]]
	printf 'lab.example/D\tlegal_hold\tCourt\t2024-03-20\t2099-01-01\nlab.example/M2@1\tlegal_hold\tCourt\t\t\n' >kept.tsv
	run -0 --separate-stderr wm order done ftc-1 --kept kept.tsv "${by[@]}" --json
	[ "$(of_json "$output" '.orders[] | "\(.object) \(.destroyed) \(.kept) \(.open)"')" = 'counsel.example/ftc-1 2 2 3' ]
	[[ $stderr != *warning* ]]
}

@test "order: one list for several orders" {
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	order_file two.yaml ftc-2 contract_demand 2024-03-09 <<<"$about_d"
	wm order add two.yaml "${by[@]}" >/dev/null 2>&1
	printf 'lab.example/M0@1\t/m\tclear\t\t2024-03-20\n' >gone.tsv
	run -0 --separate-stderr wm order done ftc-1 ftc-2 --destroyed gone.tsv "${by[@]}" --json
	[ "$(of_json "$output" '[.orders[] | "\(.object[16:]) \(.destroyed) \(.open)"] | join(" ")')" = 'ftc-1 1 6 ftc-2 1 6' ]
	run -0 --separate-stderr wm order done ftc-2 ftc-1 --destroyed gone.tsv "${by[@]}" --json
	[ "$(of_json "$output" '[.statements[].reused] | all')" = true ]
	run -2 --separate-stderr wm order done ftc-1 counsel.example/ftc-1 --destroyed gone.tsv "${by[@]}"
	refused_as usage
}

@test "order: what a killed one began is ended first, and said once, also a second later" {
	plain_build
	given_family
	given_order court_order 2024-03-08 <<<"$about_d"
	local n
	for n in 5 6 7; do
		(strace -f -qq -o /dev/null -e trace=write -e inject=write:signal=KILL:when=$n "$B/weightmark" order done ftc-1 \
			--told "Someone $n" "${by[@]}" >/dev/null 2>&1) 2>/dev/null || true
		sleep 1.1
		run -0 --separate-stderr wm order done ftc-1 --told "Someone $n" "${by[@]}" --json
		run -0 --separate-stderr wm order done ftc-1 --told "Someone $n" "${by[@]}" --json
		[ "$(of_json "$output" '.statements[].reused')" = true ]
	done
	run -0 wm audit --ledger "$XDG_DATA_HOME/weightmark/private.git" --json
	[ "$(of_json "$output" '.logs[0].size')" = 4 ]
}

@test "order: a day stays a day, and is one of the order's time zone" {
	given_ledger
	trained M0 D pretrain
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	sed -i 's,UTC,America/New_York,' o.yaml
	wm order add o.yaml "${by[@]}" -o order.wmk >/dev/null
	wm show order.wmk --json | jq -e '[.. | objects | select(.trigger_date? == "2024-03-08")] | length == 1' >/dev/null
	run -2 --separate-stderr wm order status -o x
	refused_as usage
	[[ $stderr == *"option '--out' is for 'order draft, add, done'"* ]]
	wm config set ledger "$PWD/work.git"
	printf 'lab.example/D\t/d\tpurge\tStaff\t2024-03-28\n' >data.tsv
	printf 'lab.example/M0@1\t/m\tpurge\tStaff\t2024-03-29T03:59:59Z\n' >models.tsv
	wm order done ftc-1 --destroyed data.tsv "${by[@]}" >/dev/null
	wm order done ftc-1 --destroyed models.tsv "${by[@]}" -o models.wmk >/dev/null
	wm order done ftc-1 --told X --on 2024-03-28 "${by[@]}" -o day.wmk >/dev/null
	wm order done ftc-1 --told X --on 2024-03-28T18:00:00Z "${by[@]}" -o time.wmk >/dev/null
	wm show day.wmk --json >day.json
	wm show time.wmk --json >time.json
	[ "$(jq -c '[.. | objects | select(.kind? == "notified_recipient") | .day, .at][:2]' day.json)" = '["2024-03-28",null]' ]
	[ "$(jq -c '[.. | objects | select(.kind? == "notified_recipient") | .day, .at][:2]' time.json)" = '[null,"2024-03-28T18:00:00Z"]' ]
	status_on 2024-03-28 0 ftc-1
	[ "$(grep -c 'done on 2024-03-28, says counsel.example (key [0-9a-f]*, not verified)$' <<<"$output")" = 2 ]
	printf 'lab.example/M0@1\t/m\tpurge\tStaff\t2024-03-29T04:00:00Z\n' >models.tsv
	wm order done ftc-1 --obligation models --on 2024-03-29T04:00:00Z "${by[@]}" >/dev/null
	run -2 --separate-stderr wm order done ftc-1 --told X --on 28.3.2024 "${by[@]}"
	refused_as usage
	[[ $stderr == *'neither a day like 2024-03-08 nor a time'* ]]
}

@test "order: a hold keeps the data, the models stay due, and a supplement follows" {
	given_family
	given_order agency_order 2024-06-27 <<<"$about_d"
	wm order 'done' ftc-1 --hold 'Court of X' --until 2024-08-31 --on 2024-07-01 "${by[@]}" >/dev/null
	status_on 2024-07-18 1 ftc-1
	[[ $output == *'data           delete_data            accounted for on 2024-07-01, says counsel.example (key '*', not verified), 1 kept'* ]]
	[[ $output == *'2024-07-17  models         delete_models          overdue by 1 day, 6 open'* ]]
	[[ $output == *'lab.example/D, authority: Court of X, until 2024-08-31; supplement due 2024-09-30: in 74 days'* ]]
	status_on 2024-09-01 1 ftc-1 --json
	[ "$(of_json "$output" '.orders[0].data[0].state')" = open ]
	wm order 'done' ftc-1 --released --on 2024-08-01 "${by[@]}" >/dev/null
	status_on 2024-08-02 1 ftc-1 --json
	[ "$(of_json "$output" '.orders[0].holds[0] | "\(.end) \(.supplement_due)"')" = '2024-08-01 2024-08-31' ]
	wm order 'done' ftc-1 --obligation supplement --on 2024-08-05 "${by[@]}" >/dev/null
	status_on 2024-08-06 1 ftc-1 --json
	[ "$(of_json "$output" '.orders[0].holds[0].supplement.issuer')" = counsel.example ]
	printf 'lab.example/D\tstatute\tRecords Act\t2024-09-01\t\nlab.example/M0@1\ttechnically_infeasible\tus\t\t\n' >kept.tsv
	wm order 'done' ftc-1 --kept kept.tsv "${by[@]}" >/dev/null
	run -1 --separate-stderr wm order status ftc-1 --json
	[ "$(of_json "$output" '.orders[0].data[0].state')" = kept ]
	[ "$(of_json "$output" '.orders[0].n_tainted_open')" = 6 ]
}

@test "order: one record, by its dataset; the answer is due after a month" {
	given_family
	given_order data_subject_request 2024-01-31 <<'YAML'
scope_record: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
scope_dataset: [{object: lab.example/D}]
obligation: [{id: answer, kind: other, months: 1}]
YAML
	status_on 2024-02-01 0 ftc-1
	[[ $output == *"data subject's request: The Authority requested"* ]]
	[[ $output == *'2024-02-29  answer'* ]]
	[[ $output == *'lab.example/D  open; part of it is in scope'* ]]
	[[ $output == *'6 tainted checkpoints'* ]]
}

@test "order: recipients have to be told, and both sides' words are compared" {
	given_family
	"$B/weightmark" key new ./recipient --no-passphrase >/dev/null
	transfer() { # file related
		cat >"$1" <<YAML
kind: transfer
id: t-1
party: [{id: a, legal_name: The Lab}, {id: b, legal_name: Clarity Inc}]
from: a
to: b
subject: {object: lab.example/M0@1}
date: 2023-01-01
recipient_class: unrelated
has_contract: no
related_party: {exists: $2}
YAML
	}
	transfer ours.yaml no
	transfer theirs.yaml yes
	sed -i 's/2023-01-01/2023-01-02/' theirs.yaml
	run -0 --separate-stderr wm transfer ours.yaml --key steward.key --issuer lab.example --ledger work.git --json
	[ "$(of_json "$output" '.statements[0].object')" = lab.example/t-1 ]
	wm transfer theirs.yaml --key recipient.key --issuer clarity.example --ledger work.git >/dev/null
	given_order court_order 2024-03-08 <<<"$about_d
- {id: tell, kind: instruct_recipients, days: 20}
- {id: replies, kind: forward_confirmations, days: 30}"
	status_on 2024-03-10 0 ftc-1
	[[ $output == *'Clarity Inc got lab.example/M0@1: not told, not confirmed'* ]]
	[[ $output == *'declarations conflict: related_party of the transfer of lab.example/M0@1'* ]]
	[[ $output == *'declarations conflict: date of'* && $output != *'conflict: contract'* ]]
	wm order 'done' ftc-1 --told 'clarity inc' --on 2024-03-11 "${by[@]}" >/dev/null
	status_on 2024-03-12 0 ftc-1 --json
	[ "$(due tell | jq -r '"\(.done) \(.done_on)"')" = 'true 2024-03-11' ]
	[ "$(due replies | jq .done)" = false ]
	wm order 'done' ftc-1 --confirmed 'Clarity Inc' --on 2024-03-12 "${by[@]}" >/dev/null
	status_on 2024-03-12 0 ftc-1 --json
	[ "$(due replies | jq .done)" = true ]
	sed '/related_party/d' ours.yaml >silent.yaml
	run -2 --separate-stderr wm transfer silent.yaml --key steward.key --ledger work.git
	refused_as yaml-field
}

# The content lines of a calendar, unfolded.
unfolded() { # file
	tr -d '\r' <"$1" | sed -z 's/\n //g'
}

@test "order: deadlines as a calendar, the same each time but for when it was made" {
	given_family
	given_order court_order 2024-03-08 <<<"title: \"Acme, Inc; the \\\\ matter: $(printf 'ä%.0s' {1..60})\"
$about_d"
	status_on 2024-03-10 0 --ics a.ics
	[ "$(grep -c $'\r$' a.ics)" = "$(wc -l <a.ics)" ]
	[ "$(LC_ALL=C awk '{ if (length($0) > 76) n++ } END { print n + 0 }' a.ics)" = 0 ]
	iconv -f UTF-8 -t UTF-8 a.ics >/dev/null
	unfolded a.ics >a.txt
	[ "$(grep -c '^BEGIN:VEVENT$' a.txt)" = 2 ]
	[ "$(grep -c '^BEGIN:VALARM$' a.txt)" = 2 ]
	grep -qx 'DTSTART;VALUE=DATE:20240328' a.txt
	grep -qx 'DTEND;VALUE=DATE:20240329' a.txt
	grep -q '^SUMMARY:Acme\\, Inc\\; the \\\\ matter: ä*: delete_models (models)$' a.txt
	wm order 'done' ftc-1 --obligation data --on 2024-03-09 "${by[@]}" >/dev/null
	status_on 2024-03-10 0 --ics b.ics
	status_on 2024-03-10 0 --ics b.ics
	cp o.yaml keep.yaml
	status_on 2024-03-10 2 --ics keep.yaml
	refused_as exists
	cmp o.yaml keep.yaml
	[ "$(unfolded b.ics | grep ^UID | sort)" = "$(grep ^UID a.txt | sort)" ]
	status_on 2024-03-10 0 --due-within 17d --json
	[ "$(of_json "$output" '.orders | length')" = 0 ]
	status_on 2024-03-10 0 --due-within 18d --json
	[ "$(of_json "$output" '.orders | length')" = 1 ]
	order_file two.yaml ftc-2 court_order 2024-03-08 <<<"${about_d/days: 20/days: 60}"
	wm order add two.yaml "${by[@]}" >/dev/null 2>&1
	status_on 2024-03-10 0 ftc-2 --due-within 18d --ics c.ics --json
	[ "$(of_json "$output" '[.orders[].obligations[].id] | join(" ")')" = models ]
	[ "$(unfolded c.ics | grep -c '^BEGIN:VEVENT')" = 1 ]
}

@test "order: hostile names are shown escaped" {
	given_ledger
	order_file o.yaml x court_order 2024-03-08 <<<"title: \"a\\e[2Jb\"
docket: \"c\\u202ed\"
$about_d"
	wm order add o.yaml "${by[@]}" --ledger work.git 2>/dev/null >&2
	status_on 2024-03-10 4 --ledger work.git
	while IFS= read -r line; do harmless "$line"; done <<<"$output"
}

@test "order: a withdrawal names the runs before and after it, the checkpoints, and the day of the answer" {
	given_ledger
	wm config set ledger "$PWD/work.git"
	mkdir records
	printf photo >records/photo.jpg
	printf 'kind: dataset\ndataset_id: D\ntitle: Data D\n' >D.yaml
	wm dataset record records -f D.yaml --key steward.key --issuer lab.example -o D.wmk >/dev/null
	local r
	for r in 1 2; do
		model "M$r" "$(head_of "M$r")
training_run: [{id: R$r, start: \"2026-0$r-01T00:00:00Z\", uses: [{dataset: {object: lab.example/D}, role: pretrain}]}]"
	done
	derived M3 quantise M2
	status_on 2026-02-01 0
	wm dataset withdraw --dataset D.wmk --record records/photo.jpg \
		--effective 2026-01-15T00:00:00Z --key steward.key --issuer lab.example >/dev/null
	status_on 2026-02-01 0
	[[ $output == *'lab.example/R1, began before'* ]]
	[[ $output == *'lab.example/R2, BEGAN AFTER IT WAS WITHDRAWN'* ]]
	[[ $output == *'due 2026-02-15, in 14 days'* ]]
	status_on 2026-02-01 0 --due-within 13d --json
	[ "$(jq '.withdrawals | length' <<<"$output")" = 0 ]
	status_on 2026-02-01 0 --due-within 14d --json
	[ "$(jq '.withdrawals | length' <<<"$output")" = 1 ]
	status_on 2026-02-16 1 --json
	[ "$(jq -c '.withdrawals[0].affected | map(.object)' <<<"$output")" = '["lab.example/M1@1","lab.example/M2@1","lab.example/M3@1"]' ]
	[ "$(jq -c '.withdrawals[0] | [.records, .due, .overdue_days]' <<<"$output")" = '[1,"2026-02-15",1]' ]
	[ "$(jq -r '.withdrawals[0].runs[1].withdrawn' <<<"$output")" = before-it-began ]
}

@test "order: a withdrawal is in the calendar, is asked for by its id, and is answered" {
	given_ledger
	wm config set ledger "$PWD/work.git"
	mkdir records
	printf photo >records/photo.jpg
	printf 'kind: dataset\ndataset_id: D\ntitle: Data D\n' >D.yaml
	wm dataset record records -f D.yaml --key steward.key --issuer lab.example -o D.wmk >/dev/null
	wm dataset withdraw --dataset D.wmk --record records/photo.jpg \
		--effective 2026-01-15T00:00:00Z --key steward.key --issuer lab.example >/dev/null
	status_on 2026-02-01 0 --json --ics a.ics
	id=$(of_json "$output" '.withdrawals[0].object')
	unfolded a.ics | grep -qF "SUMMARY:$id: answer (consent_withdrawal)"
	grep -q '^DTSTART;VALUE=DATE:20260215' a.ics
	status_on 2026-02-01 0 --due-within 5d --json --ics b.ics
	[ "$(of_json "$output" '.withdrawals | length')" = 0 ]
	run -1 grep -q SUMMARY b.ics
	status_on 2026-02-16 1 "${id##*/}"
	[[ $output == *"consent_withdrawal $id"*'overdue by 1 day'* ]]
	run -2 --separate-stderr wm order status nothing
	refused_as order-unknown
	run -2 --separate-stderr wm order done nothing --answered --key steward.key
	refused_as order-unknown
	"$B/weightmark" key new ./other --no-passphrase >/dev/null
	run -2 --separate-stderr wm order done "$id" --answered --key other.key
	refused_as usage
	run -2 --separate-stderr wm order done "$id" --answered --key steward.key --told X
	refused_as usage
	run -0 --separate-stderr wm order done "$id" --answered --on 2026-02-10 --key steward.key --dry-run
	status_on 2026-02-16 1
	run -0 --separate-stderr wm order done "${id##*/}" --answered --on 2026-02-10 --key steward.key
	run -0 --separate-stderr wm order done "$id" --answered --key steward.key --json
	[ "$(of_json "$output" '.statements[0].reused')" = true ]
	status_on 2026-02-16 0 "$id" --ics c.ics --trust steward.pub
	[[ $output == *'answered 2026-02-10T00:00:00Z, the issuer says'* ]]
	run -1 grep -q SUMMARY c.ics
	status_on 2026-02-16 0 --json --trust steward.pub
	[ "$(of_json "$output" '.withdrawals[0] | [.answered, .answered_at, .records] | map(tostring) | join(" ")')" = \
		'true 2026-02-10T00:00:00Z 1' ]
	# Withdrawn again, it is as it was answered.
	run -2 --separate-stderr wm dataset withdraw --dataset D.wmk --record records/photo.jpg \
		--effective 2026-01-15T00:00:00Z --key steward.key --issuer lab.example
}

@test "order: a run that ended before a withdrawal is before it; what it used is said" {
	given_ledger
	wm config set ledger "$PWD/work.git"
	mkdir records
	printf photo >records/photo.jpg
	printf 'kind: dataset\ndataset_id: D\ntitle: Data D\n' >D.yaml
	wm dataset record records -f D.yaml --key steward.key --issuer lab.example -o D.wmk >/dev/null
	model M1 "$(head_of M1)
training_run: [{id: R1, end: \"2020-02-01T00:00:00Z\", uses: [{dataset: {object: lab.example/D}, role: pretrain}]}]"
	wm dataset withdraw --dataset D.wmk --record records/photo.jpg \
		--effective 2026-01-15T00:00:00Z --key steward.key --issuer lab.example >/dev/null
	status_on 2026-02-01 0
	[[ $output == *'lab.example/R1, ended before'$'\n'* ]]
	status_on 2026-02-01 0 --json
	[ "$(of_json "$output" '.withdrawals[0].runs[0] | [.withdrawn, .through] | map(tostring) | join(" ")')" = 'after-it-ended null' ]
	run -4 --separate-stderr wm verify M1.safetensors --key steward.pub --ledger work.git
	[[ $output$stderr != *'does not say when it began'* ]]
}

@test "order: a withdrawn record counts for runs whose subset has it, by the commitments at hand" {
	given_ledger
	wm config set ledger "$PWD/work.git"
	local s root
	local -a key=()
	mkdir D has none
	echo photo | tee D/photo.jpg >has/photo.jpg
	echo other | tee D/other.jpg >none/other.jpg
	for s in D has none; do
		printf 'kind: dataset\ndataset_id: %s\ntitle: %s\n' "$s" "$s" >"$s.yaml"
		wm dataset record "$s" -f "$s.yaml" --key steward.key --issuer lab.example -o "$s.wmk" \
			"${key[@]}" >/dev/null
		key=(--commitment-key D.wmck)
	done
	root_of() { wm show "$1.wmk" --json | jq -r '[.. | objects | .record_commitment_root? // empty][0]'; }
	for s in has none; do
		model "M$s" "$(head_of "M$s")
training_run: [{id: R$s, start: \"2026-02-01T00:00:00Z\", uses: [{dataset: {object: lab.example/D}, role: pretrain, subset_root: $(root_of $s)}]}]"
	done
	# The day of the withdrawal is one from its first moment on.
	run -0 --separate-stderr wm dataset withdraw --dataset D.wmk --record D/photo.jpg --effective 2026-02-01 \
		--key steward.key --issuer lab.example -o w.wmk --json
	[ "$(of_json "$output" .effective_at)" = 2026-02-01 ]
	[ "$(of_json "$output" '.records | length')" = 1 ]
	root=$(of_json "$output" '.records[0]')
	run -2 --separate-stderr wm dataset withdraw --dataset D.wmk --record D/photo.jpg --effective today \
		--key steward.key --issuer lab.example
	refused_as usage
	status_on 2026-02-10 0
	[[ $output == *'lab.example/Rhas, BEGAN AFTER IT WAS WITHDRAWN, whole dataset: not known whether its subset has any'* ]]
	[[ $output == *'withdrawn as of 2026-02-01'$'\n'* ]]
	# Without those of the whole dataset nothing tells under which key the record was committed to.
	status_on 2026-02-10 0 --commitments none.wmc --json
	[ "$(of_json "$output" '.withdrawals[0] | [.runs[].share] | join(" ")')" = 'unknown unknown' ]
	status_on 2026-02-10 0 --commitments none.wmc --commitments has.wmc --json
	[ "$(of_json "$output" '.withdrawals[0] | [.runs[] | "\(.object) \(.share)"] | join(" ")')" = 'lab.example/Rhas subset' ]
	[ "$(of_json "$output" '.withdrawals[0] | [.runs_without[].object, .affected[].object] | join(" ")')" = \
		'lab.example/Rnone lab.example/Mhas@1' ]
	status_on 2026-02-10 0 --commitments none.wmc --commitments D.wmc
	[[ $output == *'not used by lab.example/Rnone: its subset has none, by the commitments at hand'* ]]
	# An order about the record reaches as far.
	given_order data_subject_request 2026-02-01 <<YAML
scope_record: [$root]
scope_dataset: [{object: lab.example/D}]
obligation: [{id: answer, kind: other, months: 1}]
YAML
	status_on 2026-02-10 0 ftc-1
	[[ $output == *'records     1 named: the whole of their dataset counts, and every use of it, for which run saw them is not known'* ]]
	[[ $output == *'2 tainted checkpoints'* ]]
	status_on 2026-02-10 0 ftc-1 --commitments none.wmc --commitments D.wmc
	[[ $output == *'every use of it but 1 of subsets without them, by the commitments at hand'* ]]
	[[ $output == *'1 tainted checkpoint;'* && $output == *'clean       1 checkpoint without'* ]]
	head -c 100 none.wmc >short.wmc
	run -1 --separate-stderr wm order status --commitments short.wmc
	refused_as commitments-truncated
}

@test "order: what is due before the trigger is refused" {
	given_ledger
	order_file o.yaml ftc-1 court_order 2024-03-08 <<'YAML'
scope_dataset: [{object: lab.example/D}]
obligation:
- {id: data, kind: delete_data, due: "2024-03-07"}
YAML
	run -2 --separate-stderr wm order add o.yaml --key steward.key --issuer lab.example --ledger work.git
	refused_as yaml-field
	[[ $stderr == *"o.yaml: order: the obligation data is due before the order's trigger_date"* ]]
	sed -i 's/2024-03-07/2024-03-08/' o.yaml
	run -0 --separate-stderr wm order add o.yaml --key steward.key --issuer lab.example --ledger work.git
}

@test "order: a day, a zone, a party that is none: file, line and field" {
	given_ledger
	order_file o.yaml x court_order 2024-03-08 <<<"$about_d"
	sed 's/2024-03-08/0024-03-08/' o.yaml >far.yaml
	run -2 --separate-stderr wm order add far.yaml --key steward.key
	refused_as order-date
	[[ $stderr == *'far.yaml: line 7: trigger_date: 0024-03-08 is no date that an order has'* ]]
	sed 's/models, kind: delete_models, days: 20/models, kind: delete_models, due: 9924-03-08/' o.yaml >due.yaml
	run -2 --separate-stderr wm order add due.yaml --key steward.key
	refused_as order-date
	[[ $stderr == *'due.yaml: line 12: obligation: 9924-03-08 is no date that an order has'* ]]
	sed 's,UTC,Mars/Olympus,' o.yaml >zone.yaml
	run -2 --separate-stderr wm order add zone.yaml --key steward.key
	refused_as zone-unknown
	[[ $stderr == *'zone.yaml: line 8: time_zone: '* ]]
	sed 's/^authority: authority/authority: ftc/' o.yaml >party.yaml
	run -2 --separate-stderr wm order add party.yaml --key steward.key
	refused_as yaml-field
	[[ $stderr == *"party.yaml: line 5: authority: 'ftc' is not the id of a party of this statement"* ]]
	sed 's/^respondent: \[us\]/respondent: [us, them]/' o.yaml >party.yaml
	run -2 --separate-stderr wm order add party.yaml --key steward.key
	[[ $stderr == *"party.yaml: line 6: respondent: 'them' is not"* ]]
}

@test "order: without the key nothing is made" {
	given_ledger
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	run -3 --separate-stderr wm order add o.yaml --key missing.key
	[ ! -e "$XDG_DATA_HOME" ]
	run -0 --separate-stderr wm order add o.yaml --key steward.key
	[ -d "$XDG_DATA_HOME/weightmark/private.git" ]
}
