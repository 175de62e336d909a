#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
load helper
load signed

FAR=$(date -u -d '+2 years' +%F)

admit() { # PATH and further arguments
	run --separate-stderr wm admit --source https://example.org/m --revision 4f1c2a9 --reason pilot \
		--expires "$FAR" --key operator.key "$@"
}

given_operator() {
	given_directory
	wm key new ./operator --no-passphrase >/dev/null
}

@test "admit: measures and signs, needs no YAML" {
	given_operator
	admit m --waive licence-known --waive data-known --json
	[ "$status" = 0 ]
	[ "$(of_json "$output" '.statements[] | [.kind, .sequence] | join(" ")')" = 'admission 1' ]
	[ "$(of_json "$output" '.statements[0].object | sub(".*/"; "")')" = admission:m@4f1c2a9 ]
	[ "$(of_json "$output" '.measured.file | length')" = 4 ]
	run -0 wm show m/weightmark.wmk
	[[ $output == *'source '*https://example.org/m*'revision '*4f1c2a9*'reason '*pilot*"expires "*"$FAR"T00:00:00Z*licence-known*data-known* ]]
	[[ $output == *weights_digest* ]]
	# Of a lone file too, whatever its name and revision are.
	cp m/model.safetensors 'a b (1).safetensors'
	run -0 --separate-stderr wm admit 'a b (1).safetensors' --source x --reason y --revision 'refs/pr/1' \
		--expires "${FAR}T12:00:00Z" --key operator.key --issuer acme.example
	[[ $output == *'admission:a-b--1-.safetensors@refs-pr-1'* ]]
	[ -f 'a b (1).safetensors.wmk' ]
	(cd m && rm weightmark.wmk && wm admit . --source x --reason y --expires "$FAR" --key ../operator.key) |
		grep -q 'admission:m '
}

@test "admit: again changes nothing; something else corrects it" {
	given_operator
	admit m
	sha256sum m/weightmark.wmk >before
	admit m
	[ "$status" = 0 ]
	[[ $output == 'signed already: m'* ]]
	sha256sum -c --quiet before
	FAR=$(date -u -d '+3 years' +%F) admit m --json
	[ "$(of_json "$output" '.statements[0].sequence')" = 2 ]
	run -0 wm show m/weightmark.wmk
	[ "$(grep -c '^admission ' <<<"$output")" = 2 ]
}

@test "admit: statements by others stay" {
	given_operator
	wm sign m -m m.yaml --key publisher.key >/dev/null
	admit m
	[ "$status" = 0 ]
	run -0 wm show m/weightmark.wmk
	[[ $output == *$'\nadmission '* && $output == *'manifest '* && $output == *$'\nrun '* ]]
}

@test "admit: a publisher who comes later signs beside the admission" {
	given_operator
	admit m
	[ "$status" = 0 ]
	run -0 --separate-stderr wm verify m --key operator.pub
	[[ $output == *'publisher: none'* ]]
	run -0 --separate-stderr wm sign m --manifest m.yaml --key publisher.key
	run -0 --separate-stderr wm verify m --key publisher.pub
	[[ $output != *'publisher: none'* ]]
	run -0 --separate-stderr wm verify m --key publisher.pub --key operator.pub --json
	[ "$(of_json "$output" '[.statements[].kind] | sort | join(" ")')" = 'admission dataset manifest run' ]
	[ "$(of_json "$output" '[.notes[].code] | index("admission") != null')" = true ]
	# Where another answers already, a third does not.
	wm key new ./third --no-passphrase >/dev/null
	run -2 --separate-stderr wm sign m --manifest m.yaml --key third.key
	refused_as already-signed
}

@test "admit: who signed a manifest need not" {
	given_operator
	wm sign m -m m.yaml --key operator.key >/dev/null
	sha256sum m/weightmark.wmk >before
	admit m
	[ "$status" = 2 ]
	refused_as already-signed
	sha256sum -c --quiet before
	# Neither where only a slot carries it.
	wm embed m >/dev/null
	rm m/weightmark.wmk
	admit m
	[ "$status" = 2 ]
	refused_as already-signed
	[ ! -e m/weightmark.wmk ]
}

@test "admit: what is missing or wrong on the command line" {
	given_operator
	local arguments
	for arguments in '--reason y --expires 2030-01-01' '--source x --expires 2030-01-01' '--source x --reason y' \
		'--source x --reason y --expires soon' '--source x --reason y --expires 2020-01-01' \
		'--source x --reason y --expires 2099-01-01' "--source '' --reason y --expires 2030-01-01" \
		"--source x --reason '' --expires 2030-01-01" "--source x --reason y --revision '' --expires 2030-01-01" \
		"--source x --reason y --expires 2030-01-01 --waive a --waive a" \
		"--source x --reason y --expires 2030-01-01 --waive ''" \
		"--source x --reason \$'a\\xff' --expires 2030-01-01"; do
		run -2 --separate-stderr eval "wm admit m --key operator.key $arguments"
		refused_as usage
	done
	run -2 --separate-stderr wm admit m --source x --reason y --expires "$FAR"
	refused_as key-needed
	[ ! -e m/weightmark.wmk ]
}

@test "admit: --dry-run shows the payload and writes nothing" {
	given_operator
	admit m -n
	[ "$status" = 0 ]
	[[ $output == 'would sign m'*'predicateType: urn:weightmark:admission:v1'* ]]
	[ ! -e m/weightmark.wmk ]
}

@test "admit: what cannot be signed cannot be admitted" {
	given_operator
	admit m --key publisher.key
	[ "$status" = 2 ]
	cp operator.key m/key
	admit m
	[ "$status" = 2 ]
	refused_as key-in-checkpoint
	rm m/key
	lfs_pointer m/model.safetensors
	admit m
	[ "$status" = 1 ]
	refused_as pointer-only
	tensor_file model-00001-of-00002.safetensors a aaaa
	admit model-00001-of-00002.safetensors
	[ "$status" = 2 ]
	refused_as shard-alone
	admit absent
	[ "$status" = 3 ]
	refused_as not-found
	[ -z "$(find . -name '*.wmk')" ]
}
