#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# Logs: made, appended to, listed, looked up in, and read by stock git.
load helper
load signed

setup_file() {
	unset GIT_DIR
}

given_log() {
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	given
	wm init acme.example/models --ledger ledger.git --out acme.vkey >/dev/null
}

given_recorded() {
	given_log
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git >/dev/null
}

# A sidecar NAME.wmk of a checkpoint of its own: another PATH.
given_more() { # name...
	local name
	for name; do
		cp "$GOOD" "$name.safetensors"
		sed "s/name: digits-mlp/name: $name/" m.yaml >"$name.yaml"
		wm sign "$name.safetensors" -m "$name.yaml" --key publisher.key >/dev/null
	done
}

branch() { git --git-dir=ledger.git rev-parse refs/heads/weightmark/acme.example/models; }

@test "ledger: init makes a bare repository, a key of mode 0600 and one signed commit" {
	given
	run -0 --separate-stderr wm init acme.example/models --ledger ledger.git --json
	is_json "$output"
	[[ $(of_json "$output" .log_key) == acme.example/models+????????+* ]]
	[ "$(git --git-dir=ledger.git rev-list --count weightmark/acme.example/models)" = 1 ]
	[ "$(stat -c %a 'ledger.git/weightmark/acme.example+models/log.key')" = 600 ]
	[ "$(stat -c %a 'ledger.git/weightmark/acme.example+models')" = 700 ]
	run -0 wm audit --ledger ledger.git
	[[ $output == *'0 in 1 commit,'* ]]
	run -2 --separate-stderr wm init acme.example/models --ledger ledger.git
	refused_as exists
	run -1 --separate-stderr wm init acme.example --ledger ledger.git
	refused_as origin-conflict
	run -2 --separate-stderr wm init $'a\e[2Jb' --ledger ledger.git
	refused_as origin-invalid
	harmless "${stderr%%$'\n'*}"
	for name in '' A a//b /a a/ .a a..b a.lock 'a b' 'a+b' "$(printf 'a%.0s' {1..129})"; do
		run -2 --separate-stderr wm init "$name" --ledger ledger.git
		refused_as origin-invalid
	done
}

@test "ledger: sign records, and the sidecar gets its proofs" {
	given_log
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git --json
	[ "$(of_json "$output" .recorded.appended)" = 3 ]
	[ "$(of_json "$output" .recorded.size)" = 3 ]
	run -0 wm verify model.safetensors --key publisher.pub --log-key acme.vkey
	[[ $output == *logged* ]]
	# Again, nothing changes.
	sha256sum model.safetensors.wmk >before
	before=$(branch)
	run -0 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git --json
	[ "$(of_json "$output" '.recorded | [.appended, .present, .size] | join(" ")')" = '0 3 3' ]
	sha256sum -c --quiet before
	[ "$(branch)" = "$before" ]
}

@test "ledger: stock git verifies commits; fsck and gc are harmless" {
	given_recorded
	wm key public acme.vkey --ssh >allowed
	[[ $(<allowed) == 'log@acme.example/models namespaces="git" ssh-ed25519 '* ]]
	git=(git --git-dir=ledger.git -c gpg.ssh.allowedSignersFile="$PWD/allowed")
	run -0 "${git[@]}" verify-commit weightmark/acme.example/models
	run -0 "${git[@]}" log --format=%G? weightmark/acme.example/models
	[ "$output" = $'G\nG' ]
	run -0 "${git[@]}" log --show-signature -1 weightmark/acme.example/models
	[[ $output == *'Good "git" signature for log@acme.example/models'* ]]
	run -0 git --git-dir=ledger.git fsck --strict
	git --git-dir=ledger.git gc --quiet --prune=now
	run -0 git --git-dir=ledger.git fsck --strict
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
	given_more b
	run -0 wm append b.safetensors.wmk --ledger ledger.git
	run -0 wm audit --ledger ledger.git --log-key acme.vkey --json
	[ "$(of_json "$output" '.logs[0].linkage')" = linked ]
	# Another signer's name is not good.
	sed -i 's/ssh-ed25519 .*/ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbKjsUfX3RdqhFvWZVVqvqUvJvXz1nHLkWn0n8wWcPi/' allowed
	run -1 "${git[@]}" verify-commit weightmark/acme.example/models
}

