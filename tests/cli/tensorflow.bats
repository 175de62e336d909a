#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
# Directories as TensorFlow, Orbax and MLflow write them: closed, signed as a whole.
load helper
load signed
TF=$TOP/testdata/good/tf
INDEX=variables/variables.index
DATA=variables/variables.data-00000-of-00001

# The directory m/ signed; publisher.pub beside it.
sign_directory() {
	given
	rm model.safetensors
	wm sign m --manifest m.yaml --key publisher.key
}

verified() {
	run -0 --separate-stderr wm verify m --key publisher.pub --full
}

verify_refused() { # reason
	run -1 --separate-stderr wm verify m --key publisher.pub
	[[ ${lines[0]} == "refuse ($1)" || $stderr == *" [$1]"$'\n'* ]] || {
		echo "expected $1: $output $stderr"
		return 1
	}
}

# One bit of byte $2 of the file $1 is changed.
flip() {
	local byte
	byte=$(od -An -t u1 -j "$2" -N 1 "$1" | tr -d ' ')
	printf '%b' "$(printf '\\x%02x' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Every file changed, taken away and added to in turn.
each_file_counts() {
	local file
	while IFS= read -r file; do
		cp -a "$file" kept
		printf x >>"$file"
		run -1 --separate-stderr wm verify m --key publisher.pub
		rm "$file"
		# A folder that is not there at all is left out: a part of a pipeline that was not fetched.
		if [ -n "$(ls -A "$(dirname "$file")")" ]; then
			run -1 --separate-stderr wm verify m --key publisher.pub
		fi
		cp -a kept "$file"
		verified
	done < <(find m -type f ! -name '*.wmk')
	printf x >m/added
	verify_refused file-unlisted
	rm m/added
	verified
}

@test "a SavedModel is signed and verified as a whole" {
	cp -r "$TF/saved_model" m
	sign_directory
	verified
	each_file_counts
	flip "m/$DATA" 60
	verify_refused file-mismatch
	flip "m/$DATA" 60
	flip "m/$INDEX" 60
	verify_refused tf-checksum
}

@test "a file of data without its index is no checkpoint" {
	given
	cp "$TF/bundle/model.ckpt-1000.data-00000-of-00002" "$TF/saved_model/$DATA" .
	for file in *.data-*; do
		run -2 --separate-stderr wm sign "$file" -m m.yaml --key publisher.key
		refused_as shard-alone
		mv "$file" "$file.bin"
	done
	# What is no name of a shard, or of the only one.
	mv variables.data-00000-of-00001.bin variables.sata-00000-of-00001
	cp model.safetensors model-00001-of-00001.safetensors
	for file in variables.sata-00000-of-00001 model-00001-of-00001.safetensors; do
		run -0 --separate-stderr wm sign "$file" -m m.yaml --key publisher.key
	done
}

@test "a checkpoint in two shards is one part" {
	cp -r "$TF/bundle" m
	sign_directory
	run -0 --separate-stderr wm digest m --json
	[ "$(jq -r '.part[].name' <<<"$output")" = model.ckpt-1000.index ]
	[ "$(jq -r '.part[].path | length' <<<"$output")" = 3 ]
	each_file_counts
	run -0 --separate-stderr wm verify m --key publisher.pub --part model.ckpt-1000.index
}

@test "recorded tensors are found" {
	for name in bundle saved_model; do
		run -0 --separate-stderr wm digest "$TF/$name" --tensors --json
		jq -r '.tensors[] | [.name, .dtype, (.shape | map(tostring) | join("x") | if . == "" then "-" else . end)] |
			join("\t")' <<<"$output" | sort >found
		grep "^$name	" "$TF/tensors.tsv" | cut -f2-4 | sort >want
		diff want found
	done
}

@test "an index alone is refused, its directory is not" {
	cp -r "$TF/bundle" m
	run -1 --separate-stderr wm digest m/model.ckpt-1000.index
	refused_as external-alone
	run -0 --separate-stderr wm digest m
	rm m/model.ckpt-1000.data-00001-of-00002
	run -1 --separate-stderr wm digest m
	refused_as external-missing
}

@test "a data file that was cut is refused before anything is read" {
	cp -r "$TF/saved_model" m
	truncate -s -1 "m/$DATA"
	run -1 --separate-stderr wm digest m
	refused_as external-range
}

@test "weights keep their digest in another directory layout" {
	cp -r "$TF/saved_model" m
	mkdir n
	cp "m/$INDEX" n/model.index
	cp "m/$DATA" n/model.data-00000-of-00001
	run -0 --separate-stderr wm digest m --json
	first=$(jq -r '.part[].weights_digest' <<<"$output")
	run -0 --separate-stderr wm digest n --json
	[ "$(jq -r '.part[].weights_digest' <<<"$output")" = "$first" ]
}

@test "there is no slot: the sidecar stays beside" {
	cp -r "$TF/saved_model" m
	sign_directory
	run -2 --separate-stderr wm embed m
	refused_as no-slot
	verified
}

@test "a graph that runs code is not verified" {
	cp -r "$TF/saved_model" m
	cp "$TOP/testdata/fuzz/tf_graph/functions" m/saved_model.pb
	sign_directory
	verify_refused code-not-allowed
	[[ $output == *"tf:IO>Read"* ]]
}

@test "a graph in text is not verified, for it is not read" {
	cp -r "$TF/saved_model" m
	printf 'saved_model_schema_version: 1\n' >m/saved_model.pbtxt
	sign_directory
	verify_refused code-not-allowed
}

@test "an Orbax directory is closed" {
	mkdir -p m/default/{d,ocdbt.process_0/d,array_metadatas} m/metadata
	printf '{"item_handlers": {"default": "orbax"}, "init_timestamp_nsecs": 1}' >m/_CHECKPOINT_METADATA
	printf '{"tree_metadata": {"(%s)": {}}, "use_zarr3": false}' "'w'" >m/default/_METADATA
	printf '\x0c\xdb\x20\xde manifest' >m/default/manifest.ocdbt
	printf '\x0c\xdb\x20\xde process' >m/default/ocdbt.process_0/manifest.ocdbt
	printf 'chunks of w' >m/default/d/0123456789abcdef
	printf 'chunks' >m/default/ocdbt.process_0/d/fedcba9876543210
	printf '{"array_metadatas": []}' >m/default/array_metadatas/process_0
	printf '{"sharding_type": "SingleDevice"}' >m/default/_sharding
	printf '{}' >m/metadata/metadata
	sign_directory
	verified
	each_file_counts
}

@test "an Orbax directory of zarr arrays is closed" {
	mkdir -p m/params.kernel m/params.bias
	printf '{"zarr_format": 2, "shape": [2], "chunks": [2], "dtype": "<f4"}' | tee m/params.{kernel,bias}/.zarray >/dev/null
	printf '\0\0\0\0\0\0\200?' | tee m/params.{kernel,bias}/0 >/dev/null
	printf 'msgpack' >m/checkpoint
	sign_directory
	verified
	each_file_counts
}

@test "an MLflow directory is closed, with the weights in it" {
	mkdir -p m/data/model
	printf 'artifact_path: model\nflavors:\n  tensorflow: {data: data, model_type: tf2-module}\n' >m/MLmodel
	printf 'dependencies:\n- python=3.11\n- pip: [mlflow]\n' >m/conda.yaml
	printf 'python: 3.11\n' >m/python_env.yaml
	printf 'mlflow\n' >m/requirements.txt
	cp -r "$TF/saved_model/." m/data/model
	sign_directory
	verified
	run -0 --separate-stderr wm digest m --json
	[ "$(jq -r '.part[].name' <<<"$output")" = "data/model/$INDEX" ]
	each_file_counts
	printf 'x: y\n' >>m/MLmodel
	verify_refused file-mismatch
}
