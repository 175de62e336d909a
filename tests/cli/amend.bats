#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
load helper
load signed

amend() { # arguments of sign
	run --separate-stderr wm sign m --amend --key publisher.key "$@"
}

@test "amend: without a manifest, only what is measured is new" {
	given_signed_directory
	cp m/weightmark.wmk first.wmk
	echo typo >>m/README.md
	amend --reason 'typo in README' --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements | length')" = 1 ]
	[ "$(of_json "$output" '.statements[0] | .kind, .sequence, .reused')" = $'manifest\n2\nfalse' ]
	local previous new
	previous=$(of_json "$output" '.statements[0].previous')
	new=$(of_json "$output" '.statements[0].statement')
	run -0 wm show first.wmk
	[[ $output == *"$previous"* && $output != *"$new"* ]]
	run -0 wm show m/weightmark.wmk
	[[ $output == *"$previous"* && $output == *"$new"* ]]
	[[ $output == *'reason'*'typo in README'* ]]
	[ "$(grep -c 'licence .*CC-BY-4.0' <<<"$output")" = 1 ]
	run -0 wm verify m --key publisher.pub --full
	# What is carried before the amendment does not hold any more.
	run -0 --separate-stderr wm verify m --key publisher.pub --sidecar first.wmk --json
	[ "$(of_json "$output" '[.notes[].code] | index("document-changed") != null')" = true ]
}

@test "amend: nothing changed says so and writes nothing" {
	given_signed_directory
	sha256sum m/* >before
	stat -c '%i %y' m/weightmark.wmk >inode
	amend
	[ "$status" = 0 ]
	[[ $output == 'signed already: m'* ]]
	amend -m m.yaml
	[ "$status" = 0 ]
	[[ $output == 'signed already: m'* ]]
	sha256sum -c --quiet before
	stat -c '%i %y' m/weightmark.wmk | cmp - inode
}

@test "amend: with a manifest, what says something else is corrected, and what rests on it" {
	given_signed_directory
	sed -i 's/Apache-2.0/MIT/' m.yaml
	run -2 --separate-stderr wm sign m -m m.yaml --key publisher.key
	refused_as already-signed
	[[ $stderr == *'sign --amend'* ]]
	amend -m m.yaml --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[] | [.kind, .sequence, .reused] | join(" ")')" = \
		$'dataset 1 true\nrun 1 true\nmanifest 2 false' ]
	sed -i 's/CC-BY-4.0/CC0-1.0/' m.yaml
	amend -m m.yaml --reason 'the licence of the data' --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[] | [.kind, .sequence, .reused] | join(" ")')" = \
		$'dataset 2 false\nrun 2 false\nmanifest 3 false' ]
	run -0 wm verify m --key publisher.pub --full
	# Back to what was said at first is a correction too, not the statement of then.
	sed -i 's/CC0-1.0/CC-BY-4.0/' m.yaml
	amend -m m.yaml --json
	[ "$(of_json "$output" '.statements[] | [.kind, .sequence, .reused] | join(" ")')" = \
		$'dataset 3 false\nrun 3 false\nmanifest 4 false' ]
	run -0 wm verify m --key publisher.pub --full
	run -0 wm show m/weightmark.wmk
	[ "$(grep -c '^manifest ' <<<"$output")" = 4 ]
	[ "$(grep -c '^  sequence ' <<<"$output")" = 7 ]
}

@test "amend: what there is nothing to amend of is usage" {
	given_directory
	amend --reason x
	[ "$status" = 2 ]
	refused_as usage
	amend -m m.yaml
	[ "$status" = 2 ]
	refused_as usage
	wm sign m -m m.yaml --key publisher.key >/dev/null
	wm key new ./other --no-passphrase
	run -2 --separate-stderr wm sign m --amend --key other.key
	refused_as usage
	# About another object it would be another chain.
	sed -i 's/version: 1.0.0/version: 1.0.1/' m.yaml
	amend -m m.yaml
	[ "$status" = 2 ]
	refused_as usage
	[[ $stderr == *digits-mlp@1.0.0*digits-mlp@1.0.1* ]]
	amend --issuer acme.example
	[ "$status" = 2 ]
	refused_as usage
}

@test "amend: the issuer is the one that is carried" {
	given_directory
	wm sign m -m m.yaml --key publisher.key --issuer acme.example >/dev/null
	echo typo >>m/README.md
	amend
	[ "$status" = 0 ]
	[[ $output == *'issuer    acme.example'* ]]
	run -0 wm verify m --key publisher.pub
}

@test "amend: statements by other keys stay in the sidecar" {
	given_directory
	wm key new ./buyer --no-passphrase
	wm sign m -m m.yaml --key publisher.key >/dev/null
	wm admit m --source https://example.org/m --revision 1 --reason pilot --expires 2030-01-01 \
		--key buyer.key >/dev/null
	echo typo >>m/README.md
	amend
	[ "$status" = 0 ]
	run -0 wm show m/weightmark.wmk
	[[ $output == *admission* ]]
}

@test "amend: what slots alone carry is continued" {
	given_directory
	wm sign m -m m.yaml --key publisher.key --embed >/dev/null
	rm m/weightmark.wmk
	# Without anything new the sidecar is made again.
	run -0 --separate-stderr wm sign m -m m.yaml --key publisher.key
	run -0 wm verify m --key publisher.pub
	rm m/weightmark.wmk
	echo typo >>m/README.md
	run -2 --separate-stderr wm sign m -m m.yaml --key publisher.key
	refused_as already-signed
	amend --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[0].sequence')" = 2 ]
	run -0 wm verify m --key publisher.pub
	# And the slots follow.
	amend --embed --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[0].reused')" = true ]
	run -0 wm verify m/model.safetensors --key publisher.pub
}

@test "amend: pointers stand for the files that were signed" {
	given_signed_directory
	lfs_pointer m/model.safetensors
	lfs_pointer m/tokenizer.json
	echo typo >>m/README.md
	amend --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.measured.taken_over')" = 2 ]
	[ "$(of_json "$output" '.statements[0].sequence')" = 2 ]
	# With the files back in their places it is the manifest of all of them.
	cp "$GOOD" m/model.safetensors
	printf '{"version": "1.0"}\n' >m/tokenizer.json
	run -0 wm verify m --key publisher.pub --full
	[[ $output != *document-changed* ]]
}

@test "amend: pointers stand for the files that were released, slots and all" {
	given_directory
	wm sign m -m m.yaml --key publisher.key --embed >/dev/null
	cp m/model.safetensors embedded
	lfs_pointer m/model.safetensors
	echo typo >>m/README.md
	amend --release --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.measured.taken_over')" = 1 ]
	[ "$(of_json "$output" '.statements[] | [.kind, .sequence] | join(" ")')" = $'manifest 2\nrelease 2' ]
	# Once more, now through the release of the release.
	echo more >>m/README.md
	amend --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[0].sequence')" = 3 ]
	cp embedded m/model.safetensors
	run -0 wm verify m --key publisher.pub --full
}

@test "amend: pointers to anything else are refused" {
	given_signed_directory
	cp m/model.safetensors whole
	printf x >>m/model.safetensors
	lfs_pointer m/model.safetensors
	sha256sum m/weightmark.wmk >before
	amend
	[ "$status" = 1 ]
	refused_as pointer-mismatch
	cp whole m/model.safetensors
	lfs_pointer m/model.safetensors
	sed -i 's/^size .*/size 10009/' m/model.safetensors
	amend
	[ "$status" = 1 ]
	refused_as pointer-mismatch
	cp whole m/model.safetensors
	cp whole m/new.safetensors
	lfs_pointer m/new.safetensors
	amend
	[ "$status" = 1 ]
	refused_as pointer-mismatch
	# New weights cannot be told apart while others are pointers.
	rm m/new.safetensors
	tensor_file m/new.safetensors a aaaa
	lfs_pointer m/tokenizer.json
	amend
	[ "$status" = 1 ]
	refused_as pointer-only
	sha256sum -c --quiet before
}

