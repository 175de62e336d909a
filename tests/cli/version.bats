#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helper

@test "version: one line" {
	run -0 --separate-stderr wm version
	[[ $output =~ ^weightmark\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ -z "$stderr" ]
	local first=$output
	run -0 --separate-stderr wm --version
	[ "$output" = "$first" ]
}

@test "version: the libraries, as compiled and as running" {
	run -0 --separate-stderr wm version --libraries
	[[ $output == *OpenSSL*libyaml*libunistring*libprotobuf-c*kernel* ]]
	run -0 --separate-stderr wm version --libraries --json
	is_json "$output"
	[[ $output == *'"name": "OpenSSL"'*'"compiled": "'*'"running": "'*'"digest_kernel": "'* ]]
}

@test "version: takes no operand" {
	run -2 --separate-stderr wm version now
	refused_as usage
}