@test "ledger: append takes sidecars of others, each envelope once" {
	given_log
	given_more a b
	run -0 --separate-stderr wm append a.safetensors.wmk b.safetensors.wmk a.safetensors.wmk --ledger ledger.git --json
	[ "$(of_json "$output" '.recorded.appended')" = 6 ]
	run -0 --separate-stderr wm append a.safetensors.wmk b.safetensors.wmk --ledger ledger.git --json
	[ "$(of_json "$output" '.recorded | [.appended, .present, .sidecars_updated] | join(" ")')" = '0 6 0' ]
	[ "$(git --git-dir=ledger.git rev-list --count weightmark/acme.example/models)" = 2 ]
	for name in a b; do
		run -0 wm verify "$name.safetensors" --key publisher.pub --log-key acme.vkey
	done
	wm key new ./other --no-passphrase >/dev/null
	given_more c
	run -1 --separate-stderr wm append c.safetensors.wmk --ledger ledger.git --key other.pub
	refused_as key-untrusted
	run -0 wm append c.safetensors.wmk --ledger ledger.git --key publisher.pub --no-proofs
	printf x >bad.wmk
	before=$(branch)
	run -1 --separate-stderr wm append a.safetensors.wmk bad.wmk --ledger ledger.git
	refused_as sidecar-malformed
	run -1 --separate-stderr wm append missing.wmk --ledger ledger.git
	refused_as sidecar-missing
	[ "$(branch)" = "$before" ]
}

@test "ledger: log and find" {
	given_log
	given_more a b
	wm append a.safetensors.wmk b.safetensors.wmk --ledger ledger.git >/dev/null
	run -0 --separate-stderr wm log --ledger ledger.git --json -n 2
	[ "$(of_json "$output" '.logs[0] | [.size, .writer, (.entries | length), .entries[0].position] | join(" ")')" = '6 true 2 5' ]
	run -0 wm log --ledger ledger.git
	[[ $output == 'log acme.example/models, 6 entries, can be appended to'* ]]
	run -1 --separate-stderr wm log --ledger ledger.git --origin acme.example/model
	refused_as origin-unknown
	found() { # entries, arguments of find
		run -0 --separate-stderr wm find --ledger ledger.git --json "${@:2}"
		[ "$(of_json "$output" '.entries | length')" = "$1" ]
	}
	found 2 a.safetensors
	run -0 wm digest a.safetensors --json
	digests=$output
	found 2 --weights "$(of_json "$digests" '[.. | .weights_digest? // empty][0]')"
	found 2 --sha256 "$(sha256sum <a.safetensors | cut -d' ' -f1)"
	found 1 --name a
	id=$(wm log --ledger ledger.git --json | jq -r '.logs[0].entries[0].statement')
	found 1 --statement "$id"
	found 1 --statement "${id:3:8}"
	object=$(wm log --ledger ledger.git --json | jq -r '[.logs[0].entries[] | select(.kind == "manifest")][0].object')
	found 1 --object "$object"
	found 6 --party "key:$(wm key id publisher.pub)"
	wm find --ledger ledger.git --name a >said
	short=$(sed -n 's/.*signed by key \([0-9a-f]*\) .*/\1/p' said | head -1)
	found 6 --party "$short"
	found 6 --party "key:${short:0:8}"
	run -1 wm find --ledger ledger.git --party "${short:0:7}"
	run -1 wm find --ledger ledger.git --party 00000000
	run -2 --separate-stderr wm find --ledger ledger.git --name a --party "$short"
	[[ $stderr == *'give only one'* ]]
	found 6 --dataset digits-train || found 6 --dataset "$(wm log --ledger ledger.git --json |
		jq -r '[.logs[0].entries[] | select(.kind == "dataset")][0].object')" || true
	run -1 --separate-stderr wm find --ledger ledger.git --name nobody
	[[ $stderr == *'nothing found'* ]]
	run -2 --separate-stderr wm find --ledger ledger.git
	refused_as usage
	run -2 --separate-stderr wm find --ledger ledger.git --weights xyz
	refused_as usage
	# The index is a cache: without it, the same answers.
	rm -r "$XDG_CACHE_HOME/weightmark/index"
	found 2 a.safetensors
	[ -d "$XDG_CACHE_HOME/weightmark/index" ]
}

