#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

signing() { wm sign model.safetensors -m m.yaml --key publisher.key; }
verifying() { wm verify model.safetensors --key publisher.pub; }

# The names in a directory, on one line.
names_in() { find "$1" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' '; }

# Fails where a directory holds what is not named.
only() { # directory, names
	[ "$(cd "$1" && find . -mindepth 1 -printf '%P\n' | sort)" = "$(printf '%s\n' "${@:2}" | sort)" ]
}

@test "faults: an answer that is lost is never exit 0" {
	given_signed
	local verb
	for verb in 'verify model.safetensors --key publisher.pub' 'verify model.safetensors --key publisher.pub --json' \
		'show model.safetensors' 'digest model.safetensors' 'draft model.safetensors' \
		'diff model.safetensors model.safetensors' 'sign model.safetensors -m m.yaml --key publisher.key'; do
		run -3 --separate-stderr eval "wm $verb >/dev/full"
		refused_as output-lost
		run -3 --separate-stderr eval "wm $verb >&-"
		refused_as output-lost
		run -3 --separate-stderr eval "{ sleep 0.1; wm $verb; echo \$? >status; } | true; exit \$(cat status)"
	done
	# A refusal counts for more than a lost answer.
	flip model.safetensors 9000
	run -1 --separate-stderr eval 'verifying >/dev/full'
}

@test "faults: FIFOs, devices and directories do not block" {
	given_signed
	mkfifo fifo
	run -1 --separate-stderr timeout 5 "$B/weightmark" verify fifo --key publisher.pub --sidecar model.safetensors.wmk
	[ "${lines[0]}" = 'refuse (not-a-file)' ]
	run -1 --separate-stderr timeout 5 "$B/weightmark" verify model.safetensors --key publisher.pub --sidecar fifo
	run -1 --separate-stderr timeout 5 "$B/weightmark" digest fifo
	refused_as not-a-file
	run -1 --separate-stderr timeout 5 "$B/weightmark" sign fifo -m m.yaml --key publisher.key
	refused_as not-a-file
	run -2 --separate-stderr timeout 5 "$B/weightmark" sign model.safetensors -m fifo --key publisher.key
	refused_as yaml-malformed
	run -1 --separate-stderr timeout 5 "$B/weightmark" digest /dev/zero
	refused_as not-a-file
	mv model.safetensors.wmk kept
	mkfifo model.safetensors.wmk
	run -1 --separate-stderr timeout 5 "$B/weightmark" sign model.safetensors -m m.yaml --key publisher.key
	refused_as not-a-file
	ln -s model.safetensors loop-a && ln -sf loop-b loop-a && ln -s loop-a loop-b
	run -1 --separate-stderr timeout 5 "$B/weightmark" digest loop-a
	refused_as not-a-file
}

@test "faults: unreadable files" {
	given_signed
	[ "$(id -u)" != 0 ] || skip "root reads everything"
	chmod 0 model.safetensors
	run -3 --separate-stderr verifying
	refused_as read-failed
	chmod 644 model.safetensors
	chmod 0 model.safetensors.wmk
	run -3 --separate-stderr verifying
	refused_as read-failed
}

@test "faults: a read that fails is could-not-tell, whichever it is" {
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	given_signed
	local n status_ok=0
	for n in 1 2 3 4; do
		run --separate-stderr strace -qq -o /dev/null -P "$PWD/model.safetensors" -e trace=pread64 \
			-e inject=pread64:error=EIO:when=$n "$B/weightmark" verify "$PWD/model.safetensors" --key publisher.pub
		if [ "$status" = 3 ]; then refused_as read-failed; else status_ok=$((status_ok + 1)); [ "$status" = 0 ]; fi
	done
	[ "$status_ok" -lt 4 ]
	run -3 --separate-stderr strace -qq -o /dev/null -P "$PWD/model.safetensors.wmk" -e trace=read \
		-e inject=read:error=EIO "$B/weightmark" verify "$PWD/model.safetensors" --key publisher.pub
	refused_as read-failed
}

@test "faults: a directory that cannot be written; --out elsewhere" {
	given
	mkdir shelf && mv model.safetensors shelf
	if [ "$(id -u)" = 0 ]; then
		mount -t tmpfs tmpfs "$PWD/shelf" 2>/dev/null || skip "cannot mount"
		cp "$GOOD" shelf
		mount -o remount,ro "$PWD/shelf"
	else
		chmod 555 shelf
	fi
	run --separate-stderr wm sign shelf/model.safetensors -m m.yaml --key publisher.key
	local first=$status reason=$stderr
	run --separate-stderr wm sign shelf/model.safetensors -m m.yaml --key publisher.key --out away.wmk
	local second=$status
	run --separate-stderr wm verify shelf/model.safetensors --key publisher.pub --sidecar away.wmk
	[ "$(id -u)" != 0 ] || umount "$PWD/shelf"
	[ "$first" = 3 ] && [[ $reason == *'[write-failed]'*--out* ]]
	[ "$second" = 0 ] && [ "$status" = 0 ]
}

@test "faults: no space left: 64 KiB" {
	given
	mkdir small
	mount -t tmpfs -o size=64k tmpfs "$PWD/small" 2>/dev/null || skip "cannot mount"
	cp model.safetensors small
	dd if=/dev/zero of=small/fill bs=4096 2>/dev/null || true
	run --separate-stderr wm sign small/model.safetensors -m m.yaml --key publisher.key
	local first=$status reason=$stderr names
	names=$(names_in small)
	run --separate-stderr wm key new ./small/a --no-passphrase
	local key=$status key_names
	key_names=$(names_in small)
	rm small/fill
	run --separate-stderr wm sign small/model.safetensors -m m.yaml --key publisher.key
	local second=$status
	run --separate-stderr wm verify small/model.safetensors --key publisher.pub
	umount "$PWD/small"
	[ "$first" = 3 ] && [[ $reason == *'[write-failed]'* ]]
	[ "$names" = 'fill model.safetensors ' ]
	[ "$key" = 3 ] && [ "$key_names" = "$names" ]
	[ "$second" = 0 ] && [ "$status" = 0 ]
}

