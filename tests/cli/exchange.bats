#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# Logs exchanged between repositories: forward only, and whatever a hostile one holds.
load helper
load signed

LOG=acme.example/models
REF=refs/heads/weightmark/$LOG

setup_file() {
	unset GIT_DIR
	export GIT_CONFIG_NOSYSTEM=1
}

# A log of its own in ours.git, and hub.git, an empty bare repository.
given_two() {
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	given
	wm init $LOG --ledger ours.git --out acme.vkey >/dev/null
	git init -q --bare hub.git
}

# Entries of statements about NAME: given_entries LEDGER NAME...
given_entries() {
	local ledger=$1 name
	for name in "${@:2}"; do
		cp "$GOOD" "$name.safetensors"
		sed "s/^  name: .*/  name: $name/" m.yaml >"$name.yaml"
		wm sign "$name.safetensors" -m "$name.yaml" --key publisher.key --ledger "$ledger" >/dev/null
	done
}

# ours.git with entries, pushed to hub.git and cloned to theirs.git.
given_shared() {
	given_two
	given_entries ours.git a
	wm push hub.git --ledger ours.git >/dev/null
	wm clone hub.git theirs.git >/dev/null
}

tip() { git --git-dir="$1" rev-parse "${2:-$REF}"; }
result() { of_json "$output" ".logs[0].result"; }
reason() { of_json "$output" ".logs[0].reason"; }

# A commit as the log makes them but for its tree, which git mktree makes of standard input.
given_tree() { # repository
	local g=(git --git-dir="$1") old new tree
	old=$(tip "$1")
	tree=$("${g[@]}" mktree --missing)
	new=$("${g[@]}" cat-file commit "$old" | sed "s/^tree .*/tree $tree/" | sed "s/^parent .*/parent $old/" |
		"${g[@]}" hash-object -t commit -w --stdin)
	"${g[@]}" update-ref "$REF" "$new"
}

nothing_left() { # repository
	[ -z "$(find "$1/weightmark" -name '.fetch-*' 2>/dev/null)" ]
}

@test "exchange: push to an empty repository" {
	given_two
	given_entries ours.git a
	run -0 --separate-stderr wm push hub.git --ledger ours.git --json
	is_json "$output"
	[ "$(result)" = new ]
	[ "$(tip hub.git)" = "$(tip ours.git)" ]
	git --git-dir=hub.git fsck --strict --no-dangling
	nothing_left ours.git
}

@test "exchange: clone prints keys and pins nothing; clones cannot write" {
	given_two
	given_entries ours.git a
	wm push hub.git --ledger ours.git >/dev/null
	mkdir sub && cd sub
	run -0 wm clone ../hub.git
	[[ $output == *"log key  $(<../acme.vkey)"* && $output == *'no key is pinned'* ]]
	[ "$(git --git-dir=hub.git rev-parse --is-bare-repository)" = true ]
	[ "$(tip hub.git)" = "$(tip ../ours.git)" ]
	run -0 wm audit --ledger hub.git --log-key ../acme.vkey
	run -2 --separate-stderr wm append ../a.safetensors.wmk --ledger hub.git --origin $LOG
	refused_as not-writer
	run -2 --separate-stderr wm clone ../hub.git
	refused_as exists
	run -2 --separate-stderr wm clone ..
	refused_as usage
	[ -z "$(git --git-dir=hub.git config --get-regexp '^remote')" ]
	nothing_left hub.git
}

@test "exchange: both directions, and nothing to do" {
	given_shared
	given_entries ours.git b
	run -0 --separate-stderr wm push hub.git --ledger ours.git --json
	[ "$(result)" = updated ]
	run -0 --separate-stderr wm push hub.git --ledger ours.git --json
	[ "$(result)" = up-to-date ]
	run -0 --separate-stderr wm push hub.git --ledger theirs.git --json
	[ "$(result)" = behind ]
	[ "$(tip hub.git)" = "$(tip ours.git)" ]
	run -0 wm pull hub.git --ledger theirs.git
	[[ $output == *'updated    acme.example/models, from 3 to 6 entries'* ]]
	[ "$(tip theirs.git)" = "$(tip ours.git)" ]
	run -0 wm audit --ledger theirs.git --log-key acme.vkey
	git --git-dir=theirs.git fsck --strict --no-dangling
	# Behind: what we have stays.
	git --git-dir=hub.git update-ref $REF "$(tip hub.git)~1"
	run -0 --separate-stderr wm pull hub.git --ledger theirs.git --json
	[ "$(result)" = behind ]
	[ "$(tip theirs.git)" = "$(tip ours.git)" ]
	run -0 --separate-stderr wm push hub.git --ledger theirs.git --json
	[ "$(result)" = updated ]
	run -1 --separate-stderr wm pull hub.git --ledger theirs.git --origin acme.example/none
	refused_as origin-unknown
	nothing_left theirs.git
}

