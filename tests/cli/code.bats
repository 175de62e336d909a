#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
# Code that loading a file would run: refused by default, allowed by its name alone.
load helper
load signed
HDF5=$TOP/testdata/good/hdf5/keras-2.h5

# FILE, a copy of the other or with some of its bytes changed by sed, is signed.
given_code() { # file original [script]
	[ -e publisher.key ] || given
	rm -f "$1.wmk"
	sed "${3-}" "$2" >"$1"
	wm sign "$1" -m m.yaml --key publisher.key >/dev/null
}

harmless() { # file
	run -0 --separate-stderr wm verify "$1" --key publisher.pub
	[[ $(wm show --json "$1" | jq '[.files[]?.code[]?] | length') = 0 ]]
}

# FILE would use the code NAME and no other.
needs_code() { # file name
	run -0 --separate-stderr wm show --json "$1"
	[ "$(of_json "$output" '.files[].code[] | "\(.name) \(.allowed)"')" = "$2 false" ]
	run -1 --separate-stderr wm verify "$1" --key publisher.pub
	[[ ${lines[0]} == "refuse (code-not-allowed)" ]]
	run -1 --separate-stderr wm verify "$1" --key publisher.pub --allow-code "$2.other"
	run -0 --separate-stderr wm verify "$1" --key publisher.pub --allow-code "$2"
}

@test "layers of Keras that run code, in HDF5" {
	given_code model.h5 "$HDF5"
	harmless model.h5
	given_code lambda.h5 "$HDF5" 's/"class_name": "InputLayer"/"class_name":"tf.>Lambda" /'
	needs_code lambda.h5 keras:Lambda
	given_code operation.h5 "$HDF5" 's/"class_name": "InputLayer"/"class_name": "TFOpLambda"/'
	needs_code operation.h5 keras:TFOpLambda
}

@test "classes of others, in HDF5" {
	given_code other.h5 "$HDF5" 's/"class_name": "InputLayer"/"class_name":"os.system"  /'
	needs_code other.h5 keras:os.system
	given_code other.h5 "$HDF5" 's/"class_name": "Adam"/"class_name": "exec"/'
	needs_code other.h5 keras:exec
}

# FILE, the archive of Keras with a TEXT of its configuration in place of another, is signed.
given_keras() { # file text other
	command -v python3 >/dev/null || skip "python3 is not installed"
	[ -e publisher.key ] || given
	python3 -B - "$TOP/testdata/good/npy/model-npz.keras" "$@" <<-'END'
		import sys, zipfile
		good, path, text, other = sys.argv[1:]
		with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
		    for name in old.namelist():
		        data = old.read(name)
		        if name == "config.json":
		            assert text.encode() in data
		            data = data.replace(text.encode(), other.encode())
		        new.writestr(name, data)
	END
	wm sign "$1" -m m.yaml --key publisher.key >/dev/null
}

@test "layers that run code and classes of others, in an archive of Keras" {
	given_keras model.keras '"Dense"' '"Masking"'
	harmless model.keras
	given_keras lambda.keras '"Dense"' '"lambda"'
	needs_code lambda.keras keras:Lambda
	given_keras operation.keras '"Dense"' '"TFOpLambda"'
	needs_code operation.keras keras:TFOpLambda
	given_keras other.keras '"keras.layers", "class_name": "Dense"' '"os", "class_name": "system"'
	needs_code other.keras keras:os.system
	given_keras vocabulary.keras '"units": 4' '"vocabulary": "a/b.txt"'
	needs_code vocabulary.keras keras:vocabulary:a/b.txt
}

# The op MatMul of a SavedModel in m/ is replaced by another one of as many letters.
given_graph() { # other
	[ -e publisher.key ] || given
	rm -rf m model.safetensors
	cp -r "$TOP/testdata/good/tf/saved_model" m
	sed -i "s/\x12\x06MatMul/\x12\x06$1/" m/saved_model.pb
	wm sign m -m m.yaml --key publisher.key >/dev/null
}

@test "ops of TensorFlow that touch files or run code; savers have theirs" {
	given_graph MatMul
	harmless m
	given_graph PyFunc
	needs_code m tf:PyFunc
	given_graph SaveV2
	needs_code m tf:SaveV2
	given_graph 'IO>xyz'
	needs_code m 'tf:IO>xyz'
}

@test "the oldest form of PyTorch, a tar of pickles" {
	given_code model.pt "$TOP/testdata/good/torch-tar/model.pt"
	needs_code model.pt torch.legacy_tar
	run -0 --separate-stderr wm show model.pt
	[[ $output == *"loading it would use this code"*torch.legacy_tar* ]]
	given_code other.pt "$TOP/testdata/good/tar/ustar.tar"
	harmless other.pt
}

@test "who signs code hears that verifiers will refuse it; who signs none does not" {
	given
	sed 's/"class_name": "InputLayer"/"class_name":"tf.>Lambda" /' "$HDF5" >lambda.h5
	run -0 --separate-stderr wm sign lambda.h5 -m m.yaml --key publisher.key
	[[ $stderr == *"lambda.h5: loading it would use 'keras:Lambda', the first of 1 name: 'weightmark verify' refuses that"*--allow-code* ]]
	cp "$HDF5" plain.h5
	run -0 --separate-stderr wm sign plain.h5 -m m.yaml --key publisher.key
	[ -z "$stderr" ]
}
