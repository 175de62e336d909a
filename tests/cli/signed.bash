# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the suites about signed checkpoints share.
GOOD=$TOP/testdata/good/digits-mlp/model.safetensors
YAML=$TOP/testdata/good/digits-mlp.yaml

# model.safetensors, m.yaml and a key pair publisher.key, publisher.pub in the working directory.
given() {
	cp "$GOOD" model.safetensors
	cp "$YAML" m.yaml
	"$B/weightmark" key new ./publisher --no-passphrase >/dev/null
}

given_signed() {
	given
	wm sign model.safetensors --manifest m.yaml --key publisher.key >/dev/null
}

# The same checkpoint as a directory m/, with what lies beside weights.
given_directory() {
	given
	mkdir m
	mv model.safetensors m/
	printf '{"architectures": ["Mlp"]}\n' >m/config.json
	printf '%s\n' '---' 'license: apache-2.0' '---' '# Digits' >m/README.md
	printf '{"version": "1.0"}\n' >m/tokenizer.json
}

given_signed_directory() {
	given_directory
	wm sign m --manifest m.yaml --key publisher.key >/dev/null
}

# A safetensors file of one tensor of four bytes: tensor_file PATH NAME TEXT
tensor_file() { # path name text
	local header
	header=$(printf '{"%s":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}' "$2")
	# shellcheck disable=SC2059
	{
		printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0"
		printf '%s%.4s' "$header" "$3"
	} >"$1"
}

# Puts a git-lfs pointer in the place of FILE, to the bytes that it has.
lfs_pointer() { # file
	local digest size
	digest=$(sha256sum <"$1" | cut -d' ' -f1)
	size=$(stat -c %s "$1")
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' "$digest" "$size" >"$1"
}

# Flips the lowest bit of byte AT of FILE.
flip() { # file at
	local byte
	byte=$(od -An -t u1 -j "$2" -N 1 "$1" | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# The values of the JSON text for the jq filter, a line each; further options of jq follow.
of_json() { # text filter
	printf '%s' "$1" | jq -r "${@:3}" "$2"
}

# Skips where sanitizers are built in: their runtime does not live with strace or valgrind.
plain_build() {
	! grep -q 'fsanitize' "$B/flags" || skip "a build with sanitizers"
}

hostile_names=('a b' $'a\e[2Jb' $'a\nb' $'a\xffb' $'a\u202eb' '-a' '--key' "a'b\"c" '$(id)' 'a*b')
