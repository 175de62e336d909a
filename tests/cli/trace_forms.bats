#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # bats runs each test in a subshell, and sets output
# `weightmark trace`: its forms, where it begins, what it recomputes.
load helper
load signed
load lineage

trace() {
	wm trace --ledger work.git "$@"
}

# record NAME MANIFEST_YAML: signs NAME.safetensors, which is there, and records it.
record() { # name yaml
	printf '%s\n' "$2" >"$1.yaml"
	wm sign "$1.safetensors" -m "$1.yaml" --key steward.key --issuer lab.example \
		--ledger work.git >/dev/null
}

# A file of photos, recorded as lab.example/photos; proof.json: that 1.jpg is in it.
given_photos() {
	given_ledger
	mkdir photos
	for i in 1 2 3; do echo "photo $i" >photos/$i.jpg; done
	printf 'kind: dataset\ndataset_id: photos\ntitle: Photos\n' >d.yaml
	wm dataset record photos -f d.yaml --key steward.key --issuer lab.example --ledger work.git >/dev/null
	wm dataset prove --record photos/1.jpg --dataset photos.wmk -o proof.json
	model P "$(head_of P)
training_run: [{id: run-P, uses: [{dataset: {object: lab.example/photos}, role: pretrain}]}]"
	model S "$(head_of S)
training_run: [{id: run-S, uses: [{dataset: {object: lab.example/photos}, role: pretrain, subset_root: $(printf 'a%.0s' {1..64})}]}]"
}

# Whether FILE is XML, as a parser that is here has it.
is_xml() { # file
	if command -v xmllint >/dev/null; then
		xmllint --noout --nonet "$1"
	elif python3 -c 'import xml.dom.minidom' 2>/dev/null; then
		python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$1"
	else
		[ "$(grep -o '<g>' "$1" | wc -l)" = "$(grep -o '</g>' "$1" | wc -l)" ]
	fi
}

# --- forms ----------------------------------------------------------------------------------------

@test "an image stands alone and has each node" {
	given_family
	run -0 --separate-stderr trace --from D --as svg -o family.svg
	[ "$output" = 'family.svg: svg of 8 reached' ]
	is_xml family.svg
	for id in D run-M0 M0@1 M1@1 M2@1 M3@1 M4@1 M5@1; do
		grep -q "<title>lab.example/$id</title>" family.svg
	done
	run -1 grep -Eq 'script|href|@import|url\([^#]' family.svg
	[ "$(grep -o 'http[^"]*' family.svg)" = 'http://www.w3.org/2000/svg' ]
}

@test "a graph for Graphviz has each node and edge" {
	given_family
	run -0 --separate-stderr trace --from D --as dot
	[ "${lines[0]}" = 'digraph lineage {' ] && [ "${lines[-1]}" = '}' ]
	[ "$(grep -c ' -> ' <<<"$output")" = 7 ]
	[[ $output == *'label="derived, merge; asserted by lab.example"'* ]]
	if command -v dot >/dev/null; then
		dot -Tsvg <<<"$output" >drawn.svg
		is_xml drawn.svg
	fi
}

@test "text and JSON are the same, wherever they are written" {
	given_family
	trace --from D >text
	trace --from D --as text -o text.out >/dev/null
	cmp text text.out
	trace --from D --json >json
	trace --from D --as json | cmp json -
	run -0 --separate-stderr trace --from D --as json -o json.out --json
	[ "$(of_json "$output" '[.out, .as, .reached] | join(" ")')" = 'json.out json 8' ]
	cmp json json.out
	run -2 --separate-stderr trace --from D --as svg --json
	refused_as usage
	run -2 --separate-stderr trace --from D --as png
	refused_as usage
	run -3 --separate-stderr trace --from D --as svg -o none/x.svg
}

@test "a file is written anew only where it is of that form" {
	given_family
	local as before=text.out
	trace --from D -o text.out >/dev/null
	for as in text json dot svg; do
		printf 'kind: order\n' >keep.yaml
		run -2 --separate-stderr trace --from D --as $as -o keep.yaml
		refused_as exists
		[ "$(cat keep.yaml)" = 'kind: order' ]
		run -2 --separate-stderr trace --from D --as $as -o $before
		refused_as exists
		[ $as = text ] || trace --from D --as $as -o $as.out >/dev/null
		[ $as = text ] || trace --from C --as $as -o $as.out >/dev/null
		before=$as.out
	done
}

@test "without --ledger, those of the setting and the private one are read" {
	given_family
	run -2 --separate-stderr wm trace --from D
	refused_as usage
	order_file o.yaml ftc-1 court_order 2026-01-02 <<<"$about_d"
	wm order add o.yaml --key counsel.key --issuer counsel.example >/dev/null 2>&1
	wm config set ledger work.git
	run -0 --separate-stderr wm trace --from D --json
	[ "$(of_json "$output" '[.ledgers[].origin] | join(" ")')" = 'lab.example/models private/orders' ]
	[ "$(of_json "$output" '.nodes | length')" = 8 ]
}

