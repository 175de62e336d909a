#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets stderr; each test is a subshell
# Datasets, orders and runs that are hostile, huge or out of any time: the reason, the status, and nothing written.
load helper
load signed
load lineage

given_steward() {
	"$B/weightmark" key new ./steward --no-passphrase >/dev/null
	printf 'kind: dataset\ndataset_id: photos\n' >d.yaml
	by=(--key steward.key --issuer lab.example)
}

record() { # path, further arguments
	wm dataset record "$1" -f d.yaml "${by[@]}" "${@:2}"
}

@test "dataset: what makes a tar hostile makes it hostile as an archive of records" {
	given_steward
	local file reason n=0
	while IFS=$'\t' read -r file reason _; do
		[[ $file == *.tar ]] || continue
		cp "$BATS_TEST_DIRNAME/../../testdata/bad/$file" a.tar
		case $reason in
		tar-duplicate | gguf-* | safetensors-*) # names and formats of members are nothing to records
			run --separate-stderr record a.tar --dry-run
			[ "$status" = 0 ] || [[ $stderr == *'[records-missing]'* || $stderr == *'[tar-duplicate]'* ]] ;;
		*)
			run -1 --separate-stderr record a.tar
			refused_as "$reason"
			n=$((n + 1)) ;;
		esac
		[ -z "$(compgen -G 'a.tar.*')" ] || { echo "$file left something"; return 1; }
	done < <(grep -v '^#' "$BATS_TEST_DIRNAME/../../testdata/bad/expect-tar.tsv")
	[ "$n" -gt 100 ]
}

@test "dataset: records that repeat, that are empty, whose names differ by case or Unicode form alone" {
	given_steward
	mkdir photos
	: >photos/empty
	echo one >photos/A
	echo one >photos/a
	echo two >photos/$'\xc3\xa9'
	echo three >photos/$'e\xcc\x81'
	run -0 --separate-stderr record photos --json
	[ "$(of_json "$output" '[.record_count, .distinct_count] | join(" ")')" = '5 4' ]
	for name in $'\xc3\xa9' $'e\xcc\x81' empty; do
		run -0 --separate-stderr wm dataset prove --record "photos/$name" --dataset photos.wmk
	done
	printf 'a\n\n' >a.jsonl
	run -1 --separate-stderr record a.jsonl
	refused_as record-empty
	[ ! -e a.jsonl.wmk ]
}

@test "dataset: a folder that changes while it is read" {
	given_steward
	mkdir photos
	truncate -s 300M photos/{a,b}
	record photos >out 2>err &
	local pid=$! i=0 status=0
	while kill -0 $pid 2>/dev/null; do
		touch "photos/new-$((i++ % 7))"
		sleep 0.01
	done
	wait $pid || status=$?
	[ "$status" = 1 ]
	grep -q file-changed err
	[ ! -e photos.wmk ] && [ ! -e photos.wmc ]
}

@test "dataset: a record of 5 GB, in little memory" {
	given_steward
	truncate -s 5G big
	run -0 --separate-stderr bash -c "ulimit -v 1000000; '$B/weightmark' dataset record big -f d.yaml --key steward.key \
		--no-cache --json"
	[ "$(of_json "$output" '[.bytes, .record_grammar, .record_count] | join(" ")')" = '5368709120 opaque/1 1' ]
}

@test "manifest: a million references to datasets" {
	given_steward
	tensor_file m.safetensors w abcd
	{ head_of m; printf 'training_run: [{id: r, uses: ['; yes '{dataset_id: a},' | head -1000000 | tr -d '\n'; echo ']}]'; } >m.yaml
	run -2 --separate-stderr wm sign m.safetensors -m m.yaml "${by[@]}"
	refused_as yaml-malformed
	[[ $stderr == *'more than 1048576 values'* && ! -e m.safetensors.wmk ]]
	{ echo run,dataset; seq -f 'r,d.example/%g' 1000000; } >h.csv
	run --separate-stderr wm import h.csv "${by[@]}" -o h.wmk
	refused_as limit
	[ ! -e h.wmk ]
}

@test "dates far off, in orders, withdrawals and runs" {
	given_steward
	rm steward.*
	given_ledger
	local line
	for line in 'trigger_date: "9999-12-31"' 'trigger_date: "0001-01-01"' 'trigger_date: "2024-02-30"' \
		'trigger_date: "12024-01-01"'; do
		order_file o.yaml x court_order 2024-03-08 <<<"$about_d"
		sed -i "s/^trigger_date.*/$line/" o.yaml
		run -2 --separate-stderr wm order add o.yaml "${by[@]}" --ledger work.git
		[[ $stderr == *'[order-date]'* || $stderr == *'[yaml-field]'* ]]
	done
	order_file o.yaml x court_order 2024-03-08 <<<"${about_d//days: 20/days: 4294967295}"
	run -1 --separate-stderr wm order add o.yaml "${by[@]}" --ledger work.git
	refused_as limit
	mkdir photos
	echo 1 >photos/1
	record photos >/dev/null
	for line in 2026-13-01T00:00:00Z 99999-01-01T00:00:00Z -2026-01-01T00:00:00Z 2026-02-30; do
		run -2 --separate-stderr wm dataset withdraw --dataset photos.wmk --record photos/1 --effective="$line" "${by[@]}" \
			--out w.wmk
		[ ! -e w.wmk ]
	done
	printf 'run,started,dataset\nr,9999-01-01,d.example/a\n' >h.csv
	run -2 --separate-stderr wm import h.csv "${by[@]}" --out h.wmk
	refused_as table-malformed
	[ ! -e h.wmk ]
}
