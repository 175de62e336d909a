#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# What verify makes of proofs: by pinned logs, by others, damaged ones, and of tree heads seen before.
load helper
load signed

ORIGIN=acme.example/models

given_recorded() {
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	given
	wm init "$ORIGIN" --ledger ledger.git --out acme.vkey >/dev/null
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git >/dev/null
}

# A checkpoint NAME.safetensors that is recorded in LEDGER.
given_another() { # name ledger
	cp "$GOOD" "$1.safetensors"
	sed "s/name: digits-mlp/name: $1/" m.yaml >"$1.yaml"
	wm sign "$1.safetensors" -m "$1.yaml" --key publisher.key --ledger "$2" >/dev/null
}

# A log of the same name and key, with a history of its own, in stolen.git.
given_stolen() {
	local writer=weightmark/${ORIGIN/\//+}
	git init -q --bare stolen.git
	mkdir -p "stolen.git/$writer"
	cp -p "ledger.git/$writer/log.key" "stolen.git/$writer/"
	wm init "$ORIGIN" --ledger stolen.git >/dev/null
}

verify() { # status path further arguments
	run "-$1" --separate-stderr wm verify "$2" --key publisher.pub --log-key acme.vkey --json "${@:3}"
}

notes() { of_json "$output" '[.notes[].code] | join(" ")'; }

@test "logged: by a pinned log, first seen, then linked" {
	given_recorded
	verify 0 model.safetensors
	[ "$(of_json "$output" '.logs[0] | [.pinned, .statements, .size, .linkage, .remembered] | join(" ")')" = 'true 3 3 first-seen true' ]
	[[ $(notes) == *log-first-seen* ]]
	verify 0 model.safetensors
	[ "$(of_json "$output" '.logs[0].linkage')" = linked ]
	run -0 wm verify model.safetensors --key publisher.pub --log-key acme.vkey
	[[ $output == *'logged     3 of 3 statements in acme.example/models, 3 entries, linked'* ]]
	# A later head of the same log: nothing here connects it; an audit does.
	given_another b ledger.git
	verify 0 b.safetensors
	[ "$(of_json "$output" '.logs[0].linkage')" = unlinked ]
	[[ $(notes) == *log-unlinked* ]]
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
	verify 0 b.safetensors
	[ "$(of_json "$output" '.logs[0].linkage')" = linked ]
	# Forgotten: that is told.
	rm -r "$XDG_STATE_HOME"
	verify 0 b.safetensors
	[[ $(notes) == *log-first-seen* ]]
}

@test "logged: a log that is not pinned counts for nothing" {
	given_recorded
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	[[ $(notes) == *log-not-pinned* ]]
	[ "$(of_json "$output" '.logs[0].pinned')" = false ]
	[ ! -e "$XDG_STATE_HOME" ]
	wm init other.example --ledger other.git --out other.vkey >/dev/null
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key other.vkey --json
	[[ $(notes) == *log-not-pinned* ]]
	# The same origin by another key is another log.
	wm init "$ORIGIN" --ledger third.git --out third.vkey >/dev/null
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key third.vkey --json
	[[ $(notes) == *log-not-pinned* ]]
	run -2 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key publisher.pub
	refused_as log-key-malformed
}

@test "logged: every byte of a proof counts, pinned or not" {
	given_recorded
	cp model.safetensors.wmk whole.wmk
	start=$(grep -abo 'c2sp.org/tlog-proof@v1' whole.wmk | tail -1 | cut -d: -f1)
	size=$(stat -c %s whole.wmk)
	for ((at = start; at < size; at += 7)); do
		cp whole.wmk model.safetensors.wmk
		flip model.safetensors.wmk "$at"
		run -1 --separate-stderr wm verify model.safetensors --key publisher.pub --json
		[[ $(of_json "$output" .check) == @(proofs-consistent|carriers-canonical) ]]
	done
	cp whole.wmk model.safetensors.wmk
	verify 0 model.safetensors
}

@test "logged: two histories refuse, with evidence that anybody can check" {
	given_recorded
	given_stolen
	given_another b stolen.git
	verify 0 b.safetensors
	verify 1 model.safetensors
	[ "$(of_json "$output" '[.check, .reason] | join(" ")')" = 'logs-unforked log-fork' ]
	evidence=$(of_json "$output" '.logs[0].evidence')
	[ -s "$evidence" ]
	run -0 wm audit --evidence "$evidence"
	# It is kept, and counts against whichever history is shown, until it is removed.
	rm "$XDG_STATE_HOME"/weightmark/logs/*.json
	verify 1 b.safetensors
	[ "$(of_json "$output" '[.check, .reason] | join(" ")')" = 'logs-unforked log-fork' ]
	[ "$(of_json "$output" '.logs[0].evidence')" = "$evidence" ]
	for ledger in ledger.git stolen.git; do
		run -1 --separate-stderr wm audit --ledger "$ledger" --log-key acme.vkey
		refused_as log-fork
		[[ $stderr == *"$evidence"* ]]
	done
	mv "$evidence" aside
	flip aside 300
	cp aside "$evidence"
	verify 0 b.safetensors
	# Whoever has not seen the other one cannot know.
	rm -r "$XDG_STATE_HOME"
	verify 0 model.safetensors
	# Where one sidecar carries both, nothing need be remembered.
	cp model.safetensors.wmk c.wmk
	run -0 wm append model.safetensors.wmk --ledger stolen.git
	rm -r "$XDG_STATE_HOME"
	verify 0 model.safetensors
}

@test "logged: slots carry proofs too" {
	given
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	wm init "$ORIGIN" --ledger ledger.git --out acme.vkey >/dev/null
	wm sign model.safetensors -m m.yaml --key publisher.key --embed --ledger ledger.git --json >said
	[ "$(jq .recorded.size said)" = 4 ]
	verify 0 model.safetensors
	[ "$(of_json "$output" '.logs[0].statements')" = 4 ]
	rm model.safetensors.wmk
	verify 0 model.safetensors
	[ "$(of_json "$output" '.logs[0].statements')" = 3 ]
	run -0 wm extract model.safetensors
	verify 0 model.safetensors
	wm strip model.safetensors >/dev/null
	cmp model.safetensors "$GOOD"
}

@test "logged: what cannot be remembered is told" {
	given_recorded
	export XDG_STATE_HOME=/dev/null
	verify 0 model.safetensors
	[[ $(notes) == *log-not-remembered* ]]
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/other
	mkdir -p "$XDG_STATE_HOME/weightmark/logs"
	verify 0 model.safetensors
	for file in "$XDG_STATE_HOME"/weightmark/logs/*.json; do
		echo '{' >"$file"
	done
	verify 0 model.safetensors
	[[ $(notes) == *log-not-remembered* ]]
}
