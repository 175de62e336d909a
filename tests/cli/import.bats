#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153 # bats sets stderr
# Bringing in run histories that other tools kept.
load helper
load signed
load lineage

by=(--key steward.key --issuer lab.example --ledger work.git)

# history FILE: the runs of D -> M0 -> M1, as CSV
history_csv() {
	cat >"$1" <<'CSV'
run,activity,started,ended,dataset,role,from_step,to_step,parent,output,step
old-1,train,2019-03-01,2019-03-09,lab.example/D,pretrain,0,900,,lab.example/M0@1,1000
old-1,,,,lab.example/C,validation,,,,,
old-2,finetune,2019-04-01,,,,,,lab.example/M0@1,lab.example/M1@1,
CSV
}

event() { # type time run member of things
	printf '{"eventType":"%s","eventTime":"%s","run":{"runId":"%s"},"job":{"namespace":"etl","name":"train"},"producer":"https://etl.example","%s":[%s]}\n' "$@"
}

thing() { # name
	printf '{"namespace":"lab.example","name":"%s","facets":{"x":[1.5,null]}}' "$1"
}

history_events() {
	{
		event START 2019-03-01T00:00:00+01:00 old-1 inputs "$(thing D)"
		event COMPLETE 2019-03-09T12:00:00.5Z old-1 outputs "$(thing M0@1)"
		printf '{"eventTime":"2019-03-09T12:00:00Z","dataset":%s}\n' "$(thing D)"
		event START 2019-04-01T00:00:00Z old-2 inputs "$(thing M0@1)"
		event COMPLETE 2019-04-02T00:00:00Z old-2 outputs "$(thing M1@1)"
	} >"$1"
}

entries() {
	wm log --ledger work.git --json -n 10000 2>/dev/null | jq '[.logs[].entries[]] | length'
}

# of what import answered: runs, statements, those that were there, entries that are new
counts() {
	of_json "$output" '"\(.runs) \(.statements | length) \(.reused) \(.recorded.appended)"'
}

@test "import: CSV: each run is signed once; of a file that grew only what is new" {
	given_ledger
	history_csv h.csv
	run -0 --separate-stderr wm import h.csv "${by[@]}" --json
	is_json "$output"
	[ "$(counts)" = '2 2 0 2' ]
	[ "$(of_json "$output" '"\(.file) \(.sha256) \(.size) \(.rows) \(.passed_over) \(.unjoined) \(.issuer) \(.dry_run)"')" = \
		"h.csv $(sha256sum <h.csv | cut -c1-64) $(stat -c %s h.csv) 3 0 0 lab.example false" ]
	local first=$output
	run -0 --separate-stderr wm import h.csv "${by[@]}" --json
	[ "$(counts)" = '2 2 2 0' ]
	[ "$(of_json "$output" '[.statements[].statement]')" = "$(of_json "$first" '[.statements[].statement]')" ]
	[ "$(entries)" = 2 ]
	echo 'new-3,train,2024-01-01,,lab.example/D,finetune,,,,lab.example/M2@1,' >>h.csv
	run -0 --separate-stderr wm import h.csv "${by[@]}" --json
	[ "$(counts)" = '3 3 2 1' ]
	[ "$(entries)" = 3 ]
	run -0 --separate-stderr wm find --object lab.example/new-3 --ledger work.git --json
	[ "$(of_json "$output" '.entries[0] | "\(.kind) \(.issuer)"')" = 'run lab.example' ]
}

@test "import: what is told otherwise needs --amend" {
	given_ledger
	history_csv h.csv
	wm import h.csv "${by[@]}" >/dev/null
	sed -i 's/finetune,2019-04-01/distil,2019-04-01/' h.csv
	echo 'new-3,train,,,,,,,,,' >>h.csv
	run -2 --separate-stderr wm import h.csv "${by[@]}"
	refused_as said-otherwise
	[[ $stderr == *"something else of run '"*"/old-2'"*$'\n''fix: '*'--amend --reason'* ]]
	[ "$(entries)" = 2 ]
	run -0 --separate-stderr wm import h.csv "${by[@]}" --amend --reason 'mislabelled' --json
	[ "$(counts)" = '3 3 1 2' ]
	run -0 --separate-stderr wm import h.csv "${by[@]}" --json
	[ "$(counts)" = '3 3 3 0' ]
}

