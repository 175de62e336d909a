#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
load helper
load signed

FAR=$(date -u -d '+2 years' +%F)
A=model-00001-of-00002.safetensors
Z=model-00002-of-00002.safetensors

# Fails unless verify, given further arguments, refuses by this check and reason.
refused_by() { # check reason arguments...
	run -1 --separate-stderr wm verify "${@:3}" --json
	[ "$(of_json "$output" '.verdict, .check, .reason')" = $'refuse\n'"$1"$'\n'"$2" ] || {
		echo "expected $1 [$2], got: $(of_json "$output" '.check, .reason, .message')"
		return 1
	}
}

# The notes of the verdict, each code once.
notes() { # arguments of verify
	wm verify "$@" --json | jq -r '[.notes[].code] | unique | join(" ")'
}

# Two shards, a part of its own, a configuration and a document in m/, signed.
given_set() {
	given
	mkdir -p m/vae
	tensor_file m/$A a aaaa
	tensor_file m/$Z z zzzz
	tensor_file m/vae/v.safetensors v vvvv
	echo '{}' >m/config.json
	echo '# M' >m/README.md
	wm sign m -m m.yaml --key publisher.key >/dev/null
}

little_endian() { # number
	local i
	for i in 0 8 16 24 32 40 48 56; do
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $(($1 >> i & 255)))"
	done
}

# Gives the file TO, which has no metadata, the slot of FROM, which was PLAIN before.
copy_slot() { # from plain to
	local n len
	n=$(($(stat -c %s "$1") - $(stat -c %s "$2")))
	len=$(od -An -t u8 -N 8 "$3" | tr -d ' ')
	{
		little_endian $((len + n))
		printf '{'
		tail -c +10 "$1" | head -c $n
		tail -c +10 "$3"
	} >with-slot
	mv with-slot "$3"
}

@test "carriers: slots alone are enough" {
	given_signed
	wm embed model.safetensors >/dev/null
	run -0 wm verify model.safetensors --key publisher.pub --full
	rm model.safetensors.wmk
	run -0 --separate-stderr wm verify model.safetensors --key publisher.pub --full
	[ "${lines[0]}" = 'accept (integrity only: nothing decided about data)' ]
	wm strip model.safetensors >/dev/null
	refused_by carrier-found sidecar-missing model.safetensors --key publisher.pub
	cp "$TOP/testdata/good/digits-gguf/model.gguf" .
	wm sign model.gguf -m m.yaml --key publisher.key >/dev/null
	wm embed model.gguf >/dev/null
	rm model.gguf.wmk
	run -0 wm verify model.gguf --key publisher.pub --full
}

@test "carriers: of a set too, and of one shard of it" {
	given_set
	wm embed m >/dev/null
	rm m/weightmark.wmk
	run -0 wm verify m --key publisher.pub --full
	run -0 --separate-stderr wm verify m/$Z --key publisher.pub --json
	[ "$(of_json "$output" '.path, (.measured.file | length)')" = $'m\n5' ]
	# One slot of three is enough, too.
	wm strip m >/dev/null
	refused_by carrier-found sidecar-missing m --key publisher.pub
}

@test "carriers: the newest holds, in a slot or in the sidecar" {
	given_set
	wm embed m >/dev/null
	cp -r m first
	echo typo >>m/README.md
	wm sign m --amend --key publisher.key >/dev/null
	# The slots are older.
	run -0 --separate-stderr wm verify m --key publisher.pub --json
	[ "$(of_json "$output" '[.statements[] | select(.kind == "manifest")] | length')" = 2 ]
	[ "$(notes m --key publisher.pub)" = "$(notes first --key publisher.pub)" ]
	mv m/weightmark.wmk second.wmk
	[[ $(notes m --key publisher.pub) == *document-changed* ]]
	# The sidecar is older.
	cp second.wmk m/weightmark.wmk
	wm embed m >/dev/null
	cp first/weightmark.wmk m/weightmark.wmk
	[[ $(notes m --key publisher.pub) != *document-changed* ]]
	run -0 wm verify m --key publisher.pub --full
}

