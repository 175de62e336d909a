#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

@test "digest: of an unsigned file, with no sidecar written" {
	given
	run -0 --separate-stderr wm digest model.safetensors
	[ -z "$stderr" ]
	[ "$(cut -d' ' -f1 <<<"$output")" = $'wmFileV1\nwmWeightsV1\nwmTensorSetV1' ]
	[ ! -e model.safetensors.wmk ]
	run -0 --separate-stderr wm digest model.safetensors --sha256
	[[ ${lines[1]} == "sha256         $(sha256sum <"$GOOD" | cut -d' ' -f1)  model.safetensors" ]]
}

@test "digest: a dimension that JSON cannot carry is a limit, and text shows it" {
	local header n
	# Of an empty tensor: 2^53 - 1 and 2^53; and 2^60.
	for n in 9007199254740991 9007199254740992 1152921504606846976; do
		header="{\"a\":{\"dtype\":\"F32\",\"shape\":[0,$n],\"data_offsets\":[0,0]}}"
		# shellcheck disable=SC2059
		{ printf "\\x$(printf %02x ${#header})"'\0\0\0\0\0\0\0'; printf '%s' "$header"; } >x.safetensors
		run -0 --separate-stderr wm digest --tensors x.safetensors
		[[ $output == *"a F32 [0, $n]"* ]]
		if [ $n = 9007199254740991 ]; then
			run -0 --separate-stderr wm digest --tensors --json x.safetensors
			[[ $output == *"$n"* ]]
		else
			run -1 --separate-stderr wm digest --tensors --json x.safetensors
			refused_as limit
		fi
	done
}

@test "digest: those that sign puts into the manifest" {
	given_signed
	local json show
	json=$(wm digest model.safetensors --sha256 --json)
	show=$(wm show model.safetensors)
	local key
	for key in file[0].file_digest file[0].sha256 part[0].weights_digest part[0].tensor_set_digest \
		part[0].tensor_count part[0].parameter_count part[0].tensor_bytes; do
		[[ $show == *"$(of_json "$json" ".$key")"* ]]
	done
}

@test "digest: the same with every kernel and any number of workers" {
	head -c 20000000 /dev/urandom >big.bin
	local jobs file want
	for file in big.bin "$GOOD" "$TOP/testdata/good/digits-transformer/model.safetensors"; do
		want=$(wm digest --sha256 "$file")
		[[ $want == *"$(sha256sum <"$file" | cut -d' ' -f1)"* ]]
		run -0 --separate-stderr env WEIGHTMARK_DIGEST=evp "$B/weightmark" digest --sha256 "$file"
		[ "$output" = "$want" ]
		for jobs in 1 2 8; do
			run -0 --separate-stderr wm digest --sha256 --jobs $jobs "$file"
			[ "$output" = "$want" ]
		done
	done
	run -2 --separate-stderr wm digest --jobs x big.bin
	refused_as usage
}

@test "digest: --tensors names each tensor" {
	run -0 --separate-stderr wm digest --tensors "$GOOD"
	[ "$(grep -c '^tensor ' <<<"$output")" = 4 ]
	run -0 --separate-stderr wm digest --tensors --json "$GOOD"
	[ "$(of_json "$output" '([.tensors[].bytes] | add) == .part[0].tensor_bytes')" = true ]
	[ "$(of_json "$output" '[.tensors[].dtype] | unique[]')" = F32 ]
}

@test "digest: a file of no known format has a file digest alone" {
	echo hello >hello.txt
	run -0 --separate-stderr wm digest hello.txt
	[ "${#lines[@]}" = 1 ]
	[[ $stderr == *'hello.txt: no known format: tensors cannot be told apart' ]]
	run -0 --separate-stderr wm digest --json hello.txt
	[ "$(of_json "$output" '.file[0].grammar')" = raw/1 ]
	: >empty
	run -1 --separate-stderr wm digest empty
	refused_as empty-file
}

@test "digest: a check sum that loaders compare" {
	given
	local bad=$TOP/testdata/bad/npy
	for name in npz-stored-check-sum-wrong.npz keras-weights-check-sum.keras; do
		cp "$bad/$name" "a.${name##*.}"
		run -1 --separate-stderr wm digest "a.${name##*.}"
		refused_as zip-checksum
		run -1 --separate-stderr wm sign "a.${name##*.}" -m m.yaml --key publisher.key
		refused_as zip-checksum
		cp "$bad/${name%.*}.twin.${name##*.}" "a.${name##*.}"
		run -0 wm digest "a.${name##*.}"
	done
	wm sign a.npz -m m.yaml --key publisher.key >/dev/null
	run -0 wm verify a.npz --key publisher.pub --full
}

@test "digest: HDF5 in a compressed archive, and the same unpacked" {
	mkdir in
	cp "$TOP/testdata/good/hdf5/all-kinds.h5" in/m.h5
	tar -cf m.tar -C in m.h5
	gzip -k m.tar
	run -1 --separate-stderr wm digest m.tar.gz
	refused_as inflate-hdf5
	run -0 wm digest m.tar
	run -0 wm digest in
}

@test "digest: hostile names" {
	local name
	for name in "${hostile_names[@]}"; do
		cp "$GOOD" "./$name"
		run -0 --separate-stderr wm digest -- "$name"
		[ "${#lines[@]}" = 3 ]
		harmless "${lines[0]}"
		run -0 --separate-stderr wm digest --json -- "$name"
		is_json "$output"
		[[ $output != *$'\e'* && $output != *$'\u202e'* ]]
		rm "./$name"
	done
}

@test "digest: it says so where no tensors are told, and nothing where some are" {
	run -0 --separate-stderr wm digest "$TOP/testdata/good/torch/no-tensors.pt"
	[[ $stderr == *'no-tensors.pt: it holds no tensors' ]]
	run -0 --separate-stderr wm digest "$TOP/testdata/good/torch-tar/model.pt"
	[[ $stderr == *'model.pt: tensors of this format cannot be told apart' ]]
	for file in torch/tensor.pt onnx hdf5/keras-2.h5; do
		run -0 --separate-stderr wm digest "$TOP/testdata/good/$file"
		[ -z "$stderr" ]
	done
	given
	lfs_pointer model.safetensors
	run -0 --separate-stderr wm digest model.safetensors
	[ -z "$stderr" ]
}
