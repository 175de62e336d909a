#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

@test "sign: a checkpoint, a manifest, a key: a sidecar beside it" {
	given
	run -0 --separate-stderr wm sign model.safetensors --manifest m.yaml --key publisher.key
	[ -z "$stderr" ]
	[ "${lines[0]}" = 'signed model.safetensors' ]
	[[ $output == *dataset*digits*run*run-1*manifest*digits-mlp@1.0.0*issuer*key:*sidecar*model.safetensors.wmk* ]]
	cmp model.safetensors "$GOOD"
	[ "$(stat -c %a model.safetensors.wmk)" = 644 ]
	[ "$(find . -type f | wc -l)" = 5 ]
	run -0 wm verify model.safetensors --key publisher.pub --full
}

@test "sign: with --json it says what it signed" {
	given
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --json
	[ "$(of_json "$output" 'keys[]')" = $'dry_run\nmeasured\npath\nsidecar\nstatements\nunchanged' ]
	[ "$(of_json "$output" '.statements[].kind')" = $'dataset\nrun\nmanifest' ]
	[ "$(of_json "$output" '.measured.part[0].tensor_count')" = 4 ]
	[ "$(of_json "$output" '.measured.file[0].sha256')" = "$(sha256sum <"$GOOD" | cut -d' ' -f1)" ]
	[ "$(of_json "$output" '.dry_run, .unchanged')" = $'false\nfalse' ]
}

@test "sign: again changes nothing; something else is never written over it" {
	given_signed
	sha256sum model.safetensors.wmk >before
	stat -c '%i %y' model.safetensors.wmk >inode
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key
	[ "${lines[0]}" = 'signed already: model.safetensors' ]
	stat -c '%i %y' model.safetensors.wmk | cmp - inode
	sed -i 's/version: 1.0.0/version: 1.0.1/' m.yaml
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key
	refused_as already-signed
	wm key new ./other --no-passphrase
	run -2 --separate-stderr wm sign model.safetensors -m "$YAML" --key other.key
	refused_as already-signed
	sha256sum -c --quiet before
}

