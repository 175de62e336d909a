#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
# `weightmark dataset`: records committed to, proved, checked, withdrawn; keys destroyed.
load helper
load signed

# Five photos, two of them equal, with a steward's key and what is known of them.
given_photos() {
	"$B/weightmark" key new ./steward --no-passphrase >/dev/null
	mkdir -p photos/sub
	for i in 1 2 3 4; do printf 'photo %s\n' $i >photos/$i.jpg; done
	cp photos/1.jpg photos/sub/copy.jpg
	printf 'kind: dataset\ndataset_id: photos\ntitle: Photos\n' >d.yaml
	printf '%s\n' record,subject 1.jpg,s-17 sub/copy.jpg,s-17 '2.jpg,"s,18"' 3.jpg,s-17 >people.csv
	echo none >none.jpg
}

record() {
	wm dataset record photos -f d.yaml --key steward.key "$@"
}

given_recorded() {
	given_photos
	record --attributes people.csv >/dev/null
}

prove() { # record, further arguments
	wm dataset prove --record "$1" --dataset photos.wmk "${@:2}"
}

check() {
	wm dataset check "$@" --dataset photos.wmk --key steward.pub
}

withdraw() {
	wm dataset withdraw --dataset photos.wmk --effective 2026-11-20T18:00:00Z --key steward.key \
		--out w.wmk "$@"
}

# --- record ---------------------------------------------------------------------------------------

@test "record signs roots, writes commitments and a key that only its owner reads" {
	given_photos
	run -0 --separate-stderr record --json
	is_json "$output"
	[ "$(of_json "$output" '[.record_count, .distinct_count, .bytes, .record_grammar] | join(" ")')" = '5 4 40 files/1' ]
	[ "$(stat -c %a photos.wmck)" = 600 ]
	[ "$(stat -c %a photos.wmc)" = 600 ]
	id=$(of_json "$output" .statement) root=$(of_json "$output" .record_commitment_root)
	run -0 --separate-stderr wm show --json photos.wmk
	[[ $output == *"$id"* && $output == *"$root"* && $output == *'files/1'* ]]
}

