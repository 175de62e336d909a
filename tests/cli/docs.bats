#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
load helper

@test "docs: tables are what the command prints, and links lead somewhere" {
	run -0 "$TOP/tests/lint/docs"
}

# What differs from run to run: digests, ids and times.
plain() {
	sed -E 's/[0-9a-f]{16,64}/HEX/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g'
}

@test "docs: the README's walk-through runs and prints what it shows" {
	mkdir build
	ln -s "$B/weightmark" build/weightmark
	ln -s "$TOP/testdata" testdata
	awk '/^## / { inside = $0 == "## Five minutes" }
	/^```/ { code = !code; next }
	inside && code' "$TOP/README.md" >shown
	grep '^\$ ' shown | cut -c3- >commands
	[ "$(wc -l <commands)" -ge 12 ]
	run -1 setsid -w bash ./commands
	plain <<<"$output" >printed
	grep -v '^\$ ' shown | grep -vE '\.\.\.|^ {13}' | grep . | plain >expected
	[ "$(wc -l <expected)" -ge 35 ]
	# In this order: what an earlier command printed is not shown for a later one.
	# shellcheck disable=SC2016
	run -0 awk 'NR == FNR { printed[NR] = $0; n = NR; next }
	{ while (++at <= n && printed[at] != $0); }
	at > n { print "not printed here: " $0; exit 1 }' printed expected
	grep -qx 'refuse (file-mismatch)' printed
}