# --- where it begins ------------------------------------------------------------------------------

@test "a checkpoint on disk begins by its weights, under any name" {
	given_family
	cp M2.safetensors renamed.safetensors
	run -0 --separate-stderr trace --to renamed.safetensors
	[[ ${lines[0]} == 'checkpoint lab.example/M2@1' && ${lines[1]} == *'checkpoint lab.example/M0@1'* ]]
	mkdir dir
	cp M2.safetensors dir/model.safetensors
	run -0 --separate-stderr trace --from ./dir
	[[ ${lines[1]} == '  checkpoint lab.example/M5@1'* ]]
	tensor_file strange.safetensors w none
	run -1 --separate-stderr trace --from ./strange.safetensors
	[[ $stderr == *"no statement of these ledgers is about './strange.safetensors'"* ]]
	run -3 --separate-stderr trace --from ./nothing
}

@test "what the ledgers know by a name counts before a file of that name" {
	given_family
	mkdir D
	run -0 --separate-stderr trace --from D
	[ "${lines[0]}" = 'dataset lab.example/D' ]
}

@test "a proof begins at its dataset; uses of subsets are undecided" {
	given_photos
	run -4 --separate-stderr trace --from proof.json
	[ "${lines[0]}" = 'dataset lab.example/photos' ]
	[[ $output == *'checkpoint lab.example/P@1'* && $output != *'checkpoint lab.example/S@1'* ]]
	[[ $output == *'undecided, a subset: lab.example/run-S of lab.example/photos  [used, pretrain, subset aaaa'* ]]
	run -4 --separate-stderr trace --from proof.json --json
	[ "$(of_json "$output" '.undecided[0] | [.dataset, .run, .issuer] | join(" ")')" = \
		'lab.example/photos lab.example/run-S lab.example' ]
	run -0 --separate-stderr trace --from photos
	[[ $output == *'checkpoint lab.example/S@1'* ]]
}

@test "a record itself begins at its dataset, by the commitments" {
	given_photos
	cp photos/2.jpg elsewhere
	run -4 --separate-stderr trace --from elsewhere --dataset photos.wmk
	[ "${lines[0]}" = 'dataset lab.example/photos' ]
	[[ $output == *'checkpoint lab.example/P@1'* && $output != *'checkpoint lab.example/S@1'* ]]
	[[ $output == *'undecided, a subset: lab.example/run-S of lab.example/photos'* ]]
	mv photos.wmck kept.wmck
	run -4 --separate-stderr trace --from elsewhere --dataset photos.wmk --commitment-key kept.wmck --json
	[ "$(of_json "$output" '.nodes[0].object')" = lab.example/photos ]
	run -1 --separate-stderr trace --from elsewhere --dataset photos.wmk
	refused_as commitment-key-missing
	echo none >none.jpg
	run -1 --separate-stderr trace --from none.jpg --dataset photos.wmk --commitment-key kept.wmck
	refused_as record-unknown
	# A dataset that these ledgers do not have.
	printf 'kind: dataset\ndataset_id: others\ntitle: Others\n' >d2.yaml
	wm dataset record photos -f d2.yaml --key steward.key --issuer lab.example -o others.wmk >/dev/null
	run -1 --separate-stderr trace --from elsewhere --dataset others.wmk
	refused_as thing-unknown
}

@test "a party begins at the datasets whose statements name it, however it is called there" {
	given_ledger
	cat >d.yaml <<'YAML'
kind: dataset
dataset_id: faces
title: Faces
party: [{id: giver, legal_name: Heart Inc, identifier: ["LEI:5493001KJTIIGC8Y1R12"]}]
YAML
	mkdir faces
	echo face >faces/1
	wm dataset record faces -f d.yaml --key steward.key --issuer lab.example --ledger work.git >/dev/null
	model P "$(head_of P)
training_run: [{id: run-P, uses: [{dataset: {object: lab.example/faces}, role: pretrain}]}]"
	trained Q other pretrain
	for name in 'Heart Inc' 'heart inc' LEI:5493001KJTIIGC8Y1R12 giver; do
		run -0 --separate-stderr trace --from "party:$name"
		[ "${lines[0]}" = 'dataset lab.example/faces' ]
		[[ $output == *'checkpoint lab.example/P@1'* && $output != *'lab.example/Q@1'* ]]
	done
	run -0 --separate-stderr trace --from party:lab.example
	[[ $output == *'checkpoint lab.example/P@1'* && $output == *'checkpoint lab.example/Q@1'* ]]
	run -1 --separate-stderr trace --from 'party:Heart'
	refused_as thing-unknown
}