@test "amend: one shard changed while another is a pointer" {
	given
	mkdir m
	tensor_file m/model-00001-of-00002.safetensors a aaaa
	tensor_file m/model-00002-of-00002.safetensors b bbbb
	wm sign m -m m.yaml --key publisher.key >/dev/null
	lfs_pointer m/model-00001-of-00002.safetensors
	amend
	[ "$status" = 0 ]
	[[ $output == 'signed already: m'* ]]
	tensor_file m/model-00002-of-00002.safetensors b cccc
	amend
	[ "$status" = 1 ]
	refused_as pointer-only
	rm m/model-00002-of-00002.safetensors
	amend
	[ "$status" = 1 ]
	refused_as not-whole
}

@test "amend: other weights need a manifest of their own" {
	given_signed_directory
	cp m/weightmark.wmk kept
	flip m/model.safetensors $(($(stat -c %s m/model.safetensors) - 1))
	amend --reason 'a better last layer'
	[ "$status" = 2 ]
	refused_as weights-changed
	[[ $stderr == *'--manifest FILE'* ]]
	cmp kept m/weightmark.wmk
	amend -m m.yaml --reason 'a better last layer' --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[] | select(.kind == "manifest").sequence')" = 2 ]
	run -0 wm verify m --key publisher.pub --full
	# Weights that were added or taken away are other weights too; all else is not.
	tensor_file m/more.safetensors a aaaa
	amend
	[ "$status" = 2 ]
	refused_as weights-changed
	[[ $stderr == *more.safetensors* ]]
	amend -m m.yaml
	[ "$status" = 0 ]
	rm m/more.safetensors
	amend
	[ "$status" = 2 ]
	refused_as weights-changed
	amend -m m.yaml
	[ "$status" = 0 ]
	echo ' ' >>m/tokenizer.json
	rm m/config.json
	mv m/model.safetensors m/renamed.safetensors
	amend
	[ "$status" = 0 ]
	run -0 wm verify m --key publisher.pub --full
}

