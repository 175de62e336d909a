/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts: their names, and the text that people read. */
#include "report/verdict_report.h"

#include <string.h>

#include "attest/ancestry.h"
#include "statement/scalar.h"
#include "util/escape.h"
#include "util/limits.h"
#include "weightmark/v1/dataset.pb-c.h"

enum {
	SHORT_ID = 3 + 16,  /* characters of an abbreviated statement id */
	SHORT_KEY = 4 + 16, /* of an abbreviated issuer that is a key */
	SHORT_CLAIM = 120,  /* bytes of a title or licence */
	SHORT_CODE = 8,	    /* names of code */
};

const char *decision_name(enum wm_decision decision)
{
	static const char *const names[] = {
		[WM_REFUSE] = "refuse",
		[WM_REVIEW] = "review",
		[WM_ACCEPT] = "accept",
	};

	return names[decision];
}

/* An issuer as people can take it in: a key's id is cut, other names are not. */
static enum wm_code text_issuer(struct buf *text, const char *issuer, struct wm_error *err)
{
	size_t len = strlen(issuer);

	if (strncmp(issuer, "key:", 4) == 0 && len > SHORT_KEY)
		len = SHORT_KEY;
	return buf_append(text, issuer, len, err);
}

static bool has_strangers(const struct verification *f)
{
	for (size_t i = 0; i < f->n_carried; i++)
		if (!f->carried[i].key)
			return true;
	return false;
}

enum wm_code verdict_headline(struct buf *out, const struct wm_verdict *v, struct wm_error *err)
{
	const struct check_result *decider = verdict_decider(v);
	const struct verification *f = &v->facts;
	char until[TIME_TEXT + 1];

	if (decider)
		return buf_append_str(out, decider->err.reason, err);
	if (f->admission) {
		time_text(until, f->admission->expires->seconds);
		TRY(buf_append_str(out, "admitted by ", err));
		TRY(text_issuer(out, f->head->statement->header->issuer, err));
		TRY(buf_printf(out, err, " until %s; publisher: none%s; ", until,
			       has_strangers(f) ? " pinned" : ""));
	}
	return buf_append_str(out,
			      f->ancestry && f->ancestry->decided ?
				      "integrity; by what was declared, no order or withdrawal in "
				      "these ledgers reaches it" :
				      "integrity only: nothing decided about data",
			      err);
}

/* "  word      text", the text escaped. */
static enum wm_code line(struct buf *out, const char *word, const char *text, struct wm_error *err)
{
	TRY(buf_printf(out, err, "  %-11s", word));
	TRY(escape_append(out, text, strlen(text), err));
	return buf_append_str(out, "\n", err);
}

/* The names of code that nobody allowed, as many as people read; all are in the JSON form. */
static enum wm_code text_code(struct buf *out, const struct checkpoint *c, struct wm_error *err)
{
	size_t n = 0;

	for (size_t i = 0; c && i < c->n_files; i++) {
		const struct layout *l = &c->files[i].layout;

		for (size_t k = 0; k < l->n_imports; k++) {
			cleanup_buf struct buf text = BUF_INIT(LIMIT_PATH + LIMIT_MESSAGE);

			if (l->imports[k].allowed || ++n > SHORT_CODE)
				continue;
			TRY(buf_printf(&text, err, "%.128s, by %.512s", l->imports[k].name,
				       c->files[i].path));
			TRY(line(out, "code", buf_str(&text), err));
		}
	}
	return n <= SHORT_CODE ? WM_OK : buf_printf(out, err, "  %-11s%zu names more\n", "code",
						    n - SHORT_CODE);
}

