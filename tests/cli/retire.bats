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
	wm log --ledger work.git --json -n 10000 2>/dev/null | jq '.entries | length'
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
	[ "$(of_json "$output" '"\(.recorded.appended) \([.statements[].reused] | unique)"')" = '0 [true]' ]
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
4 lab.example/M1@1\t2024-01-02\tpurge\t\t$hash\t
5 lab.example/M1@1\t2024-01-02\tpurge\tu\tabc\t
7 lab.example/M1@1\t2024-01-02\tpurge\tu\t$hash\t\tmore
1 $good
ROWS
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

@test "retire: some thousand rows an event" {
	given_ledger
	{
		printf '%b' "$names"
		seq -f "lab.example/X%g@1	2024-01-02	purge	https://l	$hash	" 5000
	} >gone.tsv
	run -0 --separate-stderr wm retire gone.tsv --unknown "${by[@]}" --json
	[ "$(of_json "$output" '"\(.destroyed) \(.statements | length)"')" = '5000 2' ]
}
