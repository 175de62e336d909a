#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper

all_verbs() {
	wm help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

@test "help: lists every verb, and each verb has help" {
	run -0 --separate-stderr wm help
	[ -z "$stderr" ]
	local text=$output verb n=0
	run -0 --separate-stderr wm --help
	[ "$output" = "$text" ]
	for verb in $(all_verbs); do
		n=$((n + 1))
		run -0 --separate-stderr wm help "$verb"
		[[ $output == "usage: weightmark $verb"* ]]
		text=$output
		run -0 --separate-stderr wm "$verb" --help
		[ "$output" = "$text" ]
	done
	[ "$n" -ge 5 ]
}

@test "help: no verb, an unknown verb, an option before the verb" {
	run -2 --separate-stderr wm
	refused_as usage
	run -2 --separate-stderr wm expla
	refused_as usage
	[[ $stderr == *"did you mean 'explain'?"* ]]
	run -2 --separate-stderr wm --json version
	refused_as usage
	[ "$(jq -r .error.reason <<<"$output")" = usage ]
	run -2 --separate-stderr wm help nothing
	refused_as usage
}

@test "options: unknown, shortened, repeated, without value, superfluous value" {
	run -2 --separate-stderr wm explain --limts
	refused_as usage
	[[ $stderr == *"'--limts'; did you mean '--limits'?"* ]]
	local arguments
	for arguments in 'explain --lim' 'explain --limits --limits' 'explain --limits=yes' \
		'explain -x' 'explain -xh' 'key new a --algorithm' 'key new a --algorithm=rsa' \
		'key new a --algorithm=' 'key id a --algorithm p256' 'explain -- --limits'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr wm $arguments
		refused_as usage
	done
}

@test "help: the manual page is clean and names every verb" {
	wm help --man >page.1
	if command -v mandoc >/dev/null; then
		run -0 mandoc -T lint -W warning page.1
		[ -z "$output" ]
	fi
	local verb
	for verb in $(all_verbs); do
		grep -qx ".SS $verb" page.1
	done
	SOURCE_DATE_EPOCH=86400 wm help --man >page.1
	grep -q '^.TH WEIGHTMARK 1 1970-01-02 ' page.1
}

@test "help: completions are well formed" {
	local shell
	for shell in bash zsh fish; do
		wm help --completion=$shell >completion
		grep -q explain completion
		! command -v $shell >/dev/null || $shell -n completion
	done
	run -2 --separate-stderr wm help --completion=csh
	refused_as usage
}

# What bash offers for the last word.
offers() {
	bash -c '. ./completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		_weightmark 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' - weightmark "$@"
}

@test "help: bash completes verbs, options, reasons" {
	wm help --completion=bash >completion
	[ "$(offers expl)" = explain ]
	[ "$(offers explain --lim)" = --limits ]
	[ "$(offers explain file-ch)" = file-changed ]
	[ "$(offers key n)" = new ]
	[ "$(offers key new a --algorithm e)" = ed25519 ]
}