/* A lone file in one line; of a directory its sums, then a line for each part. */
static enum wm_code text_checkpoint(struct buf *out, const struct checkpoint *c,
				    struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PATH + LIMIT_MESSAGE);

	if (!c)
		return WM_OK;
	TRY(buf_append_str(&text, c->path, err));
	if (c->is_directory)
		TRY(buf_printf(&text, err, ", %zu file%s", c->n_files, c->n_files == 1 ? "" : "s"));
	TRY(buf_printf(&text, err, ", %llu bytes", (unsigned long long)checkpoint_size(c)));
	if (!c->is_directory)
		TRY(buf_printf(&text, err, ", %s", c->files[0].layout.format->grammar));
	if (checkpoint_n_tensors(c) > 0)
		TRY(buf_printf(&text, err, ", %zu tensor%s", checkpoint_n_tensors(c),
			       checkpoint_n_tensors(c) == 1 ? "" : "s"));
	TRY(line(out, c->is_directory ? "directory" : "file", buf_str(&text), err));
	for (size_t i = 0; c->is_directory && i < c->n_parts; i++) {
		const struct checkpoint_part *p = &c->parts[i];

		buf_truncate(&text, 0);
		TRY(buf_printf(&text, err, "%.512s: ", p->name));
		if (part_is_whole(c, p))
			TRY(buf_printf(&text, err, "whole, %zu file%s", p->n_files,
				       p->n_files == 1 ? "" : "s"));
		else
			TRY(buf_printf(&text, err, "%zu of %zu files", p->n_files, p->n_paths));
		if (p->has_weights)
			TRY(buf_printf(&text, err, ", %llu tensor%s",
				       (unsigned long long)p->n_tensors,
				       p->n_tensors == 1 ? "" : "s"));
		TRY(line(out, "part", buf_str(&text), err));
	}
	return WM_OK;
}

/*
 * What one dataset statement says of itself, as its issuer's words: at the end of the line,
 * where no title can pass for what we say, and cut to what people read.
 */
static enum wm_code text_dataset(struct buf *text, const Weightmark__V1__Dataset *d,
				 struct wm_error *err)
{
	if (d->licence)
		TRY(buf_printf(text, err, "; licence %.*s", SHORT_CLAIM, d->licence->text));
	if (d->title)
		TRY(buf_printf(text, err, "; \"%.*s\"", SHORT_CLAIM, d->title));
	return WM_OK;
}

/* Its place in its chain; the reason for a correction last, for it is the issuer's words. */
static enum wm_code text_chain(struct buf *text, const struct verification *f,
			       const struct statement *s, struct wm_error *err)
{
	if (statement_superseded(f, s))
		TRY(buf_append_str(text, "; superseded", err));
	if (s->header->sequence > 1)
		TRY(buf_printf(text, err, "; correction %llu",
			       (unsigned long long)s->header->sequence - 1));
	if (s->header->reason)
		TRY(buf_printf(text, err, ": \"%.*s\"", SHORT_CLAIM, s->header->reason));
	return WM_OK;
}

static enum wm_code text_statement(struct buf *out, const struct verification *f,
				   const struct carried *c, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	const struct statement *s = c->statement;
	char id[STATEMENT_ID_TEXT + 1], at[TIME_TEXT + 1];

	statement_id_text(id, c->envelope->statement);
	id[SHORT_ID] = '\0';
	if (!s) {
		TRY(buf_printf(&text, err, "%s by key %s: %s", id, c->envelope->keyid,
			       carried_state(c)));
		return line(out, "statement", buf_str(&text), err);
	}
	time_text(at, s->header->issued_at->seconds);
	TRY(buf_append_str(&text, s->header->object->text + strlen(s->header->issuer) + 1, err));
	TRY(buf_append_str(&text, "; asserted by ", err));
	TRY(text_issuer(&text, s->header->issuer, err));
	TRY(buf_printf(&text, err, " at %s; %s", at, id));
	TRY(text_chain(&text, f, s, err));
	if (s->kind->descriptor == &weightmark__v1__dataset__descriptor)
		TRY(text_dataset(&text, (const Weightmark__V1__Dataset *)s->message, err));
	return line(out, s->kind->name, buf_str(&text), err);
}

