/* SPDX-License-Identifier: Apache-2.0 */
/* The families of a synthetic lineage, statement by statement. */
#include "bench/families.h"

enum { LINEAGE_LEN = 1000, VENDOR_EACH = 100 };

/* Places of a family's statements. */
enum { DATASET, RUN, FIRST_CHECKPOINT, LAST_STEP = 4, CHAIN_END = 9, MERGE, QUANTISED };

#define OBJECT "{\"object\":\"bench.example/"

/* Of the same world. */
static unsigned long parent_of(unsigned long family)
{
	return family % LINEAGE_LEN < 2 ? family % 2 : family - 2;
}

static enum wm_code header(struct buf *out, const char *form, unsigned long family,
			   unsigned long place, struct wm_error *err)
{
	TRY(buf_append_str(out,
			   "{\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\","
			   "\"issued_at\":\"2026-01-02T03:04:06Z\",\"issuer\":\"bench.example\","
			   "\"nonce\":\"@nonce@\",\"object\":\"bench.example/",
			   err));
	TRY(buf_printf(out, err, "%s-%lu", form, family));
	if (place >= FIRST_CHECKPOINT)
		TRY(buf_printf(out, err, ".%lu@1.0", place));
	return buf_append_str(out, "\",\"schema_minor\":0,\"sequence\":1},", err);
}

static enum wm_code dataset(struct buf *out, unsigned long family, struct wm_error *err)
{
	TRY(header(out, "data", family, DATASET, err));
	TRY(buf_append_str(out, "\"party\":[{\"id\":\"steward\",\"legal_name\":\"", err));
	TRY(family % VENDOR_EACH == 0 ? buf_append_str(out, "Vendor", err) :
					buf_printf(out, err, "Town %lu", family));
	return buf_printf(out, err,
			  "\"}],\"dataset_id\":\"data-%lu\",\"title\":\"Photographs %lu\","
			  "\"version\":\"1\",\"content_root\":\"@content@\",\"issuer\":\"steward\","
			  "\"record_count\":1797}",
			  family, family);
}

static enum wm_code run(struct buf *out, unsigned long family, struct wm_error *err)
{
	TRY(header(out, "run", family, RUN, err));
	TRY(buf_printf(out, err,
		       "\"id\":\"run-%lu\",\"flops\":\"1000000\",\"start\":\"2025-01-02T03:04:05Z\","
		       "\"uses\":[{\"dataset\":" OBJECT "data-%lu\"},\"role\":\"pretrain\"},"
		       "{\"dataset\":" OBJECT "data-%lu\"},\"role\":\"validation\"}]",
		       family, family, 2 + family % 2));
	if (family >= 2)
		TRY(buf_printf(out, err, ",\"parent_model\":[" OBJECT "llm-%lu.%d@1.0\"}]",
			       parent_of(family), CHAIN_END));
	return buf_append_str(out, "}", err);
}

static enum wm_code origin_of(struct buf *out, unsigned long family, unsigned long place,
			      struct wm_error *err)
{
	const unsigned long before = place == MERGE || place == QUANTISED ? CHAIN_END : place - 1;
	const char *kind = place == MERGE ? "merge" : place == QUANTISED ? "quantise" : "finetune";

	if (place <= LAST_STEP)
		return buf_printf(out, err,
				  "\"run\":[" OBJECT "run-%lu\"}],\"checkpoint_of\":{\"run\":" OBJECT
				  "run-%lu\"},\"step\":%lu}",
				  family, family, 1000 * place);
	TRY(buf_printf(out, err,
		       "\"derivation\":[{\"id\":\"d\",\"kind\":\"%s\",\"parent\":[" OBJECT
		       "llm-%lu.%lu@1.0\"}",
		       kind, family, before));
	if (place == MERGE && family >= 2)
		TRY(buf_printf(out, err, "," OBJECT "llm-%lu.%d@1.0\"}", family / 4 * 2 + family % 2,
			       LAST_STEP));
	return buf_append_str(out, "]}]", err);
}

static enum wm_code manifest(struct buf *out, unsigned long family, unsigned long place,
			     struct wm_error *err)
{
	TRY(header(out, "llm", family, place, err));
	TRY(buf_append_str(
		out,
		"\"checkpoint\":{\"file\":[{\"path\":\"m.st\",\"size\":7,\"role\":\"load\","
		"\"grammar\":\"safetensors/1\",\"file_digest\":\"@file@\",\"sha256\":\"@sha256@\"}],"
		"\"part\":[{\"name\":\"m.st\",\"path\":[\"m.st\"],\"weights_digest\":\"@weights@\","
		"\"tensor_set_digest\":\"@set@\","
		"\"tensor\":[{\"digest\":\"@tensor@\",\"bytes\":65536}]}]},",
		err));
	TRY(buf_printf(out, err,
		       "\"model\":{\"name\":\"LLM %lu.%lu\",\"version\":\"1.0\",\"model_id\":"
		       "\"llm-%lu.%lu@1.0\",\"lineage_complete\":\"yes\"},",
		       family, place, family, place));
	TRY(origin_of(out, family, place, err));
	return buf_append_str(out, "}", err);
}

enum wm_code family_statement(struct buf *out, const char **kind, unsigned long number,
			      struct wm_error *err)
{
	const unsigned long family = number / FAMILY, place = number % FAMILY;

	*kind = place == DATASET ? "dataset" : place == RUN ? "run" : "manifest";
	if (place == DATASET)
		return dataset(out, family, err);
	return place == RUN ? run(out, family, err) : manifest(out, family, place, err);
}
