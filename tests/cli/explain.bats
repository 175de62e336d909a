#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper

@test "explain: sentence, remedy and exit status of a reason" {
	run -0 --separate-stderr wm explain file-changed
	[ "${lines[0]}" = 'file-changed (exit status 1)' ]
	[[ $output == *'fix: wait until'* ]]
	run -0 --separate-stderr wm explain file-changed --json
	is_json "$output"
	[[ $output == *'"reason": "file-changed"'*'"exit": 1'* ]]
}

@test "explain: every reason that is listed can be explained" {
	run -0 --separate-stderr wm explain
	local list=("${lines[@]}") line status_shown id
	[ "${#list[@]}" = "$(grep -c '^REASON(' "$TOP/lib/util/reason.def")" ]
	for line in "${list[@]}"; do
		read -r status_shown id _ <<<"$line"
		run -0 --separate-stderr wm explain "$id"
		[ "${lines[0]}" = "$id (exit status $status_shown)" ]
	done
	run -0 --separate-stderr wm explain --reasons --json
	is_json "$output"
}

@test "explain: the limits" {
	run -0 --separate-stderr wm explain --limits
	[ "${#lines[@]}" = "$(grep -c '^LIMIT(' "$TOP/lib/util/limits.def")" ]
	run -0 --separate-stderr wm explain --limits --json
	is_json "$output"
}

@test "explain: an unknown reason names the nearest" {
	run -2 --separate-stderr wm explain file-chnaged
	refused_as usage
	[[ $stderr == *"did you mean 'file-changed'?"* ]]
	run -2 --separate-stderr wm explain zzzzzzzz
	refused_as usage
	[[ $stderr != *'did you mean'* ]]
}

@test "explain: one question at a time" {
	run -2 --separate-stderr wm explain exists --limits
	refused_as usage
}

@test "explain: --fields lists what may be written, and nothing that sign makes" {
	run -0 --separate-stderr wm explain --fields
	[[ $output == *'training_run[].uses[].role '*pretrain*tokenizer* ]]
	[[ $output == *'has_personal_info '*'no_assertion, yes, no'* ]]
	[[ $output != *checkpoint.file* && $output != *header.nonce* ]]
	run -0 --separate-stderr wm explain --fields --json
	[[ $output == *'"field": "model.licence"'* ]]
}
