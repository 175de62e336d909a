#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # bats sets stderr
load helper
load signed

# A file of one tensor of so many bytes.
shard() { # file name bytes
	local header="{\"$2\":{\"dtype\":\"U8\",\"shape\":[$3],\"data_offsets\":[0,$3]}}"
	{
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header"
		seq 1000000 | head -c "$3"
	} >"$1"
}

A=model-00001-of-00002.safetensors
Z=model-00002-of-00002.safetensors

# Two shards with a configuration and a document in a directory, `set` unless named; signed.
given_set() { # [directory]
	local d=${1:-set}
	given
	mkdir -p "$d"
	shard "$d/$A" a 100000
	shard "$d/$Z" z 50000
	echo '{}' >"$d/config.json"
	echo '# Model' >"$d/README.md"
	wm sign "$d" --manifest m.yaml --key publisher.key >/dev/null
}

measured() { # path
	wm digest --sha256 --json "$1" | jq 'del(.path, .file[]?.slot, .slot, .writers_excluded)'
}

teardown() {
	! mountpoint -q "$WORK/disk" || umount "$WORK/disk"
}

# An ext4 of so many MiB, mounted on `disk`.
given_disk() { # MiB
	command -v mkfs.ext4 >/dev/null || skip "mkfs.ext4 is not installed"
	truncate -s "$1M" image
	mkfs.ext4 -q -b 4096 image
	mkdir disk
	mount -o loop image "$PWD/disk" 2>/dev/null || skip "cannot mount"
	rmdir disk/lost+found
}

@test "embed: a slot goes in and out, and no digest changes" {
	given_signed
	cp model.safetensors before
	measured model.safetensors >digests
	run -0 --separate-stderr wm embed model.safetensors
	[ -z "$stderr" ]
	[ "${lines[0]}" = 'embedded into model.safetensors' ]
	cmp -s model.safetensors before && return 1
	[ $((($(stat -c %s model.safetensors) - $(stat -c %s before)) % 4096)) = 0 ]
	measured model.safetensors | cmp - digests
	cp model.safetensors embedded
	run -0 wm embed model.safetensors
	[[ ${lines[2]} == *unchanged* ]]
	cmp model.safetensors embedded
	run -0 wm verify model.safetensors --key publisher.pub --full
	run -0 --separate-stderr wm strip model.safetensors
	cmp model.safetensors before
	run -0 --separate-stderr wm strip model.safetensors
	[ "$output" = 'nothing to do: model.safetensors has no slot' ]
	cmp model.safetensors before
	run -1 --separate-stderr wm strip model.safetensors --out elsewhere
	refused_as slot-missing
}

@test "embed: --out leaves the file as it is" {
	given_signed
	cp model.safetensors before
	run -0 wm embed model.safetensors --out out.safetensors
	cmp model.safetensors before
	run -2 --separate-stderr wm embed model.safetensors --out out.safetensors
	refused_as exists
	run -2 --separate-stderr wm embed model.safetensors --out other --in-place
	refused_as usage
	run -0 wm strip out.safetensors -o back.safetensors
	cmp back.safetensors before
}

@test "embed: every shard of a set" {
	given_set
	cp -r set before
	measured set >digests
	run -0 --separate-stderr wm embed set --json
	is_json "$output"
	[ "$(of_json "$output" '.statements, (.files[] | .path, .unchanged, .header_warning)' | tr '\n' ' ')" = \
		"3 $A false false $Z false false " ]
	[ "$(of_json "$output" '.files[].slot_bytes % 4096' | sort -u)" = 0 ]
	[ "$(of_json "$output" '.without, .dropped | length' | sort -u)" = 0 ]
	measured set | cmp - digests
	run -0 wm verify set --key publisher.pub
	run -0 wm embed set --json
	[ "$(of_json "$output" '.files[].way' | sort -u)" = unchanged ]
	run -0 wm strip set --json
	[ "$(of_json "$output" '.files[].slot_bytes' | sort -u)" = 0 ]
	diff -r set before
}

@test "embed: a shard that came back without its slot gets it again" {
	given_set
	cp "set/$Z" kept
	wm embed set >/dev/null
	cp kept "set/$Z"
	run -0 wm embed set --json
	[ "$(of_json "$output" '.files[].unchanged' | tr '\n' ' ')" = 'true false ' ]
}

