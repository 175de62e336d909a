/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the safetensors files that tests/bench/run measures: a model of a given
 * size, a header of very many tensors, and hostile headers of 1 MiB.
 *
 *	generate model BYTES FILE
 *	generate many N_TENSORS FILE
 *	generate nested|brackets|duplicates|overlap FILE
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOSTILE_HEADER = 1 << 20,
	LAYERS = 22, /* 9 tensors a layer and 2 more: 200 */
	CHUNK = 1 << 20,
};

static char *header;
static size_t header_len, header_cap;

static void add(const char *text)
{
	size_t len = strlen(text);

	if (header_cap - header_len <= len) {
		header_cap = (header_cap + len) * 2;
		header = realloc(header, header_cap);
		if (!header)
			abort();
	}
	memcpy(header + header_len, text, len + 1);
	header_len += len;
}

static void add_tensor(const char *name, uint64_t rows, uint64_t columns, uint64_t *off)
{
	uint64_t len = rows * columns * 2;
	char text[256];

	snprintf(text, sizeof(text),
		 "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[%ju,%ju],\"data_offsets\":[%ju,%ju]}",
		 header_len > 1 ? "," : "", name, (uintmax_t)rows, (uintmax_t)columns,
		 (uintmax_t)*off, (uintmax_t)(*off + len));
	add(text);
	*off += len;
}

/* Writes length, header (padded with spaces to a multiple of 8) and `data_len` random bytes. */
static void write_file(FILE *out, uint64_t data_len)
{
	static uint64_t chunk[CHUNK / 8];
	uint64_t state = 88172645463325252;
	unsigned char prefix[8];

	while (header_len % 8)
		add(" ");
	for (int i = 0; i < 8; i++)
		prefix[i] = (unsigned char)(header_len >> 8 * i);
	fwrite(prefix, 1, 8, out);
	fwrite(header, 1, header_len, out);
	while (data_len) {
		size_t n = data_len < CHUNK ? (size_t)data_len : CHUNK;

		for (size_t i = 0; i < CHUNK / 8; i++) { /* xorshift64 (Marsaglia 2003) */
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			chunk[i] = state;
		}
		fwrite(chunk, 1, n, out);
		data_len -= n;
	}
}

/* A decoder of 22 layers; the width follows from the size, the embedding takes what is left. */
static void model(FILE *out, uint64_t len)
{
	static const struct {
		const char *name;
		int rows, columns; /* in widths; 0: one row of one width */
	} parts[] = {
		{ "self_attn.q_proj", 1, 1 },  { "self_attn.k_proj", 1, 1 },
		{ "self_attn.v_proj", 1, 1 },  { "self_attn.o_proj", 1, 1 },
		{ "mlp.gate_proj", 3, 1 },     { "mlp.up_proj", 3, 1 },
		{ "mlp.down_proj", 1, 3 },     { "input_layernorm", 0, 1 },
		{ "post_attention_layernorm", 0, 1 },
	};
	uint64_t width = 64, off = 0, rows;
	char name[128];

	while (2 * LAYERS * 13 * (width + 64) * (width + 64) < len / 10 * 9)
		width += 64;
	add("{");
	for (int i = 0; i < LAYERS; i++)
		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
			rows = parts[k].rows ? (uint64_t)parts[k].rows * width : 1;
			snprintf(name, sizeof(name), "model.layers.%d.%s.weight", i,
				 parts[k].name);
			add_tensor(name, rows, (uint64_t)parts[k].columns * width, &off);
		}
	add_tensor("model.norm.weight", 1, width, &off);
	rows = len > off ? (len - off) / (2 * width) : 0;
	add_tensor("model.embed_tokens.weight", rows ? rows : 1, width, &off);
	add("}");
	write_file(out, off);
}

static void many(FILE *out, uint64_t n)
{
	uint64_t off = 0;
	char name[128];

	add("{");
	for (uint64_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "model.layers.%ju.experts.%ju.weight",
			 (uintmax_t)(i / 64), (uintmax_t)(i % 64));
		add_tensor(name, 1, 2, &off);
	}
	add("}");
	write_file(out, off);
}

/* One pattern until the header has its 1 MiB. */
static void hostile(FILE *out, const char *first, const char *again, const char *last)
{
	add(first);
	while (header_len + strlen(again) + strlen(last) <= HOSTILE_HEADER)
		add(again);
	add(last);
	while (header_len < HOSTILE_HEADER)
		add(" ");
	write_file(out, 0);
}

static void overlap(FILE *out)
{
	static const char format[] =
		",\"t%u\":{\"dtype\":\"U8\",\"shape\":[4096],\"data_offsets\":[0,4096]}";
	char text[128];

	add("{\"a\":{\"dtype\":\"U8\",\"shape\":[4096],\"data_offsets\":[0,4096]}");
	for (unsigned int i = 0; header_len < HOSTILE_HEADER - sizeof(text); i++) {
		snprintf(text, sizeof(text), format, i);
		add(text);
	}
	add("}");
	while (header_len < HOSTILE_HEADER)
		add(" ");
	write_file(out, 4096);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 2 ? argv[1] : "";
	FILE *out = argc > 2 ? fopen(argv[argc - 1], "wb") : NULL;

	if (!out)
		return 2;
	if (strcmp(kind, "model") == 0 && argc == 4)
		model(out, strtoull(argv[2], NULL, 10));
	else if (strcmp(kind, "many") == 0 && argc == 4)
		many(out, strtoull(argv[2], NULL, 10));
	else if (strcmp(kind, "nested") == 0)
		hostile(out, "{\"a\":", "{\"a\":", "0");
	else if (strcmp(kind, "brackets") == 0)
		hostile(out, "", "[", "");
	else if (strcmp(kind, "duplicates") == 0)
		hostile(out, "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
			",\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", "}");
	else if (strcmp(kind, "overlap") == 0)
		overlap(out);
	else
		return 2;
	return ferror(out) || fclose(out) != 0 ? 3 : 0;
}
