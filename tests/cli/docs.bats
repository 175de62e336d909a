#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets stderr; each test is a subshell
load helper

@test "docs: tables are what the command prints, and links lead somewhere" {
	run -0 "$TOP/tests/lint/docs"
}

# What differs from run to run: digests, ids and times.
plain() {
	sed -E 's/[0-9a-f]{16,64}/HEX/g; s/key [0-9a-f]{8},/key HEX,/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g'
}

# The code blocks of a page, from this heading to the next of its rank; without one, all of them.
code_of() { # page heading
	awk -v heading="${2-}" '/^## / { inside = $0 == heading }
	/^```/ { code = !code; next }
	code && (inside || heading == "")' "$1" >shown
	grep '^\$ ' shown | cut -c3- >commands
}

# Runs the commands as they stand, beside the build tree and the test data, and looks for every line that is shown.
runs() { # status lines_at_least
	mkdir build
	ln -s "$B/weightmark" build/weightmark
	ln -s "$TOP/testdata" "$TOP/docs" .
	run "-$1" setsid -w bash ./commands
	plain <<<"$output" >printed
	grep -v '^\$ ' shown | grep -vF '...' | grep . | plain >expected
	[ "$(wc -l <expected)" -ge "$2" ]
	# In this order: what an earlier command printed is not shown for a later one.
	# shellcheck disable=SC2016
	run -0 awk 'NR == FNR { printed[NR] = $0; n = NR; next }
	{ while (++at <= n && printed[at] != $0); }
	at > n { print "not printed here: " $0; exit 1 }' printed expected
}

@test "docs: the README's walk-through runs and prints what it shows" {
	code_of "$TOP/README.md" '## Five minutes'
	[ "$(wc -l <commands)" -ge 12 ]
	runs 1 35
	grep -qx 'refuse (file-mismatch)' printed
}

@test "docs: the walk-through of an undertaking runs and prints what it shows" {
	code_of "$TOP/docs/walkthrough.md"
	[ "$(wc -l <commands)" -ge 40 ]
	runs 1 120
	grep -qx 'refuse (ancestor-tainted)' printed
	grep -qx 'refuse (record-withdrawn)' printed
	# Of the two, only the court ordered anything.
	run -0 grep -i ordered printed
	[ "$(grep -v '^  court order: United States District Court ordered$' <<<"$output")" = '' ]
}
