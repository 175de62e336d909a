#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper

# Runs a verb with nobody reading its standard output; exits as the verb did.
into_broken_pipe() {
	{ sleep 0.2; wm "$@"; echo $? >status; } | true
	return "$(cat status)"
}

@test "output: a full device, a closed and a broken standard output" {
	local verb
	for verb in version explain help 'help --man' 'explain --json' 'explain --limits'; do
		run -3 --separate-stderr eval "wm $verb >/dev/full"
		refused_as output-lost
		run -3 --separate-stderr eval "wm $verb >&-"
		refused_as output-lost
		# shellcheck disable=SC2086
		run -3 --separate-stderr into_broken_pipe $verb
		refused_as output-lost
	done
}

@test "output: a refusal outranks a lost answer" {
	run -2 --separate-stderr eval 'wm explain nothing --json >/dev/full'
	[[ $stderr == *'[usage]'*'[output-lost]'* ]]
}

@test "output: closed descriptors are never taken by other files" {
	run -0 --separate-stderr eval 'wm version <&-'
	run -0 --separate-stderr eval 'wm version 2>&-'
	[[ $output == weightmark* ]]
	run -3 eval 'wm version <&- >&- 2>&-'
	wm key new ./a --no-passphrase
	sha256sum a.key a.pub >before
	run -3 eval 'wm key public a.key <&- >&- 2>&-'
	run -3 eval 'wm key new ./b --no-passphrase <&- >&- 2>&-'
	sha256sum -c --quiet before
	openssl pkey -in b.key -pubout | cmp - b.pub
}

@test "output: with --json a failure is an object too" {
	run -2 --separate-stderr wm explain nothing --json
	is_json "$output"
	[[ $output == *'"error"'*'"reason": "usage"'*'"message"'*'"fix"'*'"exit": 2'* ]]
	refused_as usage
	run -2 --separate-stderr wm nothing --json
	is_json "$output"
	run -2 --separate-stderr wm version --nothing --json
	is_json "$output"
	run -2 --separate-stderr wm version -- --json
	[ -z "$output" ]
}

# Two lines on standard error, both harmless.
told_harmlessly() {
	[ "${#stderr_lines[@]}" = 2 ]
	harmless "${stderr_lines[0]}"
	harmless "${stderr_lines[1]}"
}

hostile=($'a\e[2Kb' $'a\e]0;title\ab' $'a\nweightmark: accept' $'a\rb' $'a\u202eb' $'a\xffb'
	$'a\u2028b' $'a\x9bb' $'a\u00a0\u200bb\x7f')

@test "output: hostile words are escaped in every message" {
	local word arguments
	for word in "${hostile[@]}"; do
		for arguments in explain help 'key id' 'config get' key ''; do
			# shellcheck disable=SC2086
			run --separate-stderr wm $arguments "$word"
			[ "$status" = 2 ] || [ "$status" = 3 ]
			told_harmlessly
			# shellcheck disable=SC2086
			run --separate-stderr wm $arguments "$word" --json
			is_json "$output"
			[[ $output != *$'\e'* && $output != *$'\u202e'* && $output != *$'\u2028'* ]]
		done
		run -2 --separate-stderr wm version "--$word"
		told_harmlessly
		run -2 --separate-stderr wm key new a --algorithm "$word"
		told_harmlessly
	done
}

@test "output: hostile paths are escaped in answers" {
	local word
	for word in "${hostile[@]}"; do
		run -0 --separate-stderr wm key new "./$word" --no-passphrase
		[ "${#lines[@]}" = 3 ]
		harmless "${lines[0]}"
		rm ./a*
		run -0 --separate-stderr wm key new "./$word" --no-passphrase --json
		is_json "$output"
		[[ $output != *$'\e'* && $output != *$'\u202e'* && $output != *$'\u2028'* ]]
		rm ./a*
	done
}

@test "output: no colour, no progress where there is no terminal" {
	run -0 --separate-stderr wm help
	[[ $output$stderr != *$'\e'* ]]
}
