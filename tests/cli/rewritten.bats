#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# A history rewritten in five ways, each found out by a verifier who holds one old sidecar and has pinned the log's key.
load helper
load signed

ORIGIN=acme.example/models
BRANCH=refs/heads/weightmark/$ORIGIN

# A log of four statements sets; old.wmk is a sidecar from when it had two, theirs.git what is served now.
setup() {
	unset "${!WEIGHTMARK_@}" GIT_DIR
	export HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	given
	wm init "$ORIGIN" --ledger ledger.git --out acme.vkey >/dev/null
	for name in a b c d; do
		cp "$GOOD" "$name.safetensors"
		sed "s/name: digits-mlp/name: $name/" m.yaml >"$name.yaml"
		wm sign "$name.safetensors" -m "$name.yaml" --key publisher.key --ledger ledger.git >/dev/null
		[ "$name" != b ] || cp b.safetensors.wmk old.wmk
	done
	git clone -q --bare ledger.git theirs.git
	# Whoever has the honest history is content.
	run -0 wm audit --ledger theirs.git --log-key acme.vkey --sidecar old.wmk
	rm -r "$XDG_STATE_HOME"
}

git_() { git --git-dir=theirs.git "$@"; }
audit() { # status
	run "-$1" --separate-stderr wm audit --ledger theirs.git --log-key acme.vkey --sidecar old.wmk
}

# Makes a commit like COMMIT, on PARENT, with the tree of standard input; prints it.
commit_like() { # commit parent
	local tree
	tree=$(git_ mktree)
	git_ cat-file commit "$1" | sed "s/^tree .*/tree $tree/; s/^parent .*/parent $2/" | git_ hash-object -t commit -w --stdin
}

@test "rewritten: an entry amended" {
	entry=$(git_ cat-file blob "$BRANCH:0000000009" | sed "s/urn:weightmark/urn:weightmarK/" | git_ hash-object -w --stdin)
	tip=$(git_ ls-tree "$BRANCH" | sed "s/blob .*\t0000000009$/blob $entry\t0000000009/" | commit_like "$BRANCH" "$(git_ rev-parse "$BRANCH~1")")
	git_ update-ref "$BRANCH" "$tip"
	audit 1
	refused_as ledger-malformed || refused_as commit-signature
	# With another signature over the commit, by whoever did it, it is no better.
	ssh-keygen -q -t ed25519 -N '' -f mine || skip 'no ssh-keygen'
	tip=$(git_ -c gpg.format=ssh -c user.signingkey="$PWD/mine" commit-tree -S -p "$BRANCH~1" -m x "$tip^{tree}")
	git_ update-ref "$BRANCH" "$tip"
	audit 1
	refused_as ledger-malformed
}

@test "rewritten: the newest entries dropped" {
	git_ update-ref "$BRANCH" "$BRANCH~3"
	audit 1
	refused_as log-behind
}

@test "rewritten: an older copy beside the newer one is but older" {
	git_ update-ref "$BRANCH" "$BRANCH~1"
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
	run -1 --separate-stderr wm audit --ledger ledger.git --ledger theirs.git --log-key acme.vkey
	refused_as log-behind
	[[ $stderr == *'older, and consistent with what was seen: pull'* ]]
	run -1 --separate-stderr wm audit --ledger theirs.git --log-key acme.vkey
	refused_as log-behind
	[[ $stderr != *consistent* ]]
}

@test "rewritten: an older copy that was audited before is but older" {
	git_ update-ref "$BRANCH" "$BRANCH~1"
	run -0 wm audit --ledger theirs.git --log-key acme.vkey
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
	run -1 --separate-stderr wm audit --ledger theirs.git --log-key acme.vkey
	refused_as log-behind
	[[ $stderr == *'older, and consistent with what was seen: pull'* ]]
}

@test "rewritten: entries reordered" {
	first=$(git_ rev-parse "$BRANCH:0000000009") second=$(git_ rev-parse "$BRANCH:0000000010")
	tip=$(git_ ls-tree "$BRANCH" | sed "s/$first/SWAP/; s/$second/$first/; s/SWAP/$second/" | commit_like "$BRANCH" "$(git_ rev-parse "$BRANCH~1")")
	git_ update-ref "$BRANCH" "$tip"
	audit 1
	refused_as ledger-malformed || refused_as commit-signature
	# So are commits.
	git_ update-ref "$BRANCH" "$(git --git-dir=ledger.git rev-parse "$BRANCH")"
	middle=$(git_ ls-tree "$BRANCH" | commit_like "$BRANCH" "$(git_ rev-parse "$BRANCH~2")")
	tip=$(git_ ls-tree "$BRANCH~1" | commit_like "$BRANCH~1" "$middle")
	git_ update-ref "$BRANCH" "$tip"
	audit 1
}

