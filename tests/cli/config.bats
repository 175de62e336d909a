#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper

@test "config: set, get, list, unset" {
	run -0 --separate-stderr wm config set issuer acme.example
	[ -z "$output$stderr" ]
	[ "$(stat -c %a "$CONFIG")" = 600 ] && [ "$(stat -c %a "${CONFIG%/*}")" = 700 ]
	run -0 --separate-stderr wm config set jobs 4
	run -0 --separate-stderr wm config get issuer
	[ "$output" = acme.example ]
	run -0 --separate-stderr wm config list
	[[ $output == *'acme.example'*"($CONFIG)"* ]]
	run -0 --separate-stderr wm config list --json
	is_json "$output"
	run -0 --separate-stderr wm config unset issuer
	run -1 --separate-stderr wm config get issuer
	[ -z "$output" ]
	run -1 --separate-stderr wm config get issuer --json
	is_json "$output"
	run -0 --separate-stderr wm config get jobs
	[ "$output" = 4 ]
	run -0 --separate-stderr wm config unset jobs
	run -0 --separate-stderr wm config list
}

@test "config: text comes back as it was given" {
	local text
	for text in no '1.10' "it's" '# no comment' ' a: b' '- c' '"' '~' 'ü' '%x' '&a' '*a' '!b' 'a '; do
		run -0 --separate-stderr wm config set issuer -- "$text"
		run -0 --separate-stderr wm config get issuer
		[ "$output" = "$text" ]
	done
	run -2 --separate-stderr wm config set issuer $'a\nkey: /evil'
	refused_as usage
	run -2 --separate-stderr wm config set issuer $'\xff'
	refused_as usage
}

@test "config: paths become absolute; public-key is a list" {
	touch a.pub b.pub
	run -0 --separate-stderr wm config set public-key a.pub "$PWD/b.pub"
	[ -z "$stderr" ]
	run -0 --separate-stderr wm config get public-key
	[ "$output" = "$PWD/a.pub"$'\n'"$PWD/b.pub" ]
	run -0 --separate-stderr wm config set key absent.key
	[[ $stderr == *warning* ]]
	run -2 --separate-stderr wm config set key a b
	refused_as usage
	printf 'key: keys/mine.key\n' >"$CONFIG"
	run -0 --separate-stderr wm config get key
	[ "$output" = "${CONFIG%/*}/keys/mine.key" ]
}

@test "config: the environment comes before the file" {
	wm config set jobs 4
	WEIGHTMARK_JOBS=2 run -0 --separate-stderr wm config get jobs
	[ "$output" = 2 ]
	WEIGHTMARK_JOBS='' run -0 --separate-stderr wm config get jobs
	[ "$output" = 4 ]
	WEIGHTMARK_PUBLIC_KEY=/a::/b run -0 --separate-stderr wm config get public-key
	[ "$output" = /a$'\n'/b ]
	WEIGHTMARK_KEY=$'/\xff\e' run -0 --separate-stderr wm config list --json
	is_json "$output"
}

@test "config path: XDG_CONFIG_HOME if absolute, else HOME" {
	run -0 --separate-stderr wm config path
	[ "$output" = "$CONFIG" ]
	XDG_CONFIG_HOME=relative run -0 --separate-stderr wm config path --json
	is_json "$output"
	[[ $output == *"$HOME/.config/weightmark/config"* ]]
	XDG_CONFIG_HOME='' HOME=also/relative run -2 --separate-stderr wm config path
	refused_as usage
}

@test "config: files planted in the current directory are ignored" {
	mkdir -p weightmark .config/weightmark relative/weightmark
	local place
	for place in config weightmark/config .config/weightmark/config relative/weightmark/config \
		weightmark.yaml .weightmark; do
		echo 'issuer: evil' >"$place"
	done
	run -1 --separate-stderr wm config get issuer
	XDG_CONFIG_HOME=. run -1 --separate-stderr wm config get issuer
	XDG_CONFIG_HOME=relative run -1 --separate-stderr wm config get issuer
	XDG_CONFIG_HOME='' HOME=. run -1 --separate-stderr wm config get issuer
	[ -z "$output" ]
	mkdir -p "${CONFIG%/*}" && cp config "$CONFIG"
	run -0 --separate-stderr wm config get issuer
	[ "$output" = evil ]
}

@test "config: a malformed file is named with its line" {
	mkdir -p "${CONFIG%/*}"
	local text
	printf 'jobs: 2\nkye: a\n' >"$CONFIG"
	run -2 --separate-stderr wm config list
	refused_as config-malformed
	[[ $stderr == *"$CONFIG:2: "*"'kye'; did you mean 'key'?"* ]]
	for text in '- a' 'a' 'jobs: x' 'jobs: [1]' 'issuer: {a: b}' 'public-key: [[a]]' \
		'issuer: ""' $'jobs: 1\n---\njobs: 2'; do
		printf '%s\n' "$text" >"$CONFIG"
		run -2 --separate-stderr wm config list
		refused_as config-malformed
	done
	for text in $'jobs: 1\njobs: 2' 'issuer: &b c' '{'; do
		printf '%s\n' "$text" >"$CONFIG"
		run -2 --separate-stderr wm config list
		refused_as yaml-malformed
	done
	run -0 --separate-stderr wm version
	for text in '' '# a comment' 'jobs: 1 # a comment'; do
		printf '%s\n' "$text" >"$CONFIG"
		run -0 --separate-stderr wm config list
	done
}

@test "config: a file that others could have written is refused" {
	wm config set issuer acme.example
	chmod 646 "$CONFIG"
	run -2 --separate-stderr wm config get issuer
	refused_as config-writable
	chmod 644 "$CONFIG"
	run -0 --separate-stderr wm config get issuer
	if [ "$(id -u)" = 0 ]; then
		chown 12345 "$CONFIG"
		run -2 --separate-stderr wm config get issuer
		refused_as config-writable
	fi
	rm "$CONFIG" && mkdir "$CONFIG"
	run -2 --separate-stderr wm config get issuer
	refused_as config-malformed
}

@test "config: a file of 65536 bytes, and one more" {
	mkdir -p "${CONFIG%/*}"
	printf 'jobs: 1\n#%65527s' x >"$CONFIG"
	[ "$(stat -c %s "$CONFIG")" = 65536 ]
	run -0 --separate-stderr wm config get jobs
	echo >>"$CONFIG"
	run -2 --separate-stderr wm config get jobs
	refused_as config-malformed
}

@test "config: a linked file stays a link; other settings stay" {
	mkdir -p "${CONFIG%/*}"
	printf 'issuer: acme.example\npublic-key:\n  - /a\n  - /b\n' >elsewhere
	ln -s "$PWD/elsewhere" "$CONFIG"
	run -0 --separate-stderr wm config set jobs 3
	[ -L "$CONFIG" ]
	grep -q jobs elsewhere
	run -0 --separate-stderr wm config get public-key
	[ "$output" = /a$'\n'/b ]
}

@test "config: unknown and superfluous words" {
	run -2 --separate-stderr wm config set isuer a
	refused_as usage
	[[ $stderr == *"did you mean 'issuer'?"* ]]
	run -2 --separate-stderr wm config get isuer
	refused_as usage
	run -2 --separate-stderr wm config set issuer
	refused_as usage
	run -2 --separate-stderr wm config set issuer ''
	refused_as usage
	run -2 --separate-stderr wm config set jobs -- -1
	refused_as usage
	run -2 --separate-stderr wm config set jobs 4294967296
	refused_as usage
	run -0 --separate-stderr wm config set jobs 4294967295
}