@test "carriers: a slot that was copied into another model says nothing of it" {
	given
	tensor_file a.safetensors a aaaa
	tensor_file b.safetensors bb bbbb
	tensor_file c.safetensors a cccc
	cp a.safetensors plain
	wm sign a.safetensors -m m.yaml --key publisher.key >/dev/null
	wm embed a.safetensors >/dev/null
	copy_slot a.safetensors plain b.safetensors
	refused_by manifest-present inherited b.safetensors --key publisher.pub
	# With statements of its own it is what they say.
	wm key new ./child --no-passphrase >/dev/null
	wm sign b.safetensors -m m.yaml --key child.key >/dev/null
	run -0 --separate-stderr wm verify b.safetensors --key publisher.pub --key child.pub
	[[ $(notes b.safetensors --key publisher.pub --key child.pub) == *inherited* ]]
	run -0 --separate-stderr wm verify b.safetensors --key child.pub
	[[ $(notes b.safetensors --key child.pub) == *key-not-pinned* ]]
	# Of the same size the digests tell.
	copy_slot a.safetensors plain c.safetensors
	refused_by file-digests-equal file-mismatch c.safetensors --key publisher.pub
	# Spoilt, no byte of it is free.
	flip a.safetensors 100
	run -1 wm verify a.safetensors --key publisher.pub
}

@test "carriers: who pins one key is not disturbed by what others signed" {
	given_set
	wm key new ./operator --no-passphrase >/dev/null
	wm admit m --source https://example.org/m --reason pilot --expires "$FAR" --key operator.key >/dev/null
	run -0 --separate-stderr wm verify m --key publisher.pub
	[ "${lines[0]}" = 'accept (integrity only: nothing decided about data)' ]
	[[ $(notes m --key publisher.pub) == *key-not-pinned* ]]
	run -0 --separate-stderr wm verify m --key operator.pub --json
	[ "$(of_json "$output" '.admission.until')" = "${FAR}T00:00:00Z" ]
	run -0 --separate-stderr wm verify m --key operator.pub
	[[ ${lines[0]} == "accept (admitted by key:"*" until ${FAR}T00:00:00Z; publisher: none pinned; integrity only"* ]]
	run -0 --separate-stderr wm verify m --key operator.pub --key publisher.pub --json
	[ "$(of_json "$output" .admission)" = null ]
	[[ $(notes m --key operator.pub --key publisher.pub) == *admission* ]]
	echo x >>m/config.json
	refused_by file-digests-equal file-mismatch m --key operator.pub
}

@test "carriers: two publishers of the same bytes" {
	given_signed
	wm embed model.safetensors >/dev/null
	rm model.safetensors.wmk
	cp model.safetensors slotted
	wm strip model.safetensors >/dev/null
	wm key new ./other --no-passphrase >/dev/null
	wm sign model.safetensors -m m.yaml --key other.key >/dev/null
	mv slotted model.safetensors
	refused_by manifest-single carriers-disagree model.safetensors --key publisher.pub --key other.pub
	run -0 wm verify model.safetensors --key publisher.pub
	run -0 wm verify model.safetensors --key other.pub
}

@test "carriers: show, of all of them" {
	given_set
	wm embed m >/dev/null
	echo typo >>m/README.md
	wm sign m --amend --key publisher.key >/dev/null
	run -0 --separate-stderr wm show m --json
	[ "$(of_json "$output" '.carriers[] | [.kind, .path, (.statements | length)] | join(" ")')" = \
		"sidecar m/weightmark.wmk 4"$'\n'"slot m/$A 3" ]
	rm m/weightmark.wmk
	run -0 --separate-stderr wm show m
	[ "$(grep -c '^manifest ' <<<"$output")" = 1 ]
	wm strip m >/dev/null
	run -1 --separate-stderr wm show m
	refused_as sidecar-missing
}

@test "carriers: a directory differs from what was signed" {
	given_set
	cp -r m whole
	echo x >m/more.json
	refused_by files-listed file-unlisted m --key publisher.pub
	rm m/more.json m/config.json
	refused_by files-present file-missing m --key publisher.pub
	cp whole/config.json m/
	rm m/$Z
	refused_by parts-whole part-incomplete m --key publisher.pub
	run -0 wm verify m --key publisher.pub --part vae/v.safetensors
	rm m/$A
	run -0 wm verify m --key publisher.pub
	[[ $(notes m --key publisher.pub) == *part-absent* ]]
	refused_by parts-whole part-incomplete m --key publisher.pub --part model.safetensors
	run -1 --separate-stderr wm verify m --key publisher.pub --part model --json
	[ "$(of_json "$output" '.reason, .exit')" = $'part-unknown\n1' ]
	cp whole/*.safetensors m/
	run -4 --separate-stderr wm verify m/$A --key publisher.pub --part-only
	[ "${lines[0]}" = 'review (part-only)' ]
	lfs_pointer m/$A
	run -4 --separate-stderr wm verify m --key publisher.pub
	[ "${lines[0]}" = 'review (pointer-only)' ]
	sed -i 's/^size .*/size 7/' m/$A
	refused_by pointers-agree pointer-mismatch m --key publisher.pub
}

