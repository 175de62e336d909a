#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper
load signed

@test "library: it exports wm_* and nothing else" {
	local exported
	exported=$(nm -D --defined-only "$B/libweightmark.so" | awk '$2 != "A" { print $3 }' | sed 's/@.*//')
	[ -n "$exported" ]
	run ! grep -v '^wm_' <<<"$exported"
	# What the header declares, and all of it.
	[ "$(sort <<<"$exported")" = "$(sed -n 's/^WM_API.*[ *]\(wm_[a-z0-9_]*\)(.*/\1/p' "$TOP/lib/weightmark.h" | sort)" ]
}

@test "library: the example decides as the command does" {
	[ -x "$B/example-verify" ] || skip "not built: make $B/example-verify"
	given
	local at
	run -1 --separate-stderr "$B/example-verify" publisher.pub model.safetensors
	[[ $stderr == *sidecar-missing* ]]
	wm sign model.safetensors -m m.yaml --key publisher.key
	run -0 --separate-stderr "$B/example-verify" publisher.pub model.safetensors
	[ "$(grep -c '^passed ' <<<"$output")" -ge 10 ]
	for at in 0 10 9000; do
		flip model.safetensors $at
		run -1 --separate-stderr "$B/example-verify" publisher.pub model.safetensors
		local theirs
		theirs=$(wm verify model.safetensors --key publisher.pub | sed -n '1s/.*(\(.*\))/\1/p')
		[[ $stderr == *"$theirs: "*'fix: '* ]]
		flip model.safetensors $at
	done
	run -3 --separate-stderr "$B/example-verify" publisher.pub absent
	[[ $stderr == *not-found* ]]
	run -2 --separate-stderr "$B/example-verify" publisher.key model.safetensors
	[[ $stderr == *key-private* ]]
}

# `make` as a user runs it, whatever make runs this test.
plain_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$TOP" "$@"
}

@test "library: install, pkg-config, build against it, run, uninstall" {
	[ "$B" = "$TOP/build" ] || skip "for the plain build alone"
	command -v pkg-config >/dev/null || skip "pkg-config is not installed"
	local root=$PWD/root flags
	# Installing for another prefix changes the build tree: one of our own.
	cp -a "$B" built
	plain_make B="$PWD/built" DESTDIR="$root" PREFIX=/usr install
	grep -qx 'prefix=/usr' "$root/usr/lib/pkgconfig/weightmark.pc"
	export PKG_CONFIG_PATH=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root

	export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
	flags=$(pkg-config --cflags --libs weightmark)
	[[ $flags == *"-I$root/usr/include"*"-L$root/usr/lib"*-lweightmark* ]]
	printf '%s\n' '#include <weightmark.h>' '#include <string.h>' \
		'int main(void) { return strcmp(wm_version(), WM_VERSION); }' >use.c
	# shellcheck disable=SC2086
	"${CC:-cc}" -o use use.c $flags
	LD_LIBRARY_PATH=$root/usr/lib run -0 ./use
	[ "$(pkg-config --modversion weightmark)" = "$("$root/usr/bin/weightmark" version | grep -o '[0-9.]*' | head -1)" ]
	given
	"$root/usr/bin/weightmark" sign model.safetensors -m m.yaml --key publisher.key
	run -0 "$root/usr/bin/weightmark" verify model.safetensors --key publisher.pub
	plain_make B="$PWD/built" DESTDIR="$root" PREFIX=/usr uninstall
	[ -z "$(find "$root" -type f -o -type l)" ]
}
