/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark dataset`: commits to the records of datasets, proves, checks and withdraws them. */
#include "dataset.h"
#include "keys.h"
#include "ledgers.h"

static const struct subverb subverbs[] = {
	{ "record", "DIR|FILE...", "commit to the records and sign the dataset's statement",
	  dataset_record_run, 1, SIZE_MAX },
	{ "prove", "", "write the proof that a record is in, or is not", dataset_prove_run, 0, 0 },
	{ "check", "PROOF", "check such a proof with the root alone", dataset_check_run, 1, 1 },
	{ "withdraw", "", "sign that records or a person are withdrawn", dataset_withdraw_run, 0,
	  0 },
	{ "destroy-key", "NAME.wmck", "destroy the key, so that nobody can match records",
	  dataset_destroy_key_run, 1, 1 },
	{ 0 },
};

static const struct option_spec options[] = {
	{ .name = "file", .letter = 'f', .argument = "FILE", .kind = VALUE_FILE, .only = "record",
	  .help = "the YAML file with the dataset; what is measured is not written" },
	{ .name = "format", .argument = "NAME", .kind = VALUE_CHOICE,
	  .choices = "files tar jsonl csv csv-rows opaque", .only = "record",
	  .help = "what a record is: a file of a folder, a member, a line, a row behind that of "
		  "names (csv) or each row (csv-rows), a whole file; default: by the names" },
	{ .name = "attributes", .argument = "FILE", .kind = VALUE_FILE, .only = "record",
	  .help = "CSV with columns record, subject, source, licence, consent; kept as keyed "
		  "tags" },
	{ .name = "drop-attributes", .only = "record",
	  .help = "let go of attributes that are no longer given of records that stay" },
	{ .name = "no-cache", .only = "record",
	  .help = "read every file, also those that are as they were last read here" },
	{ .name = "dataset", .argument = "NAME.wmk", .kind = VALUE_FILE,
	  .help = "the statement of the dataset, NAME.wmc and NAME.wmck beside it" },
	{ .name = "commitment-key", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the key of commitments; default: NAME.wmck beside the statement" },
	{ .name = "record", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "a record in a file of its own; - is standard input" },
	{ .name = "absent", .only = "prove",
	  .help = "prove to who holds the key that the record is not in" },
	{ .name = "root", .argument = "HEX", .only = "check",
	  .help = "check against this record commitment root" },
	{ .name = "subject", .argument = "ID", .repeatable = true, .only = "withdraw",
	  .help = "all records of this person" },
	{ .name = "effective", .argument = "DATE", .only = "withdraw",
	  .help = "from when on, a day in UTC or a time as 2026-11-20T18:00:00Z" },
	{ .name = "kind", .argument = "NAME", .kind = VALUE_CHOICE, .choices = "consent erasure",
	  .only = "withdraw",
	  .help = "consent (the default) is withdrawn, or erasure is requested" },
	{ .name = "unrecorded", .only = "destroy-key",
	  .help = "sign no statement that the key was destroyed; none can be made later" },
	SIGNING_OPTIONS,
	{ .name = "issuer", .argument = "NAME", .setting = "issuer",
	  .help = "who answers for the statement; default: key:KEYID" },
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "where the statement goes, default of record: PATH.wmk; or the proof, in place "
		  "of another proof" },
	RECORD_OPTIONS,
	{ .name = "amend", .help = "correct what is said already" },
	{ .name = "reason", .argument = "TEXT", .help = "why it is amended" },
	{ .name = "dry-run", .letter = 'n', .help = "sign and write nothing" },
};

const struct verb verb_dataset = {
	.name = "dataset",
	.summary = "commit to the records of a dataset, prove and withdraw them",
	.operands = "record DIR|FILE..., prove, check PROOF, withdraw, destroy-key KEY",
	.description =
		"'record' reads all records and signs a statement with two roots: one over their "
		"digests, in whatever order they lie, and one over commitments that a key, "
		"NAME.wmck, makes of them. Plain digests of photos can be matched by anybody who "
		"has the photos; commitments by who holds the key alone. They lie in NAME.wmc "
		"beside the statement NAME.wmk and never go to a ledger. Equal records are one "
		"commitment with a count. Recorded again under the same key, it lists what "
		"came, by name or number, and what went, by its commitment, since names are kept "
		"nowhere; a statement that changes needs --amend. Commitments of earlier "
		"recordings are kept beside the newest, as NAME.ROOT.wmc: 'prove', 'withdraw', "
		"'trace', 'scan' and 'order status' look through them too. "
		"Attributes are given each time; those that a record would lose refuse without "
		"--drop-attributes.\n\n"
		"In a folder each file is a record, whatever its name; links, FIFOs, sockets and "
		"devices are refused, and so is a folder that changes meanwhile. Lines of JSON "
		"lines are records without their newline, and none may be empty; rows of CSV "
		"without their line end. The first row of a CSV file names the columns and is no "
		"record, unless --format csv-rows says that there is no such row.\n\n"
		"The column 'record' of --attributes has the path of a file within its folder or "
		"archive, that of a file as it was named, or the number of a line or row, from 1: "
		"the row of names is not counted, and further files go on counting.\n\n"
		"'prove' opens one record, and nothing of the others; 'check' verifies that with "
		"the root of the signed statement. That a record is not in is the claim of who "
		"holds the key: 'prove --absent' lets an auditor check it who has the key too.\n\n"
		"'withdraw' finds the records of a person by the attributes that were recorded "
		"and signs one revocation. 'destroy-key' overwrites and removes the key, which "
		"ends the matching of all recordings under it, and signs that this happened. "
		"Copies of the key are out of its reach.",
	.examples =
		"weightmark dataset record photos/ -f dataset.yaml --key steward.key\n"
		"weightmark dataset record a.jsonl -f d.yaml --attributes people.csv "
		"--key steward.key\n"
		"weightmark dataset prove --record photo.jpg --dataset photos.wmk "
		"--out proof.json\n"
		"weightmark dataset check proof.json --dataset photos.wmk --key steward.pub\n"
		"weightmark dataset withdraw --subject 4711 --dataset photos.wmk "
		"--effective 2026-11-20T18:00:00Z --key steward.key --ledger ledger.git",
	.exits = "0 done, proved, checked; 1 the record is not in, or a proof does not hold.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.subverbs = subverbs,
	.measures = true,
};
