/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_model.pb of a TensorFlow SavedModel: graphs, of which the names of ops are read.
 *
 *	file       = SavedModel = ( 2 MetaGraph | other )*
 *	MetaGraph  = ( 2 Graph | other )*
 *	Graph      = ( 1 Node | 2 Library | other )*
 *	Library    = ( 1 Function | other )*
 *	Function   = ( 1 Signature | 3 Node | other )*
 *	Signature  = ( 1 function name | other )*, the name once in a Function
 *	Node       = ( 1 node name | 2 op | other )*
 *	op         = at most OP_MAX bytes of UTF-8 without control characters
 *	other      = a field of any other number or type
 *
 * Fields are as in format/tf_proto.h, and end where their message does. Bytes of other fields
 * are skipped; all that was read is kept, at most LIMIT_HEADER, CHUNK bytes at a time. There
 * are no tensors: those of a SavedModel are in its variables (format/tf_index.c), constants are
 * the graph's. Ops that run other code, or read or write files of any name, and ops of
 * libraries that TensorFlow does not have (their names have a ">") are imports that are not
 * allowed; so are graphs in text and graphs in chunks, which are not read. Every SavedModel
 * has a saver, which reads and writes its variables: to it three of these ops are allowed.
 */
#include "format/format.h"

#include <string.h>

#include "format/tf_proto.h"
#include "util/file.h"
#include "util/utf8.h"

enum { CHUNK = 65536, OP_MAX = 255, NAME_BYTES = 32, VARINT_BYTES = 10 };

enum level {
	SAVED_MODEL, META_GRAPH, GRAPH, LIBRARY, FUNCTION, SIGNATURE, NODE, /* messages */
	FUNCTION_NAME, NODE_NAME, OP, N_LEVELS,
};

/* What a field of type PROTO_BYTES holds, if it is no other one. */
static const struct {
	enum level of;
	uint32_t number;
	enum level holds;
} children[] = {
	{ SAVED_MODEL, 2, META_GRAPH }, { META_GRAPH, 2, GRAPH },
	{ GRAPH, 1, NODE },		{ GRAPH, 2, LIBRARY },
	{ LIBRARY, 1, FUNCTION },	{ FUNCTION, 1, SIGNATURE },
	{ FUNCTION, 3, NODE },		{ SIGNATURE, 1, FUNCTION_NAME },
	{ NODE, 1, NODE_NAME },		{ NODE, 2, OP },
};

/*
 * What the names of ops have in them that run code, end the process, or take the name of a
 * file or server: in all their versions, also those called experimental.
 */
static const char *const refused_parts[] = {
	"Abort", "AtHost", "BigQuery", "CSVDataset", "CacheDataset", "CreateSummary",
	"DataService", "DatasetFromGraph", "Debug", "DecodeProto", "EncodeProto", "FileSystem",
	"FixedLengthRecord", "FromHost", "GenerateVocabRemapping", "GeneratorDataset",
	"HostCompute", "LMDB", "LoadAndRemapMatrix", "LoadDataset", "MatchingFiles",
	"MlirPassthrough", "PrintV2", "PyFunc", "ReadFile", "RegisterDataset", "Remote",
	"Restore", "Rpc", "Save", "SnapshotChunk", "SnapshotDataset", "SnapshotNested", "Sql",
	"TFRecord", "TRT", "TextFile", "TextLine", "ToHost", "WholeFile", "WriteFile", ">",
};

/* Those that every saver of present form has. */
static const char *const saver_ops[] = { "MergeV2Checkpoints", "RestoreV2", "SaveV2" };
enum { N_SAVER_OPS = sizeof(saver_ops) / sizeof(saver_ops[0]) };

/* A file, read from front to back. */
struct scan {
	struct layout *layout;
	const struct window *file;
	uint64_t at;
	struct cursor chunk; /* the bytes from `chunk_off` on that were read last */
	uint64_t chunk_off;
	uint64_t kept;	     /* bytes read so far */
	struct {
		enum level level;
		uint64_t end;
	} open[N_LEVELS];    /* messages that `at` is in, each within the one before */
	size_t depth;	     /* of the innermost */
	bool named;	     /* whether the function has its name */
	bool saver_function, saver_node; /* whether it, and the node, are a saver's by name */
	bool found[N_SAVER_OPS];	 /* in the node */
};