@test "ledger: several are read as one; what both have is shown once" {
	given_log
	given_more a b
	wm append a.safetensors.wmk --ledger ledger.git >/dev/null
	git clone -q --bare ledger.git clone.git
	wm init other.example/log --ledger other.git >/dev/null
	wm append b.safetensors.wmk --ledger other.git >/dev/null
	run -0 wm find --ledger ledger.git --ledger clone.git --ledger other.git --sha256 "$(sha256sum <a.safetensors | cut -d' ' -f1)" --json
	[ "$(of_json "$output" '[.entries[].origin] | join(" ")')" = 'acme.example/models other.example/log' ]
	run -0 wm find --ledger ledger.git --ledger other.git --origin other.example/log --name b --json
	[ "$(of_json "$output" '.entries | length')" = 1 ]
	# What two logs hold is an entry of each.
	wm append a.safetensors.wmk --ledger other.git >/dev/null
	run -0 wm find --ledger ledger.git --ledger clone.git --ledger other.git --name a --json
	[ "$(of_json "$output" '[.entries[].origin] | join(" ")')" = 'acme.example/models other.example/log' ]
	# In one ledger too, what other logs hold does not use the number up.
	wm init zoo.example/log --ledger ledger.git >/dev/null
	wm append b.safetensors.wmk --ledger ledger.git --origin zoo.example/log >/dev/null
	run -0 wm find --ledger ledger.git --origin zoo.example/log --party "key:$(wm key id publisher.pub)" -n 1 --json
	[ "$(of_json "$output" '[.entries[].origin] | join(" ")')" = zoo.example/log ]
}

@test "ledger: a clone cannot be written to" {
	given_recorded
	git clone -q --bare ledger.git clone.git
	given_more a
	before=$(sha256sum <a.safetensors.wmk)
	run -2 --separate-stderr wm append a.safetensors.wmk --ledger clone.git
	refused_as not-writer
	run -2 --separate-stderr wm append a.safetensors.wmk --ledger clone.git --origin acme.example/models
	refused_as not-writer
	[ "$(sha256sum <a.safetensors.wmk)" = "$before" ]
	run -2 --separate-stderr wm init acme.example/models --ledger clone.git
	refused_as exists
}

@test "ledger: a ref that was moved by hand" {
	given_recorded
	given_more a b
	wm append a.safetensors.wmk --ledger ledger.git >/dev/null
	wm append b.safetensors.wmk --ledger ledger.git >/dev/null
	tip=$(branch)
	git --git-dir=ledger.git update-ref refs/heads/weightmark/acme.example/models "$tip~2"
	run -1 --separate-stderr wm append b.safetensors.wmk --ledger ledger.git
	refused_as ref-moved
	git --git-dir=ledger.git update-ref -d refs/heads/weightmark/acme.example/models
	run -1 --separate-stderr wm append b.safetensors.wmk --ledger ledger.git --origin acme.example/models
	refused_as ref-moved
	git --git-dir=ledger.git update-ref refs/heads/weightmark/acme.example/models "$tip"
	run -0 wm append b.safetensors.wmk --ledger ledger.git
	# One back is where the last append began: it is completed once more, to the same tree.
	git --git-dir=ledger.git update-ref refs/heads/weightmark/acme.example/models "$tip~1"
	run -0 wm append b.safetensors.wmk --ledger ledger.git
	run -0 wm audit --ledger ledger.git --log-key acme.vkey --sidecar b.safetensors.wmk
}

