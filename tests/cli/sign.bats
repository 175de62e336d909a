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
	[ "$(of_json "$output" 'keys[]')" = $'changes\ndry_run\nmeasured\npath\nsidecar\nstatements\nunchanged' ]
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
	printf 'kind: %s%s\n' "$(printf '[%.0s' {1..40})" "$(printf ']%.0s' {1..40})" >bad.yaml
	run -2 --separate-stderr wm sign model.safetensors -m bad.yaml --key publisher.key
	refused_as yaml-malformed
	[[ $stderr == *'bad.yaml: line 1, column '* && $stderr != *bad.yaml*bad.yaml* ]]
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
			run -1 --separate-stderr wm sign -m m.yaml --key publisher.key -- "$name"
			refused_as file-name
			harmless "${stderr_lines[0]}"
			run -1 --separate-stderr wm sign -m m.yaml --key publisher.key --json -- "$name"
			is_json "$output"
		fi
		mv "./$name" model.safetensors
	done
}

# --- directories ----------------------------------------------------------------------

@test "sign: a directory: the sidecar in it, all files and parts in the manifest" {
	given_directory
	run -0 --separate-stderr wm sign m/ -m m.yaml --key publisher.key --json
	[ -f m/weightmark.wmk ]
	[ "$(of_json "$output" '.measured.file[].path')" = \
		$'README.md\nconfig.json\nmodel.safetensors\ntokenizer.json' ]
	[ "$(of_json "$output" '.measured.file[].role')" = $'document\nload\nload\nload' ]
	[ "$(of_json "$output" '.measured.part[].name')" = model.safetensors ]
	run -0 wm verify m --key publisher.pub --full
	# The sidecar is not part of what it speaks of.
	run -0 --separate-stderr wm sign m -m m.yaml --key publisher.key
	[ "${lines[0]}" = 'signed already: m' ]
	(cd m && wm sign . -m ../m.yaml --key ../publisher.key)
}

@test "sign: a set of shards is signed whole; one of it alone is refused" {
	given
	mkdir set
	tensor_file set/model-00001-of-00002.safetensors a aaaa
	tensor_file set/model-00002-of-00002.safetensors b bbbb
	run -0 --separate-stderr wm sign set -m m.yaml --key publisher.key --json
	[ "$(of_json "$output" '.measured.part | length')" = 1 ]
	[ "$(of_json "$output" '.measured.part[0].tensor_count')" = 2 ]
	run -0 wm verify set --key publisher.pub --full
	run -2 --separate-stderr wm sign set/model-00001-of-00002.safetensors -m m.yaml --key publisher.key
	refused_as shard-alone
	rm set/weightmark.wmk set/model-00002-of-00002.safetensors
	run -1 --separate-stderr wm sign set -m m.yaml --key publisher.key
	refused_as part-incomplete
	[ -z "$(find . -name '*.wmk')" ]
	# A set of one is no set, and names that only look so are none.
	local name
	for name in model-00001-of-00001.safetensors model-1-of-2.safetensors model-00001-of-00002x.safetensors; do
		tensor_file "$name" a aaaa
		run -0 --separate-stderr wm sign "$name" -m m.yaml --key publisher.key
	done
}

@test "sign: a private key in the directory is refused, the signing key wherever it lies in it" {
	given_directory
	local kind
	for kind in '' 'EC ' 'RSA ' 'ENCRYPTED ' 'OPENSSH '; do
		printf 'x\n-----BEGIN %sPRIVATE KEY-----\nAAAA\n-----END %sPRIVATE KEY-----\n' "$kind" "$kind" >m/notes
		run -2 --separate-stderr wm sign m -m m.yaml --key publisher.key
		refused_as key-in-checkpoint
	done
	[[ $stderr == *m/notes* ]]
	# Its public half may be there, and text that speaks of keys.
	printf 'put -----BEGIN PRIVATE KEY----- there\n-----BEGIN PUBLIC KEY-----\n' >m/notes
	cp publisher.pub m/
	run -0 --separate-stderr wm sign m -m m.yaml --key publisher.key -n
	mkdir -p m/.git
	cp publisher.key m/.git/k
	run -2 --separate-stderr wm sign m -m m.yaml --key m/.git/k
	refused_as key-in-checkpoint
	cp publisher.key m/k
	run -2 --separate-stderr wm sign m -m m.yaml --key m/k
	refused_as key-in-checkpoint
	ln m/k other.key
	run -2 --separate-stderr wm sign m -m m.yaml --key other.key
	refused_as key-in-checkpoint
	[ ! -e m/weightmark.wmk ]
}