@test "embed: GGUF" {
	given
	cp "$TOP/testdata/fuzz/gguf/good-0" model.gguf
	wm sign model.gguf -m m.yaml --key publisher.key >/dev/null
	cp model.gguf before
	measured model.gguf >digests
	run -0 wm embed model.gguf
	measured model.gguf | cmp - digests
	run -0 wm strip model.gguf
	cmp model.gguf before
}

@test "embed: refusals" {
	given_set
	cp -r set before
	run -1 --separate-stderr wm embed model.safetensors
	refused_as sidecar-missing
	run -1 --separate-stderr wm embed model.safetensors --sidecar set/weightmark.wmk
	refused_as file-mismatch
	run -2 --separate-stderr wm embed set --out other
	refused_as usage
	mv "set/$Z" other && ln -s ../other "set/$Z"
	run -2 --separate-stderr wm embed set --links-within .
	refused_as linked-file
	rm "set/$Z" && mv other "set/$Z"
	ln "set/$Z" other
	run -2 --separate-stderr wm embed set --in-place
	refused_as hard-linked
	rm other
	truncate -s -1 "set/$Z"
	run -1 --separate-stderr wm embed set
	refused_as safetensors-truncated
	cp "before/$Z" set
	diff -r set before
	echo text >raw.bin
	wm sign raw.bin -m m.yaml --key publisher.key >/dev/null
	run -2 --separate-stderr wm embed raw.bin
	refused_as no-slot
	run -3 --separate-stderr wm embed absent
	refused_as not-found
}

@test "extract: a sidecar from the slots, never over another" {
	given_set
	wm embed set >/dev/null
	run -2 --separate-stderr wm extract set
	refused_as exists
	mv set/weightmark.wmk kept
	run -0 wm extract set --json
	[ "$(of_json "$output" '.out, .statements, .bytes' | tr '\n' ' ')" = \
		"set/weightmark.wmk 3 $(stat -c %s kept) " ]
	cmp set/weightmark.wmk kept
	run -0 wm extract "set/$A" --out found
	cmp found kept
	run -1 --separate-stderr wm extract model.safetensors
	refused_as slot-missing
}

@test "embed: what another manifest said is dropped, and named" {
	given_signed
	wm embed model.safetensors >/dev/null
	rm model.safetensors.wmk
	cp model.safetensors embedded
	wm strip model.safetensors >/dev/null
	wm sign model.safetensors -m m.yaml --key publisher.key >/dev/null
	cp embedded model.safetensors
	run -0 --separate-stderr wm embed model.safetensors --json
	[ "$(of_json "$output" '.dropped | length')" = 3 ]
	[[ $stderr == *"$(of_json "$output" '.dropped[0]')"* ]]
	run -0 wm verify model.safetensors --key publisher.pub
}

@test "embed: in place" {
	given_disk 64
	given_set disk/set
	cp -r disk/set before
	measured disk/set >digests
	inode=$(stat -c %i "disk/set/$A")
	run -0 --separate-stderr wm embed disk/set --in-place --json
	[ "$(of_json "$output" '.files[].way' | sort -u)" = in-place ]
	[ "$(stat -c %i "disk/set/$A")" = "$inode" ]
	measured disk/set | cmp - digests
	run -0 wm strip disk/set --in-place
	diff -r disk/set before
	exec 8<"disk/set/$A"
	run -2 --separate-stderr wm embed disk/set --in-place
	refused_as file-busy
	exec 8<&-
	diff -r disk/set before
}

@test "embed: no space left" {
	given_set
	mkdir disk
	mount -t tmpfs -o size=384k tmpfs "$PWD/disk" 2>/dev/null || skip "cannot mount"
	cp -r set disk
	# Nothing can be written any more, then everything.
	dd if=/dev/zero of=disk/fill bs=4096 2>/dev/null || true
	run -3 --separate-stderr wm embed disk/set
	refused_as write-failed
	diff -r set disk/set
	[ "$(find disk/set | wc -l)" = 6 ]
	rm disk/fill
	run -0 wm embed disk/set
	run -0 wm strip disk/set
	diff -r set disk/set
}

