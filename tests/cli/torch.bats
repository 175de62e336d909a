#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # bats sets stderr
# PyTorch archives, from signing to refusal. Those that torch.save wrote: testdata/good/torch.
load helper
load signed

TORCH=$TOP/testdata/good/torch
BAD=$TOP/testdata/bad/zip

# FILE of that kind as model.pt, signed.
given_torch() { # file
	given
	cp "$1" model.pt
	wm sign model.pt --manifest m.yaml --key publisher.key >/dev/null
}

digests() { # path
	wm digest --sha256 --tensors --json "$1" | jq -S 'del(.path, .file[].slot, .slot, .writers_excluded)'
}

@test "torch: sign, verify, embed, strip" {
	for name in transposed optimiser shared empty parameter; do
		rm -f publisher.* model.pt*
		given_torch "$TORCH/$name.pt"
		digests model.pt >before.json
		run -0 wm verify model.pt --key publisher.pub
		run -0 wm verify model.pt --key publisher.pub --full
		run -0 --separate-stderr wm embed model.pt
		[ -z "$stderr" ]
		cmp -s model.pt "$TORCH/$name.pt" && return 1
		digests model.pt | cmp - before.json
		rm model.pt.wmk
		run -0 wm verify model.pt --key publisher.pub --full
		run -0 wm extract model.pt
		run -0 wm strip model.pt
		cmp model.pt "$TORCH/$name.pt"
	done
}

@test "torch: a transposed tensor is the tensor" {
	wm digest --tensors --json "$TORCH/fortran.pt" >f.json
	[ "$(jq -r '.tensors[0].shape | join(",")' f.json)" = 4,6 ]
	wm digest --tensors --json "$TORCH/transposed.pt" >t.json
	# The one is count(4, 6), the other lists count(6, 4): the same bytes in another shape.
	[ "$(jq -r '.tensors[0].digest' f.json)" = "$(jq -r '.tensors[] | select(.name == "m").digest' t.json)" ]
	[ "$(jq -r '.part[0].weights_digest' f.json)" != "$(jq -r '.part[0].weights_digest' t.json)" ]
}

@test "torch: any changed byte is noticed" {
	given_torch "$TORCH/sliced.pt"
	size=$(stat -c %s model.pt)
	cp model.pt kept
	for ((at = 0; at < size; at += 37)); do
		cp kept model.pt
		flip model.pt "$at"
		run -1 --separate-stderr wm verify model.pt --key publisher.pub
	done
}

@test "torch: a changed byte of a slot is never taken for another statement" {
	given_torch "$TORCH/fortran.pt"
	wm embed model.pt >/dev/null
	rm model.pt.wmk
	cp model.pt kept
	size=$(stat -c %s model.pt)
	for ((at = 700; at < size; at += 101)); do
		cp kept model.pt
		flip model.pt "$at"
		# 3: nothing is a slot any more, so there is no statement at all.
		run --separate-stderr wm verify model.pt --key publisher.pub
		[ "$status" = 1 ] || [ "$status" = 3 ]
	done
}

@test "torch: in place, on any file system" {
	given_torch "$TORCH/optimiser.pt"
	digests model.pt >before.json
	inode=$(stat -c %i model.pt)
	run -0 --separate-stderr wm embed model.pt --in-place
	[ "$(stat -c %i model.pt)" = "$inode" ]
	digests model.pt | cmp - before.json
	run -0 wm verify model.pt --key publisher.pub --full
	run -0 wm strip model.pt --in-place
	[ "$(stat -c %i model.pt)" = "$inode" ]
	cmp model.pt "$TORCH/optimiser.pt"
}

@test "torch: recover, killed at any call" {
	command -v strace >/dev/null || skip "strace is not installed"
	given_torch "$TORCH/nested.pt"
	cp model.pt plain
	wm embed model.pt >/dev/null
	cp model.pt slotted
	local verb old new call n=0
	for verb in embed strip; do
		old=plain new=slotted
		[ $verb = embed ] || { old=slotted new=plain; }
		for call in linkat fsync fallocate pwrite64 ftruncate unlinkat; do
			for at in 1 2 3; do
				cp $old model.pt
				setsid -w strace -f -qq -o /dev/null -e "trace=$call" -e \
					"inject=$call:signal=KILL:when=$at" "$B/weightmark" $verb model.pt --in-place \
					>/dev/null 2>&1 || true
				run -0 wm recover model.pt
				[ ! -e model.pt.wmj ]
				cmp -s model.pt $old || cmp -s model.pt $new || { echo "$verb $call $at"; return 1; }
				n=$((n + 1))
			done
		done
	done
	[ $n = 36 ]
}

