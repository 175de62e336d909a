/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/recomputed.c: what digests say of derivations. */
#include "lineages.h"

#include <stdio.h>
#include <stdlib.h>

#include "lineage/recomputed.h"

enum { TEXT_ROOM = 8192, HEX = 2 * SHA256_BYTES };

static int compare_hex(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A checkpoint whose manifest lists a tensor for each letter; more members follow. */
static void say_tensors(struct shelf *s, const char *local, const char *letters,
			const char *members)
{
	char text[TEXT_ROOM], hex[26][HEX + 1], name[] = "t?";
	const size_t n = strlen(letters);
	int len;

	for (size_t i = 0; i < n; i++) {
		name[1] = letters[i];
		shelf_hex(hex[i], name, 0);
	}
	qsort(hex, n, sizeof(hex[0]), compare_hex);
	len = snprintf(text, sizeof(text),
		       ",\"checkpoint\":{\"file\":[{\"path\":\"m.st\",\"size\":7,\"role\":"
		       "\"load\",\"grammar\":\"safetensors/1\",\"file_digest\":\"$file %s$\","
		       "\"sha256\":\"$sha256 %s$\"}],\"part\":[{\"name\":\"m.st\",\"path\":"
		       "[\"m.st\"],\"weights_digest\":\"$weights %s$\",\"tensor_set_digest\":"
		       "\"$set %s$\",\"tensor\":[", local, local, local, local);
	for (size_t i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				"%s{\"digest\":\"%s\",\"bytes\":65536}", i ? "," : "", hex[i]);
	snprintf(text + len, sizeof(text) - (size_t)len,
		 "]}]},\"model\":{\"name\":\"m\",\"version\":\"1\"}%s", members);
	lineage_say(s, "manifest", "acme", local, 1, text);
}

#define FROM(kind, parent) ",\"derivation\":[{\"kind\":\"" kind "\",\"parent\":[" parent "]}]"

static void scenario(struct shelf *s)
{
	shelf_open(s);
	say_tensors(s, "base", "abcd", "");
	say_tensors(s, "tuned", "bcx", FROM("finetune", "@base@"));
	say_tensors(s, "other", "xyz", FROM("finetune", "@base@"));
	say_tensors(s, "pruned", "a", FROM("prune", "@base@"));
	say_tensors(s, "merged", "abcd", FROM("merge", "@base@"));
	say_tensors(s, "named", "z", FROM("adapter", "@base@"));
	say_tensors(s, "bound", "z",
		    FROM("adapter", "{\"object\":\"acme/base\",\"weights_digest\":\"$weights base$\"}"));
	lineage_checkpoint(s, "plain", FROM("finetune", "@base@"));
	lineage_checkpoint(s, "orphan", FROM("finetune", "@nobody@"));
	shelf_append(s, SHELF_ORIGIN, 1000);
}

/* A walk from `local`, compared. */
struct compared {
	struct index *x;
	struct graph *g;
	struct trace t;
	struct recomputed *list;
	uint32_t left_out;
};

static void compared_release(struct compared *c)
{
	trace_release(&c->t);
	free(c->list);
	graph_free(c->g);
	index_close(c->x);
}
#define cleanup_compared __attribute__((cleanup(compared_release)))

static void compare(struct compared *c, struct shelf *s, const char *local, uint32_t depth)
{
	const struct trace_options options = { .ancestors = false };
	struct trace_seed seed = { .n_subsets = 0 };
	struct wm_error err = { 0 };

	*c = (struct compared){ .x = shelf_index(s) };
	shelf_sync(c->x);
	assert_ok(graph_load(&c->g, &c->x, 1, NULL, &err), &err);
	seed.node = lineage_node(c->g, local);
	assert_ok(trace_from(&c->t, c->g, &seed, 1, &options, &err), &err);
	assert_ok(recompute(&c->list, &c->left_out, c->g, &c->t, depth, &c->x, &err), &err);
}

static const struct recomputed *of(const struct compared *c, const char *local)
{
	static const struct recomputed nothing;
	const uint32_t place = c->t.place[lineage_node(c->g, local)];
	const uint32_t via = c->t.list[place].via;

	assert_int_not_equal(place, GRAPH_NONE);
	return via == GRAPH_NONE ? &nothing : &c->list[via];
}

static void test_tensors(void **state)
{
	static const struct {
		const char *local;
		uint32_t n;
		bool digest;
	} expected[] = {
		{ "base", 0, false },  { "tuned", 2, false }, { "other", 0, false },
		{ "pruned", 1, false }, { "merged", 0, false }, { "named", 0, false },
		{ "bound", 0, true },  { "plain", 0, false },
	};
	cleanup_shelf struct shelf s;
	cleanup_compared struct compared c;

	(void)state;
	scenario(&s);
	compare(&c, &s, "base", UINT32_MAX);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(of(&c, expected[i].local)->n_tensors, expected[i].n);
		assert_int_equal(of(&c, expected[i].local)->has_parent_digest,
				 expected[i].digest);
	}
	assert_int_equal(c.left_out, 0);
}

static void test_far_and_unknown(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_compared struct compared c;

	(void)state;
	scenario(&s);
	compare(&c, &s, "base", 0);
	assert_int_equal(of(&c, "tuned")->n_tensors, 0);
	compared_release(&c);
	compare(&c, &s, "nobody", UINT32_MAX);
	assert_int_equal(of(&c, "orphan")->n_tensors, 0);
}