@test "sign: git-lfs pointers are not the files" {
	given_directory
	lfs_pointer m/model.safetensors
	run -1 --separate-stderr wm sign m -m m.yaml --key publisher.key
	refused_as pointer-only
	[[ $stderr == *m/model.safetensors* ]]
	[ ! -e m/weightmark.wmk ]
}

@test "sign: links are followed beneath --links-within" {
	given_directory
	mkdir store
	mv m/model.safetensors store/
	ln -s ../store/model.safetensors m/
	run -1 --separate-stderr wm sign m -m m.yaml --key publisher.key
	refused_as link-outside
	run -0 --separate-stderr wm sign m -m m.yaml --key publisher.key --links-within store
	run -0 wm verify m --key publisher.pub --links-within store
}

# --- embedding and releases -----------------------------------------------------------

@test "sign: --embed puts slots in and signs a release of the bytes that came of it" {
	given_directory
	run -0 --separate-stderr wm sign m -m m.yaml --key publisher.key --embed --uri https://example.org/m --json
	[ "$(of_json "$output" '.statements[].kind')" = $'dataset\nrun\nmanifest\nrelease' ]
	[ "$(of_json "$output" '.statements[3].object | sub(".*/"; "")')" = digits-mlp@1.0.0+release ]
	[ "$(of_json "$output" '.embedded.files[].path')" = model.safetensors ]
	[ "$(of_json "$output" '.release_milliseconds | type')" = number ]
	run -0 --separate-stderr wm show m/weightmark.wmk --json
	local file
	for file in README.md config.json model.safetensors tokenizer.json; do
		[ "$(of_json "$output" ".. | objects | select(.file? and .uri?) | .file[] | select(.path == \"$file\") | .sha256")" = "$(sha256sum <m/$file | cut -d' ' -f1)" ]
		[ "$(of_json "$output" ".. | objects | select(.file? and .uri?) | .file[] | select(.path == \"$file\") | .size")" = "$(stat -c %s m/$file)" ]
	done
	run -0 wm verify m --key publisher.pub --full
	# The release is in no slot, and the file alone still verifies with what it carries.
	run -0 --separate-stderr wm extract m/model.safetensors --out slot.wmk
	run -0 wm show slot.wmk
	[[ $output != *release* ]]
	# Again: nothing is new.
	sha256sum m/* >before
	run -0 --separate-stderr wm sign m --embed --key publisher.key
	[ "${lines[0]}" = 'signed already: m' ]
	sha256sum -c --quiet before
}

@test "sign: --release of the files as they are; a later one corrects it" {
	given_signed_directory
	run -0 --separate-stderr wm sign m --release --key publisher.key --json
	[ "$(of_json "$output" '.statements[].kind')" = $'manifest\nrelease' ]
	[ "$(of_json "$output" '.statements[0].reused')" = true ]
	local first
	first=$(of_json "$output" '.statements[1].statement')
	sha256sum m/weightmark.wmk >before
	run -0 --separate-stderr wm sign m --release --key publisher.key --json
	[ "$(of_json "$output" '.statements[1].statement')" = "$first" ]
	[ "$(of_json "$output" '.statements[1].reused')" = true ]
	sha256sum -c --quiet before
	run -0 --separate-stderr wm sign m --release --uri https://example.org/m --key publisher.key --json
	[ "$(of_json "$output" '.statements[1].sequence')" = 2 ]
	[ "$(of_json "$output" '.statements[1].previous')" = "$first" ]
	run -0 wm verify m --key publisher.pub
	[[ $output == *release* ]]
}

@test "sign: a lone file with --embed --in-place, where the file system can" {
	given
	run --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --embed --in-place
	[ "$status" = 0 ] || { [ "$status" = 2 ] && refused_as in-place-unsupported; }
	run -0 wm verify model.safetensors --key publisher.pub
}

@test "sign: --dry-run of a release writes nothing" {
	given_signed_directory
	sha256sum m/* >before
	run -0 --separate-stderr wm sign m --release --key publisher.key -n
	[[ $output == *'predicateType: urn:weightmark:release:v1'* ]]
	run -0 --separate-stderr wm sign m --embed --key publisher.key -n
	sha256sum -c --quiet before
}

@test "sign: options that need another one" {
	given_signed_directory
	local arguments
	for arguments in '-m m.yaml --reason x' '-m m.yaml --in-place' '-m m.yaml --uri https://example.org' \
		"--amend --reason ''" "--release --uri ''"; do
		run -2 --separate-stderr eval "wm sign m --key publisher.key $arguments"
		refused_as usage
	done
}

@test "sign: --embed that is refused leaves what was signed; again it is completed" {
	given_directory
	mkdir store
	mv m/model.safetensors store/
	ln -s ../store/model.safetensors m/
	run --separate-stderr wm sign m -m m.yaml --key publisher.key --links-within store --embed
	[ "$status" != 0 ]
	refused_as linked-file
	run -0 wm verify m --key publisher.pub --links-within store
	run -0 wm show m/weightmark.wmk
	[[ $output != *release* ]]
	mv store/model.safetensors m/
	run -0 --separate-stderr wm sign m --key publisher.key --embed --json
	[ "$(of_json "$output" '.statements[] | [.kind, .reused] | join(" ")')" = $'manifest true\nrelease false' ]
	run -0 wm verify m --key publisher.pub --full
}

@test "sign: a sidecar is no checkpoint" {
	given
	wm sign model.safetensors -m m.yaml --key publisher.key
	run -2 --separate-stderr wm sign model.safetensors.wmk -m m.yaml --key publisher.key
	refused_as usage
	[[ $stderr == *'give the checkpoint beside it'* ]]
	[ ! -e model.safetensors.wmk.wmk ]
	cp model.safetensors.wmk other.wmk
	for verb in digest draft embed strip extract; do
		run -2 --separate-stderr wm "$verb" other.wmk
		refused_as usage
		[[ $stderr == *'give the checkpoint beside it'* ]]
	done
	cmp model.safetensors.wmk other.wmk
	for verb in digest draft embed strip; do
		run -0 wm "$verb" model.safetensors
	done
}

@test "sign, verify: what holds no tensors is signed, and both say so" {
	given
	cp "$TOP/testdata/good/torch/no-tensors.pt" m.pt
	run -0 --separate-stderr wm sign m.pt -m m.yaml --key publisher.key
	[[ $stderr == *'m.pt: it holds no tensors' ]]
	run -0 --separate-stderr wm verify m.pt --key publisher.pub --json
	[ "$(of_json "$output" '.notes[] | select(.code == "no-tensors").text')" = 'it holds no tensors' ]
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key
	[ -z "$stderr" ]
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --json
	[ -z "$(of_json "$output" '.notes[] | select(.code == "no-tensors")')" ]
}

@test "sign: over what another key signed, and what to do" {
	given_signed
	wm key new ./other --no-passphrase
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key other.key
	refused_as already-signed
	[[ $stderr == *'by another key, or for another version, first move the sidecar away'* ]]
	run -2 --separate-stderr wm sign model.safetensors --amend --key other.key
	refused_as usage
	[[ $stderr == *'move the sidecar away and strip slots'* ]]
	mv model.safetensors.wmk elsewhere.wmk
	run -0 wm sign model.safetensors -m m.yaml --key other.key
}

@test "sign: a run that ends before it starts, starts in the future, uses what nobody knows" {
	given
	wm init acme.example/log --ledger ledger.git >/dev/null
	run_of() { # start end
		cat >r.yaml <<-YAML
			kind: manifest
			model: {name: R, version: "1"}
			training_run: [{id: r1, start: "$1", end: "$2", uses: [{dataset: {object: acme.example/nobody}, role: pretrain}]}]
		YAML
	}
	run_of 2020-02-01T00:00:00Z 2020-01-01T00:00:00Z
	run -2 --separate-stderr wm sign model.safetensors -m r.yaml --key publisher.key --issuer acme.example --ledger ledger.git
	refused_as yaml-field
	[[ $stderr == *'r.yaml: run: the run r1 ends before it starts'* ]]
	[ ! -e model.safetensors.wmk ]
	run_of 2929-01-01T00:00:00Z 2929-01-02T00:00:00Z
	run -0 --separate-stderr wm sign model.safetensors -m r.yaml --key publisher.key --issuer acme.example --ledger ledger.git
	[[ $stderr == *'the run r1 starts in the future, at 2929-01-01T00:00:00Z'* ]]
	[[ $stderr == *'no statement in the ledger is about the dataset acme.example/nobody, which the run r1 uses'* ]]
	rm model.safetensors.wmk
	# What is signed along with it is known; without a ledger nobody can tell.
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git
	[ -z "$stderr" ]
	run_of 2020-01-01T00:00:00Z 2020-02-01T00:00:00Z
	rm model.safetensors.wmk
	run -0 --separate-stderr wm sign model.safetensors -m r.yaml --key publisher.key --issuer acme.example
	[ -z "$stderr" ]
}
