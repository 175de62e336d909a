/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint formats: which one a file is, and what its bytes are.
 *
 * The verifier picks the format, by name and then by magic bytes, from one table. A file that
 * claims a known format must parse by that format's strict grammar; `raw` stands only
 * where nothing claims the file (docs/design.md, "Measuring"). Parsing gives a layout: the
 * ordered segments that tile the file exactly, and the tensors among them.
 */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include "digest/measure.h"
#include "format/dtype.h"
#include "text/node.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/limits.h"

/* One tensor. Names and dims live in the layout's arena. */
struct tensor {
	const char *name; /* UTF-8 without NUL and control characters; zero-terminated */
	size_t name_len;
	enum dtype dtype;
	unsigned rank;
	const uint64_t *dims; /* `rank` sizes, outermost first */
	uint64_t len;	      /* bytes of its logical, row-major, little-endian form */
	size_t segment;	      /* index of the segment that holds it; SIZE_MAX: none does */
	const void *source;   /* of one that is no run of the file, for the format's `gather` */
	const uint8_t *digest; /* of one that was gathered: its SHA256_BYTES; else NULL */
};

/* Code that a loader would run or import for a file, by its name in its own world. */
struct import {
	const char *name; /* "collections.OrderedDict", "onnx:com.acme.MyOp", zero-terminated */
	bool allowed;	  /* known to do nothing but hold tensors */
};

/*
 * A tensor that this file names and another one holds: `off` bytes into the file at `path`,
 * which is relative to the directory of this one, of plain components. Where the name is NULL
 * it is a run of tensor.len bytes that this file speaks of and that is no tensor.
 */
struct external {
	struct tensor tensor; /* without segment, source and digest */
	const char *path;
	uint64_t off;
};

/* Where bytes go that come piece by piece. */
struct sink {
	enum wm_code (*take)(void *context, const void *data, size_t len, struct wm_error *err);
	void *context;
};

/* What a file says itself of the set that it is a shard of. */
struct split {
	uint64_t count; /* of its shards; 0: it says nothing */
	uint64_t no;	/* its own number, from 0 */
	uint64_t n_tensors; /* of the whole set; 0: it does not say */
};

/*
 * All offsets are those of the stripped view: the file without its slot (format/slot.h).
 * The file has zone.to - zone.from + slot_len bytes in place of the zone, a run of the view
 * that pieces cover, and else the same bytes. Segments begin and end where the zone does.
 */
struct layout {
	struct arena arena;
	const struct format *format;
	uint64_t size;	   /* bytes of the view, which the segments tile */
	struct buf head;   /* parsed bytes from offset 0 on, for formats that begin with an index */
	struct piece *pieces; /* all bytes of the view that were parsed: ascending, disjoint */
	size_t n_pieces;
	struct {
		uint64_t from, to;
	} zone;		   /* either from is 0 or to is `size` */
	uint64_t slot_len; /* by how many bytes the file is longer; 0: it has no slot */
	struct buf carried; /* what the slot carries: the bytes of a sidecar; or nothing */
	bool displaced; /* `carried` stands where no slot of ours would: it is part of the view */
	struct segment *segments;
	size_t n_segments;
	struct tensor *tensors; /* in the order of the file */
	size_t n_tensors;
	uint32_t *by_name; /* n_tensors indices into tensors, sorted by the bytes of the names */
	bool has_tensors;  /* whether the format can tell tensors at all (raw cannot) */
	bool loose_spaces; /* white space where readers take it and the specification does not */
	struct external *externals; /* of formats that keep tensors in other files */
	size_t n_externals;
	struct import *imports; /* each name once, ascending */
	size_t n_imports;
	struct split split;
	struct tree metadata; /* the file's own text metadata: root is a MAP of TEXT, or NULL */
	struct layout *members; /* of an archive: of what lies in it, as files of their own */
	size_t n_members;
	void *own; /* what the format keeps for itself, in the arena; or NULL */
};

#define LAYOUT_INIT                                                                        \
	{                                                                                  \
		.arena = ARENA_INIT(4 * (size_t)LIMIT_HEADER),                             \
		.head = BUF_INIT(LIMIT_HEADER + 8), .carried = BUF_INIT(LIMIT_SLOT),       \
		.metadata = TREE_INIT                                                      \
	}