@test "a proof that proves nothing here is refused" {
	given_photos
	sed 's/"index":[0-9]*/"index":9/' proof.json >moved.json
	run -1 --separate-stderr trace --from moved.json
	[[ $stderr == *'[record-proof-'* ]]
	echo none >none.jpg
	wm dataset prove --absent --record none.jpg --dataset photos.wmk -o absent.json
	run -2 --separate-stderr trace --from absent.json
	refused_as usage
	wm init other.example/log --ledger other.git >/dev/null
	run -1 --separate-stderr wm trace --from proof.json --ledger other.git
	[[ $stderr == *"is about 'proof.json'"* ]]
}

# --- what if --------------------------------------------------------------------------------------

@test "what an order would reach, and what a narrower scope leaves out" {
	given_family
	trained V1 V validation
	run -0 --separate-stderr trace --what-if V
	[ "${lines[0]}" = 'No order was given: what follows would be tainted.' ]
	[[ $output == *'checkpoint lab.example/V1@1'* ]]
	run -0 --separate-stderr trace --what-if V --roles pretrain,finetune
	[[ ${lines[1]} == *': pretrain, finetune; and those whose role is not said.' ]]
	[[ $output != *V1* ]]
	run -0 --separate-stderr trace --what-if V --roles validation --json
	[ "$(of_json "$output" '[.what_if, .from, (.nodes | length)] | join(" ")')" = 'true V 3' ]
	[ "$(of_json "$output" '.roles | join(" ")')" = validation ]
	run -2 --separate-stderr trace --from V --roles pretrain,nonsense
	refused_as usage
	run -2 --separate-stderr trace --to V --roles pretrain
	refused_as usage
	run -2 --separate-stderr trace --from V --what-if V
	refused_as usage
}

@test "checkpoints from before the data are named, the latest first" {
	given_ledger
	for step in 20 90 150; do
		tensor_file "s$step.safetensors" w "$step  "
		yaml="$(head_of "s$step")
checkpoint_of: {run: {object: lab.example/r}, step: $step}"
		[ "$step" != 20 ] || yaml="$(printf 'kind: dataset\ndataset_id: D\ntitle: D\n---'; echo; echo "$yaml")
training_run: [{id: r, uses: [{dataset_id: D, role: pretrain, from_step: 100, to_step: 200}]}]"
		record "s$step" "$yaml"
	done
	run -0 --separate-stderr trace --from D
	[[ $output == *'[used, pretrain, steps 100 to 200; asserted by lab.example]'* ]]
	[[ $output == *'candidates: lab.example/s90@1 of lab.example/r  [made, step 90;'*'candidates: lab.example/s20@1 of '* ]]
	[[ $output != *'candidates: lab.example/s150'* ]]
	run -0 --separate-stderr trace --from D --json
	[ "$(of_json "$output" '[.clean[].step] | join(" ")')" = '90 20' ]
}

# Each reference is to what a line above it is about, and there are some.
refers_back() { # text
	awk '{ n = $1 == "see" ? 2 : $1 == "also" ? 3 : 0 }
n { references++ } n && !(($n " " $(n + 1)) in above) { print "not above: " $0; forward = 1 }
!n { above[$1 " " $2] }
END { exit forward || !references }' <<<"$1"
}

@test "what is reached twice stands once" {
	given_family
	derived M6 merge M0 M1
	run -0 --separate-stderr trace --from D
	[ "$(grep -c '^ *checkpoint lab.example/M6@1' <<<"$output")" = 1 ]
	[[ $output == *$'\n''      checkpoint lab.example/M6@1  [derived, merge; asserted by lab.example]'$'\n''        also from checkpoint lab.example/M1@1  [derived, merge; asserted by lab.example]'* ]]
	refers_back "$output"
	run -0 --separate-stderr trace --to M6
	refers_back "$output"
	run -0 --separate-stderr trace --from D --json
	[ "$(of_json "$output" '.again[] | select(.object == "lab.example/M6@1") | .before')" = lab.example/M1@1 ]
}

@test "references point back, in a graph of many ways" {
	given_ledger
	trained A1 D pretrain
	derived A2 merge A1
	derived A3 merge A1 A2
	derived A4 merge A1 A3 A2
	derived A5 merge A4 A2 A1
	derived A6 merge A5 A3 A1
	run -0 --separate-stderr trace --from D
	refers_back "$output"
	# 1 start, 1 made, 1 + 2 + 3 + 3 + 3 derivations; each stands once, as a line or a reference
	[ "${#lines[@]}" = 15 ]
	run -0 --separate-stderr trace --to A6
	refers_back "$output"
	[ "${#lines[@]}" = 15 ]
	derived A0 finetune A6
	derived A7 merge A0 A6
	run -0 --separate-stderr trace --to A7
	refers_back "$output"
	[[ $output == *$'\n''  checkpoint lab.example/A6@1  ['*$'\n''    also of checkpoint lab.example/A0@1  [derived, finetune;'* ]]
}

