#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153 # bats sets stderr
# Certificates of deletion, and that a checkpoint is clean.
load helper
load signed
load lineage
load certified

@test "certify: not before every model and the data are listed or kept with authority (scenario 5)" {
	given_order court_order
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	[[ $output == *'not certified: counsel.example/ftc-1, 7 open'* ]]
	refused_as certify-open
	[[ $stderr == *'counsel.example/ftc-1: 7 open: 6 checkpoint, 1 dataset'*'fix: '* ]]
	[ ! -e out ]
	gone "${all[@]:0:6}"
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --out out --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object)"')" = 'checkpoint lab.example/M5@1' ]
	[ "$(of_json "$output" '"\(.certified) \(.exit) \(.error.reason) \(.error.fix[:6])"')" = 'false 1 certify-open record' ]
	gone M5@1
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --out out --as-of 2024-03-20
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out --declarant 'J. <b>Doe' --title CTO
	[[ $output == *'7 destroyed, 0 kept'* ]]
	grep -qF 'I declare, knowing that the law that applies may punish a false declaration' out/certificate.txt
	grep -q 'Signature *____' out/certificate.txt
	[ "$(grep -c 'method *destroy' out/certificate.txt)" = 7 ]
	grep -qF 'stated by   counsel.example' out/certificate.txt
	run ! grep -qi 'we certify' out/certificate.txt out/certificate.html
	run ! grep -q '<script\|src=\|href=' out/certificate.html
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out --declarant 'J. <b>Doe' --title CTO --json
	[ "$(of_json "$output" '"\(.reused) \(.destroyed)"')" = 'true 7' ]
	wm show out/certificate.wmk >/dev/null
}

@test "certify: a forgotten descendant that is recorded later opens it again" {
	given_order court_order
	gone "${all[@]}"
	wm certify ftc-1 "${by[@]}" --out out >/dev/null
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git
	[[ $output == 'covers counsel.example/ftc-1'* ]]
	trained M7 E pretrain # has nothing to do with it
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git
	derived M6 finetune M4
	run -1 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git --json
	[ "$(of_json "$output" '"\(.current) \(.open) \(.new[])"')" = 'false 1 lab.example/M6@1' ]
	gone M6@1
	run -2 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	refused_as said-otherwise
	wm certify ftc-1 "${by[@]}" --out out --amend --reason 'M6 was found' >/dev/null
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git
}

@test "certify: every copy that a scan saw, and none after it was destroyed" {
	given_order court_order
	mkdir backup
	cp M2.safetensors backup/old
	wm scan backup --ledger work.git --json >scan.json || [ $? = 1 ]
	gone "${all[@]}"
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object) \(.place)"')" = 'copy lab.example/M2@1 backup/old' ]
	printf 'lab.example/M2@1\tbackup/old\tpurge\tStaff\t2024-03-22\n' >copy.tsv
	wm order 'done' ftc-1 --destroyed copy.tsv "${by[@]}" >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json --json
	[ "$(of_json "$output" '.open[].kind')" = seen-after ]
	sed -i 's/"scanned_at": "[^"]*"/"scanned_at": "2024-03-10T00:00:00Z"/' scan.json
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json
	[[ $output == *'8 destroyed'* ]]
	local bad
	for bad in '' '{}' '[]' '{"places": []}' '{"scanned_at": "x", "places": []}' \
		'{"scanned_at": "2024-03-10T00:00:00Z", "places": [{}]}' \
		'{"scanned_at": "2024-03-10T00:00:00Z", "places": [{"place": 1}]}'; do
		printf '%s' "$bad" >bad.json
		run -2 --separate-stderr wm certify ftc-1 "${by[@]}" --scan bad.json
		refused_as scan-malformed
	done
}