void layout_release(struct layout *l);
#define cleanup_layout __attribute__((cleanup(layout_release)))

/*
 * Adds bytes that were parsed, in any order; layout_sort_pieces() must follow. They are
 * borrowed until the layout is released: from its arena, or its head.
 */
MUST_USE enum wm_code layout_add_piece(struct layout *l, uint64_t off, const void *data,
				       size_t len, struct wm_error *err);
void layout_sort_pieces(struct layout *l);

/* The head, which changes no more, is the only piece, and it is the zone. */
MUST_USE enum wm_code layout_close_head(struct layout *l, struct wm_error *err);

/*
 * Adds a name to the imports, where it is not among them; then it is allowed only where it always
 * was. Fails with `limit` beyond LIMIT_IMPORTS of them.
 */
MUST_USE enum wm_code layout_add_import(struct layout *l, const char *name, size_t len,
					bool allowed, struct wm_error *err);

/* Appends a tensor of the file `name`. Fails with `limit` beyond LIMIT_TENSORS of them. */
MUST_USE enum wm_code layout_add_tensor(struct layout *l, const struct tensor *t,
					const char *name, struct wm_error *err);

/* Appends to the externals; names and paths are borrowed, from the arena. */
MUST_USE enum wm_code layout_add_external(struct layout *l, const struct external *e,
					  struct wm_error *err);

/*
 * Fails with `reason` where the tensors with a source have over LIMIT_RATIO times the bytes of the
 * view: what is gathered must not be out of all proportion to the file.
 */
MUST_USE enum wm_code layout_bound_gathered(const struct layout *l, enum reason reason,
					    const char *name, struct wm_error *err);

/* Where byte `off` of the view, of no piece, stands in the file. */
uint64_t layout_file_off(const struct layout *l, uint64_t off);

/* Appends the bytes of the view's zone. */
MUST_USE enum wm_code layout_append_zone(struct buf *out, const struct layout *l,
					 struct wm_error *err);

/* The bytes of the file in place of the zone. */
uint64_t layout_zone_len(const struct layout *l);

/*
 * Fills by_name from tensors. Fails with `duplicate` and the name where two tensors
 * have the same.
 */
MUST_USE enum wm_code layout_sort_names(struct layout *l, enum reason duplicate,
					const char *name, struct wm_error *err);

/*
 * The number of elements of a tensor. False where it does not fit 64 bits; dims of 0 do
 * not hide an overflow of the others, because readers multiply in different orders.
 */
bool tensor_elements(const struct tensor *t, uint64_t *out);

/* The elements of all tensors. Fails with `limit` where 64 bits do not count them. */
MUST_USE enum wm_code layout_count_elements(uint64_t *out, const struct layout *l,
					    const char *name, struct wm_error *err);

/* The order of two names, bytewise: negative, zero, positive. */
int tensor_compare_names(const struct tensor *a, const struct tensor *b);

/* Whether UTF-8 holds a control character (C0, DEL, C1), which no name may. */
bool tensor_name_has_controls(const char *name, size_t len);

struct inflate;

/*
 * What a format keeps from one tensor that it gathers to the next one of the file. Whoever gathers
 * several begins with { 0 } and releases it.
 */
struct kept {
	const struct tensor *next; /* the one that `state` goes on with; NULL: there is none */
	void *state;
	void (*free)(void *state);
};

void kept_release(struct kept *k);
#define cleanup_kept __attribute__((cleanup(kept_release)))

/* Bytes of an open file to read: all of it, or a member of an archive. */
struct window {
	int fd;
	uint64_t off, size; /* the window is [off, off + size) of the file */
	const char *name;   /* for messages */
	struct inflate *stream; /* or NULL; else it is that of what this inflates to */
	struct kept *kept;	/* or NULL: each tensor is gathered by itself */
};

/*
 * Reads exactly the `len` bytes at `off` of the window. Fails with `file-changed` where the
 * file has fewer, and `read-failed`; beyond the window it is `internal`. Of a stream, as
 * inflate_read_at() does (format/inflate.h).
 */
