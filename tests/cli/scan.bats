#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153 # bats sets stderr
# Finding copies by digest.
load helper
load signed
load lineage

by=(--key counsel.key --issuer counsel.example)

given_scene() {
	given_family
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	wm order add o.yaml "${by[@]}" --ledger work.git >/dev/null 2>&1
	mkdir -p shelf/deep
	cp M5.safetensors 'shelf/deep/a copy'
	cp M9.safetensors shelf/
}

state_of() { # place
	PLACE=$1 of_json "$output" '.places[] | select(.place == env.PLACE) | .state'
}

@test "scan: tainted, clean, unknown, by digest, wherever and under whatever name" {
	given_scene
	run -1 --separate-stderr wm scan shelf --ledger work.git
	[[ $output == *'tainted'*'shelf/deep/a copy  = lab.example/M5@1'* ]]
	[[ $output == *'under counsel.example/ftc-1: lab.example/D > lab.example/run-M0 > lab.example/M0@1 > lab.example/M2@1 > lab.example/M5@1'* ]]
	order_file two.yaml ftc-0 court_order 2024-02-08 <<<"$about_d"
	wm order add two.yaml --key counsel.key --issuer counsel.example --ledger work.git >/dev/null 2>&1
	run -1 --separate-stderr wm scan shelf --ledger work.git --json
	[ "$(of_json "$output" '.places[] | select(.place == "shelf/deep/a copy") | "\(.order) \(.orders | join(" "))"')" = \
		'counsel.example/ftc-0 counsel.example/ftc-0 counsel.example/ftc-1' ]
	run -1 --separate-stderr wm scan shelf --ledger work.git
	[[ $output == *'under counsel.example/ftc-0 and 1 more: lab.example/D > '* ]]
	[[ $output == *'clean'*'shelf/M9.safetensors  = lab.example/M9@1'* ]]
	rm 'shelf/deep/a copy'
	run -0 --separate-stderr wm scan shelf --ledger work.git
	printf x >shelf/orphan.gguf
	run -4 --separate-stderr wm scan shelf --ledger work.git --json
	is_json "$output"
	[ "$(state_of shelf/orphan.gguf)" = unknown ]
	[ "$(state_of shelf/M9.safetensors)" = clean ]
}

@test "scan: known, and of an origin that nobody declares, is unknown" {
	given_scene
	model orphan 'kind: manifest
model: {name: orphan, version: "1"}'
	run -4 --separate-stderr wm scan orphan.safetensors --ledger work.git
	[[ $output == unknown*'whose lineage ends where nobody declared it'* ]]
}

@test "scan: pointers, other containers, slots, links, sidecars, what cannot be read" {
	given_scene
	cp M1.safetensors lfs.bin
	lfs_pointer lfs.bin
	run -1 --separate-stderr wm scan lfs.bin --ledger work.git --json
	[ "$(of_json "$output" '.places[0] | "\(.pointer) \(.object)"')" = 'true lab.example/M1@1' ]
	# The same weights with other white space in front: another SHA-256.
	printf ' ' | cat M2.safetensors - >/dev/null
	wm embed M2.safetensors --out slotted.safetensors >/dev/null
	run -1 --separate-stderr wm scan slotted.safetensors --ledger work.git --json
	[ "$(of_json "$output" '.places[0].object')" = lab.example/M2@1 ]
	rm -r shelf/deep
	ln -s ../M0.safetensors shelf/link
	cp M9.safetensors.wmk shelf/
	mkfifo shelf/fifo
	run -0 --separate-stderr timeout 20 "$B/weightmark" scan shelf --ledger work.git
	[[ $output == *'passed '*'shelf/link: a symbolic link'* && $output == *'shelf/fifo: no regular file'* ]]
	[[ $output == *'shelf/M9.safetensors.wmk: a sidecar'* ]]
	run -3 --separate-stderr wm scan nothing --ledger work.git
	refused_as not-found
	run -2 --separate-stderr wm scan --ledger work.git
	refused_as usage
	: >shelf/empty
	printf 'not safetensors' >shelf/broken.safetensors
	run -4 --separate-stderr wm scan shelf --ledger work.git --json
	[ "$(of_json "$output" .unknown)" = 2 ]
}

@test "scan: lists of sha256sum, with --tag and with escapes" {
	given_scene
	cp M3.safetensors $'new\nline'
	sha256sum M0.safetensors $'new\nline' >SHA256SUMS
	run -1 --separate-stderr wm scan SHA256SUMS --ledger work.git --json
	[ "$(of_json "$output" '.places[1] | "\(.place) \(.object)"')" = $'new\nline lab.example/M3@1' ] ||
		[ "$(of_json "$output" '.places[1].place')" = 'new\u{a}line' ]
	sha256sum --tag M0.safetensors M9.safetensors >t.sha256
	run -1 --separate-stderr wm scan t.sha256 --ledger work.git
	[[ $output == *'1 tainted, 1 clean, 0 unknown'* ]]
	printf 'SHA256 (x) = 12\n' >bad.sha256
	run -3 --separate-stderr wm scan bad.sha256 --ledger work.git
	[[ $stderr == *'line 1, column 1: not a line of sha256sum'* ]]
}