@test "certify: copies of the data are accounted for, by place and by folder" {
	given_ledger
	mkdir photos shelf
	printf 'one face' >photos/a
	printf 'other face' >photos/b
	printf 'a dump' >dump
	local name
	for name in photos dump; do
		printf 'kind: dataset\ndataset_id: %s\n' $name >d.yaml
		wm dataset record $name -f d.yaml --key steward.key --issuer lab.example \
			--format "$([ $name = dump ] && echo opaque || echo files)" \
			--ledger work.git --out $name.wmk >/dev/null
	done
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<'scope_dataset: [{object: lab.example/photos}, {object: lab.example/dump}]
obligation: [{id: data, kind: delete_data, days: 20}]'
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
	cp dump photos/a shelf
	sha256sum dump >list.sha256
	wm scan shelf list.sha256 --dataset photos.wmk --ledger work.git --json >scan.json || [ $? = 1 ]
	sed -i 's/"scanned_at": "[^"]*"/"scanned_at": "2024-03-10T00:00:00Z"/' scan.json
	printf 'lab.example/%s\t/data\tdestroy\tStaff\t2024-03-21\n' photos dump >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object) \(.place)"')" = 'copy lab.example/dump dump
copy lab.example/dump shelf/dump
copy lab.example/photos shelf/a' ]
	# By digest alone, whatever the scan thought of it.
	sed 's/"object": *"[^"]*",//' scan.json >bare.json
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --scan bare.json --json
	[ "$(of_json "$output" '.open[] | "\(.object) \(.place)"')" = 'lab.example/dump dump
lab.example/dump shelf/dump' ]
	printf 'lab.example/photos\tshelf/\tdestroy\tStaff\t2024-03-22\nlab.example/dump\tshel;dump\tdestroy\tStaff\t2024-03-22\n' >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json --json
	[ "$(of_json "$output" '.open[] | "\(.object) \(.place)"')" = 'lab.example/dump shelf/dump' ]
	printf 'lab.example/dump\t./shelf;shelf\tdestroy\tStaff\t2024-03-22\n' >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --scan scan.json
}

@test "certify: a voluntary undertaking is never an order that somebody gave" {
	given_order voluntary_undertaking
	gone "${all[@]}"
	wm certify ftc-1 "${by[@]}" --out out >/dev/null
	grep -q 'voluntary undertaking' out/certificate.txt
	run ! grep -qi 'ordered\|court order' out/certificate.txt
	run ! grep -qi 'ordered\|court order' out/certificate.html
}

@test "certify: data on hold is kept with authority, its supplement due after (scenario 10)" {
	given_order court_order
	gone "${all[@]:1}"
	wm order 'done' ftc-1 --hold 'Court of X' --until 2099-01-01 --on 2024-03-10 "${by[@]}" >/dev/null
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	[[ $output == *'6 destroyed, 1 kept'* ]]
	grep -q 'authority *Court of X' out/certificate.txt
	grep -q 'supplement *2099-01-31' out/certificate.txt
}

@test "certify: who signs, where a name and a title stand, else blanks" {
	given_order court_order
	gone "${all[@]}"
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	grep -q '^I am ____*, ____* of The Lab\. .* or from ____* on whom' out/certificate.txt
	grep -q '^  Full name *____*$' out/certificate.txt
	mkdir mine
	echo mine >mine/certificate.txt
	run -2 --separate-stderr wm certify ftc-1 "${by[@]}" --id mine --out mine
	refused_as exists
	[ "$(echo mine/*)$(cat mine/certificate.txt)" = mine/certificate.txtmine ]
	grep -q '^  Title *____*$' out/certificate.txt
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --id named --out named --declarant 'J. <b>Doe' --title 'CTO & Co' --basis 'the staff'
	grep -qF 'I am J. <b>Doe, CTO & Co of The Lab. I state this from personal knowledge, or from the staff on whom' named/certificate.txt
	grep -q '^  Full name *J\. <b>Doe$' named/certificate.txt
	grep -q '^  Title *CTO & Co$' named/certificate.txt
	grep -q '^  Signature *____*$' named/certificate.txt
	grep -qF 'I am J. &lt;b&gt;Doe, CTO &amp; Co of The Lab.' named/certificate.html
	grep -qF '<th>Full name</th><td>J. &lt;b&gt;Doe</td>' named/certificate.html
	grep -qF '<th>Title</th><td>CTO &amp; Co</td>' named/certificate.html
	run -0 --separate-stderr wm show named/certificate.wmk
	[[ $output == *'J. <b>Doe'* && $output == *'CTO & Co'* ]]
	run -0 --separate-stderr wm certify --clean M9@1 --from D "${by[@]}" --out clean --declarant 'A Person' --title Counsel
	grep -q '^  declarant *A Person$' clean/certificate.txt
	grep -q '^  as *Counsel$' clean/certificate.txt
}

