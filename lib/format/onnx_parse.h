/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking through a ModelProto: a stack of messages, each held against its row of the schema,
 * and what is learnt at the end of each.
 *
 *	cleanup_onnx struct onnx_parser p = ONNX_PARSER_INIT(l, *w);
 *	TRY(onnx_parse_model(&p, err));
 *
 * Only format/onnx.c, which has the grammar on top, uses this.
 */
#ifndef FORMAT_ONNX_PARSE_H
#define FORMAT_ONNX_PARSE_H

#include "format/format.h"
#include "format/onnx_read.h"
#include "format/onnx_schema.h"

enum { ONNX_DEPTH_MAX = 64, ONNX_TEXTS = 3 };

/* Text in the head of the layout, which grows while this is known. */
struct onnx_text {
	uint32_t off, len;
};

/* One message that is being read. */
struct onnx_frame {
	enum onnx_type type;
	const struct onnx_field *field; /* of the message around it; NULL: it is the model */
	uint32_t index;			/* among those of this field there, from 0 */
	uint64_t tag, from, end;	/* where its tag, its first byte and what follows stand */
	uint32_t seen;			/* bits of numbers */
	uint32_t counts[ONNX_NUMBER_MAX + 1];
	struct onnx_text text[ONNX_TEXTS]; /* domain, name, overload; key, value; or name */
	uint64_t number;		/* an attribute's type */
	size_t names_at;		/* how many names there were when it began */
	size_t path_at;			/* where its step begins in the path, if that has it */
};

/* Keys of external data besides its location. */
enum {
	ONNX_EXTERNAL_OFFSET,
	ONNX_EXTERNAL_LENGTH,
	ONNX_EXTERNAL_CHECKSUM, /* its value is not looked at */
	ONNX_EXTERNAL_KEYS
};

/* The TensorProto that is being read; there is none in another. */
struct onnx_tensor {
	uint64_t dims[LIMIT_RANK];
	unsigned rank;
	uint64_t data_type, location;
	struct onnx_text name, path;
	uint64_t data, data_len; /* raw_data, or the first packed run of numbers */
	uint64_t n_runs, n_single; /* of numbers: packed runs, and others */
	bool has[ONNX_EXTERNAL_KEYS]; /* of external data */
	uint64_t external[ONNX_EXTERNAL_KEYS];
};

/* An operator, or a function that stands for one. */
struct onnx_op {
	struct onnx_text text[ONNX_TEXTS];
};

struct onnx_ops {
	struct onnx_op *list;
	size_t n, cap;
};

/* Names of the attributes of the nodes that are being read. */
struct onnx_names {
	struct onnx_text *list;
	size_t n, cap;
};

struct onnx_parser {
	struct layout *l;
	struct onnx_bytes bytes;
	struct onnx_frame frames[ONNX_DEPTH_MAX];
	unsigned depth;
	struct buf path; /* names of fields that lead to frames 1 to n_path - 1 */
	unsigned n_path; /* >= 1 */
	struct onnx_tensor tensor;
	struct onnx_names names;
	struct onnx_ops used, defined; /* operators of unknown domains; functions */
	uint64_t ir_version;
	size_t n_metadata;
	struct {
		bool there;
		uint64_t from, end;
		struct onnx_text value;
	} slot; /* the entry of metadata under SLOT_KEY */
};

#define ONNX_PARSER_INIT(layout, window) \
	{                                                                          \
		.l = (layout), .bytes = { .file = (window), .keep = (layout) },    \
		.path = BUF_INIT(LIMIT_NAME), .n_path = 1                          \
	}

void onnx_parser_release(struct onnx_parser *p);
#define cleanup_onnx __attribute__((cleanup(onnx_parser_release)))

/* The message that is being read, and its text. Borrowed until more is read. */
struct onnx_frame *onnx_top(struct onnx_parser *p);
const char *onnx_text(const struct onnx_parser *p, struct onnx_text text);

/*
 * Reads the whole file: keeps what is not packed numbers, adds tensors, externals, imports
 * and the segments up to the last tensor. Fails with the reason codes of ONNX, `limit` and
 * `header-too-large`.
 */
MUST_USE enum wm_code onnx_parse_model(struct onnx_parser *p, struct wm_error *err);

/* Adds a segment, and a skeleton in front of it that reaches to the one before it. */
MUST_USE enum wm_code onnx_add_segment(struct layout *l, uint64_t off, uint64_t len, bool tensor,
				       struct wm_error *err);

/* At the end of a TensorProto, of an entry of its external_data. */
MUST_USE enum wm_code onnx_end_tensor(struct onnx_parser *p, struct wm_error *err);
MUST_USE enum wm_code onnx_end_external(struct onnx_parser *p, struct wm_error *err);

/* At the end of an AttributeProto, for its name; the node's or function's must be different. */
MUST_USE enum wm_code onnx_add_name(struct onnx_parser *p, struct wm_error *err);

/* At the end of a NodeProto, of a FunctionProto, and of the model. */
MUST_USE enum wm_code onnx_end_node(struct onnx_parser *p, struct wm_error *err);
MUST_USE enum wm_code onnx_end_function(struct onnx_parser *p, struct wm_error *err);
MUST_USE enum wm_code onnx_list_imports(struct onnx_parser *p, struct wm_error *err);

#endif
