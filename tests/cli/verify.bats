#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

# Fails unless the verdict in $output is refuse by this check and reason.
refused_by() { # check reason
	[ "$(of_json "$output" '.verdict, .exit, .check, .reason')" = $'refuse\n1\n'"$1"$'\n'"$2" ]
	[ -n "$(of_json "$output" '.fix')" ]
}

@test "verify: what was signed is accepted" {
	given_signed
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	[ -z "$stderr" ]
	[ "$(of_json "$output" '.verdict, .policy, .exit')" = $'accept\nintegrity\n0' ]
	[ "$(of_json "$output" 'keys[]')" = \
		$'checks\ncounts\nexit\nlogs\nmeasured\nnotes\npath\npolicy\nstatements\nverdict' ]
	[ "$(of_json "$output" '[.checks[].outcome] | unique[]')" = $'not-run\npassed' ]
	[ "$(of_json "$output" '.checks[] | select(.outcome == "not-run") | .name')" = \
		$'sha256-equal\nancestors-untainted\nrecords-standing\nwithdrawals-answered\nancestors-known\ndeclarations-agree' ]
	[ "$(of_json "$output" '[.statements[] | select(.kind == "manifest")] | length')" = 1 ]
	[ "$(of_json "$output" '[.statements[].assurance] | unique[]')" = asserted ]
	[ "$(of_json "$output" '.counts.failed')" = 0 ]
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub
	[ "${lines[0]}" = 'accept (integrity only: nothing decided about data)' ]
	[[ $output == *'asserted by key:'* && $output != *true* ]]
}