@test "findings say what contradicts what, and who says which" {
	given_family
	# A second statement of sequence 1 about M1, by another key; a reference by name and digest to two things.
	printf '%s\nderivation: [{kind: finetune, parent: [{object: lab.example/M9@1}]}]\n' "$(head_of M1)" >fork.yaml
	wm sign M1.safetensors -m fork.yaml --key counsel.key --issuer lab.example --out fork.wmk \
		--ledger work.git >/dev/null
	weights=$(of_json "$(wm digest M9.safetensors --json)" '.. | .weights_digest? // empty' | head -1)
	model X "$(head_of X)
derivation: [{kind: finetune, parent: [{object: lab.example/M0@1, weights_digest: $weights}]}]"
	run -4 --separate-stderr trace --from D
	[[ $output == *$'\n'"finding: conflict: lab.example refers to 'lab.example/M0@1' with a digest that is not its, but that of 'lab.example/M9@1' by lab.example"* ]]
	[[ $output == *$'\n'"finding: fork: two statements of one place in its chain are about 'lab.example/M1@1': wm:"*' by lab.example and wm:'*' by lab.example' ]]
	[ "$(grep -c '^finding: ' <<<"$output")" = 2 ]
	run -4 --separate-stderr trace --from D --json
	[ "$(of_json "$output" '.findings[0] | [.finding, .object, .other] | join(" ")')" = \
		'conflict lab.example/M0@1 lab.example/M9@1' ]
	[ "$(of_json "$output" '.findings[1].text | test("^two statements of one place")')" = true ]
	[ "$(of_json "$output" '[.. | objects | has("id")] | any')" = false ]
}

# --- recomputed -----------------------------------------------------------------------------------

@test "conversions and new names of equal weights are recomputed, an adapter's parent by its digest" {
	given_ledger
	trained M0 D pretrain
	cp M0.safetensors C.safetensors
	tensor_file R.safetensors w2 "$(tail -c 4 M0.safetensors)"
	tensor_file N.safetensors w none
	tensor_file A.safetensors w adap
	tensor_file U.safetensors w adaq
	weights=$(of_json "$(wm digest M0.safetensors --json)" '.. | .weights_digest? // empty' | head -1)
	record C "$(head_of C)
derivation: [{kind: convert, parent: [{object: lab.example/M0@1}]}]"
	record R "$(head_of R)
derivation: [{kind: rename, parent: [{object: lab.example/M0@1}]}]"
	record N "$(head_of N)
derivation: [{kind: convert, parent: [{object: lab.example/M0@1}]}]"
	record A "$(head_of A)
derivation: [{kind: adapter, parent: [{object: lab.example/M0@1, weights_digest: $weights}]}]"
	record U "$(head_of U)
derivation: [{kind: adapter, parent: [{object: lab.example/M0@1}]}]"
	run -0 --separate-stderr trace --from D
	[[ $output == *'lab.example/C@1  [derived, convert; recomputed: equal weights; asserted by lab.example]'* ]]
	[[ $output == *'lab.example/R@1  [derived, rename; recomputed: equal tensor set; asserted by'* ]]
	[[ $output == *'lab.example/N@1  [derived, convert; asserted by'* ]]
	[[ $output == *'lab.example/A@1  [derived, adapter; parent at hand by its digest: recomputed; asserted by'* ]]
	[[ $output == *'lab.example/U@1  [derived, adapter; asserted by'* ]]
	run -0 --separate-stderr trace --from D --json
	[ "$(of_json "$output" '.nodes[] | select(.detail == "rename") | [.assurance, .equality] | join(" ")')" = \
		'recomputed equal-tensors' ]
}

@test "tensors that were frozen are counted" {
	given_ledger
	for n in F G; do
		{
			header='{"a":{"dtype":"U8","shape":[65536],"data_offsets":[0,65536]},"b":{"dtype":"U8","shape":[65536],"data_offsets":[65536,131072]}}'
			# shellcheck disable=SC2059
			printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0"
			printf %s "$header"
			head -c 65536 /dev/zero | tr '\0' a
			head -c 65536 /dev/zero | tr '\0' "$n"
		} >$n.safetensors
	done
	record F "$(head_of F)"
	record G "$(head_of G)
derivation: [{kind: finetune, parent: [{object: lab.example/F@1}]}]"
	run -0 --separate-stderr trace --from F
	[[ $output == *'lab.example/G@1  [derived, finetune; 1 tensor equal (frozen): recomputed; asserted by lab.example]'* ]]
	run -0 --separate-stderr trace --from F --json
	[ "$(of_json "$output" '.nodes[1] | [.assurance, .equal_tensors] | join(" ")')" = 'asserted 1' ]
}
