#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153 # bats sets stderr
# Recording what was gone before an order.
load helper
load signed
load lineage

by=(--key steward.key --issuer lab.example --ledger work.git)
hash=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
names='object\twhen\thow\tevidence_uri\tevidence_sha256\tlocation\n'

table() { # row...
	printf '%b' "$names" >gone.tsv
	printf '%b\n' "$@" >>gone.tsv
}

entries() {
	wm log --ledger work.git --json -n 10000 2>/dev/null | jq '[.logs[].entries[]] | length'
}

@test "retire: a table becomes events; the same table again changes nothing" {
	given_family
	local sha
	sha=$(sha256sum <M1.safetensors | cut -c1-64)
	table "lab.example/M0@1\t2024-01-02\tpurge\thttps://logs.example/1\t$hash\t/disk1" \
		"$sha\t2024-01-03T10:00:00Z\tclear\thttps://logs.example/2\t$hash\t" \
		"lab.example/M2@1\t2024-01-04\twithdrawn\thttps://logs.example/3\t$hash\t"
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}" --json
	[ "$(of_json "$output" '"\(.destroyed) \(.withdrawn) \(.unknown) \(.recorded.appended)"')" = '2 1 0 2' ]
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}" --json
	[ "$(of_json "$output" '"\(.destroyed) \(.as_before) \(.statements | length)"')" = '0 3 0' ]
}

@test "retire: gone before the order: accounted for, but not what was merely withdrawn" {
	given_family
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
	table "lab.example/M0@1\t2024-01-02\tpurge\thttps://logs.example/1\t$hash\t/disk1" \
		"lab.example/M2@1\t2024-01-04\twithdrawn\thttps://logs.example/3\t$hash\t"
	wm retire gone.tsv "${by[@]}" >/dev/null
	run -1 --separate-stderr wm certify ftc-1 --ledger work.git --key steward.key --json
	[ "$(of_json "$output" '[.open[] | select(.kind == "checkpoint").object[12:14]] | sort | join(" ")')" = 'M1 M2 M3 M4 M5' ]
}

@test "retire: what is wrong is named by line and column, and nothing is recorded" {
	given_family
	local before row good="lab.example/M0@1\t2024-01-02\tpurge\thttps://l\t$hash\t"
	before=$(entries)
	while read -r column row; do
		table "$good" "$row"
		run -2 --separate-stderr wm retire gone.tsv "${by[@]}"
		refused_as table-malformed
		[[ $stderr == *"gone.tsv, line 3, column $column: "* ]]
	done <<ROWS
1 nothing\t2024-01-02\tpurge\tu\t$hash\t
2 lab.example/M1@1\tyesterday\tpurge\tu\t$hash\t
2 lab.example/M1@1\t9024-01-02\tpurge\tu\t$hash\t
3 lab.example/M1@1\t2024-01-02\tburn\tu\t$hash\t
5 lab.example/M1@1\t2024-01-02\tpurge\t\t$hash\t
5 lab.example/M1@1\t2024-01-02\tpurge\tu\tabc\t
4 lab.example/M1@1\t2024-01-02\tpurge\tu\t\t
7 lab.example/M1@1\t2024-01-02\tpurge\tu\t$hash\t\tmore
6 lab.example/M1@1\t2024-01-02\tpurge\tu\t$hash\t/a\xff
1 $good
ROWS
	# The same thing once more: its digest written in another way, or in use no longer twice.
	local sha
	sha=$(sha256sum <M1.safetensors | cut -c1-64)
	for row in "$sha\t2024-01-02\tpurge\tu\t$hash\t|sha256:${sha^^}\t2024-01-03\tpurge\tu\t$hash\t" \
		"${good/purge/withdrawn}/a|${good/purge/withdrawn}/b"; do
		table "${row%|*}" "${row#*|}"
		run -2 --separate-stderr wm retire gone.tsv "${by[@]}"
		refused_as table-malformed
		[[ $stderr == *'gone.tsv, line 3, column 1: the same as in line 2'* ]]
	done
	printf '%b' "${names/\\tlocation/}${good}/a\n" >gone.tsv
	run -2 --separate-stderr wm retire gone.tsv "${by[@]}"
	refused_as table-malformed
	[[ $stderr == *'gone.tsv, line 2, column 6: a cell without a column'* ]]
	table "lab.example/X@1\t2024-01-02\tpurge\tu\t$hash\t"
	run -1 --separate-stderr wm retire gone.tsv "${by[@]}"
	refused_as thing-unknown
	[[ $stderr == *'gone.tsv, line 2, column 1'* ]]
	[ "$(entries)" = "$before" ]
	run -0 --separate-stderr wm retire gone.tsv --unknown "${by[@]}"
	printf 'object\twhen\n' >gone.tsv
	run -2 --separate-stderr wm retire gone.tsv "${by[@]}"
	refused_as table-columns
	: >gone.tsv
	run -2 --separate-stderr wm retire gone.tsv "${by[@]}"
	refused_as table-columns
}