@test "sign: --dry-run shows the payloads and writes nothing" {
	given
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key -n
	[[ $output == 'would sign model.safetensors'*'---'*'predicateType: urn:weightmark:manifest:v1'* ]]
	[ ! -e model.safetensors.wmk ]
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key -n --json
	[ "$(of_json "$output" '.statements[2].payload | fromjson | ._type')" = \
		https://in-toto.io/Statement/v1 ]
	[ ! -e model.safetensors.wmk ]
}

@test "sign: the manifest from standard input, the sidecar elsewhere, the issuer by name" {
	given
	run -0 --separate-stderr eval 'wm sign model.safetensors -m - --key publisher.key -o away.wmk \
		--issuer acme.example <m.yaml'
	[[ $output == *'issuer    acme.example'*'sidecar   away.wmk'* ]]
	[ ! -e model.safetensors.wmk ]
	run -1 --separate-stderr wm verify model.safetensors --key publisher.pub
	run -0 wm verify model.safetensors --key publisher.pub --sidecar away.wmk
	[[ $output == *'asserted by acme.example'* ]]
}

@test "sign: settings name key and issuer" {
	given
	wm config set key "$PWD/publisher.key"
	wm config set issuer acme.example
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml
	[[ $output == *'issuer    acme.example'* ]]
}

@test "sign: mistakes in the manifest name file, line and word, and write nothing" {
	given
	sed 's/licence: Apache/license: Apache/' m.yaml >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as yaml-field
	[[ $stderr == *'bad.yaml: line 9: '*license*licence* ]]
	sed 's/dataset_id: digits, /dataset_id: faces, /' m.yaml >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as dataset-unknown
	sed 's/dataset_id: digits, /dataset_id: digit, /' m.yaml >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as dataset-unknown
	[[ $stderr == *"the nearest is 'digits'"* ]]
	sed 's/    uses:.*/    uses: []/' m.yaml >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as dataset-unused
	sed '1,/^---/d; s/digits,/faces,/' m.yaml >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as dataset-unknown
	[[ $stderr == *faces* ]]
	echo 'kind: [' >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as yaml-malformed
	run -3 --separate-stderr wm sign model.safetensors -m absent.yaml --key publisher.key
	refused_as not-found
	[ ! -e model.safetensors.wmk ]
}

@test "sign: what is missing on the command line" {
	given
	local arguments
	for arguments in 'model.safetensors --key publisher.key' '-m m.yaml --key publisher.key' \
		'a b -m m.yaml --key publisher.key' 'model.safetensors -m m.yaml -m m.yaml --key publisher.key' \
		'model.safetensors -m m.yaml --key publisher.key --jobs x' \
		'model.safetensors -m m.yaml --key publisher.key --key-fd 7' 'model.safetensors -m m.yaml --key-fd 77'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr wm sign $arguments
		refused_as usage
	done
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml
	refused_as key-needed
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.pub
	refused_as key-public
	[ ! -e model.safetensors.wmk ]
}

@test "sign: passphrases, right and wrong" {
	given
	wm_with secret key new ./locked >/dev/null
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key locked.key
	refused_as passphrase-needed
	run -2 --separate-stderr wm_with wrong sign model.safetensors -m m.yaml --key locked.key
	refused_as passphrase-wrong
	[ ! -e model.safetensors.wmk ]
	run -0 --separate-stderr wm_with secret sign model.safetensors -m m.yaml --key locked.key
	run -0 wm verify model.safetensors --key locked.pub
}

@test "sign: the key from a descriptor; a key that others may read draws a warning" {
	given
	run -0 --separate-stderr eval 'wm sign model.safetensors -m m.yaml --key-fd 8 8<publisher.key'
	[ -z "$stderr" ]
	rm model.safetensors.wmk
	chmod 644 publisher.key
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key
	[[ $stderr == *'warning: publisher.key: others may read this private key; chmod 600 it' ]]
	run -0 wm verify model.safetensors --key publisher.pub
}

@test "sign: a command signs, with the key that was named or not at all" {
	given
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.pub \
		--signer 'openssl dgst -sha256 -sign publisher.key'
	run -0 wm verify model.safetensors --key publisher.pub
	rm model.safetensors.wmk
	wm key new ./other --no-passphrase
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key other.pub \
		--signer 'openssl dgst -sha256 -sign publisher.key'
	refused_as signer-wrong-key
	run -3 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.pub --signer 'exit 1'
	refused_as signer-failed
	run -3 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.pub --signer true
	refused_as signer-failed
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --signer true
	refused_as key-needed
	[ ! -e model.safetensors.wmk ]
}

@test "sign: a steward's dataset travels along" {
	given
	wm key new ./steward --no-passphrase
	wm sign model.safetensors -m m.yaml --key steward.key --issuer steward.example -o steward.wmk
	sed '1,/^---/d' m.yaml >mine.yaml
	run -1 --separate-stderr wm sign model.safetensors -m mine.yaml --key publisher.key --statements steward.wmk
	refused_as steward-untrusted
	run -1 --separate-stderr wm sign model.safetensors -m mine.yaml --key publisher.key --statements steward.wmk \
		--statements-key publisher.pub
	refused_as steward-untrusted
	run -0 --separate-stderr wm sign model.safetensors -m mine.yaml --key publisher.key --statements steward.wmk \
		--statements-key steward.pub
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	[ "$(of_json "$output" '[.statements[].signature] | sort[]')" = \
		$'key-not-pinned\nverified\nverified' ]
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --key steward.pub --json
	[ "$(of_json "$output" '[.statements[].issuer[:7]] | unique[]')" = $'key:'"$(
		wm key id publisher.pub | cut -c1-3)"$'\nsteward' ]
}

@test "sign: malformed checkpoints are refused with their reason" {
	given
	head -c 5000 "$GOOD" >cut.safetensors
	run -1 --separate-stderr wm sign cut.safetensors -m m.yaml --key publisher.key
	refused_as safetensors-truncated
	: >empty.safetensors
	run -1 --separate-stderr wm sign empty.safetensors -m m.yaml --key publisher.key
	refused_as empty-file
	run -1 --separate-stderr wm sign . -m m.yaml --key publisher.key
	refused_as not-a-file
	run -3 --separate-stderr wm sign absent.safetensors -m m.yaml --key publisher.key
	refused_as not-found
	[ -z "$(find . -name '*.wmk')" ]
}

@test "sign: names with spaces, escapes, dashes" {
	given
	local name
	for name in "${hostile_names[@]}"; do
		mv model.safetensors "./$name"
		if [[ $name =~ ^[\ -~]*$ ]]; then
			run -0 --separate-stderr wm sign -m m.yaml --key publisher.key -- "$name"
			run -0 --separate-stderr wm verify --key publisher.pub --json -- "$name"
			[ "$(of_json "$output" '.path')" = "$name" ]
		else
			# Such a name cannot stand in a statement.
			run -2 --separate-stderr wm sign -m m.yaml --key publisher.key -- "$name"
			refused_as file-name
			harmless "${stderr_lines[0]}"
			run -2 --separate-stderr wm sign -m m.yaml --key publisher.key --json -- "$name"
			is_json "$output"
		fi
		mv "./$name" model.safetensors
	done
}