MUST_USE enum wm_code window_read(const struct window *w, void *out, size_t len, uint64_t off,
				  struct wm_error *err);

/* So many bytes of a file tell formats: the signature of HDF5 may stand at 32768. */
enum { FORMAT_START = 32768 + 8 };

/* A row of the table of formats. */
struct format {
	const char *grammar; /* "safetensors/1": what a file record names */
	const char *const *suffixes; /* of names that claim it, NULL behind the last; or NULL */
	/* Whether a file of another path, of this size and beginning does. NULL: none does. */
	bool (*claims)(const char *name, uint64_t size, const uint8_t *start, size_t len);
	/*
	 * Reads and checks a window of size > 0 strictly, into a layout that is LAYOUT_INIT and
	 * is released by the caller also on failure. All offsets are the window's own. Fails
	 * with the format's reason codes.
	 */
	enum wm_code (*parse)(struct layout *l, const struct window *w, struct wm_error *err);
	/*
	 * Appends the bytes that stand in place of the zone in a file with a slot that carries
	 * these `len` bytes. Where tensors follow, they move by a multiple of SLOT_UNIT.
	 * Fails with `slot-key-taken`, `slot-displaced`, `slot-too-large`, `header-too-large`.
	 * NULL where the format has no place for a slot.
	 */
	enum wm_code (*embed)(struct buf *zone, const struct layout *l, const void *carried,
			      size_t len, const char *name, struct wm_error *err);
	/*
	 * Appends the bytes that stand in place of the zone in a file without the value that
	 * makes l->displaced true. Tensors stay as they are aligned; the length is any. NULL
	 * where such a value is never displaced, or cannot be taken out.
	 */
	enum wm_code (*take_displaced)(struct buf *zone, const struct layout *l, const char *name,
				       struct wm_error *err);
	/*
	 * Gives the t->len logical bytes of a tensor with a source to the sink, in order. Fails
	 * with the format's reason codes, as file_read_at() and as the sink does. NULL where no
	 * tensor of the format ever has a source.
	 */
	enum wm_code (*gather)(const struct layout *l, const struct tensor *t,
			       const struct window *w, const struct sink *sink,
			       struct wm_error *err);
	/*
	 * Compares what loaders compare and only all bytes tell, for where they are read anyway.
	 * Fails with the format's reason codes, and as file_read_at() does. NULL: nothing.
	 */
	enum wm_code (*check)(const struct layout *l, const struct window *w, struct wm_error *err);
};

extern const struct format format_safetensors, format_gguf, format_npy, format_npz,
	format_keras_zip, format_torch_zip, format_torch_legacy, format_pickle, format_tf_index,
	format_tf_graph, format_tar, format_tar_gz, format_hdf5, format_onnx, format_raw;

/* What files become whose tensors others name (checkpoint/external.h); not in the table. */
extern const struct format format_external;

/*
 * Tools of the Hugging Face Hub read headers of safetensors files up to this many bytes,
 * not counting the 8 of their length. Larger ones can be embedded into, with a warning.
 */
enum { SAFETENSORS_HEADER_HUB = 25000000 };

/*
 * The format that a file with this path, size and beginning claims to be of: by its name, else
 * by what it begins with, else raw.
 */
const struct format *format_pick(const char *name, uint64_t size, const uint8_t *start, size_t len);

/*
 * The same of a window, of which it reads what has to be read. Where that says nothing, what runs
 * as a pickle is one. Fails with `format-polyglot` where it is of another format, and runs as a
 * pickle or as a tar archive too; else as window_read() does.
 */
MUST_USE enum wm_code format_pick_window(const struct format **out, const struct window *w,
					 struct wm_error *err);

/*
 * Picks the format of the open file and parses it. `name` is its path, for the suffix
 * and for messages. On failure `*out` is untouched. Fails with `empty-file` and the
 * codes of the format.
 */
MUST_USE enum wm_code format_parse(struct layout *out, int fd, uint64_t size, const char *name,
				   struct wm_error *err);

#endif