@test "certify: an order that deletes nothing is accounted for by its obligations" {
	about_d='scope_dataset: [{object: lab.example/D}]
obligation:
- {id: cease, kind: other, days: 20, text: Cease use of the models}
- {id: report, kind: list_recipients, days: 30}
- {id: swear, kind: sworn_statement, days: 40}' given_order agency_order
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	refused_as certify-open
	[[ $output == *'obligation  cease: nobody says that this obligation was met'* ]]
	[[ $stderr == *'2 open: 2 obligation'* && $output != *checkpoint* ]]
	wm order 'done' ftc-1 --obligation cease --on 2024-03-20 "${by[@]}" >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.obligation)"')" = 'obligation report' ]
	wm order 'done' ftc-1 --obligation report --on 2024-03-21 "${by[@]}" >/dev/null
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	grep -q '^Certificate of what was done' out/certificate.txt
	grep -qE 'nothing is to be deleted.*cease \(Cease use of the models\): met on 2024-03-20, as counsel.example states in wm:' out/certificate.txt
	run ! grep -q 'were destroyed\.' out/certificate.txt
}

@test "certify: data alone where the order obliges to delete nothing else" {
	about_d='scope_dataset: [{object: lab.example/D}]
obligation: [{id: data, kind: delete_data, days: 20}]' given_order court_order
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.object)"')" = 'dataset lab.example/D' ]
	gone D
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	grep -q 'every dataset in lineage graph' out/certificate.txt
}

@test "certify: infeasible only where the order allows it" {
	given_order court_order
	gone "${all[@]:0:6}"
	printf 'lab.example/M5@1\ttechnically_infeasible\tus\t\t\n' >kept.tsv
	wm order 'done' ftc-1 --kept kept.tsv "${by[@]}" >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}"
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"infeasibility_allowed: yes
$about_d"
	wm order add o.yaml "${by[@]}" --amend >/dev/null 2>&1
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}"
}

@test "certify: what is unknown keeps it open, or is told" {
	given_order court_order
	gone "${all[@]}"
	model orphan 'kind: manifest
model: {name: orphan, version: "1"}'
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.number)"')" = 'unknown 1' ]
	wm certify ftc-1 "${by[@]}" --allow-unknown --out out >/dev/null
	grep -q '1 further checkpoint in these logs has an ancestor of unknown origin' out/certificate.txt
}

@test "certify --clean: no declared path; a path and an open end refuse (scenario 7)" {
	given_order court_order
	run -0 --separate-stderr wm certify --clean lab.example/M9@1 --from lab.example/D "${by[@]}" --out clean
	grep -q 'no declared path leads to' clean/certificate.txt
	run -1 --separate-stderr wm certify --clean M3@1 --from D "${by[@]}"
	refused_as clean-unproven
	[[ $stderr == *'lab.example/M3@1 < lab.example/M1@1 < lab.example/M0@1 < lab.example/run-M0 < lab.example/D'* ]]
	model orphan 'kind: manifest
model: {name: orphan, version: "1"}'
	run -1 --separate-stderr wm certify --clean orphan@1 --from D "${by[@]}"
	refused_as clean-unproven
	[[ $stderr == *'nobody declared where lab.example/orphan@1 comes from'* ]]
	run -1 --separate-stderr wm certify --clean nothing --from D "${by[@]}"
	refused_as thing-unknown
	run -2 --separate-stderr wm certify --clean M9@1 "${by[@]}"
	refused_as usage
	run -2 --separate-stderr wm certify "${by[@]}"
	refused_as usage
}

@test "certify --clean: again it is the same certificate, however the log grew; another lineage corrects it" {
	given_order court_order
	clean() {
		wm certify --clean M9@1 --from D "${by[@]}" --out clean --json "$@"
	}
	run -0 --separate-stderr clean
	local first
	first=$(of_json "$output" .statement)
	run -0 --separate-stderr clean
	[ "$(of_json "$output" '"\(.reused) \(.statement)"')" = "true $first" ]
	trained M7 E pretrain # has nothing to do with it
	run -0 --separate-stderr clean
	[ "$(of_json "$output" '"\(.reused) \(.statement)"')" = "true $first" ]
	derived M6 finetune M4
	run -2 --separate-stderr clean
	refused_as said-otherwise
	run -0 --separate-stderr clean --amend --reason 'M6 was found'
	[ "$(of_json "$output" .reused)" = false ]
	[ "$(of_json "$output" .statement)" != "$first" ]
	run -0 --separate-stderr clean
	[ "$(of_json "$output" .reused)" = true ]
}

