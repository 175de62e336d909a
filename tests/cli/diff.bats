#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

@test "diff: equal files, and one bit of one tensor" {
	given
	cp model.safetensors other.safetensors
	run -0 --separate-stderr wm diff model.safetensors other.safetensors
	[[ $output == *'equal    4 tensors, 9640 bytes, 100.00 % of the second'* ]]
	flip other.safetensors 10007
	run -1 --separate-stderr wm diff model.safetensors other.safetensors
	[ "$(grep -c '^changed  [a-z]' <<<"$output")" = 1 ]
	run -1 --separate-stderr wm diff model.safetensors other.safetensors --json
	[ "$(of_json "$output" '.equal.tensors, .changed.tensors, .added.tensors, .removed.tensors')" = $'3\n1\n0\n0' ]
	[ "$(of_json "$output" '.tensors | length')" = 4 ]
	run -1 --separate-stderr wm diff --all model.safetensors other.safetensors
	[ "$(grep -c '^equal    [a-z]' <<<"$output")" = 3 ]
}

@test "diff: two models have no tensor in common" {
	run -1 --separate-stderr wm diff "$GOOD" "$TOP/testdata/good/digits-transformer/model.safetensors" --json
	[ "$(of_json "$output" '.removed.tensors, .added.tensors')" = $'4\n38' ]
}

@test "diff: what cannot be compared" {
	given
	run -1 --separate-stderr wm diff model.safetensors m.yaml
	refused_as no-tensors
	run -3 --separate-stderr wm diff model.safetensors absent
	refused_as not-found
	run -2 --separate-stderr wm diff model.safetensors
	refused_as usage
	head -c 9000 model.safetensors >cut.safetensors
	run -1 --separate-stderr wm diff cut.safetensors model.safetensors
	refused_as safetensors-truncated
	mkdir a b && cp model.safetensors a && cp cut.safetensors b/model.safetensors
	run -1 --separate-stderr wm diff a/model.safetensors b/model.safetensors
	refused_as safetensors-truncated
	[[ $stderr == *b/model.safetensors* && $stderr != *a/model.safetensors* ]]
	run -1 --separate-stderr wm diff b/model.safetensors a/model.safetensors
	[[ $stderr == *b/model.safetensors* && $stderr != *a/model.safetensors* ]]
	cp model.safetensors $'a\xff\e'
	run -0 --separate-stderr wm diff --json model.safetensors $'a\xff\e'
	is_json "$output"
}