@test "rewritten: another history pushed over it" {
	wm init "$ORIGIN" --ledger other.git >/dev/null
	wm append c.safetensors.wmk d.safetensors.wmk --ledger other.git --no-proofs >/dev/null
	git --git-dir=other.git push -q -f "$PWD/theirs.git" "$BRANCH"
	audit 1
	refused_as note-signature
}

@test "rewritten: made anew with the right key, in any length; the evidence convinces anybody" {
	local writer=weightmark/acme.example+models
	git init -q --bare stolen.git
	mkdir -p "stolen.git/$writer"
	chmod 700 stolen.git/weightmark "stolen.git/$writer"
	cp -p "ledger.git/$writer/log.key" "stolen.git/$writer/"
	wm init "$ORIGIN" --ledger stolen.git >/dev/null
	for more in 'c d' 'a b'; do
		for name in $more; do
			wm append "$name.safetensors.wmk" --ledger stolen.git --no-proofs >/dev/null
		done
		git --git-dir=stolen.git push -q -f "$PWD/theirs.git" "$BRANCH"
		# By itself it is without fault, and whoever has seen nothing cannot know.
		run -0 wm audit --ledger theirs.git --log-key acme.vkey
		rm -r "$XDG_STATE_HOME"
		mkdir -p "$XDG_STATE_HOME/weightmark/logs"
		: >"$XDG_STATE_HOME/weightmark/logs/evidence"
		audit 1
		refused_as log-fork
		rm "$XDG_STATE_HOME/weightmark/logs/evidence"
		audit 1
		refused_as log-fork
		evidence=$(find "$XDG_STATE_HOME" -name '*.fork.json')
		[ -n "$evidence" ]
		(cd / && HOME=/nowhere XDG_STATE_HOME='' wm audit --evidence "$evidence") | grep -q 'signed two histories'
		run -0 wm audit --evidence "$evidence" --json
		[ "$(of_json "$output" '[.fork, .pinned] | join(" ")')" = 'true false' ]
		run -0 wm audit --evidence "$evidence" --log-key acme.vkey
		[[ $output == *'pinned   yes'* ]]
		wm init "$ORIGIN" --ledger strange.git --out strange.vkey >/dev/null
		run -0 wm audit --evidence "$evidence" --log-key strange.vkey
		[[ $output == *'pinned   no; another key is'* ]]
		rm -r strange.git strange.vkey
		for with in '--ledger theirs.git' '--sidecar old.wmk' .; do
			# shellcheck disable=SC2086 # an option and its value
			run -2 --separate-stderr wm audit --evidence "$evidence" $with
			refused_as usage
		done
		flip "$evidence" 300
		run -1 wm audit --evidence "$evidence"
		rm -r "$XDG_STATE_HOME"
	done
	# Heads that were seen before serve as well as a sidecar.
	run -0 wm audit --ledger ledger.git --log-key acme.vkey
	run -1 --separate-stderr wm audit --ledger theirs.git --log-key acme.vkey
	refused_as log-fork
}

@test "rewritten: two ledgers of one key contradict each other, whoever pinned nothing" {
	local writer=weightmark/acme.example+models
	for more in b 'a b c d'; do
		rm -rf stolen.git "$XDG_STATE_HOME"
		git init -q --bare stolen.git
		mkdir -p "stolen.git/$writer"
		chmod 700 stolen.git/weightmark "stolen.git/$writer"
		cp -p "ledger.git/$writer/log.key" "stolen.git/$writer/"
		wm init "$ORIGIN" --ledger stolen.git >/dev/null
		for name in $more; do
			sed "s/name: .*version/name: $name-other, version/" m.yaml >other.yaml
			cp "$GOOD" "$name-other.safetensors"
			rm -f "$name-other.safetensors.wmk"
			wm sign "$name-other.safetensors" -m other.yaml --key publisher.key --ledger stolen.git >/dev/null
		done
		size=$(wm log --ledger stolen.git --json | jq '.logs[0].size')
		for pair in 'ledger stolen' 'stolen ledger'; do
			read -r one two <<<"$pair"
			run -1 --separate-stderr wm audit --ledger "$one.git" --ledger "$two.git"
			refused_as log-fork
			[[ $stderr == *"of $size and 12 entries"* ]]
			run -0 wm audit --evidence "$XDG_STATE_HOME"/weightmark/logs/evidence/*.fork.json
			rm -r "$XDG_STATE_HOME"
		done
	done
	# One history in two lengths is none.
	git --git-dir=theirs.git update-ref "$BRANCH" "$BRANCH~1"
	run -0 wm audit --ledger ledger.git --ledger theirs.git
	run -0 wm audit --ledger theirs.git --ledger ledger.git
}