static enum wm_code malformed(const struct scan *s, const char *what, struct wm_error *err)
{
	return fail(err, REASON_TF_MALFORMED, "%s: byte %llu: %s", s->file->name,
		    (unsigned long long)s->at, what);
}

/* Reads the chunk that has the byte at `s->at`. */
static enum wm_code load(struct scan *s, struct wm_error *err)
{
	const uint64_t off = s->at - s->at % CHUNK, left = s->file->size - off;
	const size_t len = left < CHUNK ? (size_t)left : CHUNK;
	void *room = NULL;

	if (s->kept + len > LIMIT_HEADER)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: graphs of more than %d bytes",
			    s->file->name, LIMIT_HEADER);
	TRY(arena_alloc(&room, &s->layout->arena, len, err));
	TRY(window_read(s->file, room, len, off, err));
	TRY(layout_add_piece(s->layout, off, room, len, err));
	s->chunk = cursor_of(room, len);
	s->chunk_off = off;
	s->kept += len;
	return WM_OK;
}

/* Takes the next byte of the innermost message. */
static enum wm_code take(uint8_t *out, struct scan *s, struct wm_error *err)
{
	if (s->at >= s->open[s->depth].end)
		return malformed(s, "a field beyond its message", err);
	if (s->chunk.len == 0 || s->at - s->chunk_off >= s->chunk.len)
		TRY(load(s, err));
	*out = s->chunk.data[s->at++ - s->chunk_off];
	return WM_OK;
}

static enum wm_code take_varint(uint64_t *out, struct scan *s, struct wm_error *err)
{
	uint8_t bytes[VARINT_BYTES] = { 0 };
	struct cursor c;
	size_t n = 0;

	do
		TRY(take(&bytes[n], s, err));
	while (bytes[n++] & 0x80 && n < VARINT_BYTES);
	c = cursor_of(bytes, n);
	return proto_varint(&c, out) ? WM_OK : malformed(s, "no varint", err);
}

static enum wm_code skip(struct scan *s, uint64_t n, struct wm_error *err)
{
	if (n > s->open[s->depth].end - s->at)
		return malformed(s, "a field beyond its message", err);
	s->at += n;
	return WM_OK;
}

static bool is_refused(const char *op)
{
	for (size_t i = 0; i < sizeof(refused_parts) / sizeof(refused_parts[0]); i++)
		if (strstr(op, refused_parts[i]))
			return true;
	return false;
}

static enum wm_code add_import(struct layout *l, const char *what, struct wm_error *err)
{
	cleanup_buf struct buf name = BUF_INIT(2 * OP_MAX);

	TRY(buf_printf(&name, err, "tf:%s", what));
	return layout_add_import(l, buf_str(&name), name.len, false, err);
}

static enum wm_code read_op(struct scan *s, uint64_t len, struct wm_error *err)
{
	uint8_t op[OP_MAX + 1] = { 0 };

	if (len > OP_MAX)
		return malformed(s, "an op with an endless name", err);
	for (uint64_t i = 0; i < len; i++)
		TRY(take(&op[i], s, err));
	if (!utf8_valid(op, (size_t)len) || tensor_name_has_controls((char *)op, (size_t)len))
		return malformed(s, "an op whose name is not UTF-8, or has a control character",
				 err);
	for (size_t i = 0; i < N_SAVER_OPS; i++) {
		if (strcmp((char *)op, saver_ops[i]) != 0)
			continue;
		s->found[i] = true;
		return WM_OK;
	}
	return is_refused((char *)op) ? add_import(s->layout, (char *)op, err) : WM_OK;
}

/* Reads how a name begins. */
static enum wm_code read_beginning(char beginning[NAME_BYTES], struct scan *s, uint64_t len,
				   struct wm_error *err)
{
	uint8_t byte = 0;
	size_t n = 0;

	for (; n < len && n < NAME_BYTES - 1; n++) {
		TRY(take(&byte, s, err));
		beginning[n] = (char)byte;
	}
	beginning[n] = '\0';
	return skip(s, len - n, err);
}

/* TensorFlow 2 names the two functions of a saver so. */
static enum wm_code read_function_name(struct scan *s, uint64_t len, struct wm_error *err)
{
	static const char save[] = "__inference__traced_save_";
	static const char restore[] = "__inference__traced_restore_";
	char name[NAME_BYTES];

