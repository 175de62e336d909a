#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper

# The leak checker of SAN=1 traces its own process, which strace does already.
no_leaks=ASAN_OPTIONS=detect_leaks=0

@test "key new: a pair with the right permissions, which openssl reads" {
	local algorithm
	umask 000
	for algorithm in p256 ed25519; do
		run -0 --separate-stderr wm key new $algorithm --no-passphrase --algorithm $algorithm
		[ -z "$stderr" ]
		[[ $output == *"$KEYS/$algorithm.key"*"$KEYS/$algorithm.pub"* ]]
		[ "$(stat -c %a "$KEYS/$algorithm.key")" = 600 ]
		[ "$(stat -c %a "$KEYS/$algorithm.pub")" = 644 ]
		[ "$(stat -c %a "$KEYS")" = 700 ]
		openssl pkey -in "$KEYS/$algorithm.key" -pubout | cmp - "$KEYS/$algorithm.pub"
	done
}

@test "key new: with a slash it is a path, without it a plain name" {
	run -0 --separate-stderr wm key new ./here --no-passphrase --json
	is_json "$output"
	[[ $output == *'"private_key": "./here.key"'*'"algorithm": "ecdsa-p256"'* ]]
	[ -s here.key ] && [ -s here.pub ] && [ ! -e "$KEYS" ]
	local name
	for name in '' . .. .hidden -a 'a b' $'a\n' ./ 'ü'; do
		run -2 --separate-stderr wm key new --no-passphrase -- "$name"
		refused_as usage
	done
	run -3 --separate-stderr wm key new no/such/place --no-passphrase
	refused_as write-failed
}

@test "key new: nothing is overwritten, and nothing half done stays" {
	wm key new ./a --no-passphrase
	sha256sum a.key >before
	run -2 --separate-stderr wm key new ./a --no-passphrase
	refused_as exists
	rm a.pub
	run -2 --separate-stderr wm key new ./a --no-passphrase
	refused_as exists
	[ ! -e a.pub ]
	touch b.pub
	run -2 --separate-stderr wm key new ./b --no-passphrase
	refused_as exists
	[ ! -e b.key ] && [ ! -s b.pub ]
	ln -s nowhere c.key
	run -2 --separate-stderr wm key new ./c --no-passphrase
	refused_as exists
	[ ! -e nowhere ] && [ ! -e c.pub ]
	sha256sum -c --quiet before
}

@test "key new: a private key that cannot be written takes its public half along" {
	command -v strace >/dev/null || skip "strace is not installed"
	# Naming the first file (the public key) works, naming the second does not.
	run -3 --separate-stderr env $no_leaks strace -qq -o trace -e trace=linkat \
		-e inject=linkat:error=EIO:when=2 \
		"$B/weightmark" key new ./a --no-passphrase
	refused_as write-failed
	rm trace
	[ -z "$(ls -A)" ]
}

@test "key new: a passphrase from a descriptor" {
	run -0 --separate-stderr wm_with 'pass phrase' key new a
	grep -q 'BEGIN ENCRYPTED PRIVATE KEY' "$KEYS/a.key"
	openssl pkey -in "$KEYS/a.key" -passin 'pass:pass phrase' -pubout | cmp - "$KEYS/a.pub"
	run -0 --separate-stderr wm_with 'pass phrase' key public "$KEYS/a.key"
	[ "$output" = "$(cat "$KEYS/a.pub")" ]
	run -2 --separate-stderr wm_with 'pass phrasf' key public "$KEYS/a.key"
	refused_as passphrase-wrong
	[ -z "$output" ]
	run -2 --separate-stderr wm key public "$KEYS/a.key"
	refused_as passphrase-needed
}

@test "key new: without terminal, descriptor or --no-passphrase it refuses" {
	run -2 --separate-stderr wm key new a
	refused_as passphrase-needed
	[[ $stderr == *--no-passphrase* ]]
	run -2 --separate-stderr wm_with '' key new a
	refused_as usage
	run -2 --separate-stderr wm_with secret key new a --no-passphrase
	refused_as usage
	run -2 --separate-stderr wm key new a --passphrase-fd 77
	refused_as usage
	run -2 --separate-stderr wm key new a --passphrase-fd x
	refused_as usage
	[ ! -e "$KEYS/a.key" ] && [ ! -e "$KEYS/a.pub" ]
}

# Types lines at the terminal of `key new a`.
type_in() {
	(for line; do sleep 0.7; printf '%s\n' "$line"; done; sleep 0.7) |
		script -qec "'$B/weightmark' key new a" /dev/null
}

@test "key new: the terminal is asked twice, without echo" {
	command -v script >/dev/null || skip "script is not installed"
	run -2 type_in canary-one canary-two
	[[ $output == *'passphrases differ'* && $output != *canary* ]]
	[ ! -e "$KEYS/a.key" ]
	run -0 type_in canary-one canary-one
	[[ $output == *keyid* && $output != *canary* ]]
	run -0 --separate-stderr wm_with canary-one key id "$KEYS/a.key"
}