@test "exchange: several logs, one of them chosen" {
	given_two
	wm init other.example --ledger ours.git >/dev/null
	run -0 --separate-stderr wm push hub.git --ledger ours.git --origin other.example --json
	[ "$(of_json "$output" '.logs | length')" = 1 ]
	run -128 tip hub.git
	wm push hub.git --ledger ours.git >/dev/null
	run -0 --separate-stderr wm clone hub.git c.git --origin other.example --json
	[ "$(of_json "$output" '[.logs[].origin] | join(" ")')" = other.example ]
	run -0 --separate-stderr wm pull hub.git --ledger c.git --json
	[ "$(of_json "$output" '[.logs[].result] | join(" ")')" = 'new up-to-date' ]
}

@test "exchange: addresses that are refused before anything happens" {
	given_shared
	for url in 'ext::sh -c touch% ran' 'ext::sh' '-oProxyCommand=touch ran' 'http://127.0.0.1:9/x' \
		'git://127.0.0.1/x' "file://$PWD/hub.git" 'ssh://-oProxyCommand=x/y' 'host:path' \
		'https://u:p@127.0.0.1/x' $'hub.git\n' 'https://127.0.0.1/..%2fx' 'ssh://git@-x/y'; do
		for verb in pull push; do
			run -2 --separate-stderr strace -f -qq -o trace -e trace=network,execve \
				"$B/weightmark" $verb --ledger theirs.git -- "$url"
			refused_as url-refused
			[ "$(grep -cE 'connect\(|socket\(|execve\(' trace)" = 1 ] # ourselves
		done
		run -2 --separate-stderr wm clone -- "$url" new.git
		refused_as url-refused
		[ ! -e new.git ]
	done
	[ ! -e ran ]
}

