# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The order of counsel over the family of lineage.bash, and what was done about it. After lineage.

say_in() { # ledger
	by=(--key counsel.key --issuer counsel.example --ledger "$1")
}
say_in work.git

given_order() { # kind
	given_family
	order_file o.yaml ftc-1 "$1" 2024-03-08 <<<"${2-}$about_d"
	wm order add o.yaml "${by[@]}" >/dev/null 2>&1
}

gone() { # name...
	for name; do
		printf 'lab.example/%s\t/models\tdestroy\tStaff\t2024-03-21T10:00:00Z\n' "$name"
	done >gone.tsv
	wm order 'done' ftc-1 --destroyed gone.tsv "${by[@]}" >/dev/null
}

all=(D M0@1 M1@1 M2@1 M3@1 M4@1 M5@1)