@test "import: OpenLineage events; those about no run are counted" {
	given_ledger
	history_events h.jsonl
	run -0 --separate-stderr wm import h.jsonl "${by[@]}" --json
	[ "$(counts)" = '2 2 0 2' ]
	[ "$(of_json "$output" '"\(.rows) \(.passed_over)"')" = '5 1' ]
	run -0 --separate-stderr wm import h.jsonl "${by[@]}" --json
	[ "$(counts)" = '2 2 2 0' ]
	run -0 --separate-stderr wm import h.jsonl "${by[@]}"
	[[ $output == "nothing new: 2 runs from h.jsonl: 2 statements, 2 as before"* ]]
	[[ $output == *'5 events'* && $output == *'1 event, which is about no run'* ]]
	[[ $output == *'lab.example, retrospective; nothing of it was checked'* ]]
	# What nothing can join is signed and said.
	event START 2020-01-01T00:00:00Z s3-run inputs '{"namespace":"s3://b","name":"k/"}' >s3.jsonl
	run -0 --separate-stderr wm import s3.jsonl "${by[@]}" --json
	[ "$(of_json "$output" .unjoined)" = 1 ]
	[[ $stderr == *'1 thing is named by a URI alone'* ]]
}

@test "import: trace and order status go through what was imported, and say who asserts it" {
	given_ledger
	local form
	for form in csv jsonl; do
		rm -rf work.git
		wm init lab.example/models --ledger work.git >/dev/null
		[ "$form" = csv ] && history_csv h.csv || history_events h.jsonl
		wm import "h.$form" "${by[@]}" >/dev/null
		# Nobody made a statement about the things: they are reached all the same.
		run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git
		[[ $output == *'retrospective run lab.example/old-1  [used'*'; asserted by lab.example]'* ]]
		[[ $output == *'lab.example/M0@1  [made'*'; asserted by lab.example]'* ]]
		[[ $output == *'retrospective run lab.example/old-2'*'lab.example/M1@1  [made; asserted by lab.example]'* ]]
		run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git --json
		[ "$(of_json "$output" '[.nodes[] | select(.retrospective).object] | join(" ")')" = \
			'lab.example/old-1 lab.example/old-2' ]
		[ "$(of_json "$output" '[.nodes[1:][] | "\(.assurance) \(.issuer)"] | unique | join(",")')" = \
			'asserted lab.example' ]
		run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git -o t.dot --as dot
		grep -q 'label="retrospective run, ' t.dot
		order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
		wm order add o.yaml "${by[@]}" >/dev/null 2>&1
		run -1 --separate-stderr wm order status ftc-1 --ledger work.git --json
		[ "$(of_json "$output" '[.orders[0].tainted[].object] | sort | join(" ")')" = \
			'lab.example/M0@1 lab.example/M1@1' ]
	done
}

@test "import: --dry-run writes nothing; -o writes a sidecar, and adds to it" {
	given_ledger
	history_csv h.csv
	run -0 --separate-stderr wm import h.csv "${by[@]}" -o h.wmk --dry-run --json
	[ "$(of_json "$output" '"\(.dry_run) \(.runs) \([.statements[] | has("statement")] | unique)"')" = 'true 2 [false]' ]
	[ "$(entries)" = 0 ]
	[ ! -e h.wmk ]
	run -0 --separate-stderr wm import h.csv --key steward.key --issuer lab.example -o h.wmk --json
	[ "$(of_json "$output" '"\(.reused) \(has("recorded"))"')" = '0 false' ]
	cp h.wmk before.wmk
	run -0 --separate-stderr wm import h.csv --key steward.key --issuer lab.example -o h.wmk --json
	[ "$(of_json "$output" .reused)" = 2 ]
	cmp h.wmk before.wmk
	wm append h.wmk --ledger work.git >/dev/null
	[ "$(entries)" = 2 ]
	run -2 --separate-stderr wm import h.csv --key steward.key
	refused_as usage
}