/* What was decoded in the order of kinds, then what was not. */
static enum wm_code text_statements(struct buf *out, const struct verification *f,
				    struct wm_error *err)
{
	for (const struct kind *k = kinds;; k++) {
		for (size_t i = 0; i < f->n_carried; i++) {
			const struct statement *s = f->carried[i].statement;

			if (k->name ? s && s->kind == k : !s)
				TRY(text_statement(out, f, &f->carried[i], err));
		}
		if (!k->name)
			return WM_OK;
	}
}

/* The pinned logs: how many of the statements by pinned keys are in each. */
static enum wm_code text_logs(struct buf *out, const struct verification *f, struct wm_error *err)
{
	size_t n_verified = 0;

	for (size_t i = 0; i < f->n_carried; i++)
		n_verified += f->carried[i].signature.code == WM_OK;
	for (size_t i = 0; i < f->logs.n; i++) {
		const struct logged *l = &f->logs.list[i];
		cleanup_buf struct buf text = BUF_INIT(LIMIT_MESSAGE + LIMIT_ORIGIN);

		if (!l->pinned || l->n_notes == 0)
			continue;
		TRY(buf_printf(&text, err, "%zu of %zu statements in %s, %llu entries, %s",
			       l->n_statements, n_verified, log_key_origin(l->key),
			       (unsigned long long)l->notes[l->n_notes - 1].head.size,
			       linkage_name(l->linkage)));
		TRY(line(out, "logged", buf_str(&text), err));
	}
	return WM_OK;
}

/* " (1: only with --full; 5: no ledger was asked)": checks that were not run. */
static enum wm_code text_not_run(struct buf *out, const struct wm_verdict *v, struct wm_error *err)
{
	const char *why = NULL, *before = " (";
	size_t n = 0;

	for (size_t i = 0; i <= v->n_checks; i++) {
		const char *next = i < v->n_checks ? v->checks[i].why_not : NULL;

		if (n > 0 && (i == v->n_checks || (next && next != why))) {
			TRY(buf_printf(out, err, "%s%zu: %s", before, n, why));
			before = "; ";
			n = 0;
		}
		n += next != NULL;
		why = next ? next : why;
	}
	return buf_append_str(out, why ? ")\n" : "\n", err);
}

static enum wm_code text_counts(struct buf *out, const struct wm_verdict *v, struct wm_error *err)
{
	size_t review = verdict_count(v, OUTCOME_REVIEW);

	TRY(buf_printf(out, err, "  %-11s%zu passed, %zu failed", "checks",
		       verdict_count(v, OUTCOME_PASSED), verdict_count(v, OUTCOME_FAILED)));
	if (review)
		TRY(buf_printf(out, err, ", %zu for review", review));
	TRY(buf_printf(out, err, ", %zu not run", verdict_count(v, OUTCOME_NOT_RUN)));
	return text_not_run(out, v, err);
}

enum wm_code verdict_text(struct buf *out, const struct wm_verdict *v, bool every_check,
			  struct wm_error *err)
{
	const struct check_result *decider = verdict_decider(v);

	if (decider)
		TRY(line(out, "because", decider->err.message, err));
	TRY(text_checkpoint(out, v->facts.checkpoint, err));
	TRY(text_code(out, v->facts.checkpoint, err));
	TRY(text_statements(out, &v->facts, err));
	if (v->facts.head)
		TRY(buf_printf(out, err, "  %-11skey %s\n", "signed by",
			       v->facts.head->envelope->keyid));
	TRY(text_logs(out, &v->facts, err));
	TRY(text_counts(out, v, err));
	for (size_t i = 0; every_check && i < v->n_checks; i++)
		TRY(buf_printf(out, err, "    %-8s%-22s%s\n", outcome_name(v->checks[i].outcome),
			       v->checks[i].name, v->checks[i].what));
	for (size_t i = 0; i < v->n_notes; i++)
		TRY(line(out, "note", v->notes[i].text, err));
	if (decider)
		TRY(buf_printf(out, err, "fix: %s\n",
			       reason_info(error_reason(&decider->err))->remedy));
	return WM_OK;
}
