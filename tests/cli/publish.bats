#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# A log as static files: written, continued, served by a web server, audited, damaged.
load helper
load signed

ORIGIN=acme.example/models

teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
}

given_published() {
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	given
	wm init "$ORIGIN" --ledger ledger.git --out acme.vkey >/dev/null
	given_more a
	wm publish site --ledger ledger.git >/dev/null
}

# Records checkpoints of these names, three entries each.
given_more() { # name...
	local name
	for name; do
		cp "$GOOD" "$name.safetensors"
		sed "s/name: digits-mlp/name: $name/" m.yaml >"$name.yaml"
		wm sign "$name.safetensors" -m "$name.yaml" --key publisher.key --ledger ledger.git >/dev/null
	done
}

# Serves site/ on a free port of this machine; sets URL.
serve() { # [option of httpd...]
	local port
	command -v busybox >/dev/null || skip 'busybox is not installed'
	for port in $(shuf -i 20000-40000 -n 20); do
		busybox httpd -f -p "127.0.0.1:$port" -h site "$@" 2>/dev/null &
		SERVER=$!
		sleep 0.3
		kill -0 "$SERVER" 2>/dev/null && break
	done
	URL=http://127.0.0.1:$port
}

audit_site() { # status reason
	run "-$1" --separate-stderr wm audit site --log-key acme.vkey
	[ "$1" = 0 ] || refused_as "$2"
}

@test "publish: C2SP tlog-tiles, byte for byte" {
	given_published
	[ "$(cat site/checkpoint)" = "$(git --git-dir=ledger.git show "weightmark/$ORIGIN:checkpoint")" ]
	cmp site/key acme.vkey
	[ "$(stat -c %s site/tile/0/000.p/3)" = 96 ]
	[ "$(stat -c %s site/tile/entries/000.p/3)" = 324 ]
	[ -s site/tile/envelopes/000.p/3 ]
	# A leaf is the digest of 00 and the record; the record names the entry by its SHA-256.
	leaf=$({ printf '\0' && tail -c +3 site/tile/entries/000.p/3 | head -c 106; } | sha256sum | cut -d' ' -f1)
	[ "$leaf" = "$(head -c 32 site/tile/0/000.p/3 | od -An -t x1 | tr -d ' \n')" ]
	entry=$(git --git-dir=ledger.git show "weightmark/$ORIGIN:0000000000" | sha256sum | cut -d' ' -f1)
	[ "$entry" = "$(tail -c +77 site/tile/entries/000.p/3 | head -c 32 | od -An -t x1 | tr -d ' \n')" ]
	audit_site 0
}

@test "publish: again writes what is new, and the same as from nothing" {
	given_published
	run -0 --separate-stderr wm publish site --ledger ledger.git --json
	[ "$(of_json "$output" .files_written)" = 0 ]
	given_more b c
	run -0 --separate-stderr wm publish site --ledger ledger.git --json
	[ "$(of_json "$output" '[.published_before, .size] | join(" ")')" = '3 9' ]
	wm publish anew --ledger ledger.git >/dev/null
	while read -r file; do
		cmp "anew/$file" "site/$file"
	done < <(cd anew && find . -type f)
	audit_site 0
	wm audit site --log-key acme.vkey --json >said
	[ "$(jq -r '[.pinned, .size, .withheld, .linkage] | join(" ")' said)" = 'true 9 0 linked' ]
}

@test "publish: another log, or another history, is left alone" {
	given_published
	wm init other.example --ledger other.git >/dev/null
	wm append a.safetensors.wmk --ledger other.git --no-proofs >/dev/null
	find site -type f -exec sha256sum {} + >before
	run -1 --separate-stderr wm publish site --ledger other.git
	refused_as publication-foreign
	git --git-dir=ledger.git update-ref "refs/heads/weightmark/$ORIGIN" "weightmark/$ORIGIN~1"
	run -1 --separate-stderr wm publish site --ledger ledger.git
	refused_as publication-foreign
	sha256sum -c --quiet before
}

@test "publish: a directory of other files is left alone" {
	given_published
	mkdir -p www/tile && echo hello >www/index.html
	run -1 --separate-stderr wm publish www --ledger ledger.git
	refused_as publication-foreign
	[[ $stderr == *"'index.html'"* ]]
	[ "$(find www -type f)" = www/index.html ]
	# What an interrupted call left, and what is hidden, is in nobody's way.
	mv www/index.html www/.hidden
	run -0 wm publish www --ledger ledger.git
	run -0 wm audit www --log-key acme.vkey
	echo hello >www/index.html
	run -0 wm publish www --ledger ledger.git
}