@test "exchange: rewritten history with the log's own key leaves evidence" {
	given_shared
	cp -r ours.git forked.git
	given_entries ours.git b
	given_entries forked.git c d
	wm push hub.git --ledger ours.git >/dev/null
	wm pull hub.git --ledger theirs.git >/dev/null
	before=$(tip theirs.git)
	run -1 --separate-stderr wm pull forked.git --ledger theirs.git
	refused_as log-fork
	[ "$(tip theirs.git)" = "$before" ]
	run -0 wm audit --evidence "$XDG_STATE_HOME"/weightmark/logs/evidence/*.fork.json
	[[ $output == *'sizes    6 and 9'* ]]
	rm -r "$XDG_STATE_HOME"
	# The same seen from the other sides.
	run -1 --separate-stderr wm push hub.git --ledger forked.git --json
	[ "$(reason)" = log-fork ]
	run -0 wm audit --evidence "$(of_json "$output" '.logs[0].evidence')"
	[ "$(tip hub.git)" = "$before" ]
	run -1 --separate-stderr wm pull theirs.git --ledger forked.git
	refused_as log-fork
	# Where the evidence cannot be kept, it is no less a fork.
	rm -r "$XDG_STATE_HOME/weightmark/logs/evidence"
	: >"$XDG_STATE_HOME/weightmark/logs/evidence"
	run -1 --separate-stderr wm pull theirs.git --ledger forked.git
	refused_as log-fork
	[[ $stderr == *'evidence could not be kept'* ]]
	# Of one size.
	cp -r ours.git even.git
	given_entries ours.git e
	given_entries even.git f
	rm -r "$XDG_STATE_HOME"
	run -1 --separate-stderr wm pull even.git --ledger ours.git
	refused_as log-fork
	run -0 wm audit --evidence "$XDG_STATE_HOME"/weightmark/logs/evidence/*.fork.json
}

@test "exchange: a branch that is forced back and forth while it is fetched" {
	given_shared
	cp -r ours.git forked.git
	given_entries ours.git b c
	given_entries forked.git d e
	git --git-dir=hub.git fetch -q "$PWD/ours.git" "$REF:refs/heads/one"
	git --git-dir=hub.git fetch -q "$PWD/forked.git" "$REF:refs/heads/two"
	old=$(tip theirs.git)
	(while :; do
		for at in one two; do git --git-dir=hub.git update-ref $REF refs/heads/$at; done
	done) 3>&- &
	forcing=$!
	for _ in {1..15}; do
		rm -rf again.git
		cp -r theirs.git again.git
		run --separate-stderr wm pull hub.git --ledger again.git --json
		[ "$status" = 0 ] || [ "$status" = 3 ]
		now=$(tip again.git)
		[ "$now" = "$old" ] || [ "$now" = "$(tip ours.git)" ] || [ "$now" = "$(tip forked.git)" ]
		run -0 wm audit --ledger again.git
	done
	kill $forcing
	wait $forcing 2>/dev/null || true
}

@test "exchange: a log of the same name by another key" {
	given_shared
	wm init $LOG --ledger foreign.git >/dev/null
	given_entries foreign.git x y
	before=$(tip theirs.git)
	run -1 --separate-stderr wm pull foreign.git --ledger theirs.git
	refused_as log-key-changed
	[ "$(tip theirs.git)" = "$before" ]
	run -1 --separate-stderr wm push hub.git --ledger foreign.git
	refused_as log-key-changed
	[ "$(tip hub.git)" = "$before" ]
}

@test "exchange: trees with anything but a ledger's files" {
	given_shared
	good=$(git --git-dir=hub.git ls-tree $REF)
	blob=$(git --git-dir=hub.git rev-parse $REF:key)
	origin=$(tip hub.git)
	before=$(tip theirs.git)
	for line in "120000 blob $blob	link" "160000 commit $origin	module" "100755 blob $blob	0000000009" \
		"100644 blob $blob	.gitmodules" "120000 blob $blob	.gitmodules" "100644 blob $blob	a\\b" \
		"100644 blob $blob	"$'.g\u200cit' "100644 blob $blob	extra" "040000 tree $(tip hub.git $REF^{tree})	dir" \
		"100644 blob $blob	"$'\e[2J' "100644 blob $blob	.." "100644 blob $blob	0000000099"; do
		printf '%s\n%s\n' "$good" "$line" | given_tree hub.git
		run -1 --separate-stderr wm pull hub.git --ledger theirs.git
		refused_as ledger-malformed
		harmless "${stderr%%$'\n'*}"
		[ "$(tip theirs.git)" = "$before" ]
		git --git-dir=hub.git update-ref $REF "$origin"
	done
	nothing_left theirs.git
	run -0 wm pull hub.git --ledger theirs.git
}

@test "exchange: merges, foreign commits, branches of other names and other objects" {
	given_shared
	git init -q work
	git -C work -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
	git -C work push -q ../hub.git HEAD:refs/heads/weightmark/foreign.example HEAD:refs/heads/main \
		"HEAD:refs/heads/weightmark/Upper" "HEAD:refs/heads/weightmark/-x" HEAD:refs/tags/v1
	git --git-dir=hub.git update-ref refs/heads/weightmark/a.tree "$(tip hub.git $REF^{commit})"
	given_entries ours.git b
	wm push hub.git --ledger ours.git --origin $LOG >/dev/null
	run -2 --separate-stderr wm pull hub.git --ledger theirs.git --json
	is_json "$output"
	[ "$(of_json "$output" '[.logs[] | .origin + "=" + (.reason // .result)] | sort | join(" ")')" = \
		'-x=origin-invalid Upper=origin-invalid a.tree=ledger-malformed acme.example/models=updated foreign.example=ledger-malformed' ]
	[ "$(git --git-dir=theirs.git for-each-ref | wc -l)" = 1 ]
	# A merge.
	old=$(tip hub.git)
	new=$(git --git-dir=hub.git cat-file commit "$old" | sed "s/^parent .*/&\n&/" |
		git --git-dir=hub.git hash-object -t commit -w --stdin --literally)
	git --git-dir=hub.git update-ref $REF "$new"
	run -1 --separate-stderr wm pull hub.git --ledger theirs.git --origin $LOG
	refused_as ledger-malformed
	# Commits made anew over the same entries.
	new=$(git --git-dir=hub.git cat-file commit "$old" | sed "s/weightmark <log@.*> /&1/" |
		git --git-dir=hub.git hash-object -t commit -w --stdin)
	git --git-dir=hub.git update-ref $REF "$new"
	run -1 --separate-stderr wm pull hub.git --ledger theirs.git --origin $LOG
	refused_as ledger-rewritten
	[ "$(tip theirs.git)" = "$old" ]
}

@test "exchange: configuration, hooks and helpers of both repositories do nothing" {
	given_shared
	given_entries ours.git b
	for r in ours.git hub.git theirs.git; do
		for hook in pre-receive update post-receive post-update reference-transaction pre-push post-merge \
			fsmonitor-watchman push-to-checkout proc-receive; do
			printf '#!/bin/sh\ntouch %q\n' "$PWD/ran" >$r/hooks/$hook
			chmod +x $r/hooks/$hook
		done
		git --git-dir=$r config core.fsmonitor "touch $PWD/ran"
		git --git-dir=$r config core.sshCommand "touch $PWD/ran"
		git --git-dir=$r config core.gitProxy "touch $PWD/ran"
		git --git-dir=$r config uploadpack.packObjectsHook "touch $PWD/ran"
		git --git-dir=$r config url.http://127.0.0.1:9/.insteadOf "$PWD/"
		git --git-dir=$r config url.http://127.0.0.1:9/x.insteadOf hub.git
		git --git-dir=$r config url.http://127.0.0.1:9/y.pushInsteadOf hub.git
	done
	cp ours.git/config "$HOME/.gitconfig"
	run -0 strace -f -qq -o trace -e trace=execve "$B/weightmark" push hub.git --ledger ours.git
	run -0 strace -f -qq -o trace2 -e trace=execve "$B/weightmark" pull "$PWD/hub.git" --ledger theirs.git
	[ "$(grep -c 'execve(' trace)" = 1 ] && [ "$(grep -c 'execve(' trace2)" = 1 ]
	[ ! -e ran ]
	[ "$(tip theirs.git)" = "$(tip ours.git)" ]
}