@test "no digest of a record, and no subject, is in what is written" {
	given_recorded
	for f in photos/*.jpg; do
		d=$(sha256sum <"$f" | cut -c1-64)
		cat photos.wmk photos.wmc | od -An -v -t x1 | tr -d ' \n' >bytes
		run -1 grep -q "$d" bytes
	done
	run -1 grep -q s-17 photos.wmk photos.wmc
}

@test "the commitment is HMAC and SHA-256 as openssl has them" {
	given_recorded
	prove photos/2.jpg --out p.json >/dev/null
	key=$(sed -n 2p photos.wmck | base64 -d | od -An -v -t x1 | tr -d ' \n')
	r=$(openssl dgst -sha256 -binary photos/2.jpg | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w0)
	[ "$(jq -r .commitment p.json)" = "$r" ]
	[ "$(jq -r .digest p.json)" = "$(openssl dgst -sha256 -binary photos/2.jpg | base64 -w0)" ]
}

@test "the same records in another place, order and under other names have the same roots" {
	given_recorded
	a=$(record --json --dry-run --drop-attributes | jq -r '.content_root, .record_commitment_root')
	mkdir other
	cp photos/4.jpg other/a
	cp photos/1.jpg other/z
	cp photos/1.jpg other/b
	cp photos/3.jpg other/x
	cp photos/2.jpg other/c
	b=$(wm dataset record other -f d.yaml --key steward.key --commitment-key photos.wmck --dry-run --json |
		jq -r '.content_root, .record_commitment_root')
	[ "$a" = "$b" ]
	[ ! -e other.wmk ] && [ ! -e other.wmc ] && [ ! -e other.wmck ]
}

@test "recording again changes nothing; what came and went is counted, and needs --amend" {
	given_recorded
	sha256sum photos.wmk photos.wmc photos.wmck >before
	run -0 --separate-stderr record --attributes people.csv --json
	[ "$(of_json "$output" '[.reused, .change.added, .change.removed] | join(" ")')" = 'true 0 0' ]
	sha256sum -c --quiet before
	rm photos/4.jpg
	echo new >photos/5.jpg
	cp photos/5.jpg photos/6.jpg
	run -2 --separate-stderr record --attributes people.csv
	refused_as said-otherwise
	sha256sum -c --quiet before
	run -0 --separate-stderr record --attributes people.csv --amend --reason 'new photos' --json
	[ "$(of_json "$output" '[.sequence, .change.added, .change.removed] | join(" ")')" = '2 2 1' ]
}

@test "what came is listed by name or number, what went by its commitment" {
	given_recorded
	leaf=$(wm dataset withdraw --dataset photos.wmk --record photos/4.jpg --effective 2026-11-20T18:00:00Z \
		--key steward.key --dry-run --json | jq -r '.records[0]')
	rm photos/4.jpg
	printf 'x%s\n' {1..25} | split -l 1 - photos/new-
	touch photos/$'esc\x1b[31m'
	run -0 --separate-stderr record --attributes people.csv --amend --dry-run
	harmless "${output//$'\n'/}"
	[[ $output == *'not signed'* ]]
	[[ $output == *'26 records added, 1 removed'*'added     esc\u{1b}[31m'*'added     new-aa'*'and 6 more'*"removed   $leaf"* ]]
	run -0 --separate-stderr record --attributes people.csv --amend --dry-run --json
	is_json "$output"
	[ "$(of_json "$output" 'has("statement")')" = false ] # it would be another one
	[ "$(of_json "$output" '[(.change.added_records | length), .change.added_records[1], .change.removed_records[0]] | join(" ")')" = \
		"26 new-aa $leaf" ]
	# The same bytes under another name are no new record.
	rm photos/new-* photos/esc*
	mv photos/3.jpg photos/sub/3.jpg
	run -0 --separate-stderr record --dry-run --amend --drop-attributes --json
	[ "$(of_json "$output" '.change | [.added, (.added_records | length), .removed] | join(" ")')" = '0 0 1' ]
	printf '1\n2\n3\n' >a.jsonl
	wm dataset record a.jsonl -f d.yaml --key steward.key >/dev/null
	printf '1\n4\n3\n4\n' >a.jsonl
	run -0 --separate-stderr wm dataset record a.jsonl -f d.yaml --key steward.key --amend --json
	[ "$(of_json "$output" '.change | [.added, .removed, .added_records[]] | map(tostring) | join(" ")')" = '2 1 2 4' ]
}

@test "only what changed is read again, and the cache goes with the key" {
	given_photos
	sleep 2.1
	record >/dev/null
	run -0 --separate-stderr record --json
	[ "$(of_json "$output" .cached)" = 5 ] || skip 'no leases on this file system'
	a=$(of_json "$output" .content_root)
	touch photos/2.jpg
	run -0 --separate-stderr record --json
	[ "$(of_json "$output" '[.cached, .content_root] | join(" ")')" = "4 $a" ]
	run -0 --separate-stderr record --json --no-cache
	[ "$(of_json "$output" '[.cached, .content_root] | join(" ")')" = "0 $a" ]
	# Other bytes of the same size and time: ctime tells.
	touch -r photos/3.jpg t
	printf 'photo X\n' >photos/3.jpg
	touch -r t photos/3.jpg
	run -0 --separate-stderr record --json --amend
	[ "$(of_json "$output" '[.change.added, .change.removed] | join(" ")')" = '1 1' ]
	[ -n "$(find "$XDG_CACHE_HOME/weightmark/records" -type f)" ]
	wm dataset destroy-key photos.wmck --unrecorded >/dev/null
	[ -z "$(find "$XDG_CACHE_HOME/weightmark/records" -type f)" ]
}

@test "a tar, JSON lines and CSV are cut into records" {
	given_photos
	tar -cf a.tar -C photos 1.jpg 2.jpg sub
	printf '{"a": 1}\n{"a": 2}\n{"a": 1}\n' >a.jsonl
	printf 'x,y\r\n"1\n2",3\r\n' >a.csv
	for row in 'a.tar tar/1 3 2' 'a.jsonl jsonl/1 3 2' 'a.csv csv/2 1 1' 'none.jpg opaque/1 1 1'; do
		read -r file grammar n distinct <<<"$row"
		run -0 --separate-stderr wm dataset record "$file" -f d.yaml --key steward.key --json
		[ "$(of_json "$output" '[.record_grammar, .record_count, .distinct_count] | join(" ")')" = "$grammar $n $distinct" ]
	done
	printf '"1\n2",3' >row
	run -0 --separate-stderr wm dataset prove --record row --dataset a.csv.wmk
	printf '{"a": 2}' >line
	run -0 --separate-stderr wm dataset prove --record line --dataset a.jsonl.wmk
	run -0 --separate-stderr wm dataset prove --record photos/sub/copy.jpg --dataset a.tar.wmk
	run -0 --separate-stderr wm dataset prove --record - --dataset a.jsonl.wmk <line
}

@test "what is no record is refused, and nothing is written" {
	given_photos
	printf 'a\n\nb\n' >a.jsonl
	run -1 --separate-stderr wm dataset record a.jsonl -f d.yaml --key steward.key
	refused_as record-empty
	printf '"a"b\n' >a.csv
	run -1 --separate-stderr wm dataset record a.csv -f d.yaml --key steward.key
	refused_as csv-malformed
	ln -s /etc/passwd photos/link
	run -1 --separate-stderr record
	refused_as record-kind
	rm photos/link
	mkfifo photos/fifo
	run -1 --separate-stderr record
	refused_as record-kind
	rm photos/fifo
	mkdir empty
	run -2 --separate-stderr wm dataset record empty -f d.yaml --key steward.key
	refused_as records-missing
	ln -s x empty/l
	tar -cf links.tar -C empty l
	run -1 --separate-stderr wm dataset record links.tar -f d.yaml --key steward.key
	refused_as tar-link
	tar -cPf up.tar photos/../none.jpg
	run -1 --separate-stderr wm dataset record up.tar -f d.yaml --key steward.key
	refused_as tar-name
	run -3 --separate-stderr wm dataset record nowhere.tar -f d.yaml --key steward.key
	refused_as not-found
	run -2 ls ./*.wmk ./*.wmc ./*.wmck
}

@test "what the author must not write, or gives wrongly, is refused" {
	given_photos
	printf 'record_count: 7\n' >>d.yaml
	run -2 --separate-stderr record
	refused_as yaml-field
	printf 'kind: order\n' >d.yaml
	run -2 --separate-stderr record
	refused_as yaml-field
	printf 'kind: dataset\ndataset_id: photos\n' >d.yaml
	printf 'record,subject\nnobody.jpg,s-17\n' >people.csv
	run -2 --separate-stderr record --attributes people.csv
	refused_as attributes-malformed
	run -2 --separate-stderr record --out photos.json
	refused_as usage
	run -2 --separate-stderr wm dataset record photos none.jpg -f d.yaml --key steward.key --out a.wmk
	refused_as usage
	run -2 --separate-stderr wm dataset record photos --key steward.key
	refused_as usage
}

@test "attributes of lines go by their numbers" {
	given_photos
	printf 'x\ny\nz\n' >a.jsonl
	printf 'record,subject\n2,s-17\n3,s-17\n' >people.csv
	wm dataset record a.jsonl -f d.yaml --key steward.key --attributes people.csv >/dev/null
	run -0 --separate-stderr wm dataset withdraw --dataset a.jsonl.wmk --subject s-17 --key steward.key \
		--effective 2026-11-20T18:00:00Z --out w.wmk --json
	[ "$(of_json "$output" '.records | length')" = 2 ]
}

@test "rows of CSV are counted behind that of names, unless there is none" {
	given_photos
	printf 'id,x\n1,a\n2,b\n3,c\n' >a.csv
	printf 'record,subject\n1,u1\n2,u2\n3,u1\n' >people.csv
	wm dataset record a.csv -f d.yaml --key steward.key --attributes people.csv >/dev/null
	leaf_of() { # row, recorded as
		printf %s "$1" >row
		wm dataset withdraw --dataset "$2" --record row --effective 2026-11-20 --key steward.key --dry-run --json |
			jq -r '.records[0]'
	}
	run -0 --separate-stderr wm dataset withdraw --dataset a.csv.wmk --subject u1 --key steward.key \
		--effective 2026-11-20 --dry-run --json
	[ "$(of_json "$output" '.records[]' | sort)" = "$(for row in 1,a 3,c; do leaf_of $row a.csv.wmk; done | sort)" ]
	printf 'id,x' >row
	run -1 --separate-stderr wm dataset prove --record row --dataset a.csv.wmk
	refused_as record-unknown
	printf 'record,subject\n5,u1\n' >five.csv
	run -2 --separate-stderr wm dataset record a.csv -f d.yaml --key steward.key --format csv-rows --out r.wmk \
		--attributes five.csv
	refused_as attributes-malformed
	run -0 --separate-stderr wm dataset record a.csv -f d.yaml --key steward.key --format csv-rows --out r.wmk --json
	[ "$(of_json "$output" '[.record_grammar, .record_count] | join(" ")')" = 'csv/1 4' ]
}

@test "attributes that are not given again refuse, unless they are to go" {
	given_recorded
	sha256sum photos.wmk photos.wmc >before
	run -2 --separate-stderr record --amend
	refused_as attributes-dropped
	[[ $stderr == *'3 attributes of records that stay'* ]]
	run -2 --separate-stderr record
	refused_as attributes-dropped
	sha256sum -c --quiet before
	# Those of a record that goes go with it, and are kept with what was before.
	rm photos/2.jpg
	grep -v 2.jpg people.csv >fewer.csv
	run -0 --separate-stderr record --attributes fewer.csv --amend --json
	[ "$(of_json "$output" .change.attributes_dropped)" = 0 ]
	run -0 --separate-stderr record --drop-attributes
	[[ $output == *'dropped   2 attributes'* ]]
}

@test "a record that an amended recording has not is proved, withdrawn, and ends with the key" {
	given_recorded
	cp photos/2.jpg photos/3.jpg .
	sha256sum photos.wmc | cut -c1-64 >first
	rm photos/2.jpg
	grep -v 2.jpg people.csv >two.csv
	run -0 --separate-stderr record --attributes two.csv --amend --json
	kept=$(of_json "$output" .earlier_commitments)
	[ "$(sha256sum <"$kept" | cut -c1-64)" = "$(cat first)" ]
	rm photos/3.jpg
	grep -v 3.jpg two.csv >three.csv
	run -0 --separate-stderr record --attributes three.csv --amend
	[[ $output == *'kept      photos.'*'.wmc'* ]]
	[ "$(find . -name 'photos.*.wmc' | wc -l)" = 2 ]
	for photo in 2.jpg 3.jpg; do
		run -0 --separate-stderr prove "$photo" --out p.json
		run -0 --separate-stderr check p.json --record "$photo"
		[[ $stderr == *'a newer statement'* ]]
		run -0 --separate-stderr withdraw --record "$photo" --dry-run
	done
	run -0 --separate-stderr withdraw --subject s,18 --dry-run --json
	[ "$(of_json "$output" '.records | length')" = 1 ]
	run -0 --separate-stderr withdraw --subject s-17 --dry-run --json
	[ "$(of_json "$output" '.records | length')" = 2 ]
	run -1 --separate-stderr withdraw --record none.jpg
	refused_as record-unknown
	# What came back and went again is found by either.
	cp 2.jpg 3.jpg photos
	record --attributes people.csv --amend >/dev/null
	rm photos/2.jpg photos/3.jpg
	record --attributes three.csv --amend >/dev/null
	run -0 --separate-stderr withdraw --subject s,18 --dry-run
	flip "$kept" 150
	run -1 --separate-stderr withdraw --subject s-17 --dry-run
	rm "$kept"
	run -0 --separate-stderr withdraw --subject s-17 --dry-run
	[[ $stderr == *'1 earlier recordings'* ]]
	wm dataset destroy-key photos.wmck --dataset photos.wmk --key steward.key --out e.wmk >/dev/null
	run -1 --separate-stderr prove 3.jpg
	refused_as commitment-key-missing
}

@test "a run that used a record which an amended recording has not is refused and found" {
	given_photos
	wm init example.org/data --ledger l.git --out data.vkey >/dev/null
	record --attributes people.csv --ledger l.git >/dev/null
	cp photos/2.jpg .
	rm photos/2.jpg
	grep -v 2.jpg people.csv >two.csv
	record --attributes two.csv --amend --ledger l.git >/dev/null
	run -0 --separate-stderr wm trace --from 2.jpg --dataset photos.wmk --ledger l.git --json
	run -0 --separate-stderr wm scan --dataset photos.wmk --ledger l.git --json 2.jpg
	[[ $output == *'"record":true'* ]]
}

# --- prove and check ------------------------------------------------------------------------------

@test "a proof is small, holds against the statement and against the root alone" {
	given_recorded
	run -0 --separate-stderr prove photos/3.jpg --out p.json --json
	is_json "$output"
	[ "$(stat -c %s p.json)" -le 4096 ]
	jq -S -c . p.json | tr -d '\n' | cmp - p.json
	run -0 --separate-stderr check p.json --record photos/3.jpg
	[[ $output == *'asserted  by key:'* ]]
	root=$(jq -r .root p.json | base64 -d | od -An -v -t x1 | tr -d ' \n')
	run -0 --separate-stderr wm dataset check p.json --root "$root" --json
	is_json "$output"
	[ "$(of_json "$output" .member)" = true ]
}

@test "a proof replaces a proof, and nothing else" {
	given_recorded
	cp steward.pub before.pub
	run -2 --separate-stderr prove photos/3.jpg --out steward.pub
	refused_as exists
	cmp steward.pub before.pub
	prove photos/3.jpg --out p.json >/dev/null
	prove photos/2.jpg --out p.json >/dev/null
	run -0 --separate-stderr check p.json --record photos/2.jpg
}

@test "a proof for another record, root, key or text is refused" {
	given_recorded
	prove photos/3.jpg --out p.json >/dev/null
	run -1 --separate-stderr check p.json --record photos/1.jpg
	refused_as record-mismatch
	run -1 --separate-stderr wm dataset check p.json --root "$(printf '%064d' 0)"
	refused_as record-proof-mismatch
	mkdir other
	echo x >other/x
	sed 's/photos/other/' d.yaml >o.yaml
	wm dataset record other -f o.yaml --key steward.key >/dev/null
	run -1 --separate-stderr wm dataset check p.json --dataset other.wmk --key steward.pub
	refused_as record-proof-mismatch
	"$B/weightmark" key new ./other --no-passphrase >/dev/null
	run -1 --separate-stderr wm dataset check p.json --dataset photos.wmk --key other.pub
	refused_as key-untrusted
	jq -c --arg i "$(jq .index p.json)" '.index = (.index + 1) % 4' p.json | tr -d '\n' >q.json
	run -1 --separate-stderr check q.json
	refused_as record-proof-mismatch
	jq . p.json >q.json
	run -1 --separate-stderr check q.json
	refused_as record-proof-malformed
	run -2 --separate-stderr wm dataset check p.json
	refused_as usage
	flip photos.wmk $(($(stat -c %s photos.wmk) - 20))
	run -1 --separate-stderr check p.json
}

@test "a record that is not in is the custodian's word, which an auditor with the key can check" {
	given_recorded
	run -1 --separate-stderr prove none.jpg
	refused_as record-unknown
	[[ $stderr == *"custodian's honesty"* ]]
	run -0 --separate-stderr prove none.jpg --absent --out q.json
	[ "$(stat -c %s q.json)" -le 4096 ]
	run -0 --separate-stderr check q.json --commitment-key photos.wmck --record none.jpg
	[[ $output == *'not among'* ]]
	run -2 --separate-stderr check q.json
	refused_as usage
	run -1 --separate-stderr prove photos/1.jpg --absent
	refused_as record-mismatch
}

@test "damaged commitments give no proof" {
	given_recorded
	cp photos.wmc good
	truncate -s -1 photos.wmc
	run -1 --separate-stderr prove photos/1.jpg
	refused_as commitments-truncated
	cp good photos.wmc
	printf x >>photos.wmc
	run -1 --separate-stderr prove photos/1.jpg
	refused_as commitments-padded
	cp good photos.wmc
	flip photos.wmc 150
	run -1 --separate-stderr prove photos/4.jpg
	cp good photos.wmc
	flip photos.wmc 140
	run -1 --separate-stderr prove photos/1.jpg
	refused_as commitments-damaged
}

@test "check says where a newer statement corrects the one of the proof" {
	given_recorded
	prove photos/3.jpg --out p.json >/dev/null
	echo new >photos/5.jpg
	record --attributes people.csv --amend >/dev/null
	run -0 --separate-stderr check p.json --json
	[ "$(of_json "$output" .superseded)" = true ]
	[[ $stderr == *'a newer statement'* ]]
}

# --- withdraw and destroy-key ---------------------------------------------------------------------

@test "withdraw finds every record of a person, once, and again changes nothing" {
	given_recorded
	run -0 --separate-stderr withdraw --subject s-17 --json
	is_json "$output"
	[ "$(of_json "$output" '.records | length')" = 2 ]
	sha256sum w.wmk >before
	run -0 --separate-stderr withdraw --subject s-17 --json
	[ "$(of_json "$output" .reused)" = true ]
	sha256sum -c --quiet before
	run -0 --separate-stderr withdraw --subject s,18 --record photos/4.jpg --kind erasure
	run -0 --separate-stderr wm show w.wmk
	[[ $output == *erasure_request* && $output == *consent_withdrawal* ]]
	run -1 --separate-stderr withdraw --subject s-99
	refused_as subject-unknown
	[[ $stderr != *'single byte'* ]]
	run -1 --separate-stderr withdraw --record none.jpg
	refused_as record-unknown
	run -2 --separate-stderr withdraw
	refused_as usage
	run -2 --separate-stderr withdraw --subject s-17 --effective yesterday
}

@test "statements go into a ledger, commitments do not" {
	given_photos
	wm init example.org/data --ledger l.git --out data.vkey >/dev/null
	run -0 --separate-stderr record --attributes people.csv --ledger l.git --json
	[ "$(of_json "$output" .recorded.appended)" = 1 ]
	run -0 --separate-stderr withdraw --subject s-17 --ledger l.git --json
	[ "$(of_json "$output" .recorded.appended)" = 1 ]
	git -C l.git cat-file --batch-all-objects --batch >objects
	run -1 grep -aq weightmark-commitments objects
}

@test "destroy-key ends matching, and says that it happened" {
	given_recorded
	"$B/weightmark" key new ./other --no-passphrase >/dev/null
	mkdir o && echo x >o/x
	wm dataset record o -f d.yaml --key steward.key >/dev/null
	run -1 --separate-stderr wm dataset destroy-key o.wmck --dataset photos.wmk --key steward.key --out e.wmk
	refused_as commitment-key-mismatch
	[ -e o.wmck ]
	run -0 --separate-stderr wm dataset destroy-key photos.wmck --dataset photos.wmk --key steward.key --out e.wmk
	[[ $output == *'beyond reach'* ]]
	[ ! -e photos.wmck ]
	run -0 --separate-stderr wm show e.wmk
	[[ $output == *'deleted'* && $output == *'commitment key destroyed'* ]]
	run -1 --separate-stderr prove photos/1.jpg
	refused_as commitment-key-missing
	run -1 --separate-stderr wm dataset destroy-key photos.wmck --unrecorded
	refused_as commitment-key-missing
	run -2 --separate-stderr wm dataset destroy-key d.yaml --unrecorded
	refused_as commitment-key-malformed
	[ -e d.yaml ]
}

@test "destroy-key signs with a passphrase that can be read once" {
	given_recorded
	printf '%s\n' secret | "$B/weightmark" key new ./locked --passphrase-fd 0 >/dev/null
	run -0 --separate-stderr wm_with secret dataset destroy-key photos.wmck --dataset photos.wmk \
		--key locked.key --out e.wmk
	[ ! -e photos.wmck ]
	run -0 --separate-stderr wm show e.wmk
	[[ $output == *'commitment key destroyed'* ]]
}

@test "destroy-key needs the statement, or to be told that none is wanted" {
	given_recorded
	run -2 --separate-stderr wm dataset destroy-key photos.wmck
	refused_as usage
	run -2 --separate-stderr wm dataset destroy-key photos.wmck --unrecorded --dataset photos.wmk --key steward.key
	refused_as usage
	[ -e photos.wmck ]
	run -0 --separate-stderr wm dataset destroy-key photos.wmck --unrecorded
	[ ! -e photos.wmck ]
}

@test "dataset: one record is one record" {
	given_photos
	mkdir one
	echo a >one/a
	run -0 --separate-stderr wm dataset record one -f d.yaml --key steward.key
	[[ $output == 'recorded 1 record, 1 distinct, '* ]]
}