@test "retire: without evidence is told; what a statement only names is known" {
	given_family
	derived M6 finetune old
	table "lab.example/M0@1\t2024-01-02\tpurge\t\t\t/disk1" "lab.example/old@1\t2024-01-03\tclear\t\t\t" \
		"lab.example/M2@1\t2024-01-04\twithdrawn\t\t\t"
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}"
	[[ $output == *'rows      3 without evidence'* && $output != *unknown* ]]
	printf 'when\thow\tobject\n2024-01-02\tpurge\tlab.example/M1@1\n2024-01-03\tclear\tlab.example/old@1\n' >gone.tsv
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}" --json
	[ "$(of_json "$output" '"\(.destroyed) \(.as_before) \(.without_evidence)"')" = '1 1 2' ]
	printf 'when\thow\tobject\n2024-01-02\tpurge\tlab.example/odl@1\n' >gone.tsv
	run -1 --separate-stderr wm retire gone.tsv "${by[@]}"
	refused_as thing-unknown
}

@test "retire: some thousand rows an event" {
	given_ledger
	{
		printf '%b' "$names"
		seq -f "lab.example/X%g@1	2024-01-02	purge	https://l	$hash	" 5000
	} >gone.tsv
	run -0 --separate-stderr wm retire gone.tsv --unknown "${by[@]}" --json
	[ "$(of_json "$output" '"\(.destroyed) \(.statements | length)"')" = '5000 2' ]
}

@test "retire: rows that are recorded are not recorded again; otherwise they are refused, or corrected" {
	given_family
	local first="lab.example/M0@1\t2024-01-02\tpurge\thttps://l/1\t$hash\t/a"
	local gone="lab.example/M1@1\t2024-01-03\tclear\thttps://l/2\t$hash\t"
	local unused="lab.example/M2@1\t2024-01-04\twithdrawn\thttps://l/3\t$hash\t" before row
	table "$first" "$gone" "$unused"
	wm retire gone.tsv "${by[@]}" -o retired.wmk >/dev/null
	before=$(entries)
	# A table that grew: what is new alone. What was withdrawn may be destroyed later.
	table "$gone" "$first" "lab.example/M0@1\t2024-01-02\tpurge\thttps://l/1\t$hash\t/b" \
		"lab.example/M2@1\t2024-02-01\tpurge\thttps://l/4\t$hash\t"
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}" --json
	[ "$(of_json "$output" '"\(.destroyed) \(.withdrawn) \(.as_before) \(.corrected) \(.statements | length)"')" = '2 0 2 0 1' ]
	[ "$(entries)" = $((before + 1)) ]
	# Another day, way or evidence.
	while read -r row; do
		table "$first" "$row"
		run -2 --separate-stderr wm retire gone.tsv "${by[@]}"
		refused_as retired-otherwise
		[[ $stderr == *'gone.tsv, line 3: '*'--amend'* ]]
	done <<ROWS
${gone/01-03/01-05}
${gone/clear/destroy}
${gone/2\\t$hash/2\\t${hash//a/b}}
${gone/\/2/\/9}
${unused/01-04/01-05}
ROWS
	[ "$(entries)" = $((before + 1)) ]
	table "$first" "${gone/2024-01-03/2024-01-05T10:00:00Z}" "${unused/01-04/01-05}"
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}" --amend --json
	[ "$(of_json "$output" '"\(.destroyed) \(.withdrawn) \(.as_before) \(.corrected) \(.recorded.appended)"')" = '0 0 1 2 2' ]
	# Now that is what is recorded, and the row beside it as it was.
	run -0 --separate-stderr wm retire gone.tsv "${by[@]}"
	[ "$output" = 'recorded 0 destroyed, 0 withdrawn from use, 0 corrected: 0 events; 3 as before' ]
	# Another key says for itself what it saw go.
	run -0 --separate-stderr wm retire gone.tsv --key counsel.key --issuer counsel.example --ledger work.git --json
	[ "$(of_json "$output" '"\(.destroyed) \(.withdrawn) \(.as_before)"')" = '2 1 0' ]
}