@test "key new: asking for a passphrase leaves ignored signals ignored" {
	command -v script >/dev/null || skip "script is not installed"
	cat >ask <<-'end'
		trap "" HUP
		"$B/weightmark" key new a >/dev/null 2>&1 &
		sleep 0.7
		stty -a | grep -ow -- '-*echo'
		kill -HUP $!
		sleep 0.2
		kill -TERM $!
		wait $!
		echo "ended by $?"
		stty -a | grep -ow -- '-*echo'
	end
	run script -qec 'bash ask' /dev/null < <(sleep 3)
	[[ ${output//$'\r'/} == *$'-echo\nended by 143\necho' ]]
}

@test "key: a passphrase of 1024 bytes, and one more" {
	local longest
	longest=$(printf '%1024s' x | tr ' ' y)
	run -0 --separate-stderr wm_with "$longest" key new a
	run -0 --separate-stderr wm_with "$longest" key public "$KEYS/a.key"
	run -2 --separate-stderr wm_with "z$longest" key new b
	refused_as usage
	[ ! -e "$KEYS/b.pub" ]
	run -2 --separate-stderr wm_with "z$longest" key public "$KEYS/a.key"
	refused_as passphrase-wrong
}

@test "key id: the SHA-256 of the public key, from either half" {
	wm key new ./a --no-passphrase
	local id
	id=$(openssl pkey -pubin -in a.pub -outform DER | sha256sum | cut -d' ' -f1)
	run -0 --separate-stderr wm key id a.pub
	[ "$output" = "$id" ]
	run -0 --separate-stderr wm key id a.key
	[ "$output" = "$id" ]
	run -0 --separate-stderr wm key id a.key --json
	is_json "$output"
	[[ $output == *"\"keyid\": \"$id\""* ]]
}

@test "key: a private key that others may read draws a warning" {
	wm key new ./a --no-passphrase
	chmod 640 a.key
	run -0 --separate-stderr wm key id a.key
	[[ $stderr == *'warning: a.key: others may read'* ]]
	chmod 600 a.key
	run -0 --separate-stderr wm key id a.key
	[ -z "$stderr" ]
}

@test "key: files that are no keys, words that are no verbs" {
	echo nothing >bad.key
	run -2 --separate-stderr wm key id bad.key
	refused_as key-malformed
	run -3 --separate-stderr wm key id absent.key
	refused_as not-found
	mkfifo pipe
	truncate -s 65536 full.key && truncate -s 65537 big.key
	local file
	for file in . pipe big.key full.key; do
		run -2 --separate-stderr wm key id $file
		refused_as key-malformed
	done
	[[ $stderr != *'more than'* ]] # 65536 bytes are read, and then no key
	run -2 --separate-stderr wm key nwe a
	refused_as usage
	[[ $stderr == *"did you mean 'new'?"* ]]
	local arguments
	for arguments in key 'key new' 'key new a b' 'key id'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr wm $arguments
		refused_as usage
	done
}

@test "key: neither memory nor core files can be read by others" {
	command -v strace >/dev/null || skip "strace is not installed"
	# In this order: once undumpable, the process shows strace no memory unless that runs as root.
	run -0 env $no_leaks strace -e trace=prctl,prlimit64,setrlimit "$B/weightmark" key new ./a --no-passphrase
	[[ $output == *'RLIMIT_CORE, {rlim_cur=0, rlim_max=0}'*'prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE'* ]]
	run -0 env $no_leaks strace -e trace=prctl,prlimit64,setrlimit "$B/weightmark" key id a.key
	[[ $output == *'prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE'* ]]
	# What forbids it, such as a sandbox, is no bug of ours.
	run -3 --separate-stderr env $no_leaks strace -qq -o /dev/null -e trace=prctl -e inject=prctl:error=EPERM \
		"$B/weightmark" key id a.key
	refused_as protect-failed
}

@test "key: --ssh as JSON, and a log's key has no keyid" {
	wm key new ./p --no-passphrase --algorithm ed25519 >/dev/null
	wm init acme.example/models --ledger ledger.git --out acme.vkey >/dev/null
	for key in p.pub acme.vkey; do
		line=$(wm key public "$key" --ssh)
		run -0 --separate-stderr wm key public "$key" --ssh --json
		[ "$(jq -r .allowed_signer <<<"$output")" = "$line" ]
	done
	[[ $(wm key public p.pub --ssh) == '* namespaces="git" ssh-ed25519 '* ]]
	for verb in id public; do
		run -2 --separate-stderr wm key "$verb" acme.vkey
		refused_as usage
		[[ $stderr == *--log-key*--ssh* ]]
	done
}