@test "strip: --displaced, into a new file only" {
	given
	local format weights
	for format in gguf safetensors; do
		cp "$TOP/testdata/fuzz/$format/slot-displaced" "copied.$format"
		cp "copied.$format" before
		wm sign "copied.$format" -m m.yaml --key publisher.key >/dev/null
		run -1 --separate-stderr wm embed "copied.$format"
		refused_as slot-displaced
		run -1 --separate-stderr wm strip "copied.$format" --out no
		refused_as slot-missing
		run -2 --separate-stderr wm strip "copied.$format" --displaced
		refused_as usage
		run -0 wm strip "copied.$format" --displaced --out "clean.$format"
		cmp "copied.$format" before
		weights=$(wm digest --json before | jq '.part[].weights_digest')
		[ "$(wm digest --json "clean.$format" | jq '.part[].weights_digest')" = "$weights" ]
		wm sign "clean.$format" -m m.yaml --key publisher.key >/dev/null
		run -0 wm embed "clean.$format"
	done
}

# --- interruptions -----------------------------------------------------------------------

# Runs weightmark with an injected fault.
struck() { # rule arguments
	strace -qq -f -o /dev/null -e trace="${1%%:*}" -e inject="$1" "$B/weightmark" "${@:2}" >/dev/null 2>&1
}

# How often a run calls each of these: lines "N CALL".
count_calls() { # calls arguments
	strace -qq -f -o trace -e trace="$1" "$B/weightmark" "${@:2}" >/dev/null
	sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' trace | sort | uniq -c
}

# Each shard is what it was or what it was to be, recover leaves nothing else, and a rerun completes it.
whole_or_old() { # directory old new verb
	local f
	"$B/weightmark" recover "$1" >/dev/null || return 1
	for f in "$A" "$Z"; do
		cmp -s "$1/$f" "$2/$f" || cmp -s "$1/$f" "$3/$f" || { echo "$f is half"; return 1; }
	done
	measured "$1" | cmp - digests || return 1
	"$B/weightmark" "$4" "$1" >/dev/null 2>&1 || cmp "$1/$A" "$3/$A" || return 1
	diff -r "$1" "$3"
}

@test "embed, strip: killed or failing at any call between two shards" {
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	given_set
	measured set >digests
	cp -r set plain
	wm embed set >/dev/null
	cp -r set slotted
	local verb old new n call at rule counts calls=write,pwrite64,copy_file_range,ftruncate,fsync,linkat,renameat,renameat2
	for verb in embed strip; do
		old=plain new=slotted
		[ $verb = embed ] || { old=slotted new=plain; }
		rm -r set && cp -r $old set
		count_calls $calls $verb set >counts
		mapfile -t counts <counts
		for call in "${counts[@]}"; do
			read -r n call <<<"$call"
			for ((at = 1; at <= n; at++)); do
				for rule in "$call:signal=KILL:when=$at" "$call:error=ENOSPC:when=$at"; do
					[ "$call" != write ] || [ "$at" -lt "$n" ] || continue # the answer
					rm -r set && cp -r $old set
					struck "$rule" $verb set || true
					whole_or_old set $old $new $verb || { echo "$verb $rule"; return 1; }
				done
			done
		done
	done
}

@test "recover: in place, killed at any call" {
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	given_disk 64
	given_set disk/set
	measured disk/set >digests
	cp -r disk/set plain
	wm embed disk/set --in-place >/dev/null
	cp -r disk/set slotted
	local verb old new n call at counts finished=0 undone=0
	for verb in embed strip; do
		old=plain new=slotted
		[ $verb = embed ] || { old=slotted new=plain; }
		rm -r disk/set && cp -r $old disk/set
		count_calls pwrite64,fallocate,fsync,linkat,unlinkat $verb disk/set --in-place >counts
		mapfile -t counts <counts
		for call in "${counts[@]}"; do
			read -r n call <<<"$call"
			for ((at = 1; at <= n; at++)); do
				rm -r disk/set && cp -r $old disk/set
				struck "$call:signal=KILL:when=$at" $verb disk/set --in-place || true
				if compgen -G 'disk/set/*.wmj' >/dev/null || compgen -G 'disk/set/.weightmark*' >/dev/null; then
					run -1 --separate-stderr wm digest disk/set
					refused_as unfinished
				fi
				run -0 --separate-stderr wm recover disk/set --json
				case $(of_json "$output" '.files[].recovery') in
				finished) finished=$((finished + 1)) ;;
				undone) undone=$((undone + 1)) ;;
				esac
				whole_or_old disk/set $old $new $verb || { echo "$verb $call $at"; return 1; }
			done
		done
	done
	[ $finished -gt 0 ] && [ $undone -gt 0 ]
}

