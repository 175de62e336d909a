#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets stderr; each test is a subshell
# An append killed, or failing, at its system calls: afterwards the log is whole, holds what was acknowledged, and the
# same command completes it without doubles. FAULT_STEP=1 takes every call (make fault); else a sample.
load helper
load signed

CALLS='write pwrite64 fsync fdatasync rename link linkat unlink openat mkdir close'

given_log() {
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	given
	wm init acme.example/models --ledger ledger.git --out acme.vkey >/dev/null
	for name in a b; do
		cp "$GOOD" "$name.safetensors"
		sed "s/name: digits-mlp/name: $name/" m.yaml >"$name.yaml"
		wm sign "$name.safetensors" -m "$name.yaml" --key publisher.key >/dev/null
	done
	wm append a.safetensors.wmk --ledger ledger.git >/dev/null
}

# What must hold whatever happened: a readable log that has the first three entries, and all six or none of the last.
whole() { # entries that are allowed...
	local size
	wm audit --ledger at.git --log-key acme.vkey --sidecar a.safetensors.wmk --json >said || return 1
	size=$(jq '.logs[0].size' said)
	[[ " $* " == *" $size "* ]] || { echo "size $size"; return 1; }
	git --git-dir=at.git fsck --strict >/dev/null 2>fsck.err || { cat fsck.err; return 1; }
}

# One point: at.git and b.wmk are copies of what was there before.
point() { # rule
	rm -rf at.git b.wmk cache "$XDG_STATE_HOME" "$XDG_CACHE_HOME" && cp -r ledger.git at.git && cp b.safetensors.wmk b.wmk
	status=0
	(XDG_CACHE_HOME=$PWD/cache strace -f -qq -o /dev/null -e trace="${1%%:*}" -e inject="$1" \
		"$B/weightmark" append b.wmk --ledger at.git >/dev/null 2>&1) 2>/dev/null || status=$?
	whole 3 6 || { echo "half: $1"; return 1; }
	[ "$status" != 0 ] || whole 6 || { echo "acknowledged and lost: $1"; return 1; }
	wm append b.wmk --ledger at.git >/dev/null || { echo "no rerun: $1"; return 1; }
	whole 6 || { echo "doubled: $1"; return 1; }
}

every_point() { # what to inject
	local call n i points=0 step=${FAULT_STEP:-15}
	for call in $CALLS; do
		rm -rf at.git b.wmk cache "$XDG_STATE_HOME" "$XDG_CACHE_HOME" && cp -r ledger.git at.git && cp b.safetensors.wmk b.wmk
		XDG_CACHE_HOME=$PWD/cache strace -f -qq -o trace -e trace="$call" "$B/weightmark" append b.wmk --ledger at.git >/dev/null
		n=$(grep -c "$call(" trace || true)
		for ((i = 1 + points % step; i <= n; i += step)); do
			point "$call:$1:when=$i"
			points=$((points + 1))
		done
	done
	echo "$points points" >&3
	[ "$points" -gt 5 ]
}

@test "ledger faults: killed at a system call" {
	plain_build
	given_log
	every_point signal=KILL
}

@test "ledger faults: a system call that fails" {
	plain_build
	given_log
	every_point error=EIO
}

@test "ledger faults: writers at once, some killed; one chain, nothing lost, no size signed twice" {
	plain_build
	given_log
	local i pids=()
	for i in $(seq 8); do
		cp "$GOOD" "w$i.safetensors"
		sed "s/name: digits-mlp/name: w$i/" m.yaml >"w$i.yaml"
		wm sign "w$i.safetensors" -m "w$i.yaml" --key publisher.key >/dev/null
	done
	for i in $(seq 8); do
		{ wm append "w$i.safetensors.wmk" --ledger ledger.git >/dev/null && echo "w$i" >>acknowledged; } &
		pids+=($!)
	done
	sleep 0.05
	pkill -KILL -f "append w[246].safetensors.wmk" || true
	wait "${pids[@]}" || true
	run -0 --separate-stderr wm audit --ledger ledger.git --log-key acme.vkey --json
	while read -r name; do
		run -0 wm find --ledger ledger.git --name "$name"
	done <acknowledged
	for i in $(seq 8); do
		run -0 wm append "w$i.safetensors.wmk" --ledger ledger.git
	done
	run -0 wm audit --ledger ledger.git --log-key acme.vkey --json
	[ "$(of_json "$output" '.logs[0].size')" = 27 ]
	# Of all notes that were ever written, reachable or not, no two of one size have different roots.
	git --git-dir=ledger.git cat-file --batch-all-objects --batch-check='%(objectname) %(objecttype)' | awk '$2 == "blob" { print $1 }' |
		while read -r blob; do
			git --git-dir=ledger.git cat-file blob "$blob" | head -c 12 | grep -qa '^acme.example' &&
				git --git-dir=ledger.git cat-file blob "$blob" | sed -n '2,3p' | paste -sd' '
		done | grep -E '^[0-9]+ .{44}$' | sort -u >notes
	[ "$(wc -l <notes)" = "$(cut -d' ' -f1 notes | sort -u | wc -l)" ]
	[ "$(wc -l <notes)" -ge 2 ]
}

@test "ledger faults: four writers, 25 appends each, killed at random" {
	plain_build
	command -v python3 >/dev/null || skip "python3 is not installed"
	[ -x "$B/bench-statements" ] || skip "bench-statements is not built"
	"$TOP/tests/fault/writers" 4 25
}