@test "exchange: very many refs are refused, in time" {
	given_shared
	old=$(tip hub.git)
	seq 100000 | sed "s|.*|$old refs/heads/x/&|" >>hub.git/packed-refs
	run -1 --separate-stderr timeout 60 "$B/weightmark" pull hub.git --ledger theirs.git
	refused_as limit
	sed -i '/x\//d' hub.git/packed-refs
	seq 5000 | sed "s|.*|$old refs/heads/weightmark/x/&|" >>hub.git/packed-refs
	run -1 --separate-stderr timeout 60 "$B/weightmark" pull hub.git --ledger theirs.git
	refused_as limit
	nothing_left theirs.git
}

@test "exchange: objects that are larger than any entry, packed small" {
	given_shared
	given_entries ours.git b
	wm push hub.git --ledger ours.git >/dev/null
	blob=$(head -c 300000000 /dev/zero | git --git-dir=hub.git hash-object -w --stdin)
	printf '100644 blob %s\t%s\n' "$blob" 0000000006 | given_tree hub.git
	run -1 --separate-stderr wm pull hub.git --ledger theirs.git
	refused_as limit
	nothing_left theirs.git
}

@test "exchange: missing and damaged objects" {
	given_shared
	given_entries ours.git b
	wm push hub.git --ledger ours.git >/dev/null
	before=$(tip theirs.git)
	for pack in hub.git/objects/pack/*.pack; do
		chmod u+w "$pack"
		flip "$pack" 60
	done
	run --separate-stderr wm pull hub.git --ledger theirs.git
	[ "$status" = 3 ]
	refused_as remote-failed
	[ "$(tip theirs.git)" = "$before" ]
	nothing_left theirs.git
}

@test "exchange: killed at any point, the old state or the new one; what it left is removed" {
	plain_build
	given_shared
	given_entries ours.git b
	wm push hub.git --ledger ours.git >/dev/null
	cp -r theirs.git old.git
	for n in 1 5 20 40 60 80 100 120 140; do
		rm -rf theirs.git && cp -r old.git theirs.git
		strace -f -qq -o /dev/null -e trace=write,pwrite64,fsync,rename -e inject=write,pwrite64,fsync,rename:signal=KILL:when=$n \
			"$B/weightmark" pull hub.git --ledger theirs.git >/dev/null 2>&1 || true
		[ "$(tip theirs.git)" = "$(tip old.git)" ] || [ "$(tip theirs.git)" = "$(tip ours.git)" ]
		run -0 wm pull hub.git --ledger theirs.git
		nothing_left theirs.git
		[ "$(tip theirs.git)" = "$(tip ours.git)" ]
		run -0 wm audit --ledger theirs.git
	done
}

@test "exchange: a writer's own log is not moved from outside" {
	given_shared
	cp -r ours.git backup.git
	given_entries ours.git b
	wm push hub.git --ledger ours.git >/dev/null
	before=$(tip backup.git)
	run -1 --separate-stderr wm pull hub.git --ledger backup.git
	refused_as ref-moved
	wm pull hub.git --ledger theirs.git >/dev/null
	run -1 --separate-stderr wm push backup.git --ledger theirs.git
	refused_as ref-moved
	[ "$(tip backup.git)" = "$before" ]
}

@test "exchange: what is no repository" {
	given_shared
	run -3 --separate-stderr wm pull nowhere --ledger theirs.git
	refused_as remote-failed
	mkdir empty
	run -3 --separate-stderr wm push empty --ledger theirs.git
	refused_as remote-failed
	run -1 --separate-stderr wm pull hub.git --ledger nowhere
	refused_as ledger-missing
	# What a failed clone left is used by the next one.
	git init -q --bare new.git
	run -0 wm clone hub.git new.git
}

@test "exchange: clone of what is not there makes nothing" {
	mkdir there
	for from in ./nowhere.git "$PWD/nowhere.git" there; do
		run -1 --separate-stderr wm clone "$from" mine.git
		refused_as ledger-missing
		[ ! -e mine.git ]
	done
}