/* No more than LIMIT_COMPARED, and it is said how many are left out. */
static void test_limit(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_compared struct compared c;
	uint32_t n = 0;

	(void)state;
	shelf_open(&s);
	say_tensors(&s, "base", "ab", "");
	for (unsigned i = 0; i < LIMIT_COMPARED + 3; i++) {
		char local[16];

		snprintf(local, sizeof(local), "m%u", i);
		say_tensors(&s, local, "a", FROM("finetune", "@base@"));
	}
	shelf_append(&s, SHELF_ORIGIN, 1000);
	compare(&c, &s, "base", UINT32_MAX);
	for (uint32_t i = 0; i < c.g->n_edges; i++)
		n += c.list[i].n_tensors;
	assert_int_equal(n, LIMIT_COMPARED);
	assert_int_equal(c.left_out, 3);
}

/* --- equalities -------------------------------------------------------------------------- */

#define EQUAL(w, t, local, more) \
	lineage_say(&s, "manifest", "acme", local, 1, CHECKPOINT_OF(w, t, local) more)

static void test_equality(void **state)
{
	static const struct {
		const char *local;
		enum recomputed_equality equality;
	} expected[] = {
		{ "converted", WEIGHTS_EQUAL }, { "again", WEIGHTS_EQUAL },
		{ "renamed", TENSOR_SETS_EQUAL }, { "quantised", NOT_EQUAL },
		{ "another", NOT_EQUAL },
	};
	cleanup_shelf struct shelf s;
	cleanup_compared struct compared c;

	(void)state;
	shelf_open(&s);
	EQUAL("w", "t", "base", "");
	EQUAL("w", "t", "converted", FROM("convert", "@base@"));
	EQUAL("w", "t", "again", FROM("convert", "@base@"));
	EQUAL("w2", "t", "renamed", FROM("rename", "@base@"));
	EQUAL("w", "t", "quantised", FROM("quantise", "@base@"));
	EQUAL("w3", "t3", "another", FROM("convert", "@base@"));
	shelf_append(&s, SHELF_ORIGIN, 1000);
	compare(&c, &s, "base", UINT32_MAX);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct graph_edge *e =
			lineage_edge(c.g, "base", expected[i].local, GRAPH_DERIVED);

		assert_int_equal(c.list[e - c.g->edges].equality, expected[i].equality);
	}
	compared_release(&c);
	compare(&c, &s, "base", 0);
	for (uint32_t i = 0; i < c.g->n_edges; i++)
		assert_int_equal(c.list[i].equality, NOT_EQUAL);
}

/* Two parts, of which the parent has one alone, are not equal; both are, whatever else it has. */
static void test_parts(void **state)
{
	static const char *const weights[] = { "one", "two", "three" };
	static const struct {
		const char *local, *more;
		size_t first, n;
		enum recomputed_equality equality;
	} parts[] = {
		{ "base", "", 0, 2, NOT_EQUAL },
		{ "whole", FROM("convert", "@base@"), 0, 2, WEIGHTS_EQUAL },
		{ "half", FROM("convert", "@base@"), 0, 1, WEIGHTS_EQUAL },
		{ "other", FROM("convert", "@base@"), 1, 2, NOT_EQUAL },
	};
	cleanup_shelf struct shelf s;
	cleanup_compared struct compared c;

	(void)state;
	shelf_open(&s);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char files[TEXT_ROOM] = "", list[TEXT_ROOM] = "", text[3 * TEXT_ROOM];

		for (size_t k = parts[i].first; k < parts[i].first + parts[i].n; k++) {
			const char *comma = k > parts[i].first ? "," : "";
			const size_t f = strlen(files), l = strlen(list);

			snprintf(files + f, sizeof(files) - f,
				 "%s{\"path\":\"%zu.st\",\"size\":7,\"role\":\"load\",\"grammar\":"
				 "\"safetensors/1\",\"file_digest\":\"$f %s%s$\",\"sha256\":"
				 "\"$s %s%s$\"}", comma, k, parts[i].local, weights[k],
				 parts[i].local, weights[k]);
			snprintf(list + l, sizeof(list) - l,
				 "%s{\"name\":\"%zu.st\",\"path\":[\"%zu.st\"],\"weights_digest\":"
				 "\"$%s$\",\"tensor_set_digest\":\"$set %s%s$\"}", comma, k, k,
				 weights[k], parts[i].local, weights[k]);
		}
		snprintf(text, sizeof(text),
			 ",\"checkpoint\":{\"file\":[%s],\"part\":[%s]},\"model\":{\"name\":\"m\","
			 "\"version\":\"1\"}%s", files, list, parts[i].more);
		lineage_say(&s, "manifest", "acme", parts[i].local, 1, text);
	}
	shelf_append(&s, SHELF_ORIGIN, 1000);
	compare(&c, &s, "base", UINT32_MAX);
	for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_int_equal(c.list[lineage_edge(c.g, "base", parts[i].local, GRAPH_DERIVED) -
					c.g->edges].equality, parts[i].equality);
}

/* --- memory ------------------------------------------------------------------------------ */

static enum wm_code compare_again(void *context, struct wm_error *err)
{
	const struct compared *c = context;
	cleanup_free struct recomputed *list = NULL;
	uint32_t left_out;

	return recompute(&list, &left_out, c->g, &c->t, UINT32_MAX, &c->x, err);
}

static void test_allocations(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_compared struct compared c;

	(void)state;
	shelf_open(&s);
	say_tensors(&s, "base", "ab", "");
	say_tensors(&s, "tuned", "b", FROM("finetune", "@base@"));
	shelf_append(&s, SHELF_ORIGIN, 1000);
	compare(&c, &s, "base", UINT32_MAX);
	with_every_allocation_failing(compare_again, &c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tensors),	 cmocka_unit_test(test_far_and_unknown),
		cmocka_unit_test(test_limit),	 cmocka_unit_test(test_equality),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
