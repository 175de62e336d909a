# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A ledger of data and models that orders reach: scenario 5 of docs/design.md, "Orders".
#
#	D -> M0 -> M1 (finetune), M2 (quantise) -> M5 (convert), M4 (distil); M3 merges M1 and M9
#	C -> M9, which has nothing to do with D

# given_ledger: keys steward.key, counsel.key and a ledger work.git
given_ledger() {
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	local name
	for name in steward counsel; do
		"$B/weightmark" key new "./$name" --no-passphrase >/dev/null
	done
	"$B/weightmark" init lab.example/models --ledger work.git >/dev/null
}

# model NAME MANIFEST_YAML: a checkpoint of its own, signed and recorded; further documents before it.
model() { # name yaml
	printf '%s.' "$1" >seed
	head -c 4 <(sha256sum seed) >bytes
	tensor_file "$1.safetensors" w "$(cat bytes)"
	printf '%s\n' "$2" >"$1.yaml"
	wm sign "$1.safetensors" -m "$1.yaml" --key steward.key --issuer lab.example \
		--ledger work.git >/dev/null
}

head_of() { # name
	printf 'kind: manifest\nmodel: {name: %s, version: "1", lineage_complete: yes}\n' "$1"
}

derived() { # name kind parent...
	local name=$1 kind=$2 parent parents=
	shift 2
	for parent; do parents+="${parents:+, }{object: lab.example/$parent@1}"; done
	model "$name" "$(head_of "$name")
derivation: [{kind: $kind, parent: [$parents]}]"
}

trained() { # name dataset role
	model "$1" "kind: dataset
dataset_id: $2
title: Data $2
---
$(head_of "$1")
training_run: [{id: run-$1, compute: 8 GPU, flops: \"1000000000000000000.5\", energy_kwh: \"0.1\", uses: [{dataset_id: $2, role: $3}]}]"
}

given_family() {
	given_ledger
	trained M0 D pretrain
	trained M9 C pretrain
	derived M1 finetune M0
	derived M2 quantise M0
	derived M4 distil M0
	derived M5 convert M2
	derived M3 merge M1 M9
}

# order_file FILE ID KIND TRIGGER: an order; scope and obligations from standard input
order_file() { # file id kind trigger
	cat >"$1" <<YAML
kind: order
id: $2
order_kind: $3
party: [{id: authority, legal_name: The Authority}, {id: us, legal_name: The Lab}]
authority: authority
respondent: [us]
trigger_date: "$4"
time_zone: UTC
YAML
	cat >>"$1"
}

# shellcheck disable=SC2034 # for suites
about_d='scope_dataset: [{object: lab.example/D}]
obligation:
- {id: data, kind: delete_data, days: 20}
- {id: models, kind: delete_models, days: 20}'