	if (s->named)
		return malformed(s, "a function that is named twice", err);
	TRY(read_beginning(name, s, len, err));
	s->named = true;
	s->saver_function = strncmp(name, save, sizeof(save) - 1) == 0 ||
			    strncmp(name, restore, sizeof(restore) - 1) == 0;
	return WM_OK;
}

/* TensorFlow 1 has the nodes of savers in the graph, as save/... and save_1/... */
static enum wm_code read_node_name(struct scan *s, uint64_t len, struct wm_error *err)
{
	char name[NAME_BYTES];
	size_t n = 4;

	TRY(read_beginning(name, s, len, err));
	s->saver_node = false;
	if (strncmp(name, "save", n) != 0)
		return WM_OK;
	if (name[n] == '_')
		n += 1 + strspn(name + n + 1, "0123456789");
	s->saver_node = name[n] == '/';
	return WM_OK;
}

static enum wm_code end_node(struct scan *s, struct wm_error *err)
{
	const bool in_graph = s->open[s->depth - 1].level == GRAPH;

	for (size_t i = 0; i < N_SAVER_OPS; i++)
		if (s->found[i] && !(in_graph ? s->saver_node : s->saver_function))
			TRY(add_import(s->layout, saver_ops[i], err));
	return WM_OK;
}

static void begin(struct scan *s, enum level level, uint64_t len)
{
	s->depth++;
	s->open[s->depth].level = level;
	s->open[s->depth].end = s->at + len;
	if (level == FUNCTION)
		s->named = s->saver_function = false;
	if (level != NODE)
		return;
	s->saver_node = false;
	memset(s->found, 0, sizeof(s->found));
}

/* Reads a field of bytes, or begins it where it is a message. */
static enum wm_code read_bytes(struct scan *s, uint64_t number, struct wm_error *err)
{
	const enum level level = s->open[s->depth].level;
	uint64_t len = 0;

	TRY(take_varint(&len, s, err));
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		if (children[i].of != level || children[i].number != number)
			continue;
		if (len > s->open[s->depth].end - s->at)
			return malformed(s, "a field beyond its message", err);
		switch (children[i].holds) {
		case FUNCTION_NAME: return read_function_name(s, len, err);
		case NODE_NAME: return read_node_name(s, len, err);
		case OP: return read_op(s, len, err);
		default: begin(s, children[i].holds, len); return WM_OK;
		}
	}
	return skip(s, len, err);
}

static enum wm_code read_field(struct scan *s, struct wm_error *err)
{
	uint64_t tag = 0, value;

	TRY(take_varint(&tag, s, err));
	if (tag >> 3 == 0 || tag >> 3 >= 1 << 29)
		return malformed(s, "no number of a field", err);
	switch (tag & 7) {
	case PROTO_VARINT: return take_varint(&value, s, err);
	case PROTO_FIXED64: return skip(s, 8, err);
	case PROTO_BYTES: return read_bytes(s, tag >> 3, err);
	case PROTO_FIXED32: return skip(s, 4, err);
	default: return malformed(s, "a group, or no type of a field", err);
	}
}

static enum wm_code read_graphs(struct layout *l, const struct window *w, struct wm_error *err)
{
	struct scan s = { .layout = l, .file = w, .open = { { SAVED_MODEL, w->size } } };

	for (;;) {
		for (; s.depth > 0 && s.at == s.open[s.depth].end; s.depth--)
			if (s.open[s.depth].level == NODE)
				TRY(end_node(&s, err));
		if (s.at == w->size)
			return WM_OK;
		TRY(read_field(&s, err));
	}
}

/* The name under which SavedModels keep their graphs. */
static bool is_graph(const char *name)
{
	return strcmp(file_name(name), "saved_model.pb") == 0;
}

static const char *unread_form(const char *name)
{
	if (strcmp(file_name(name), "saved_model.pbtxt") == 0)
		return "graphs-in-text";
	return strcmp(file_name(name), "saved_model.cpb") == 0 ? "graphs-in-chunks" : NULL;
}

static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)size, (void)start, (void)len;
	return is_graph(name) || unread_form(name);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	TRY(format_raw.parse(l, w, err));
	if (is_graph(w->name))
		TRY(read_graphs(l, w, err));
	else
		TRY(add_import(l, unread_form(w->name), err));
	return WM_OK;
}

const struct format format_tf_graph = {
	.grammar = "tf-saved-model/1", .claims = claims, .parse = parse,
};