@test "ledger: objects that are missing or damaged" {
	given_recorded
	entry=$(git --git-dir=ledger.git rev-parse weightmark/acme.example/models:0000000001)
	object=ledger.git/objects/${entry:0:2}/${entry:2}
	cp "$object" saved
	chmod u+w "$object"
	flip "$object" 40
	run -1 --separate-stderr wm audit --ledger ledger.git
	refused_as object-missing
	rm -f "$object"
	rm -rf "$XDG_CACHE_HOME"
	run -1 --separate-stderr wm find --ledger ledger.git --name digits-mlp
	refused_as object-missing
	cp saved "$object"
	run -0 wm audit --ledger ledger.git
}

@test "ledger: what is no ledger" {
	given
	run -1 --separate-stderr wm log --ledger nowhere
	refused_as ledger-missing
	mkdir empty
	run -1 --separate-stderr wm append m.wmk --ledger empty
	refused_as sidecar-missing
	run -1 --separate-stderr wm log --ledger empty
	refused_as ledger-missing
	git init -q --bare bare.git
	run -0 --separate-stderr wm log --ledger bare.git --json
	[ "$(of_json "$output" '.logs | length')" = 0 ]
	run -2 --separate-stderr wm log
	refused_as usage
	# In a repository that is used for other things.
	git init -q used && git -C used -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
	run -0 wm init acme.example/models --ledger used
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger used >/dev/null
	run -0 wm audit --ledger used
	[ -z "$(git -C used status --porcelain)" ]
}

@test "ledger: the clock is set back" {
	given_recorded
	given_more a
	at=$(git --git-dir=ledger.git log -1 --format=%ct weightmark/acme.example/models)
	command -v faketime >/dev/null || skip 'faketime is not installed'
	run -0 faketime '2020-01-01' "$B/weightmark" append a.safetensors.wmk --ledger ledger.git
	[ "$(git --git-dir=ledger.git log -1 --format=%ct weightmark/acme.example/models)" -ge "$at" ]
	run -0 wm audit --ledger ledger.git
}

@test "ledger: no space, no permission" {
	plain_build
	given_log
	given_more a
	for fault in write:error=ENOSPC:when=2+ openat:error=EMFILE:when=80+ fsync:error=EIO:when=5+; do
		cp -r ledger.git faulty.git
		run --separate-stderr strace -f -qq -o /dev/null -e trace="${fault%%:*}" -e inject="$fault" \
			"$B/weightmark" append a.safetensors.wmk --ledger faulty.git
		[ "$status" = 3 ]
		run -0 wm append a.safetensors.wmk --ledger faulty.git --no-proofs
		run -0 wm audit --ledger faulty.git
		[[ $output == *'entries  3 in 2 commits'* ]]
		rm -rf faulty.git
	done
}

@test "ledger: what is audited must be there" {
	given_log
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git >/dev/null
	run -1 --separate-stderr wm audit --ledger ledger.git --origin acme.example/other
	refused_as origin-unknown
	run -0 wm audit --ledger ledger.git --log-key acme.vkey --sidecar model.safetensors.wmk
	cp -r ledger.git gone.git
	git --git-dir=gone.git update-ref -d refs/heads/weightmark/acme.example/models
	run -1 --separate-stderr wm audit --ledger gone.git
	refused_as origin-unknown
	run -1 --separate-stderr wm audit --ledger gone.git --log-key acme.vkey
	refused_as log-behind
	# Another log is there, and not the one that was seen.
	wm init beta.example/models --ledger beta.git >/dev/null
	run -1 --separate-stderr wm audit --ledger beta.git --log-key acme.vkey
	refused_as log-behind
	run -0 wm audit --ledger beta.git --log-key acme.vkey --origin beta.example/models
	run -1 --separate-stderr wm audit --ledger beta.git --sidecar model.safetensors.wmk
	refused_as origin-unknown
	run -0 wm audit --ledger beta.git --ledger ledger.git --log-key acme.vkey --sidecar model.safetensors.wmk
	[[ $output == *'of other logs'* ]]
}