@test "carriers: a file that walking passes over is not the one of the set" {
	given_set
	wm embed m >/dev/null
	mkdir -p m/.git m/.cache/huggingface
	local folder
	for folder in m/.git m/.cache/huggingface; do
		cp m/$A $folder/
		flip $folder/$A $(($(stat -c %s m/$A) - 1))
		run -0 wm verify m --key publisher.pub
		refused_by files-listed not-whole $folder/$A --key publisher.pub
	done
}

@test "carriers: what --json says" {
	given_set
	wm embed m >/dev/null
	run -0 --separate-stderr wm verify m --key publisher.pub --full --json
	[ "$(of_json "$output" '.measured | keys | join(" ")')" = 'file part passed_over writers_excluded' ]
	[ "$(of_json "$output" '.measured.file[] | .path' | tr '\n' ' ')" = "README.md config.json $A $Z vae/v.safetensors " ]
	[ "$(of_json "$output" '.measured.file[2] | keys | join(" ")')" = 'file_digest grammar path role sha256 size slot' ]
	[ "$(of_json "$output" '.measured.file[] | .role' | tr '\n' ' ')" = 'document load load load load ' ]
	[ "$(of_json "$output" '.measured.part[] | [.name, .whole, (.path | length)] | join(" ")')" = \
		$'model.safetensors true 2\nvae/v.safetensors true 1' ]
	[ "$(of_json "$output" '.measured.part[0] | keys | join(" ")')" = \
		'name parameter_count path tensor_bytes tensor_count tensor_set_digest weights_digest whole' ]
	[ "$(of_json "$output" '.measured.passed_over[]')" = weightmark.wmk ]
	[ "$(of_json "$output" '[.notes[] | keys | join(" ")] | unique[]')" = 'code text' ] ||
		[ "$(of_json "$output" '.notes | length')" = 0 ]
	lfs_pointer m/$A
	run -1 --separate-stderr wm verify m --key publisher.pub --json # it names the file with its slot
	[ "$(of_json "$output" '.measured.file[2] | keys | join(" ")')" = 'grammar path pointer_sha256 role size' ]
	[ "$(of_json "$output" '.measured.part[0] | keys | join(" ")')" = 'name path whole' ]
}

@test "carriers: more files than may be open at first" {
	given
	mkdir m
	local i
	for i in {001..200}; do echo "{\"n\": $i}" >"m/$i.json"; done
	cp "$GOOD" m/
	(ulimit -Sn 64 && wm sign m -m m.yaml --key publisher.key >/dev/null)
	# shellcheck disable=SC2016 # the inner shell expands
	run -0 --separate-stderr bash -c 'ulimit -Sn 64 && "$B/weightmark" verify m --key publisher.pub --full'
	# Where even the hard limit is too low, nothing can be told.
	# shellcheck disable=SC2016
	run -3 --separate-stderr bash -c 'ulimit -n 64 && "$B/weightmark" verify m --key publisher.pub'
	refused_as read-failed
}

@test "carriers: a slot that a fine-tune of the same size inherited speaks of its parent" {
	given_signed
	wm embed model.safetensors >/dev/null
	mkdir ft
	cp model.safetensors ft/
	flip ft/model.safetensors $(($(stat -c %s ft/model.safetensors) - 1))
	# Alone it could as well be a changed copy: refused either way.
	run -1 --separate-stderr wm verify ft/model.safetensors --key publisher.pub
	[ "${lines[0]}" = 'refuse (file-mismatch)' ]
	run -0 --separate-stderr wm draft ft/model.safetensors
	[[ $output == *derivation:*"$(wm show model.safetensors.wmk | grep -Eo 'digits-mlp@1.0.0' | head -1)"* ]]
	wm key new ./tuner --no-passphrase >/dev/null
	sed 's/digits-mlp/digits-tuned/' m.yaml >ft.yaml
	run -0 --separate-stderr wm sign ft/model.safetensors --manifest ft.yaml --key tuner.key
	run -0 --separate-stderr wm verify ft/model.safetensors --key tuner.pub --key publisher.pub --json
	[ "$(of_json "$output" '[.notes[].code] | index("inherited") != null')" = true ]
	run -0 --separate-stderr wm verify ft/model.safetensors --key tuner.pub
	# By the parent's key too: another object, and other bytes.
	rm ft/model.safetensors.wmk
	run -0 --separate-stderr wm sign ft/model.safetensors --manifest ft.yaml --key publisher.key
	run -0 --separate-stderr wm verify ft/model.safetensors --key publisher.pub
}