@test "scan: inventories by their column names; an e_tag is no digest" {
	given_scene
	local hex base
	hex=$(sha256sum <M4.safetensors | cut -c1-64)
	base=$(openssl dgst -sha256 -binary M9.safetensors | base64)
	printf 'Bucket,Key,Size,ETag,ChecksumSHA256\r\nb,"a ""q"", b",12,"x-1",%s\r\nb,m9,3,,%s\r\nb,parts,3,,%s-2\r\nb,none,,,\r\n' \
		"${hex^^}" "$base" "$base" >i.csv
	run -1 --separate-stderr wm scan i.csv --ledger work.git --json
	[ "$(state_of 'b/a "q", b')" = tainted ]
	[ "$(state_of b/m9)" = clean ]
	[ "$(of_json "$output" '.places[2,3].message' | paste -sd,)" = 'a checksum of parts, not of the object,no checksum' ]
	printf 'key,etag\na,b\n' >e.csv
	run -3 --separate-stderr wm scan e.csv --ledger work.git
	[[ $stderr == *'an e_tag is no digest'* ]]
	local row
	for row in 'a"b,1' '"a,1' '"a"b,1' 'a\0b,1' ',1' 'a\rb,1'; do
		printf 'key,sha256\n%b\n' "$row" >bad.csv
		run -3 --separate-stderr wm scan --inventory bad.csv --ledger work.git
		[[ $stderr == *'bad.csv, line 2, column 1: '* ]]
		harmless "${stderr//$'\n'/}"
	done
	{ printf 'key,sha256\n'; head -c 1100000 /dev/zero | tr '\0' a; } >bad.csv
	run -3 --separate-stderr wm scan bad.csv --ledger work.git
	[[ $stderr == *'the row is too long'* ]]
}

@test "scan: hostile names move no cursor" {
	given_scene
	local name
	for name in "${hostile_names[@]}"; do
		cp M0.safetensors "shelf/./$name"
	done
	run -1 --separate-stderr wm scan shelf --ledger work.git
	harmless "${output//$'\n'/}"
	run -1 --separate-stderr wm scan shelf --ledger work.git --json
	is_json "$output"
	[ "$(of_json "$output" .tainted)" = $((${#hostile_names[@]} + 1)) ]
}

# dataset NAME PATH...: recorded in work.git
dataset() { # name path...
	local name=$1
	shift
	printf 'kind: dataset\ndataset_id: %s\ntitle: %s\n' "$name" "$name" >"$name.yaml"
	wm dataset record "$@" -f "$name.yaml" --key steward.key --issuer lab.example \
		--ledger work.git --out "$name.wmk" >/dev/null
}

@test "scan: copies of data, as one file, as a file of records in any order, and record by record" {
	given_ledger
	mkdir photos
	printf 'one face' >photos/a
	printf 'other face' >photos/b
	printf 'a dump' >dump
	printf '{"n":1}\n{"n":2}\n' >lines.jsonl
	dataset Faces photos
	dataset Dump dump
	dataset Lines lines.jsonl
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<'scope_dataset: [{object: lab.example/Faces}, {object: lab.example/Dump}, {object: lab.example/Lines}]
obligation: [{id: data, kind: delete_data, days: 20}]'
	wm order add o.yaml "${by[@]}" --ledger work.git >/dev/null 2>&1
	mkdir shelf
	cp dump shelf/odd
	cp photos/b shelf/b.jpg
	printf '{"n":2}\n{"n":1}\n' >shelf/shuffled.ndjson
	printf '{"n":2}\n\n' >shelf/broken.jsonl
	printf 'a,b\n' >shelf/other.csv
	run -1 --separate-stderr wm scan shelf --ledger work.git
	[[ $output == *'tainted'*'shelf/odd  = dataset lab.example/Dump'* ]]
	[[ $output == *'shelf/shuffled.ndjson  = dataset lab.example/Lines'* ]]
	[[ $output == *'2 tainted, 0 clean, 3 unknown'* ]]
	[[ $stderr == *'--dataset NAME.wmk'* ]]
	run -1 --separate-stderr wm scan shelf --ledger work.git --dataset Faces.wmk
	[[ $stderr != *'--dataset NAME.wmk'* ]]
	[[ $output == *'shelf/b.jpg  = a record of dataset lab.example/Faces'* ]]
	run -1 --separate-stderr wm scan shelf --ledger work.git --dataset Faces.wmk --json
	[ "$(of_json "$output" '.places[] | select(.place == "shelf/b.jpg") | "\(.state) \(.kind) \(.record)"')" = 'tainted dataset true' ]
	[ "$(of_json "$output" '.places[] | select(.place == "shelf/odd") | "\(.kind) \(.record)"')" = 'dataset null' ]
	sha256sum dump photos/a >list.sha256
	run -1 --separate-stderr wm scan list.sha256 --ledger work.git --dataset Faces.wmk
	[[ $output == *'2 tainted, 0 clean, 0 unknown'* ]]
	# Commitments of what no ledger has are no help.
	printf 'kind: dataset\ndataset_id: Lone\n' >lone.yaml
	wm dataset record dump -f lone.yaml --key steward.key --issuer lab.example --out lone.wmk >/dev/null
	run -1 --separate-stderr wm scan shelf --ledger work.git --dataset lone.wmk
	refused_as thing-unknown
	run -2 --separate-stderr wm scan shelf --ledger work.git --dataset dump
	refused_as usage
}