@test "import: a row that is wrong is named by line and column, and nothing is written" {
	given_ledger
	local column row
	while read -r column row; do
		history_csv h.csv
		printf '%b\n' "$row" >>h.csv
		run -2 --separate-stderr wm import h.csv "${by[@]}" -o h.wmk
		refused_as table-malformed
		[[ $stderr == *"h.csv, line 5, column $column: "* ]]
	done <<'ROWS'
1 ,train,,,,,,,,,
2 old-1,convert,,,,,,,,,
3 old-3,,yesterday,,,,,,,,
3 old-3,,9024-01-01,,,,,,,,
4 old-3,,2020-01-02,2020-01-01,,,,,,,
5 old-3,,,,faces,,,,,,
6 old-3,,,,lab.example/D,fun,,,,,
8 old-3,,,,lab.example/D,,2,1,,,
9 old-3,,,,,,,,M0,,
11 old-3,,,,,,,,,lab.example/M,x
12 old-3,,,,,,,,,,,
1 "old-3
2 old-3,a\0b,,,,,,,,,
ROWS
	history_events h.jsonl
	printf '{"run":{"runId":"x"},}\n' >>h.jsonl
	run -2 --separate-stderr wm import h.jsonl "${by[@]}" -o h.wmk
	refused_as table-malformed
	[[ $stderr == *'h.jsonl, line 6, column 22: not JSON'* ]]
	[ "$(entries)" = 0 ]
	[ ! -e h.wmk ]
}

@test "import: what is no history" {
	given_ledger
	local file
	printf 'run,run\na,b\n' >twice.csv
	printf 'run\n' >none.csv
	mkdir d.csv
	mkfifo f.csv
	ln -s /dev/zero z.jsonl
	for file in twice.csv none.csv d.csv f.csv z.jsonl; do
		run -2 --separate-stderr timeout 10 "$B/weightmark" import "$file" "${by[@]}"
		refused_as table-malformed
	done
	: >empty.csv
	printf 'dataset\na/D\n' >no-run.csv
	for file in empty.csv no-run.csv; do
		run -2 --separate-stderr wm import "$file" "${by[@]}"
		refused_as table-columns
	done
	run -2 --separate-stderr wm import history.txt "${by[@]}"
	refused_as usage
	run -3 --separate-stderr wm import absent.csv "${by[@]}"
	refused_as not-found
	printf 'run,activity\nr,%5000s\n' x >long.csv
	run -1 --separate-stderr wm import long.csv "${by[@]}"
	refused_as limit
	# A mark of byte order, and ends of lines as Windows has them.
	printf '\xef\xbb\xbfrun,activity\r\nr,"a ""b"""\r\n' >dos.csv
	run -0 --separate-stderr wm import dos.csv "${by[@]}"
	# Names that would move the cursor.
	printf 'run,activity\n\033[2J,x\n' >$'\033[2J.csv'
	run -2 --separate-stderr wm import $'\033[2J.csv' "${by[@]}"
	harmless "$stderr"
}

@test "import: what another run made is a parent, in whatever order the events come" {
	given_ledger
	{
		event START 2020-02-01T00:00:00Z tune inputs "$(thing ol@1),$(thing C)"
		event COMPLETE 2020-02-02T00:00:00Z tune outputs "$(thing ol-small@1)"
		event START 2020-01-01T00:00:00Z base inputs "$(thing D)"
		event COMPLETE 2020-01-02T00:00:00Z base outputs "$(thing ol@1)"
	} >ol.jsonl
	wm import ol.jsonl "${by[@]}" >/dev/null
	run -4 --separate-stderr wm trace --to lab.example/ol-small@1 --ledger work.git
	[[ $output == *'retrospective run lab.example/tune  [made; asserted by lab.example]'$'\n'* ]]
	[[ $output == *'checkpoint lab.example/ol@1  [used; asserted by lab.example]'* ]]
	[[ $output == *'run lab.example/base  [made; asserted by lab.example]  <- no parent is declared'* ]]
	[[ $output != *'random initialisation'* ]]
	[[ $output == *'lab.example refers to '*"lab.example/ol-small@1"* && $output != *somebody* ]]
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
	run -1 --separate-stderr wm order status ftc-1 --plan --ledger work.git --json
	[ "$(of_json "$output" '[.orders[0].plan.steps[] | "\(.object) \(.after)"] | join(",")')" = \
		'lab.example/ol@1 null,lab.example/ol-small@1 lab.example/ol@1' ]
}