@test "carriers: a file that is a whole part is judged alone where the rest is not there" {
	given
	cp -r "$TOP/testdata/good/digits-gguf" g
	wm sign g --manifest m.yaml --key publisher.key --embed >/dev/null
	mkdir one
	cp g/model.gguf g/model-split-00001-of-00002.gguf one/
	run -0 --separate-stderr wm verify one/model.gguf --key publisher.pub --json
	[ "$(of_json "$output" '[.notes[].code] | index("alone") != null')" = true ]
	[ "$(of_json "$output" '[.measured.part[].name] | join(" ")')" = model.gguf ]
	run -1 --separate-stderr wm verify one/model.gguf --part model-split.gguf --key publisher.pub
	[ "${lines[0]}" = 'refuse (part-unknown)' ]
	run -1 --separate-stderr wm verify one/model-split-00001-of-00002.gguf --key publisher.pub
	[ "${lines[0]}" = 'refuse (not-whole)' ]
	[[ $output != *recomputes* ]]
	run -4 --separate-stderr wm verify one/model.gguf --part-only --key publisher.pub
	flip one/model.gguf $(($(stat -c %s one/model.gguf) - 200))
	run -1 --separate-stderr wm verify one/model.gguf --key publisher.pub
	[ "${lines[0]}" = 'refuse (file-mismatch)' ]
}

@test "carriers: a release of an earlier manifest is told" {
	given_signed_directory
	run -0 --separate-stderr wm sign m --key publisher.key --manifest m.yaml --release
	run -0 --separate-stderr wm verify m --key publisher.pub
	[[ $output != *'earlier manifest'* ]]
	echo more >>m/README.md
	run -0 --separate-stderr wm sign m --key publisher.key --amend --reason typo
	[[ $output == *'changed   README.md'* ]]
	run -0 --separate-stderr wm verify m --key publisher.pub
	[[ $output == *'+release is of an earlier manifest'* && $output == *'correction 1: "typo"'* && $output == *superseded* ]]
	run -0 --separate-stderr wm sign m --key publisher.key --amend --release
	run -0 --separate-stderr wm verify m --key publisher.pub
	[[ $output != *'earlier manifest'* ]]
}

@test "carriers: one file alone, of several with its name and size" {
	given
	mkdir -p a/ema a/unet alone
	for name in ema unet; do
		tensor_file a/$name/model.safetensors a $name.
	done
	wm sign a -m m.yaml --key publisher.key >/dev/null
	local verify=(verify --part-only --sidecar "$PWD/a/weightmark.wmk" --key "$PWD/publisher.pub")
	for name in ema unet; do
		run -4 --separate-stderr wm "${verify[@]}" a/$name/model.safetensors
		cp a/$name/model.safetensors alone/
		run -4 --separate-stderr wm "${verify[@]}" alone/model.safetensors
		pushd alone >/dev/null
		run -4 --separate-stderr wm "${verify[@]}" model.safetensors
		lfs_pointer model.safetensors
		run -4 --separate-stderr wm "${verify[@]}" model.safetensors
		popd >/dev/null
	done
	tensor_file alone/model.safetensors a else
	run -1 --separate-stderr wm "${verify[@]}" alone/model.safetensors
	[[ $output == *'(file-mismatch)'* ]]
	# Where the path says which one it is, the other one is not it.
	mv a b
	mkdir -p a/unet
	cp b/ema/model.safetensors a/unet/
	cp b/weightmark.wmk a/
	run -1 --separate-stderr wm "${verify[@]}" a/unet/model.safetensors
	[[ $output == *'(file-mismatch)'* ]]
	run -2 --separate-stderr wm "${verify[@]}" a
	refused_as usage
	[[ $stderr == *'give one file'* ]]
}

@test "carriers: a slot that was copied to an unlisted file hides nothing" {
	given
	cp -r "$TOP/testdata/good/digits-mlp" m
	wm sign m --manifest m.yaml --key publisher.key --embed >/dev/null
	rm m/weightmark.wmk
	cp "$TOP/testdata/good/digits-transformer/model.safetensors" m/adapter.safetensors
	wm sign m/adapter.safetensors --manifest m.yaml --key publisher.key >/dev/null
	cp m/model.safetensors m/copied.safetensors
	for name in adapter copied; do
		rm -f m/*.wmk
		[ "$name" = copied ] && rm m/adapter.safetensors
		run -1 --separate-stderr wm verify m --key publisher.pub
		[ "${lines[0]}" = 'refuse (file-unlisted)' ]
	done
}
