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
	[ "$(of_json "$output" '.equal.bytes + .changed.bytes')" = 9640 ]
	[[ $(of_json "$output" '.equal.percent') == ??.?? ]]
	[ "$(of_json "$output" '.removed.percent')" = null ]
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

# The good checkpoint, and the other one as a component of its own.
given_directory() { # folder
	mkdir -p "$1/vae"
	cp "$GOOD" "$1/model.safetensors"
	cp "$TOP/testdata/good/digits-transformer/model.safetensors" "$1/vae/model.safetensors"
	echo '{}' >"$1/config.json"
}

@test "diff: directories, part by part" {
	given_directory a
	given_directory b
	run -0 --separate-stderr wm diff a b
	[[ $output == *'equal    42 tensors, '*', 100.00 % of the second'* ]]
	flip b/vae/model.safetensors "$(($(stat -c %s b/vae/model.safetensors) - 1))"
	run -1 --separate-stderr wm diff a b/
	[ "$(grep -c '^changed  vae/model.safetensors: [a-z]' <<<"$output")" = 1 ]
	[[ $output == *'changed  1 tensor, '* ]]
	run -1 --separate-stderr wm diff a b --json
	[ "$(of_json "$output" '[.tensors[] | select(.difference == "changed") | .part] | join(" ")')" = vae/model.safetensors ]
	rm -r b/vae
	run -1 --separate-stderr wm diff a b --json
	[ "$(of_json "$output" '.removed.tensors, .equal.tensors')" = $'38\n4' ]
}

@test "diff: what has no tensors is compared by its files" {
	given_directory a
	echo pickle >a/extra.bin
	cp -r a b
	run -0 --separate-stderr wm diff a b
	[[ $output != *extra.bin* ]]
	run -0 --separate-stderr wm diff a b --all
	[[ $output == *'equal    part extra.bin, 7 bytes: its tensors cannot be told apart'* ]]
	echo Pickle >b/extra.bin
	run -1 --separate-stderr wm diff a b
	[[ $output == *'changed  part extra.bin, 7 bytes: its tensors cannot be told apart'* ]]
	[[ $output == *'equal    42 tensors, '* ]]
	run -1 --separate-stderr wm diff a b --json
	[ "$(of_json "$output" '.parts[] | select(.name == "extra.bin") | .difference, .tensors_told')" = $'changed\nfalse' ]
}

@test "diff: with what was signed" {
	given_signed
	run -0 --separate-stderr wm diff model.safetensors.wmk model.safetensors
	[[ $output == '# model.safetensors.wmk: not verified; '* ]]
	[[ $output == *'equal    part model.safetensors, 9640 bytes'* ]]
	[[ $output == *'equal    1 file, '*', 100.00 % of the second'* ]]
	# A lone file may have another name.
	cp model.safetensors other.safetensors
	run -0 --separate-stderr wm diff other.safetensors model.safetensors.wmk --json
	[ "$(of_json "$output" '.verified, .equal.files, .parts[0].tensors_told')" = $'false\n1\ntrue' ]
	flip other.safetensors 10007
	run -1 --separate-stderr wm diff model.safetensors.wmk other.safetensors
	[[ $output == *'changed  file other.safetensors, '*'changed  part other.safetensors, 9640 bytes'* ]]
	run -0 --separate-stderr wm diff model.safetensors.wmk model.safetensors.wmk --all
	[[ $output == *'equal    file model.safetensors, '* ]]
}

@test "diff: the same tensors under other names" {
	given_signed
	# One byte of the header, in the name of a tensor.
	LC_ALL=C sed '0,/\.weight/s//.weighu/' model.safetensors >renamed.safetensors
	run -1 --separate-stderr wm diff model.safetensors.wmk renamed.safetensors
	[[ $output == *'renamed  part renamed.safetensors, 9640 bytes: the same tensors under other names'* ]]
	run -1 --separate-stderr wm diff model.safetensors.wmk renamed.safetensors --json
	[ "$(of_json "$output" '.parts[0].same_tensors_renamed, .parts[0].difference')" = $'true\nchanged' ]
}

@test "diff: sidecars that say nothing" {
	given
	echo nonsense >x.wmk
	run -1 --separate-stderr wm diff x.wmk model.safetensors
	refused_as sidecar-malformed
	run -1 --separate-stderr wm diff model.safetensors absent.wmk
	refused_as sidecar-missing
	run -0 --separate-stderr wm diff --help
	[[ $output == *'Nothing is'*'verified'* ]]
}