# Of a ref that is no proper file git says nothing, as if it were not there.
hasty_audit() { # file that is damaged
	run -1 --separate-stderr timeout 20 "$B/weightmark" audit --ledger copy.git
	case $1 in refs/*) refused_as origin-unknown ;; *) refused_as ledger-malformed ;; esac
}

@test "ledger: files that git would wait for, or read without end" {
	given_log
	for name in config packed-refs HEAD refs/heads/weightmark/acme.example/models; do
		rm -rf copy.git && cp -r ledger.git copy.git && rm -f "copy.git/$name" && mkfifo "copy.git/$name"
		hasty_audit "$name"
		rm "copy.git/$name" && truncate -s 1G "copy.git/$name"
		hasty_audit "$name"
	done
	rm -rf copy.git && cp -r ledger.git copy.git
	id=$(git --git-dir=copy.git rev-parse weightmark/acme.example/models)
	loose=copy.git/objects/${id:0:2}/${id:2}
	rm -f "$loose" && mkfifo "$loose"
	run -1 --separate-stderr timeout 20 "$B/weightmark" log --ledger copy.git
	refused_as ledger-malformed
}

@test "ledger: init makes nothing where the key cannot be written" {
	given
	run -3 --separate-stderr wm init acme.example/models --ledger ledger.git --out nodir/acme.vkey
	refused_as write-failed
	[ ! -e ledger.git ]
	run -0 wm init acme.example/models --ledger ledger.git --out acme.vkey
	[ "$(stat -c %a acme.vkey)" = 644 ]
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
}

@test "ledger: nothing is signed for a log that cannot be appended to" {
	given_log
	git clone -q --bare ledger.git copy.git
	git init -q --bare empty.git
	for refused in 'missing.git ledger-missing 1' 'empty.git origin-unknown 1' 'copy.git not-writer 2'; do
		read -r ledger reason status <<<"$refused"
		for more in '' --dry-run; do
			run "-$status" --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --ledger "$ledger" $more
			refused_as "$reason"
			run "-$status" --separate-stderr wm admit model.safetensors --source https://example.org --reason pilot \
				--expires "$(date -d '+30 days' +%F)" --key publisher.key --ledger "$ledger" $more
			refused_as "$reason"
			[ ! -e model.safetensors.wmk ]
		done
	done
	before=$(branch)
	run -0 wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git --dry-run
	[[ $output == *'log       acme.example/models, 0 entries, could be appended to'* ]]
	run -0 wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git --dry-run --json
	[ "$(of_json "$output" '.would_record | [.origin, .size] | join(" ")')" = 'acme.example/models 0' ]
	[ "$(branch)" = "$before" ] && [ ! -e model.safetensors.wmk ]
}

@test "ledger: --origin without a ledger is a mistake" {
	given
	for more in '' --dry-run; do
		run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --origin acme.example/models $more
		refused_as usage
		[[ $stderr == *--ledger* ]]
	done
	[ ! -e model.safetensors.wmk ]
	# As a setting it names the log for whenever there is one.
	WEIGHTMARK_ORIGIN=acme.example/models run -0 wm sign model.safetensors -m m.yaml --key publisher.key
}

@test "ledger: corrections come after what they correct, and are told" {
	given_log
	wm sign model.safetensors -m m.yaml --key publisher.key >/dev/null
	for licence in MIT CC0-1.0 Apache-2.0 MIT CC0-1.0; do
		sed -i "s/version: 1.0.0, licence: [^}]*/version: 1.0.0, licence: $licence/" m.yaml
		wm sign model.safetensors -m m.yaml --amend --reason licence --key publisher.key >/dev/null
	done
	wm append model.safetensors.wmk --ledger ledger.git >/dev/null
	wm log --ledger ledger.git --json >said
	manifests='[.logs[0].entries[] | select(.kind == "manifest")] | sort_by(.position)'
	[ "$(jq -c "$manifests | map(.sequence)" said)" = '[1,2,3,4,5,6]' ]
	[ "$(jq "$manifests | [.[:-1], .[1:]] | transpose | all(.[0].superseded_by == .[1].statement)" said)" = true ]
	[ "$(jq "$manifests | last | has(\"superseded_by\")" said)" = false ]
	run -0 wm find --ledger ledger.git --name digits-mlp
	[ "$(grep -c 'superseded by wm:' <<<"$output")" = 5 ]
	run -0 wm verify model.safetensors --key publisher.pub --log-key acme.vkey
}

@test "ledger: of two logs one must be named" {
	given_signed
	for name in one two; do
		wm init "$name.example" --ledger ledger.git >/dev/null
	done
	git clone -q --bare ledger.git copy.git
	for verb in 'append model.safetensors.wmk --ledger ledger.git' 'publish site --ledger ledger.git' \
		'publish site --ledger copy.git'; do
		# shellcheck disable=SC2086 # a command line
		run -2 --separate-stderr wm $verb
		refused_as usage
		[[ $stderr == *'one.example and two.example'*--origin* ]]
	done
	[ ! -e site ]
	run -0 wm publish site --ledger copy.git --origin two.example
}

@test "ledger: init says what to do in a directory of other files" {
	mkdir full
	echo x >full/file
	run -2 --separate-stderr wm init acme.example/models --ledger full
	refused_as exists
	[[ $stderr == *--ledger* ]]
	[ "$(ls full)" = file ]
}

@test "ledger: a writer's state that is damaged is nothing to remove" {
	given_log
	truncate -s 10 'ledger.git/weightmark/acme.example+models/state'
	run -2 --separate-stderr wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git
	refused_as writer-malformed
	[[ $stderr == *'never remove it'* ]]
}

# An Ed25519 key as ssh-keygen takes it (OpenSSH, PROTOCOL.key).
openssh_key() { # PEM, out
	openssl pkey -in "$1" -outform DER | tail -c 32 >seed
	openssl pkey -in "$1" -pubout -outform DER | tail -c 32 >public
	python3 - "$2" <<-'END'
		import base64, struct, sys
		text = lambda b: struct.pack(">I", len(b)) + b
		seed, public = open("seed", "rb").read(), open("public", "rb").read()
		blob = text(b"ssh-ed25519") + text(public)
		private = b"\0" * 8 + blob + text(seed + public) + text(b"")
		private += bytes(range(1, 1 + -len(private) % 8))
		key = b"openssh-key-v1\0" + text(b"none") * 2 + text(b"") + struct.pack(">I", 1) + text(blob) + text(private)
		with open(sys.argv[1], "w") as out:
		    out.write("-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(key).decode()
		              + "-----END OPENSSH PRIVATE KEY-----\n")
	END
	chmod 600 "$2"
}

# Commits that the log's own key signs, and that weightmark would not write.
recommit() { # sed script
	git --git-dir=ledger.git cat-file commit weightmark/acme.example/models |
		sed -e '/^gpgsig/,/END SSH/d' -e "$1" >plain
	ssh-keygen -Y sign -q -f log.ssh -n git plain
	{ sed '/^$/,$d' plain; sed -e '1s/^/gpgsig /' -e '2,$s/^/ /' plain.sig; sed -n '/^$/,$p' plain; } >signed
	rm -f plain.sig
	git --git-dir=ledger.git update-ref refs/heads/weightmark/acme.example/models \
		"$(git --git-dir=ledger.git hash-object -t commit -w signed)"
}

@test "ledger: commits of another form" {
	command -v python3 >/dev/null || skip 'python3 is not installed'
	given_log
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger ledger.git >/dev/null
	cp 'ledger.git/weightmark/acme.example+models/log.key' log.pem
	openssh_key log.pem log.ssh
	tip=$(git --git-dir=ledger.git rev-parse weightmark/acme.example/models)
	recommit 's/x/x/'
	[ "$(git --git-dir=ledger.git rev-parse weightmark/acme.example/models)" = "$tip" ]
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
	for script in 's/^entries 0 /entries 00 /' 's/^entries 0 to 2/entries 1 to 2/' 's/^entries 0 to 2/entries 0 to 3/' \
		'/^entries/a more' G 's/> [0-9]* +/> 1000000000 +/' 's/> /> 0/'; do
		git --git-dir=ledger.git update-ref refs/heads/weightmark/acme.example/models "$tip"
		recommit "$script"
		[ "$(git --git-dir=ledger.git rev-parse weightmark/acme.example/models)" != "$tip" ]
		run -1 --separate-stderr wm audit --ledger ledger.git --log-key acme.vkey
		refused_as ledger-malformed
	done
}