@test "import: a correction: an edge that both versions have stands once, others say which" {
	given_ledger
	history_csv h.csv
	wm import h.csv "${by[@]}" >/dev/null
	sed -i 's/M0@1,1000/M0@1,2000/' h.csv
	wm import h.csv "${by[@]}" --amend --reason 'step mistyped' >/dev/null
	run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git
	[ "$(grep -c 'steps 0 to 900' <<<"$output")" = 1 ]
	[[ $output == *'[made, step 2000; asserted by lab.example]'* ]]
	[ "$(grep -c 'step 1000; asserted by lab.example in an earlier version, corrected since]' <<<"$output")" = 1 ]
	run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git --json
	[ "$(of_json "$output" '[.nodes[], .again[] | select(.step) | "\(.step) \(.corrected)"] | sort | join(",")')" = \
		'1000 true,2000 null' ]
	# Drawings: no edge lies on another, and each says its step; the title says what was traced.
	run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git --as svg
	[[ $output == *'<title>Lineage from lab.example/D</title>'* ]]
	[[ $output == *'>step 1000, corrected</tspan>'* && $output == *'>step 2000</tspan>'* ]]
	[ -z "$(grep -o '<path d="M[^"]*C[^"]*"' <<<"$output" | sort | uniq -d)" ]
	run -4 --separate-stderr wm trace --to lab.example/M1@1 --ledger work.git --as dot
	[[ $output == *'label="Lineage to lab.example/M1@1\nAs the statements'* ]]
}

@test "trace: random initialisation is what a manifest declares" {
	given_ledger
	trained M0 D pretrain
	run -0 --separate-stderr wm trace --to lab.example/M0@1 --ledger work.git
	[[ $output == *'<- random initialisation: declared complete, and no parent is declared'* ]]
}

@test "import: names that are URIs, the sidecar, and what is nothing new" {
	given_ledger
	{
		event START 2020-01-01T00:00:00Z base outputs '{"namespace":"s3://b","name":"q"}'
		event START 2020-02-01T00:00:00Z tune inputs '{"namespace":"s3://b","name":"q"}'
		event COMPLETE 2020-02-01T00:00:00Z tune outputs '{"namespace":"https://x","name":"y"}'
		event COMPLETE 2020-01-01T00:00:00Z base inputs "$(thing D)"
	} >u.jsonl
	run -0 --separate-stderr wm import u.jsonl "${by[@]}" -o u.wmk
	[[ $stderr == *'u.jsonl: 2 things are named by a URI, which joins only what is named by the same one'* ]]
	[[ $output == 'imported 2 runs from u.jsonl: 2 statements, 0 as before'* ]]
	[[ $output == *'  sidecar   u.wmk'* ]]
	# They join all the same: taint goes through them.
	run -4 --separate-stderr wm trace --from lab.example/D --ledger work.git
	[[ $output == *'checkpoint s3://b/q'*'checkpoint https://x/y'* ]]
	run -0 --separate-stderr wm import u.jsonl "${by[@]}" -o u.wmk
	[[ $output == 'nothing new: 2 runs from u.jsonl: 2 statements, 2 as before'* ]]
	run -0 --separate-stderr wm import u.jsonl "${by[@]}" -o u.wmk --json
	is_json "$output"
	[ "$(of_json "$output" '"\(.uris) \(.unjoined) \(.sidecar)"')" = '2 0 u.wmk' ]
}