@test "certify: counts on no statement whose signature nobody verified" {
	given_order court_order
	gone "${all[@]:1}"
	printf 'lab.example/D\t/data\tdestroy\tStaff\t2024-03-21\n' >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv --key steward.key --issuer lab.example --ledger work.git >/dev/null
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --json
	[ "$(of_json "$output" '.open[] | "\(.kind) \(.statement[:21])"')" = 'unverified lab.example/ftc-1-des' ]
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	refused_as certify-open
	[ ! -e out ]
	run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --trust steward.pub --out out
}

@test "certify: refuses over a log that is not the one that it was, or that another ledger has" {
	given_order court_order
	cp -r work.git fork.git
	gone "${all[@]}"
	wm certify ftc-1 "${by[@]}" --out out >/dev/null
	run -1 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger fork.git
	refused_as log-behind
	say_in fork.git
	local n
	for n in 1 2 3; do
		wm order 'done' ftc-1 --obligation models --on "2024-03-0$n" --reason "other history $n" "${by[@]}" >/dev/null || true
		gone "M$n@1"
	done
	run -1 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger fork.git
	refused_as ledger-rewritten
	run -1 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git --ledger fork.git
	refused_as ledger-rewritten
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git
	cp -r work.git copy.git
	trained M7 E pretrain
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger work.git --ledger copy.git
	run -0 --separate-stderr wm certify ftc-1 --check out/certificate.wmk --ledger copy.git --ledger work.git
}

@test "certify: an order in the ledger that its key did not sign is no order" {
	given_family
	wm init lab.example/other --ledger other.git >/dev/null
	order_file o.yaml ftc-1 court_order 2024-03-08 <<<"$about_d"
	wm order add o.yaml --key counsel.key --issuer counsel.example --ledger other.git --out o.wmk >/dev/null 2>&1
	local at
	at=$(LC_ALL=C grep -obUa 'in-toto+json' o.wmk | head -n 1 | cut -d: -f1)
	flip o.wmk $((at + 12 + 24)) # within its signature
	wm append o.wmk --ledger work.git --no-proofs >/dev/null
	gone "${all[@]}"
	run -1 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
	refused_as signature-invalid
	[[ $stderr == *'counsel.example/ftc-1: '* ]]
	[ ! -e out ]
}

@test "certify: what is declared under United States law is what was ordered there" {
	local perjury='under penalty of perjury under the laws of the United States of America that the foregoing'
	local neutral='I declare, knowing that the law that applies may punish a false declaration, that the foregoing is true and correct.'
	local kind country
	for kind in court_order:US agency_order:US court_order:DE court_order: voluntary_undertaking:US; do
		country=${kind#*:}
		rm -rf work.git out
		given_ledger
		trained M0 D pretrain
		order_file o.yaml ftc-1 "${kind%:*}" 2024-03-08 <<<"$about_d"
		[ -z "$country" ] || sed -i "s/legal_name: The Authority/&, country: $country/" o.yaml
		wm order add o.yaml "${by[@]}" >/dev/null 2>&1
		gone D M0@1
		run -0 --separate-stderr wm certify ftc-1 "${by[@]}" --out out
		if [[ $kind == *_order:US ]]; then
			grep -qF "$perjury" out/certificate.txt
		else
			grep -qF "$neutral" out/certificate.txt
			run ! grep -q 'perjury' out/certificate.txt out/certificate.html
		fi
		# The page is XML as well.
		[ -z "$(command -v python3)" ] || python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' out/certificate.html
		rm -f steward.* counsel.* M0.*
	done
	run -0 wm order draft --template avast --trigger 2024-03-08
	[[ $output == *'legal_name: "Federal Trade Commission"'$'\n''  country: US'* ]]
}
