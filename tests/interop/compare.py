#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what readers found in the same files: the lines of interop-answers, answers.py and readers.mjs.

    tests/interop/compare.py [--record FILE] ANSWERS...

Fails where we accept a file and another reader finds other tensors in it, or refuses it for a reason
that no row of CLASSES explains, and where we refuse a file that was made to be valid. Refusing others
that some reader takes is our right.
"""
import collections
import os
import re
import sys

# Files that we accept and another reader refuses or cannot name: (class, reader, its words, why that is right).
CLASSES = [
    ("dimension-over-2^32", "@huggingface/.*", r"exceeds the maximum allowed",
     "the reader's own limit; such a tensor has another dimension of 0, hence no bytes"),
]


def agree(ours, theirs):
    ours, theirs = ours.split(" "), theirs.split(" ")
    return len(ours) == len(theirs) and all(
        a == b or b.endswith("|?") and a.rsplit("|", 1)[0] == b[:-2] for a, b in zip(ours, theirs))


def class_of(reader, why):
    for name, readers, words, _ in CLASSES:
        if re.fullmatch(readers, reader) and re.search(words, why):
            return name
    return None


def load(paths):
    files = collections.defaultdict(dict)
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for line in f:
                name, reader, verdict, rest = line.rstrip("\n").split("\t")
                files[os.path.basename(name)][reader] = (verdict, rest)
    return files


def judge(files):
    counts, wrong = collections.Counter(), []
    for name, answers in sorted(files.items()):
        ours, tensors = answers.get("weightmark", ("missing", ""))
        if ours == "missing" or len(answers) < 3:
            wrong.append("%s: only %s answered" % (name, ", ".join(answers)))
        if name.startswith("valid-") and ours != "accepted":
            wrong.append("%s: made to be valid, refused by us: %s" % (name, ours))
        for reader, (verdict, rest) in answers.items():
            if reader == "weightmark":
                counts["ours: " + ("accepted" if ours == "accepted" else "refused")] += 1
            elif ours != "accepted":
                counts["%s: %s what we refuse" % (reader, verdict)] += 1
            elif verdict == "accepted" and agree(tensors, rest):
                counts[reader + ": the same tensors"] += 1
            elif verdict == "accepted":
                wrong.append("%s: read differently\n  weightmark  %s\n  %s  %s" % (name, tensors, reader, rest))
            elif class_of(reader, rest):
                counts["%s: refused what we accept: %s" % (reader, class_of(reader, rest))] += 1
            else:
                wrong.append("%s: accepted by us, refused by %s: %s" % (name, reader, rest))
    return counts, wrong


def record(path, files):
    """Verdicts and tensors; a reader's words only as the class of a refusal that we do not share."""
    with open(path, "w", encoding="ascii") as f:
        for name, answers in sorted(files.items()):
            for reader, (verdict, rest) in sorted(answers.items()):
                if verdict == "refused":
                    rest = class_of(reader, rest) or "" if answers["weightmark"][0] == "accepted" else ""
                print(name, reader, verdict, rest, sep="\t", file=f)


def main():
    args = sys.argv[1:]
    target = args.pop(1) if args[0] == "--record" else None
    files = load(args[1:] if target else args)
    counts, wrong = judge(files)
    if target:
        record(target, files)
    for what, count in sorted(counts.items()):
        print("  %6d  %s" % (count, what))
    for line in wrong[:40]:
        print("  WRONG  " + line)
    print("%d files compared, %d wrong" % (len(files), len(wrong)))
    sys.exit(1 if wrong or not files else 0)


main()