@test "faults: no file may become that large" {
	given_signed
	mkdir kept
	cp model.safetensors* kept
	wm embed model.safetensors --out bigger.safetensors >/dev/null
	local verb
	for verb in "embed model.safetensors" "embed model.safetensors --out x.safetensors" \
		"strip bigger.safetensors"; do
		run -3 --separate-stderr eval "(ulimit -f 1 && wm $verb)"
		refused_as write-failed
		cmp model.safetensors kept/model.safetensors
		cmp model.safetensors.wmk kept/model.safetensors.wmk
	done
	only . bigger.safetensors kept kept/model.safetensors kept/model.safetensors.wmk m.yaml model.safetensors model.safetensors.wmk \
		publisher.key publisher.pub
}

# Makes a key pair in the directory `d`, and again, which must change nothing.
pairs_once() { # prefix of the command
	run -0 --separate-stderr "$@" "$B/weightmark" key new ./d/a --no-passphrase
	only d a.key a.pub
	sha256sum d/* >before
	run -2 --separate-stderr "$@" "$B/weightmark" key new ./d/a --no-passphrase
	refused_as exists
	rm d/a.key
	run -2 --separate-stderr "$@" "$B/weightmark" key new ./d/a --no-passphrase
	refused_as exists
	only d a.pub
	rm d/a.pub
}

teardown() {
	! mountpoint -q "$WORK/d" || umount "$WORK/d"
}

@test "faults: without /proc, and without renaming that keeps what exists" {
	mkdir d
	unshare -m sh -c 'mount -t tmpfs tmpfs /proc' 2>/dev/null || skip "cannot mount"
	local hidden=(unshare -m sh -c 'mount -t tmpfs tmpfs /proc && exec "$@"' -)
	pairs_once "${hidden[@]}"
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	pairs_once "${hidden[@]}" strace -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:error=EINVAL
}

@test "faults: on a file system without hard links" {
	mkdir d
	command -v mkfs.vfat >/dev/null || skip "mkfs.vfat is not installed"
	truncate -s 1M disk
	mkfs.vfat disk >/dev/null
	mount -o loop disk "$PWD/d" 2>/dev/null || skip "cannot mount"
	pairs_once
}

# Runs `digest` of a file of 300 MB while a command works on it.
digest_while() { # command
	truncate -s 300M big.bin
	"$B/weightmark" digest --jobs 1 big.bin >out 2>err &
	local pid=$! i=0
	while [ $i -lt 20 ]; do
		sleep 0.01
		eval "$1"
		i=$((i + 1))
	done
	wait $pid
}

@test "faults: a file that grows, shrinks or is written while it is measured" {
	local command
	for command in 'echo x >>big.bin' 'truncate -s -1000000 big.bin' \
		'printf x | dd of=big.bin bs=1 seek=299000000 conv=notrunc status=none'; do
		run -1 digest_while "$command"
		grep -q 'file-changed' err
		[ ! -s out ]
		rm big.bin
	done
}

@test "faults: a file that vanishes is still the one that was opened" {
	run digest_while 'rm -f big.bin'
	[ "$status" = 0 ] || grep -q 'file-changed' err
}

# Kills `sign` at a call, or lets it fail; then old or new, nothing else, and a rerun works.
broken_at() { # inject rule
	rm -f model.safetensors.wmk
	strace -qq -f -o /dev/null -e trace="${1%%:*}" -e inject="$1" "$B/weightmark" sign model.safetensors \
		-m m.yaml --key publisher.key >/dev/null 2>&1 || true
	if [ -e model.safetensors.wmk ]; then verifying >/dev/null; fi
	signing >/dev/null && verifying >/dev/null
}

@test "faults: killed or failing at a write, old or new, and a rerun works" {
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	given
	local rule
	for rule in write:signal=KILL:when=1 fsync:signal=KILL:when=1 fsync:signal=KILL:when=2 \
		linkat:signal=KILL:when=1 fsync:error=EIO:when=1 write:error=ENOSPC:when=1 linkat:error=EIO:when=1; do
		broken_at "$rule" || { echo "$rule"; return 1; }
	done
	rm model.safetensors.wmk
	only . m.yaml model.safetensors publisher.key publisher.pub
}

@test "faults: key new that fails at its last step leaves no half of a pair" {
	command -v strace >/dev/null || skip "strace is not installed"
	plain_build
	local n
	for n in 1 2 3 4; do
		run -3 --separate-stderr strace -qq -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when=$n \
			"$B/weightmark" key new ./a --no-passphrase
		refused_as write-failed
		[ -z "$(ls -A)" ]
	done
}

@test "faults: valgrind finds nothing" {
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	plain_build
	given
	local vg=(valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$B/weightmark")
	run -0 "${vg[@]}" sign model.safetensors -m m.yaml --key publisher.key
	run -0 "${vg[@]}" verify model.safetensors --key publisher.pub --full
	run -0 "${vg[@]}" show model.safetensors --yaml
	flip model.safetensors 9000
	run -1 "${vg[@]}" verify model.safetensors --key publisher.pub --json
	truncate -s -7 model.safetensors.wmk
	run -1 "${vg[@]}" verify model.safetensors --key publisher.pub
}