@test "amend: the sidecar of another model lends no provenance" {
	given
	tensor_file a.safetensors a aaaa
	tensor_file b.safetensors a bbbb
	printf raw >a.bin
	printf RAW >b.bin
	for ending in safetensors bin; do
		wm sign b.$ending -m m.yaml --key publisher.key >/dev/null
		cp b.$ending.wmk a.$ending.wmk
		run -2 --separate-stderr wm sign a.$ending --amend --key publisher.key
		refused_as weights-changed
		cmp a.$ending.wmk b.$ending.wmk
		# The same model under another name is no other.
		mv b.$ending c.$ending
		mv b.$ending.wmk c.$ending.wmk
		run -0 --separate-stderr wm sign c.$ending --amend --key publisher.key
	done
}

@test "amend: only what changed is read again, unless --no-cache" {
	given
	mkdir m
	# A tensor of 2 MB, of zeros that take no room.
	local header='{"t":{"dtype":"U8","shape":[2097152],"data_offsets":[0,2097152]}}'
	{
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header"
	} >m/model.safetensors
	truncate -s $((8 + ${#header} + 2097152)) m/model.safetensors
	echo a >m/README.md
	sleep 3
	run -0 --separate-stderr wm sign m -m m.yaml --key publisher.key --json
	[ "$(of_json "$output" '.measured.writers_excluded')" = true ] || skip "no leases on this file system"
	[ "$(of_json "$output" '.measured.cached')" = 0 ]
	echo b >>m/README.md
	amend --json
	[ "$(of_json "$output" '.measured.cached')" = 1 ]
	echo b >>m/README.md
	amend --no-cache --json
	[ "$(of_json "$output" '.measured.cached')" = 0 ]
	run -0 wm verify m --key publisher.pub --full
}

@test "amend: of several at once none is lost" {
	given_signed_directory
	local i licence
	for _ in 1 2 3 4 5 6 7 8; do
		i=0
		for licence in MIT ISC BSL-1.0; do
			i=$((i + 1))
			sed "s/Apache-2.0/$licence/" m.yaml >"m$i.yaml"
			wm sign m --amend -m "m$i.yaml" --key publisher.key --json >"out$i" &
		done
		wait
		[ "$(cat out1 out2 out3 | jq -s length)" = 3 ]
		wm show m/weightmark.wmk >shown
		for i in 1 2 3; do
			grep -q "$(of_json "$(<"out$i")" '.statements[-1].statement')" shown
		done
	done
	run -0 wm verify m --key publisher.pub --full
}

@test "amend: a lock that another holds is waited for, then refused" {
	given_signed_directory
	echo typo >>m/README.md
	flock m sleep 1 3>&- &
	sleep 0.2
	amend
	[ "$status" = 0 ]
	echo typo >>m/README.md
	flock m sleep 12 3>&- &
	sleep 0.2
	amend
	[ "$status" = 3 ]
	refused_as busy
	wait
	amend
	[ "$status" = 0 ]
}

@test "amend: nothing is signed on top of a fork" {
	given_directory
	wm sign m -m m.yaml --key publisher.key >/dev/null
	cp m/weightmark.wmk first.wmk
	sed 's/Apache-2.0/MIT/' m.yaml >mit.yaml
	sed 's/Apache-2.0/ISC/' m.yaml >isc.yaml
	amend -m mit.yaml --embed
	[ "$status" = 0 ]
	cp -r m forked
	mv first.wmk forked/weightmark.wmk
	# The same second sequence, elsewhere than where the first one is seen.
	cp "$GOOD" model.safetensors
	mkdir bare
	cp model.safetensors m/README.md m/config.json m/tokenizer.json bare/
	cp forked/weightmark.wmk bare/
	run -0 --separate-stderr wm sign bare --amend -m isc.yaml --key publisher.key
	cp bare/weightmark.wmk forked/weightmark.wmk
	sha256sum forked/* >before
	run -1 --separate-stderr wm verify forked --key publisher.pub
	[[ $output == *'(manifest-conflict)'* ]]
	local licence
	for licence in isc.yaml mit.yaml m.yaml; do
		run -1 --separate-stderr wm sign forked --amend -m "$licence" --key publisher.key
		refused_as manifest-conflict
	done
	run -1 --separate-stderr wm sign forked --amend --key publisher.key --release
	refused_as manifest-conflict
	sha256sum -c --quiet before
}