@test "recover: nothing to do, a journal of its own, one that is junk" {
	given_signed
	run -0 wm recover model.safetensors
	[ "$output" = 'nothing to recover: model.safetensors' ]
	run -0 wm recover . --json
	[ "$(of_json "$output" '.files | length')" = 0 ]
	run -3 --separate-stderr wm recover absent
	refused_as not-found
	echo junk >model.safetensors.wmj
	run -1 --separate-stderr wm embed model.safetensors
	refused_as unfinished
	run -1 --separate-stderr wm recover model.safetensors.wmj
	refused_as journal-malformed
	run -1 --separate-stderr wm recover .
	refused_as journal-malformed
}

# What a verb refuses as unfinished, recover refuses too, by a reason that names why.
recover_names() { # unfinished what, recovered paths
	local path
	run -1 --separate-stderr wm verify "$2" --key publisher.pub
	[[ $output == 'refuse (unfinished)'* ]]
	for path in "${@:2}"; do
		run -1 --separate-stderr wm recover "$path"
		refused_as "$1"
	done
}

@test "recover: what is unfinished it ends, or says why not" {
	given_signed_directory
	mkdir b
	mv m/model.safetensors m/x
	ln -s x m/model.safetensors
	echo junk >m/model.safetensors.wmj
	recover_names journal-mismatch m m/model.safetensors m/model.safetensors.wmj
	mv m/model.safetensors.wmj m/x.wmj
	recover_names journal-malformed m/model.safetensors m/x m/x.wmj m
	rm m/model.safetensors
	mv m/x m/model.safetensors
	mv m/x.wmj b/junk
	cp b/junk m/junk
	ln -s junk m/model.safetensors.wmj
	recover_names journal-malformed m m/model.safetensors m/model.safetensors.wmj
	rm m/junk m/model.safetensors.wmj
	cp b/junk m/.weightmark-1-1.tmp.wmj
	recover_names journal-malformed m m/.weightmark-1-1.tmp.wmj
	rm m/.weightmark-1-1.tmp.wmj
	mkdir m/model.safetensors.wmj
	run -1 --separate-stderr wm recover m
	refused_as journal-malformed
	rmdir m/model.safetensors.wmj
	run -0 wm verify m --key publisher.pub
}

@test "recover: a file that is linked to" {
	given_signed
	mkdir -p hub/blobs hub/snapshots/r
	mv model.safetensors hub/blobs/x
	ln -s ../../blobs/x hub/snapshots/r/model.safetensors
	echo junk >hub/blobs/x.wmj
	run -1 --separate-stderr wm digest hub/snapshots/r
	refused_as unfinished
	run -1 --separate-stderr wm recover hub/snapshots/r
	refused_as journal-malformed
	ln -s hub/snapshots/r r
	run -1 --separate-stderr wm recover r
	refused_as journal-malformed
}

@test "recover: half written files, also links of such a name" {
	given_signed_directory
	ln -s config.json m/.weightmark-1-1.tmp
	echo half >m/.weightmark-1-2.tmp
	run -1 --separate-stderr wm digest m
	refused_as unfinished
	run -0 wm recover m
	[ "${lines[0]}" = 'removed   m/.weightmark-1-1.tmp  (half written)' ]
	[ "${lines[1]}" = 'removed   m/.weightmark-1-2.tmp  (half written)' ]
	[ -e m/config.json ]
	run -0 wm verify m --key publisher.pub
	echo half >m/.weightmark-1-2.tmp
	run -0 wm recover m/.weightmark-1-2.tmp --json
	[ "$(of_json "$output" '.files[].recovery')" = removed ]
	run -3 --separate-stderr wm recover absent.wmj
	refused_as not-found
	# A name that is nothing but the suffix is a file as others are.
	mkdir m/s
	echo x | tee m/.wmj >m/s/.wmj
	run -0 wm digest m
	run -0 wm recover m
	[ "$output" = 'nothing to recover: m' ]
}

@test "embed, extract, strip: an answer that is lost is never exit 0" {
	given_signed
	run -3 --separate-stderr eval 'wm embed model.safetensors >/dev/full'
	refused_as output-lost
	run -3 --separate-stderr eval 'wm extract model.safetensors --out x >/dev/full'
	refused_as output-lost
	run -3 --separate-stderr eval 'wm strip model.safetensors --json >/dev/full'
	refused_as output-lost
	cmp model.safetensors "$GOOD"
}
