/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the checkpoints that tests/bench/run measures: models of a given size, whole or
 * in shards, headers of very many tensors, very many small files, and hostile headers of
 * 1 MiB. Random bytes, the same every time; `sparse` shards are holes behind their headers.
 *
 *	generate model BYTES FILE
 *	generate shards|sparse N_SHARDS BYTES_OF_EACH DIRECTORY
 *	generate files N_FILES N_FOLDERS DIRECTORY
 *	generate many|gguf N_TENSORS FILE
 *	generate nested|brackets|duplicates|overlap FILE
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HOSTILE_HEADER = 1 << 20,
	LAYERS = 22, /* 9 tensors a layer and 2 more: 200 */
	CHUNK = 1 << 20,
	GGUF_ALIGNMENT = 32,
};

static char *header;
static size_t header_len, header_cap;
static uint64_t state = 88172645463325252;
static FILE *map; /* where an index of shards is written, or NULL */
static int map_begun;
static const char *map_file; /* the shard that tensors are added to */

static void add_bytes(const void *data, size_t len)
{
	if (header_cap - header_len <= len) {
		header_cap = (header_cap + len) * 2;
		header = realloc(header, header_cap);
		if (!header)
			abort();
	}
	memcpy(header + header_len, data, len);
	header_len += len;
}

static void add(const char *text)
{
	add_bytes(text, strlen(text));
}

/* Little-endian, the first `len` bytes. */
static void add_number(uint64_t value, int len)
{
	unsigned char bytes[8];

	for (int i = 0; i < len; i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
	add_bytes(bytes, (size_t)len);
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
	if (map)
		fprintf(map, "%s\n    \"%s\": \"%s\"", map_begun++ ? "," : "", name, map_file);
}

static void write_random(FILE *out, uint64_t len)
{
	static uint64_t chunk[CHUNK / 8];

	while (len) {
		size_t n = len < CHUNK ? (size_t)len : CHUNK;

		for (size_t i = 0; i < (n + 7) / 8; i++) { /* xorshift64 (Marsaglia 2003) */
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			chunk[i] = state;
		}
		fwrite(chunk, 1, n, out);
		len -= n;
	}
}

/* Writes length, header (padded with spaces to a multiple of 8) and `data_len` bytes. */
static void write_file(FILE *out, uint64_t data_len, bool sparse)
{
	unsigned char prefix[8];

	while (header_len % 8)
		add(" ");
	for (int i = 0; i < 8; i++)
		prefix[i] = (unsigned char)(header_len >> 8 * i);
	fwrite(prefix, 1, 8, out);
	fwrite(header, 1, header_len, out);
	if (!sparse)
		write_random(out, data_len);
	else if (fflush(out) != 0 || ftruncate(fileno(out), (off_t)(8 + header_len + data_len)) < 0)
		exit(3);
}

/*
 * A decoder of 22 layers, or as many of the layers of one of several shards; the width
 * follows from the size, the embedding takes what is left.
 */
static void model(FILE *out, uint64_t len, int shard, bool sparse)
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
	header_len = 0;
	add("{");
	for (int i = 0; i < LAYERS; i++)
		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
			rows = parts[k].rows ? (uint64_t)parts[k].rows * width : 1;
			snprintf(name, sizeof(name), "model.layers.%d.%s.weight",
				 shard * LAYERS + i, parts[k].name);
			add_tensor(name, rows, (uint64_t)parts[k].columns * width, &off);
		}
	snprintf(name, sizeof(name), "model.norm.%d.weight", shard);
	add_tensor(name, 1, width, &off);
	rows = len > off ? (len - off) / (2 * width) : 0;
	snprintf(name, sizeof(name), "model.embed_tokens.%d.weight", shard);
	add_tensor(name, rows ? rows : 1, width, &off);
	add("}");
	write_file(out, off, sparse);
}

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f) {
		perror(path);
		exit(3);
	}
	return f;
}

static void close_file(FILE *f)
{
	if (ferror(f) || fclose(f) != 0)
		exit(3);
}

static void shards(const char *directory, int n, uint64_t len, bool sparse)
{
	char path[4096], name[64];

	snprintf(path, sizeof(path), "%s/model.safetensors.index.json", directory);
	map = open_file(path);
	fprintf(map, "{\n  \"metadata\": {\"total_size\": %ju},\n  \"weight_map\": {",
		(uintmax_t)len * (uintmax_t)n);
	for (int i = 0; i < n; i++) {
		FILE *out;

		snprintf(name, sizeof(name), "model-%05d-of-%05d.safetensors", i + 1, n);
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		map_file = name;
		out = open_file(path);
		model(out, len, i, sparse);
		close_file(out);
	}
	fprintf(map, "\n  }\n}\n");
	close_file(map);
}

/* Files of 1 to 8 KiB. */
static void files(const char *directory, int n, int n_folders)
{
	char path[4096];

	for (int i = 0; i < n; i++) {
		int folder = i % n_folders;
		FILE *out;

		snprintf(path, sizeof(path), "%s/folder-%03d", directory, folder);
		if (i < n_folders && mkdir(path, 0755) < 0)
			exit(3);
		snprintf(path, sizeof(path), "%s/folder-%03d/item-%06d.dat", directory, folder, i);
		out = open_file(path);
		write_random(out, 1024 + state % 7169);
		close_file(out);
	}
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
	write_file(out, off, false);
}

/* Each tensor fills one unit of alignment: 8 numbers of type F32, which is 0. */
static void gguf(FILE *out, uint64_t n)
{
	static const char key[] = "general.architecture", value[] = "llama";
	char name[64];

	add("GGUF");
	add_number(3, 4);
	add_number(n, 8);
	add_number(1, 8);
	add_number(strlen(key), 8);
	add(key);
	add_number(8, 4); /* a string */
	add_number(strlen(value), 8);
	add(value);
	for (uint64_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "blk.%ju.ffn_gate.%ju.weight", (uintmax_t)(i / 64),
			 (uintmax_t)(i % 64));
		add_number(strlen(name), 8);
		add(name);
		add_number(1, 4);
		add_number(GGUF_ALIGNMENT / 4, 8);
		add_number(0, 4);
		add_number(i * GGUF_ALIGNMENT, 8);
	}
	while (header_len % GGUF_ALIGNMENT)
		add_number(0, 1);
	fwrite(header, 1, header_len, out);
	write_random(out, n * GGUF_ALIGNMENT);
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
	write_file(out, 0, false);
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
	write_file(out, 4096, false);
}

static bool one_file(const char *kind, int argc, char **argv, FILE *out)
{
	if (strcmp(kind, "model") == 0 && argc == 4)
		model(out, strtoull(argv[2], NULL, 10), 0, false);
	else if (strcmp(kind, "many") == 0 && argc == 4)
		many(out, strtoull(argv[2], NULL, 10));
	else if (strcmp(kind, "gguf") == 0 && argc == 4)
		gguf(out, strtoull(argv[2], NULL, 10));
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
		return false;
	return true;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 2 ? argv[1] : "";
	FILE *out;

	if (argc < 3)
		return 2;
	if (argc == 5 && (strcmp(kind, "shards") == 0 || strcmp(kind, "sparse") == 0)) {
		shards(argv[4], atoi(argv[2]), strtoull(argv[3], NULL, 10), kind[1] == 'p');
		return 0;
	}
	if (argc == 5 && strcmp(kind, "files") == 0) {
		files(argv[4], atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	out = open_file(argv[argc - 1]);
	if (!one_file(kind, argc, argv, out))
		return 2;
	close_file(out);
	return 0;
}
