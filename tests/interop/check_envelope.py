#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a sidecar from docs/format.md alone, with the standard library and the openssl command.

    tests/interop/check_envelope.py SIDECAR KEY.pub CHECKPOINT

Prints "statement id, SHA-256 of the PAE, keyid" of each envelope; exits with 1 where anything differs.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile

PAYLOAD_TYPE = b"application/vnd.in-toto+json"


def demand(holds, what):
    if not holds:
        sys.exit("check_envelope: " + what)


def varint(data, at):
    value = shift = 0
    while True:
        demand(at < len(data), "a number is cut off")
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(data, allowed):
    """The length-delimited fields of one message, as (number, bytes)."""
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        length, at = varint(data, at)
        demand(tag & 7 == 2 and tag >> 3 in allowed, "an unknown field")
        demand(length <= len(data) - at, "a field is cut off")
        found.append((tag >> 3, data[at : at + length]))
        at += length
    return found


def verified(pem, pae, sig):
    ed25519 = len(der_of(pem)) == 44
    with tempfile.TemporaryDirectory() as tmp:
        for name, data in (("pae", pae), ("sig", sig)):
            with open(os.path.join(tmp, name), "wb") as f:
                f.write(data)
        command = (
            ["pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", "pae", "-sigfile", "sig"]
            if ed25519
            else ["dgst", "-sha256", "-verify", pem, "-signature", "sig", "pae"]
        )
        run = subprocess.run(["openssl"] + command, cwd=tmp, capture_output=True, check=False)
    return run.returncode == 0


def der_of(pem):
    with open(pem, encoding="ascii") as f:
        return base64.b64decode("".join(f.read().split("\n")[1:-2]), validate=True)


def check_statement(payload, checkpoint):
    """An in-toto Statement v1 in canonical form whose subjects are true; returns its kind."""
    try:
        statement = json.loads(payload)
    except ValueError:
        sys.exit("check_envelope: a payload is not JSON")
    again = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    demand(again.encode() == payload, "a payload is not canonical JSON")
    demand(sorted(statement) == ["_type", "predicate", "predicateType", "subject"], "other members")
    demand(statement["_type"] == "https://in-toto.io/Statement/v1", "another _type")
    _, _, kind, version = statement["predicateType"].split(":")
    demand(version == "v1" and statement["subject"], "no subject")
    with open(checkpoint, "rb") as f:
        sha256 = hashlib.sha256(f.read()).hexdigest()
    for subject in statement["subject"]:
        digest = subject["digest"]
        if "sha256" in digest:
            demand(kind == "manifest" and digest["sha256"] == sha256, "another checkpoint")
        if "wmObjectV1" in digest:
            name = hashlib.sha256(subject["name"].encode()).hexdigest()
            demand(digest["wmObjectV1"] == name, "another object")
    if kind == "manifest":
        demand("sha256" in statement["subject"][0]["digest"], "a manifest without a file")
    return kind


def check(sidecar, pem, checkpoint):
    keyid = hashlib.sha256(der_of(pem)).hexdigest()
    with open(sidecar, "rb") as f:
        magic, *envelopes = fields(f.read(), (1, 2))
    demand(magic == (1, b"weightmark/1"), "another magic")
    ids, kinds = [], []
    for number, envelope in envelopes:
        demand(number == 2, "the magic twice")
        parts = fields(envelope, (1, 2, 3))
        demand([n for n, _ in parts] == [1, 2, 3], "an envelope of other fields")
        payload, payload_type, signature = (data for _, data in parts)
        demand(payload_type == PAYLOAD_TYPE, "another payloadType")
        parts = fields(signature, (1, 2))
        demand([n for n, _ in parts] == [1, 2], "a signature of other fields")
        sig, named = (data for _, data in parts)
        demand(named == keyid.encode(), "another keyid")
        pae = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(payload), payload)
        demand(verified(pem, pae, sig), "the signature does not verify")
        kinds.append(check_statement(payload, checkpoint))
        ids.append(hashlib.sha256(payload).hexdigest())
        print("wm:" + ids[-1], hashlib.sha256(pae).hexdigest(), keyid, sep="\t")
    demand(ids == sorted(set(ids)), "envelopes out of order")
    demand(kinds.count("manifest") == 1, "not one manifest")


check(sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3])