@test "torch: code that is not known to be harmless is refused" {
	given_torch "$TORCH/list.pt"
	run -0 wm verify model.pt --key publisher.pub
	command -v python3 >/dev/null || skip "python3 is not installed"
	python3 -B - "$TOP/testdata/scripts/make_bad_zip" <<-'END'
		import importlib.machinery, importlib.util, sys
		loader = importlib.machinery.SourceFileLoader("bad", sys.argv[1])
		bad = importlib.util.module_from_spec(importlib.util.spec_from_loader("bad", loader))
		loader.exec_module(bad)
		call = bad.Call(bad.Global("os", "system"), ("touch ran",))
		open("model.pt", "wb").write(bad.of({"w": bad.tensor(), "x": call}))
		script = bad.Member("archive/constants.pkl", b"")
		open("script.pt", "wb").write(bad.archive(bad.members_of(more=[script])))
	END
	for file in model.pt script.pt; do
		rm -f "$file.wmk"
		wm sign "$file" -m m.yaml --key publisher.key >/dev/null
		run -1 --separate-stderr wm verify "$file" --key publisher.pub
		[[ $output$stderr == *code-not-allowed* ]]
		[ ! -e ran ]
	done
	[[ $output$stderr == *torchscript:constants.pkl* ]]
}

@test "torch: code is found whatever a file is called" {
	given
	rm model.safetensors
	command -v python3 >/dev/null || skip "python3 is not installed"
	python3 -B - <<-'END'
		import collections, os, pickle, zipfile
		class Run:
		    def __reduce__(self):
		        return os.system, ("touch ran",)
		for name, protocol in ("weights", 4), ("m.ort", 5), ("m.pb", 2), ("m.index", 0):
		    with open(name, "wb") as out:
		        pickle.dump(Run(), out, protocol)
		with zipfile.ZipFile("m.zip", "w") as z:
		    z.writestr("m/notes.txt", "text")
		    z.writestr("m/data.pkl", pickle.dumps(Run(), 2))
		with open("harmless", "wb") as out:
		    pickle.dump(collections.OrderedDict(a=1), out, 4)
	END
	for file in weights m.ort m.pb m.index m.zip; do
		wm sign "$file" -m m.yaml --key publisher.key >/dev/null
		run -1 --separate-stderr wm verify "$file" --key publisher.pub
		[[ $output$stderr == *code-not-allowed* ]]
		[ ! -e ran ]
	done
	wm sign harmless -m m.yaml --key publisher.key >/dev/null
	run -0 wm verify harmless --key publisher.pub
}

@test "torch: what is hostile is neither signed nor measured" {
	given
	for name in duplicate twin-by-case-pickle state-replaces-tensor opcode-stack-global bomb; do
		reason=$(awk -F'\t' -v f="zip/$name.pt" '$1 == f { print $2 }' "$TOP/testdata/bad/expect-zip.tsv")
		cp "$BAD/$name.pt" model.pt
		run -1 --separate-stderr wm digest model.pt
		refused_as "$reason"
		run -1 --separate-stderr wm sign model.pt -m m.yaml --key publisher.key
		refused_as "$reason"
		[ ! -e model.pt.wmk ]
		cp "$BAD/$name.twin.pt" model.pt
		run -0 wm digest model.pt
	done
}

@test "torch: a storage of an unknown type is named with its type" {
	run -1 --separate-stderr wm digest "$BAD/storage-kind.pt"
	refused_as torch-dtype
	[[ $stderr == *"storage '0' is a 'QInt8Storage', which is not known"* ]]
	run -0 wm digest "$BAD/storage-kind.twin.pt"
}

@test "torch: names in messages cannot forge lines" {
	cp "$BAD/name-control.pt" model.pt
	run -1 --separate-stderr wm digest model.pt
	refused_as zip-name
	[[ $stderr != *$'\e'* ]]
}
