# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # run, which sources this, sets work, good and interop
# Published loaders read what weightmark embedded into as they read it before, and strip undoes it.

contents() { # file
	"$interop/node" contents.mjs "$1"
}

# Contents of $1, as loaded, are those of the file $2.
same_contents() {
	contents "$1" >"$work/contents" && cmp "$work/contents" "$2"
}

# The readers' answers for the files of list $1, without names of folders and without offsets.
read_by_all() { # list
	"$interop/node" readers.mjs <"$1" >"$work/published" || return
	grep -v '\.json$' "$1" | python3 -B "$interop/answers.py" | cat "$work/published" - |
		sed -E 's|^[^\t]*/||; s/\|[0-9-]+\|([0-9?]+)( |$)/|\1\2/g'
}

# Files with slots: verified from the slots alone, loaded, stripped to what they were.
embedded_directory() { # name, weights that a loader opens...
	local name=$1 file
	cp -r "$good/$name" "$work/$name"
	expect 0 "$name: sign" weightmark sign "$work/$name" -m "$good/digits-mlp.yaml" --key "$work/p256.key"
	expect 0 "$name: embed" weightmark embed "$work/$name"
	rm "$work/$name/weightmark.wmk"
	for file in "$work/$name"/*.{safetensors,gguf}; do
		[ ! -e "$file" ] || expect 1 "$name: ${file##*/} has changed" cmp "$good/$name/${file##*/}" "$file"
	done
	expect 0 "$name: verify by slots alone" weightmark verify "$work/$name" --key "$work/p256.pub" --full
	for file in "${@:2}"; do
		contents "$good/$name/$file" >"$work/want"
		expect 0 "$name/$file: the loader finds the same values" same_contents "$work/$name/$file" "$work/want"
	done
	find "$good/$name" -type f \( -name '*.gguf' -o -name '*.safetensors' -o -name '*.index.json' \) | sort >"$work/list"
	read_by_all "$work/list" >"$work/before"
	sed -i "s|^$good/|$work/|" "$work/list"
	read_by_all "$work/list" >"$work/after"
	expect 0 "$name: readers list the same tensors" cmp "$work/before" "$work/after"
	expect 1 "$name: no reader refuses" grep -P '\trefused\t' "$work/after"
	if [ "$name" = digits-gguf ]; then llama "$name" model.gguf model-split-00001-of-00002.gguf; fi
	expect 0 "$name: strip" weightmark strip "$work/$name"
	expect 0 "$name: as it was" diff -r "$good/$name" "$work/$name"
}

# llama.cpp says the same of files before and after.
llama() { # folder, file...
	if [ "$(uname -m)" != x86_64 ]; then
		echo "  skip  llama.cpp: its build for Node is pinned for x86-64 alone"
		return
	fi
	"$interop/node" llama/run.mjs "${@/#/$good/$1/}" >/dev/null 2>&1 || true
	local file
	for file in "${@:2}"; do
		expect 0 "$1/$file: llama.cpp, before" "$interop/node" llama/run.mjs "$good/$1/$file"
		cp "$work/out" "$work/said"
		expect 0 "$1/$file: llama.cpp, after" "$interop/node" llama/run.mjs "$work/$1/$file"
		cp "$work/out" "$work/says"
		expect 0 "$1/$file: llama.cpp says the same" cmp "$work/said" "$work/says"
	done
}

# A model that llama.cpp runs: it completes the same text.
llama_runs() {
	[ "$(uname -m)" = x86_64 ] || return 0
	python3 -B "$interop/llama/tiny.py" "$work/tiny.gguf"
	cp "$work/tiny.gguf" "$work/tiny.before.gguf"
	expect 0 "llama.cpp: runs the model" "$interop/node" llama/run.mjs "$work/tiny.gguf"
	cp "$work/out" "$work/said"
	expect 0 "llama.cpp: completes text" grep -q '"completed":"..' "$work/said"
	expect 0 "tiny: sign" weightmark sign "$work/tiny.gguf" -m "$good/digits-mlp.yaml" --key "$work/p256.key"
	expect 0 "tiny: embed" weightmark embed "$work/tiny.gguf"
	expect 1 "tiny: has changed" cmp "$work/tiny.gguf" "$work/tiny.before.gguf"
	expect 0 "llama.cpp: runs it with a slot" "$interop/node" llama/run.mjs "$work/tiny.gguf"
	cp "$work/out" "$work/says"
	expect 0 "llama.cpp: the same text" cmp "$work/said" "$work/says"
	expect 0 "tiny: strip" weightmark strip "$work/tiny.gguf"
	expect 0 "tiny: as it was" cmp "$work/tiny.gguf" "$work/tiny.before.gguf"
}

# Every recorded file that we accept, with a slot: read as before, stripped to what it was.
embedded_recorded() {
	local file copy
	mkdir "$work/slots"
	: >"$work/list"
	while IFS=$'\t' read -r file; do
		copy=$work/slots/$file
		cp "$golden/differential/files/$file" "$copy"
		if ! weightmark sign "$copy" -m "$good/digits-mlp.yaml" --key "$work/p256.key" >"$work/out" 2>&1 ||
			! weightmark embed "$copy" >"$work/out" 2>&1; then
			if grep -qE '\[(slot-key-taken|no-slot)\]$' "$work/out"; then continue; fi
			expect 0 "$file: embed" cat "$work/out" /missing
			continue
		fi
		echo "$copy" >>"$work/list"
	done < <(awk -F'\t' '$2 == "weightmark" && $3 == "accepted" { print $1 }' "$golden/differential/answers.tsv")
	expect 0 "recorded files: most take a slot" test "$(wc -l <"$work/list")" -gt 90
	read_by_all "$work/list" >"$work/after"
	sed "s|^$work/slots/|$golden/differential/files/|" "$work/list" >"$work/originals"
	read_by_all "$work/originals" >"$work/before"
	expect 0 "recorded files: read the same with a slot" cmp "$work/before" "$work/after"
	while read -r copy; do
		weightmark strip "$copy" >/dev/null || expect 0 "$copy: strip" false
		expect 0 "${copy##*/}: as it was" cmp "$copy" "$golden/differential/files/${copy##*/}"
	done <"$work/list"
}

# The same tensors in three containers.
one_model() {
	contents "$good/digits-transformer/model.safetensors" >"$work/want"
	local file
	for file in digits-sharded/model.safetensors.index.json digits-gguf/model.gguf \
		digits-gguf/model-split-00001-of-00002.gguf; do
		expect 0 "$file: the values of digits-transformer" same_contents "$good/$file" "$work/want"
	done
}

recorded_contents() {
	printf '%s\n' "$golden"/differential/files/* "$good"/*/*.{safetensors,gguf} |
		python3 -B "$interop/answers.py" | python3 -B "$interop/contents.py"
}

one_model
embedded_directory digits-mlp model.safetensors
embedded_directory digits-transformer model.safetensors
embedded_directory digits-sharded model.safetensors.index.json
embedded_directory digits-gguf model.gguf model-split-00001-of-00002.gguf
llama_runs
expect 0 "differential: recorded answers" "$interop/differential" --recorded
expect 0 "differential: contents" recorded_contents
embedded_recorded