@test "verify: --full and --lineage run every check, --checks lists them" {
	given_signed
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --full --lineage model.safetensors.wmk --json
	[ "$(of_json "$output" '[.checks[].outcome] | unique[]')" = passed ]
	[ "$(of_json "$output" '.measured.file[0].sha256')" = "$(sha256sum <"$GOOD" | cut -d' ' -f1)" ]
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --full --lineage model.safetensors.wmk --checks
	[ "$(grep -c '^    passed ' <<<"$output")" = "$(grep -c '^	{ "' "$TOP/lib/attest/checks.c")" ]
}

@test "verify: after any flipped bit of the checkpoint it refuses" {
	given_signed
	local at
	for at in 0 7 8 9 100 367 376 5000 10007; do
		flip model.safetensors $at
		run -1 --separate-stderr wm verify model.safetensors --key publisher.pub --json
		[ "$(of_json "$output" '.verdict')" = refuse ]
		flip model.safetensors $at
	done
	cmp model.safetensors "$GOOD"
	flip model.safetensors 10007
	run -1 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	refused_by file-digests-equal file-mismatch
	run -1 --separate-stderr wm verify model.safetensors --key publisher.pub
	[ "${lines[0]}" = 'refuse (file-mismatch)' ]
	[[ ${lines[-1]} == 'fix: '* ]]
}

@test "verify: after any flipped bit of the sidecar it refuses" {
	given_signed
	local at size
	size=$(stat -c %s model.safetensors.wmk)
	for at in 0 1 2 14 15 30 1000 $((size / 2)) $((size - 64)) $((size - 1)); do
		flip model.safetensors.wmk "$at"
		run -1 --separate-stderr wm verify model.safetensors --key publisher.pub --json
		[ "$(of_json "$output" '.verdict')" = refuse ]
		flip model.safetensors.wmk "$at"
	done
	run -0 wm verify model.safetensors --key publisher.pub
}

@test "verify: without sidecar, without key, with another key" {
	given
	run -1 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	refused_by carrier-found sidecar-missing
	wm sign model.safetensors -m m.yaml --key publisher.key
	run -2 --separate-stderr wm verify model.safetensors
	refused_as no-key
	run -2 --separate-stderr wm verify model.safetensors --json
	[ "$(of_json "$output" '.error.reason, .exit')" = $'no-key\n2' ]
	wm key new ./other --no-passphrase
	run -1 --separate-stderr wm verify model.safetensors --key other.pub --json
	refused_by signer-pinned key-untrusted
	run -0 --separate-stderr wm verify model.safetensors --key other.pub --key publisher.pub
	run -2 --separate-stderr wm verify model.safetensors --key publisher.key
	refused_as key-private
	run -2 --separate-stderr wm verify model.safetensors --key m.yaml
	refused_as key-malformed
	run -3 --separate-stderr wm verify model.safetensors --key absent.pub
	refused_as not-found
	wm config set public-key "$PWD/publisher.pub"
	run -0 --separate-stderr wm verify model.safetensors
}

@test "verify, sign: a key or a manifest that is none is a mistake of the user, exit 2" {
	given_signed
	mkdir directory
	truncate -s 65537 big
	local file
	for file in directory big; do
		run -2 --separate-stderr wm verify model.safetensors --key $file
		refused_as key-malformed
		run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key $file
		refused_as key-malformed
		run -2 --separate-stderr wm sign model.safetensors -m m.yaml --signer cat --key $file
		refused_as key-malformed
	done
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key-fd 8 8<big
	refused_as key-malformed
	run -2 --separate-stderr wm sign model.safetensors -m directory --key publisher.key
	refused_as yaml-malformed
	truncate -s 16777217 big
	run -2 --separate-stderr wm sign model.safetensors -m big --key publisher.key
	refused_as yaml-malformed
	run -2 --separate-stderr wm sign model.safetensors -m - --key publisher.key <big
	refused_as yaml-malformed
}

@test "verify: what cannot be told is exit 3, with --json an object" {
	given_signed
	run -3 --separate-stderr wm verify absent.safetensors --key publisher.pub --json
	[ "$(of_json "$output" '.error.reason, .exit')" = $'not-found\n3' ]
	refused_as not-found
	mkfifo fifo
	run -1 --separate-stderr wm verify fifo --key publisher.pub --json
	refused_by checkpoint-parsed not-a-file
	run -2 --separate-stderr wm verify --key publisher.pub
	refused_as usage
	run -2 --separate-stderr wm verify a b --key publisher.pub
	refused_as usage
}

@test "verify: a planted configuration beside the checkpoint counts for nothing" {
	given_signed
	wm key new ./attacker --no-passphrase
	mkdir weightmark
	printf 'public-key = %s\n' "$PWD/attacker.pub" | tee config weightmark/config .weightmark >/dev/null
	run -2 --separate-stderr wm verify model.safetensors
	refused_as no-key
}

@test "verify: under another name, from another directory, with -- before a dash" {
	given_signed
	mkdir -p 'other place'
	cp model.safetensors 'other place/renamed file'
	cp model.safetensors.wmk 'other place/renamed file.wmk'
	run -0 --separate-stderr wm verify 'other place/renamed file' --key publisher.pub --json
	[ "$(of_json "$output" '[.notes[] | select(.code == "renamed")] | length')" = 1 ]
	mv model.safetensors ./--full
	run -0 --separate-stderr wm verify --key publisher.pub --sidecar model.safetensors.wmk -- --full
	run -2 --separate-stderr wm verify --key publisher.pub --sidecar model.safetensors.wmk --full
	refused_as usage
}

@test "verify: hostile names are harmless in every form of the answer" {
	given_signed
	local name line
	for name in "${hostile_names[@]}"; do
		cp model.safetensors "./$name"
		run -0 --separate-stderr wm verify --key publisher.pub --sidecar model.safetensors.wmk -- "$name"
		for line in "${lines[@]}"; do harmless "$line"; done
		[ "$(grep -c '^accept' <<<"$output")" = 1 ]
		run -0 --separate-stderr wm verify --key publisher.pub --sidecar model.safetensors.wmk --json -- "$name"
		is_json "$output"
		[[ $output != *$'\e'* && $output != *$'\u202e'* ]]
		rm "./$name"
	done
}

@test "verify: malformed checkpoints get exactly their reason, their twins do not" {
	given
	local file reason twin
	cat "$TOP"/testdata/bad/expect*.tsv | grep -v '^#' >rows
	[ "$(wc -l <rows)" -gt 10 ]
	while IFS=$'\t' read -r file reason twin; do
		[[ $file == safetensors/* || $file == gguf/* ]] || continue
		run -1 --separate-stderr "$B/weightmark" digest "$TOP/testdata/bad/$file" 3>&-
		refused_as "$reason" || { echo "$file"; return 1; }
		run -0 --separate-stderr "$B/weightmark" digest "$TOP/testdata/bad/$twin" 3>&-
	done <rows
	# With a sidecar that has verified, so that the verdict reaches the checkpoint.
	wm sign model.safetensors -m m.yaml --key publisher.key
	while IFS=$'\t' read -r file reason twin; do
		[[ $file == safetensors/* || $file == gguf/* ]] || continue
		run -1 --separate-stderr "$B/weightmark" verify "$TOP/testdata/bad/$file" --key publisher.pub \
			--sidecar model.safetensors.wmk 3>&-
		[ "${lines[0]}" = "refuse ($reason)" ] || { echo "$file: $output"; return 1; }
	done < <(sed -n '1~7p' rows)
}

@test "verify: offline, in a network namespace without any interface" {
	given_signed
	unshare -rn true 2>/dev/null || skip "no user namespaces here"
	run -0 --separate-stderr unshare -rn "$B/weightmark" verify model.safetensors --key publisher.pub
	flip model.safetensors 9000
	run -1 --separate-stderr unshare -rn "$B/weightmark" verify model.safetensors --key publisher.pub
}

@test "verify: needs no network, no child process" {
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	given_signed
	run -0 strace -f -o trace -e trace=socket,connect,fork,vfork,execve "$B/weightmark" verify \
		model.safetensors --key publisher.pub
	[ "$(grep -c 'execve' trace)" = 1 ]
	run ! grep -E 'socket|connect|fork' trace
}

@test "verify: --statements prints what the verified statements say" {
	given_signed
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --statements
	[[ $output == *'(signature verified)'* ]]
	[[ $output == *'licence '*CC-BY-4.0* && $output == *'uses[0].role '*pretrain* ]]
	run -2 --separate-stderr wm verify model.safetensors.wmk --key publisher.pub
	refused_as usage
}

@test "verify: a log key that is none is a mistake of the user, exit 2" {
	given_signed
	export XDG_STATE_HOME=$PWD/state
	run -2 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key
	refused_as usage
	run -2 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key publisher.pub
	refused_as log-key-malformed
	run -2 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key m.yaml
	refused_as log-key-malformed
	run -3 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key absent.vkey
	refused_as not-found
	# A key of a log signs no statements.
	wm init acme.example/models --ledger ledger.git --out acme.vkey >/dev/null
	run -2 --separate-stderr wm verify model.safetensors --log-key acme.vkey
	refused_as no-key
	run -2 --separate-stderr wm verify model.safetensors --key acme.vkey
	refused_as key-malformed
	# By option, setting and environment, several times; nothing is logged, nothing remembered.
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --log-key acme.vkey --log-key acme.vkey --json
	[ "$(of_json "$output" '.logs | length')" = 0 ]
	WEIGHTMARK_LOG_KEY=$PWD/absent.vkey run -3 --separate-stderr wm verify model.safetensors --key publisher.pub
	refused_as not-found
	[ ! -e state ]
	wm append model.safetensors.wmk --ledger ledger.git >/dev/null
	WEIGHTMARK_LOG_KEY=$PWD/acme.vkey run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	[ "$(of_json "$output" '.logs[0].pinned')" = true ]
	[ -e state/weightmark/logs ]
}

@test "verify: the sidecar of another file is told from a changed file" {
	given_signed
	cp "$TOP/testdata/good/npy/stored.npz" other.npz
	run -1 --separate-stderr wm verify other.npz --sidecar model.safetensors.wmk --key publisher.pub
	[ "${lines[0]}" = 'refuse (sidecar-foreign)' ]
	[[ $output == *"model.safetensors.wmk is about another file, 'model.safetensors'"* ]]
	# Of the same grammar it could as well be a changed copy.
	tensor_file other.safetensors a aaaa
	run -1 --separate-stderr wm verify other.safetensors --sidecar model.safetensors.wmk --key publisher.pub
	[ "${lines[0]}" = 'refuse (file-mismatch)' ]
	cp other.npz model.npz
	wm sign model.npz -m m.yaml --key publisher.key
	run -0 wm verify other.npz --sidecar model.npz.wmk --key publisher.pub
}
