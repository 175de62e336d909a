#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr
# testdata/bad/checkpoint.tsv: directories that testdata/scripts/make_bad makes.
load helper
load signed
TABLE=$TOP/testdata/bad/checkpoint.tsv
MAKE=$TOP/testdata/scripts/make_bad

# Copies of the bases, signed where the name says so; made once a suite.
setup_file() {
	export BASES=$BATS_FILE_TMPDIR/bases XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/none
	mkdir "$BASES"
	cd "$BASES" || return 1
	"$B/weightmark" key new ./publisher --no-passphrase >/dev/null
	local base
	for base in mlp sharded gguf consolidated pair empty; do
		"$MAKE" base "$base" "$base"
		if [ "$base" = empty ]; then continue; fi
		cp -r "$base" "signed:$base"
		"$B/weightmark" sign "signed:$base" -m "$YAML" --key publisher.key >/dev/null || return 1
	done
}

rows() {
	grep -v '^#' "$TABLE"
}

# What make_bad cannot change without being seen.
look() { # directory
	find "$1" -printf '%P %y %s %n %T@\n' | sort
}

# Runs one row in a directory of its own; says what is wrong with it.
check_row() { # number, name, base, command, exit, reason, twin, text
	local directory=$PWD/$1/c got command
	mkdir "$1"
	cp -a "$BASES/$3" "$directory"
	"$MAKE" row "$2" "$directory" || { echo "row $1 $2: not made"; return 1; }
	case $2 in
	mlp-whole | sharded-whole | gguf-whole | pair-of-equal-names | index-and-consolidated | no-files) ;;
	*) [ "$(look "$BASES/$3")" != "$(look "$directory")" ] || { echo "row $1 $2: nothing done"; return 1; } ;;
	esac
	read -ra command <<<"$4"
	case ${command[0]} in
	verify) command+=(--key "$BASES/publisher.pub") ;;
	sign) command+=(--key "$BASES/publisher.key" -m "$YAML") ;;
	esac
	cd "$1" || return 1
	run --separate-stderr timeout 60 "$B/weightmark" "${command[@]//@/$directory}"
	cd ..
	got=$(sed -nE '1s/^(refuse|review) \((.*)\)$/\2/p' <<<"$output")
	[ -n "$got" ] || got=$(sed -nE 's/.* \[([a-z0-9-]+)\]$/\1/p' <<<"$stderr" | head -1)
	if [ "$status" != "$5" ] || [ "${got:--}" != "$6" ]; then
		echo "row $1 $2: $4: exit $status ${got:--}, not $5 $6"
		printf '  %q\n' "${lines[@]:0:3}" "$stderr"
		return 1
	fi
	if [ "$8" != - ] && [[ $output$stderr != *"$8"* ]]; then
		echo "row $1 $2: does not say $8: $output $stderr"
		return 1
	fi
	rm -rf "$PWD/${1:?}"
}

@test "checkpoint: every row of the table gets its exit status and reason" {
	local n=0 bad=0 row
	while IFS=$'\t' read -ra row; do
		if [ "${row[0]}" = device ] && [ "$(id -u)" != 0 ]; then continue; fi
		n=$((n + 1))
		check_row "$n" "${row[@]}" || bad=$((bad + 1))
	done < <(rows)
	echo "$n rows, $bad wrong"
	[ "$bad" = 0 ]
	[ "$n" -gt 90 ]
}

@test "checkpoint: a row that refuses has a twin that passes" {
	local _ status reason twin
	while IFS=$'\t' read -r _ _ _ status reason twin _; do
		if [ "$status" = 0 ]; then
			[ "$twin$reason" = -- ]
		elif ! rows | grep -qP "^$twin\t[^\t]*\t[^\t]*\t0\t"; then
			[ "$twin" = pointer ] # review, not refusal
		fi
	done < <(rows)
}

@test "checkpoint: verifying writes nothing into the directory" {
	cp -a "$BASES/signed:mlp" c
	look c >before
	run -0 wm verify c --key "$BASES/publisher.pub"
	look c | cmp - before
}

# The file is not read to its end: what is parsed first says that it cannot be right.
@test "checkpoint: a sparse file of a TiB as weights is refused in little memory" {
	plain_build
	cp -a "$BASES/signed:mlp" c
	truncate -s 1T c/model.safetensors || skip "a file system without large files"
	run -1 --separate-stderr bash -c "ulimit -v 1000000; timeout 20 '$B/weightmark' verify c --key '$BASES/publisher.pub'"
	[ "${lines[0]}" = 'refuse (safetensors-trailing)' ]
}

@test "checkpoint: measuring a sparse file of a TiB ends with the first signal" {
	plain_build
	cp -a "$BASES/mlp" c
	truncate -s 1T c/other.bin || skip "a file system without large files"
	run -130 --separate-stderr bash -c "ulimit -v 1000000; exec timeout --preserve-status -s INT 2 '$B/weightmark' digest c"
	[ -z "$output" ]
}

@test "bad: what is called by another format's name is told what it is" {
	cp "$TOP/testdata/good/npy/stored.npz" m.safetensors
	run -1 --separate-stderr wm digest m.safetensors
	refused_as format-misnamed
	[[ $stderr == *'its name says safetensors/1, and it begins as npz/1'* ]]
	cp "$TOP/testdata/good/hdf5/all-kinds.h5" m.onnx
	run -1 --separate-stderr wm digest m.onnx
	refused_as format-misnamed
	# gzip as tar.gz, whatever the name says; a tar archive may be made to be both.
	tar -C "$TOP/testdata/good/npy" -cf m.tar stored.npz
	gzip -k m.tar
	for name in m.safetensors m.h5 m.onnx m.npz m.gguf; do
		cp m.tar.gz "$name"
		run -1 --separate-stderr wm digest "$name"
		refused_as format-misnamed
		[[ $stderr == *'it begins as tar.gz/1'* ]]
		cp m.tar "$name"
		run -1 --separate-stderr wm digest "$name"
		refused_as format-polyglot
		[[ $stderr == *'fix: where it is merely misnamed, rename it'* ]]
	done
	run -0 wm digest m.tar.gz
	run -0 wm digest m.tar
}

@test "bad: where a download was cut off the remedy is to let it finish" {
	local good=$TOP/testdata/good name
	for name in torch/tensor.pt npy/stored.npz hdf5/keras-2.h5 onnx/perceptron.onnx digits-mlp/model.safetensors; do
		run -0 wm digest "$good/$name"
		head -c $(($(stat -c %s "$good/$name") * 6 / 10)) "$good/$name" >"cut.${name##*.}"
		run -1 --separate-stderr wm digest "cut.${name##*.}"
		[[ $stderr == *'fix: fetch it again and let the download finish'* ]]
	done
}
