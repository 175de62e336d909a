# SPDX-License-Identifier: Apache-2.0
# Names the functions longer than `max` lines, from the first line of the declarator to the closing
# brace. Reads what strip.awk wrote; `file` is the name to print.
function reset() { text = ""; start = 0 }

{
	if (directive || $0 ~ /^[ \t]*#/) {
		directive = $0 ~ /\\$/
		next
	}
	n = length($0)
	for (i = 1; i <= n; i++) {
		c = substr($0, i, 1)
		if (c == "{") {
			if (depth == 0) {
				gsub(/__attribute__[ \t]*\(\(.*\)\)/, "", text)
				sub(/[ \t]+$/, "", text)
				if (text ~ /^[ \t]*extern[ \t]*""$/) { # its closing brace finds depth 0
					reset()
					continue
				}
				is_function = text ~ /\)$/ && text !~ /=/
				first = start
				declarator = text
			}
			depth++
		} else if (c == "}") {
			if (depth > 0 && --depth == 0) {
				if (is_function) {
					n_functions++
					if (NR - first + 1 > max) {
						sub(/[ \t]*\(.*/, "", declarator)
						sub(/.*[ \t*]/, "", declarator)
						printf "%s:%d: %s() has %d lines, more than %d\n",
							file, first, declarator, NR - first + 1, max
						faults = 1
					}
				}
				reset()
			}
		} else if (depth == 0) {
			if (c == ";")
				reset()
			else if (text != "" || c !~ /[ \t]/) {
				if (text == "")
					start = NR
				text = text c
			}
		}
	}
	if (text != "" && depth == 0)
		text = text " "
}
END {
	if (depth != 0) {
		printf "%s: braces do not balance\n", file
		faults = 1
	}
	exit faults
}
