# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # bats sets stderr
# What every suite shares. `run -N --separate-stderr wm ...` states the exact exit
# status, so that a crash never counts as a refusal.
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
B=${B:-$TOP/build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
export TOP B

setup() {
	unset "${!WEIGHTMARK_@}" NO_COLOR
	export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	export KEYS=$XDG_CONFIG_HOME/weightmark/keys CONFIG=$XDG_CONFIG_HOME/weightmark/config
	WORK=$BATS_TEST_TMPDIR/work
	mkdir -p "$HOME" "$WORK"
	cd "$WORK" || return 1
}

# The command, without a controlling terminal to ask anything.
wm() {
	setsid -w "$B/weightmark" "$@"
}

# The same with a passphrase through a descriptor: wm_with PASSPHRASE ARGUMENTS...
wm_with() {
	wm "${@:2}" --passphrase-fd 9 9< <(printf '%s\n' "$1")
}

# Fails unless standard error names exactly this reason, with a remedy.
refused_as() { # reason
	[[ $stderr == *" [$1]"$'\n'"fix: "* ]] || {
		echo "expected [$1], got: $stderr"
		return 1
	}
}

# Fails where the text has a character that could move a cursor or forge a line.
harmless() { # text
	if LC_ALL=C grep -q '[[:cntrl:]]' <<<"$1" || ! LC_ALL=C.UTF-8 grep -qx '.*' <<<"$1" ||
		[[ $1 == *$'\u202e'* || $1 == *$'\u2028'* || $1 == *$'\u200b'* ]]; then
		printf 'unescaped: %q\n' "$1"
		return 1
	fi
}

# Fails unless the text is one JSON value.
is_json() { # text
	[ "$(printf '%s' "$1" | jq -s length)" = 1 ]
}
