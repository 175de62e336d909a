#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# Logs exchanged over ssh: a server of our own on the loopback device.
load helper
load signed

LOG=acme.example/models
REF=refs/heads/weightmark/$LOG

setup_file() {
	unset GIT_DIR SSH_AUTH_SOCK
}

teardown() {
	[ ! -f "$BATS_TEST_TMPDIR/pid" ] || kill "$(<"$BATS_TEST_TMPDIR/pid")"
}

# A server on 127.0.0.1:$PORT that knows our key; we know its.
given_server() {
	local sshd dir=$BATS_TEST_TMPDIR
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip 'sshd is not installed'
	export XDG_STATE_HOME=$dir/state
	me=$(id -un)
	mkdir -p "$HOME/.ssh" "$dir/sshd"
	chmod 700 "$HOME" "$HOME/.ssh"
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/sshd/host"
	ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
	cp "$HOME/.ssh/id_ed25519.pub" "$dir/sshd/keys"
	for PORT in $(shuf -i 20000-60000 -n 20); do
		printf '%s\n' "Port $PORT" 'ListenAddress 127.0.0.1' "HostKey $dir/sshd/host" "PidFile $dir/pid" \
			"AuthorizedKeysFile $dir/sshd/keys" 'StrictModes no' 'UsePAM no' 'PasswordAuthentication no' \
			'KbdInteractiveAuthentication no' 'PermitRootLogin prohibit-password' >"$dir/sshd/config"
		"$sshd" -f "$dir/sshd/config" -E "$dir/sshd/log" || continue
		for _ in {1..50}; do
			[ ! -f "$dir/pid" ] || break 2
			sleep 0.1
		done
	done
	[ -f "$dir/pid" ] || skip 'sshd does not start'
	echo "[127.0.0.1]:$PORT $(<"$dir/sshd/host.pub")" >"$HOME/.ssh/known_hosts"
	given
	wm init $LOG --ledger ours.git --out acme.vkey >/dev/null
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger ours.git >/dev/null
	git init -q --bare hub.git
	URL=ssh://$me@127.0.0.1:$PORT$PWD/hub.git
}

tip() { git --git-dir="$1" rev-parse "$REF"; }

@test "ssh: push, clone, pull" {
	given_server
	run -0 --separate-stderr wm push "$URL" --ledger ours.git --json
	[ "$(of_json "$output" '.logs[0].result')" = new ]
	[ "$(tip hub.git)" = "$(tip ours.git)" ]
	run -0 wm clone "$URL" theirs.git
	run -0 wm audit --ledger theirs.git --log-key acme.vkey
	cp "$GOOD" b.safetensors
	sed 's/^  name: .*/  name: b/' m.yaml >b.yaml
	wm sign b.safetensors -m b.yaml --key publisher.key --ledger ours.git >/dev/null
	run -0 --separate-stderr wm push "$URL" --ledger ours.git --json
	[ "$(of_json "$output" '.logs[0].result')" = updated ]
	run -0 --separate-stderr wm pull "$URL" --ledger theirs.git --json
	[ "$(of_json "$output" '.logs[0].result')" = updated ]
	[ "$(tip theirs.git)" = "$(tip ours.git)" ]
	run -0 --separate-stderr wm push "$URL" --ledger ours.git --json
	[ "$(of_json "$output" '.logs[0].result')" = up-to-date ]
	# What the server's own hook refuses is refused.
	printf '#!/bin/sh\nexit 1\n' >hub.git/hooks/update
	chmod +x hub.git/hooks/update
	wm init other.example --ledger ours.git >/dev/null
	run -1 --separate-stderr wm push "$URL" --ledger ours.git
	refused_as remote-refused
}

@test "ssh: forks are refused in both directions" {
	given_server
	cp -r ours.git forked.git
	for n in b c; do
		cp "$GOOD" $n.safetensors
		sed "s/^  name: .*/  name: $n/" m.yaml >$n.yaml
	done
	wm sign b.safetensors -m b.yaml --key publisher.key --ledger ours.git >/dev/null
	wm sign c.safetensors -m c.yaml --key publisher.key --ledger forked.git >/dev/null
	wm push "$URL" --ledger ours.git >/dev/null
	run -1 --separate-stderr wm push "$URL" --ledger forked.git
	refused_as log-fork
	run -1 --separate-stderr wm pull "$URL" --ledger forked.git
	refused_as log-fork
	[ "$(tip hub.git)" = "$(tip ours.git)" ]
}

@test "ssh: hosts that are unknown, or show another key" {
	given_server
	wm push "$URL" --ledger ours.git >/dev/null
	cp "$HOME/.ssh/known_hosts" known
	: >"$HOME/.ssh/known_hosts"
	run -3 --separate-stderr wm clone "$URL" a.git
	refused_as remote-failed
	ssh-keygen -q -t ed25519 -N '' -f other
	echo "[127.0.0.1]:$PORT $(<other.pub)" >"$HOME/.ssh/known_hosts"
	run -3 --separate-stderr wm clone "$URL" a.git
	refused_as remote-failed
	rm "$HOME/.ssh/known_hosts"
	run -3 --separate-stderr wm clone "$URL" a.git
	refused_as remote-failed
	cp known "$HOME/.ssh/known_hosts"
	run -0 wm clone "$URL" a.git
}

@test "ssh: keys that the server does not know, an agent, no key at all" {
	given_server
	mv "$HOME/.ssh/id_ed25519" good
	mv "$HOME/.ssh/id_ed25519.pub" good.pub
	run -3 --separate-stderr wm clone "$URL" a.git
	refused_as remote-failed
	ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
	run -3 --separate-stderr timeout 60 "$B/weightmark" clone "$URL" a.git
	refused_as remote-failed
	eval "$(ssh-agent -s)" >/dev/null
	ssh-add -q good
	run --separate-stderr wm clone "$URL" a.git
	kill "$SSH_AGENT_PID"
	[ "$status" = 0 ]
}