@test "publish: without envelopes" {
	given_published
	wm publish bare --ledger ledger.git --no-envelopes >/dev/null
	[ ! -e bare/tile/envelopes ]
	run -0 wm audit bare --log-key acme.vkey
	[[ $output == *'withheld 3 entries'* ]]
}

@test "publish: envelopes that were left out are made up for, and never taken back" {
	given_published
	wm publish bare --ledger ledger.git --no-envelopes >/dev/null
	run -0 wm publish bare --ledger ledger.git --json
	[ "$(of_json "$output" .files_written)" = 1 ]
	run -0 diff -r bare site
	wm publish grown --ledger ledger.git --no-envelopes >/dev/null
	given_more $(seq 1 90)
	wm publish grown --ledger ledger.git --no-envelopes >/dev/null
	given_more b
	wm publish grown --ledger ledger.git >/dev/null
	run -0 wm audit grown --log-key acme.vkey
	[[ $output != *withheld* ]]
	find site grown -type f -exec sha256sum {} + >before
	for directory in site grown; do
		run -1 --separate-stderr wm publish "$directory" --ledger ledger.git --no-envelopes
		refused_as publication-foreign
		[[ $stderr == *"$directory/tile/envelopes: "* ]]
	done
	sha256sum -c --quiet before
}

@test "publish: damage anywhere is found" {
	given_published
	cp -r site whole
	while read -r file; do
		rm -rf site && cp -r whole site
		flip "site/$file" 40
		run -1 --separate-stderr wm audit site --log-key acme.vkey
		[[ $stderr == *'[publication-malformed]'* || $stderr == *'[note-'* || $stderr == *'[entry-malformed]'* ]] ||
			{ [ "$file" = ./key ] && [ "$status" != 0 ]; } || { echo "$file: $stderr"; return 1; }
	done < <(cd whole && find . -type f ! -name key)
	for file in key checkpoint tile/0/000.p/3 tile/entries/000.p/3; do
		rm -rf site && cp -r whole site && rm "site/$file"
		audit_site 1 publication-malformed
		rm -rf site && cp -r whole site && printf x >>"site/$file"
		run --separate-stderr wm audit site --log-key acme.vkey
		[ "$status" = 1 ] || [ "$status" = 2 ]
	done
	rm -rf site && cp -r whole site
	audit_site 0
	# Older, and shorter than what was seen.
	given_more b
	wm publish site --ledger ledger.git >/dev/null
	audit_site 0
	rm -rf site && cp -r whole site
	audit_site 1 log-behind
}

@test "publish: audited over a web server" {
	given_published
	serve
	run -0 --separate-stderr wm audit "$URL" --log-key acme.vkey --json
	[ "$(of_json "$output" '[.size, .linkage] | join(" ")')" = '3 first-seen' ]
	given_more b
	wm publish site --ledger ledger.git >/dev/null
	run -0 --separate-stderr wm audit "$URL/" --log-key acme.vkey --json
	[ "$(of_json "$output" '[.size, .linkage] | join(" ")')" = '6 linked' ]
	rm site/tile/entries/000.p/6
	run -1 --separate-stderr wm audit "$URL" --log-key acme.vkey
	refused_as publication-malformed
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null || true
	run -3 --separate-stderr wm audit "$URL" --log-key acme.vkey
	refused_as fetch-failed
}

@test "publish: a server's page about a missing file is no file, however long" {
	given_published
	head -c 100000 /dev/zero | tr '\0' x >missing.html
	printf 'E404:%s\n' "$PWD/missing.html" >httpd.conf
	cp -r site whole
	serve -c "$PWD/httpd.conf"
	run -0 --separate-stderr wm audit "$URL" --log-key acme.vkey
	rm -r site/tile/envelopes
	run -0 --separate-stderr wm audit "$URL" --log-key acme.vkey
	[[ $output == *'withheld 3 entries'* ]]
	for file in tile/entries/000.p/3 checkpoint key; do
		rm "site/$file"
		run -1 --separate-stderr wm audit "$URL" --log-key acme.vkey
		refused_as publication-malformed
		[[ $stderr == *"$file is not there"* ]]
		cp -r whole/. site
	done
	rm site/key site/checkpoint
	run -3 --separate-stderr wm audit "$URL" --log-key acme.vkey
	refused_as not-found
}

@test "publish: what is no publication at all" {
	given_published
	run -3 --separate-stderr wm audit nowhere --log-key acme.vkey
	refused_as not-found
	mkdir nothing
	run -3 --separate-stderr wm audit nothing --log-key acme.vkey
	refused_as not-found
	git init -q worktree
	for repository in ledger.git worktree; do
		run -2 --separate-stderr wm audit "$repository" --log-key acme.vkey
		refused_as usage
		[[ $stderr == *--ledger* ]]
	done
}

@test "publish: the key of another log is left alone, with or without a checkpoint" {
	given_published
	wm init other.example --ledger other.git --out other.vkey >/dev/null
	mkdir begun
	cp other.vkey begun/key
	run -1 --separate-stderr wm publish begun --ledger ledger.git
	refused_as publication-foreign
	[ "$(find begun -type f)" = begun/key ]
	cp acme.vkey begun/key
	run -0 wm publish begun --ledger ledger.git
	cp other.vkey site/key
	run -1 --separate-stderr wm publish site --ledger ledger.git
	refused_as publication-foreign
}

@test "publish: addresses that are refused before connecting" {
	given
	run -2 --separate-stderr wm audit https://user:secret@127.0.0.1/
	refused_as url-refused
	[[ $stderr != *secret* && $stderr == *https://* ]]
	for url in http://example.org/x ftp://127.0.0.1/x file:///etc/passwd gopher://127.0.0.1 'https://user:pw@127.0.0.1/' \
		http://127.0.0.1.example.org/ 'https://-x/' $'https://h/\e[2J' 'https://h/a b' 'http://localhost@example.org/'; do
		run -2 --separate-stderr wm audit "$url"
		refused_as url-refused
		harmless "${stderr%%$'\n'*}"
	done
}

@test "publish: what was seen before is held against what is published" {
	given_published
	run -0 wm audit site --log-key acme.vkey --sidecar a.safetensors.wmk
	[[ $output == *'3 in the sidecars'* ]]
	run -1 --separate-stderr wm audit site --sidecar nowhere.wmk
	refused_as sidecar-missing
	run -1 --separate-stderr wm audit site --origin acme.example/other
	refused_as origin-unknown
	run -2 --separate-stderr wm audit site --ledger ledger.git
	refused_as usage
	run -0 wm audit site --key publisher.pub --json
	[ "$(of_json "$output" .signatures_verified)" = 3 ]
	run -0 wm audit site --json
	[ "$(of_json "$output" .signatures_not_verified)" = 3 ]
	# Another history by the same key, seen by somebody who holds a sidecar alone.
	git init -q --bare other.git
	mkdir -p other.git/weightmark && cp -rp ledger.git/weightmark/acme.example+models other.git/weightmark
	rm other.git/weightmark/acme.example+models/state
	wm init "$ORIGIN" --ledger other.git >/dev/null
	cp "$GOOD" z.safetensors && sed 's/name: digits-mlp/name: z/' m.yaml >z.yaml
	wm sign z.safetensors -m z.yaml --key publisher.key --ledger other.git >/dev/null
	wm publish forged --ledger other.git >/dev/null
	rm -r "$XDG_STATE_HOME"
	run -1 --separate-stderr wm audit forged --log-key acme.vkey --sidecar a.safetensors.wmk
	refused_as log-fork
	run -0 wm audit --evidence "$(find "$XDG_STATE_HOME" -name '*.fork.json')"
	# A sidecar of another log says nothing here.
	run -1 --separate-stderr wm audit forged --sidecar "$GOOD/../../golden/interop/p256.wmk"
}

@test "publish: damaged tiles are written again, links are not followed, a broken key is the publication's fault" {
	given_published
	flip site/tile/0/000.p/3 10
	run -0 wm publish site --ledger ledger.git
	audit_site 0
	mkdir aside && mkdir linked && ln -s ../aside linked/tile
	run -1 --separate-stderr wm publish linked --ledger ledger.git
	refused_as publication-foreign
	[ -z "$(ls aside)" ]
	printf 'no key\n' >site/key
	audit_site 1 publication-malformed
}
