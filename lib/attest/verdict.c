/* SPDX-License-Identifier: Apache-2.0 */
/* Running the checks and deciding. */
#include "attest/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/checks.h"
#include "attest/checks_files.h"

__attribute__((format(printf, 3, 4))) static void
verdict_note(struct wm_verdict *v, const char *code, const char *format, ...)
{
	struct verdict_note *note;
	va_list args;

	if (v->n_notes == NOTES_MAX) {
		v->n_notes_dropped++;
		return;
	}
	note = &v->notes[v->n_notes++];
	note->code = code;
	va_start(args, format);
	vsnprintf(note->text, sizeof(note->text), format, args);
	va_end(args);
}

const struct check_result *verdict_decider(const struct wm_verdict *v)
{
	const struct check_result *decider = NULL;

	for (size_t i = 0; i < v->n_checks; i++) {
		if (v->checks[i].outcome == OUTCOME_FAILED)
			return &v->checks[i];
		if (v->checks[i].outcome == OUTCOME_REVIEW && !decider)
			decider = &v->checks[i];
	}
	return decider;
}

int verdict_exit_status(const struct wm_verdict *v)
{
	const struct check_result *decider = verdict_decider(v);

	if (v->decision == WM_ACCEPT)
		return 0;
	if (v->decision == WM_REVIEW)
		return 4;
	return decider ? exit_status(decider->err.code) : exit_status(WM_INTERNAL);
}

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_NOT_RUN] = "not-run",
		[OUTCOME_PASSED] = "passed",
		[OUTCOME_FAILED] = "failed",
		[OUTCOME_REVIEW] = "review",
	};

	return names[outcome];
}

size_t verdict_count(const struct wm_verdict *v, enum outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_checks; i++)
		n += v->checks[i].outcome == outcome;
	return n;
}

const char *carried_state(const struct carried *c)
{
	if (c->signature.code == WM_OK)
		return "verified";
	return c->key ? "invalid" : "key-not-pinned";
}

/* Signatures that decide nothing: another one holds, or the statement is only referred to. */
static void note_signatures(struct wm_verdict *v)
{
	for (size_t i = 0; i < v->facts.n_carried; i++) {
		const struct carried *c = &v->facts.carried[i];
		const bool verified = statement_verified(&v->facts, c);
		char id[STATEMENT_ID_TEXT + 1];

		statement_id_text(id, c->envelope->statement);
		if (!c->key && verified)
			verdict_note(v, "key-not-pinned", "%s is signed by key %s too, not checked",
				     id, c->envelope->keyid);
		else if (!c->key && v->facts.head)
			verdict_note(v, "key-not-pinned",
				     "%s is signed by key %s, which is not pinned: not checked",
				     id, c->envelope->keyid);
		else if (c->key && c->signature.code != WM_OK && verified)
			verdict_note(v, "signature-invalid",
				     "%s: the signature by key %s is invalid", id,
				     c->envelope->keyid);
	}
}

static void note_sealed(struct wm_verdict *v)
{
	for (size_t i = 0; i < v->facts.n_carried; i++) {
		const struct statement *s = v->facts.carried[i].statement;

		if (s && s->header->n_sealed > 0)
			verdict_note(v, "withheld", "%s withholds %zu values",
				     s->header->object->text, s->header->n_sealed);
	}
}

/* --- the files ----------------------------------------------------------------------- */

static bool has_passed(const struct wm_verdict *v, const char *check)
{
	for (size_t i = 0; i < v->n_checks; i++)
		if (strcmp(v->checks[i].name, check) == 0)
			return v->checks[i].outcome == OUTCOME_PASSED;
	return false;
}

static void note_documents(struct wm_verdict *v)
{
	const struct verification *f = &v->facts;

	for (size_t i = 0; i < f->checkpoint->n_files; i++) {
		const struct checkpoint_file *file = &f->checkpoint->files[i];

		if (is_loaded(f, i))
			continue;
		if (f->listed[i] && !file->is_pointer && !file->measured &&
		    f->listed[i]->size == file->layout.size)
			continue; /* nobody looked */
		if (!f->listed[i])
			verdict_note(v, "document-added", "%s was not signed", file->path);
		else if (file->is_pointer ? !pointer_agrees(f, i) : !file_is_signed(f, i))
			verdict_note(v, "document-changed", "%s is not what was signed",
				     file->path);
	}
}

/* What is listed and not there, where that was no reason to refuse. */
static void note_absent(struct wm_verdict *v)
{
	const struct verification *f = &v->facts;

	if (!f->checkpoint->is_directory)
		return;
	for (size_t i = 0; i < f->checkpoint->n_parts; i++)
		if (f->checkpoint->parts[i].n_files < f->checkpoint->parts[i].n_paths)
			verdict_note(v, "part-absent", "part %s: %zu of %zu files are there",
				     f->checkpoint->parts[i].name, f->checkpoint->parts[i].n_files,
				     f->checkpoint->parts[i].n_paths);
	for (size_t i = 0; i < f->record->n_file; i++)
		if (!checkpoint_find_file(f->checkpoint, f->record->file[i]->path))
			verdict_note(v, "file-absent", "%s was signed, and is not there",
				     f->record->file[i]->path);
}

static void note_measuring(struct wm_verdict *v)
{
	const struct checkpoint *c = v->facts.checkpoint;
	const char *tensorless = checkpoint_without_tensors(c);
	bool loose = false;

	for (size_t i = 0; i < c->n_files; i++)
		loose |= c->files[i].layout.loose_spaces;
	if (has_passed(v, "file-digests-equal") && !checkpoint_excluded_writers(c))
		verdict_note(v, "writers-not-excluded",
			     "another process could have written to the file while it was read");
	if (has_passed(v, "file-digests-equal") && !v->facts.full)
		verdict_note(
			v, "sha256-not-recomputed",
			"the file digest was checked; --full recomputes the plain SHA-256 too");
	if (loose)
		verdict_note(v, "loose-spaces",
			     "the header has white space that readers accept and the "
			     "specification does not");
	if (v->facts.n_permitted > 0)
		verdict_note(v, "code-permitted", "%zu name%s of code allowed by --allow-code",
			     v->facts.n_permitted, v->facts.n_permitted == 1 ? "" : "s");
	for (size_t i = 0; i < c->n_parts; i++)
		if (c->parts[i].ungathered)
			verdict_note(v, "weights-not-gathered",
				     "tensors of part %s are not stored as they are; --full "
				     "recomputes their digests too", c->parts[i].name);
	if (tensorless)
		verdict_note(v, "no-tensors", "%s", tensorless);
}

/* Sidecars are carriers, or say nothing here. */
static void note_passed_over(struct wm_verdict *v)
{
	const struct checkpoint *c = v->facts.checkpoint;
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->n_passed_over; i++) {
		if (carrier_is_sidecar(c->passed_over[i]))
			continue;
		if (n++ == 0)
			first = c->passed_over[i];
	}
	if (n > 0)
		verdict_note(v, "passed-over", "%zu %s passed over by name, first %s", n,
			     n == 1 ? "is" : "are", first);
}

static void note_checkpoint(struct wm_verdict *v)
{
	const struct verification *f = &v->facts;

	if (!f->checkpoint || !f->record || !f->listed)
		return;
	if (!f->checkpoint->is_directory && f->record->n_file == 1 &&
	    strcmp(f->record->file[0]->path, f->checkpoint->files[0].path) != 0)
		verdict_note(v, "renamed", "signed under the name '%s'", f->record->file[0]->path);
	if (!f->checkpoint->is_directory && f->record->n_file > 1 && !f->part_only)
		verdict_note(v, "alone",
			     "of the %zu files that were signed this one alone was judged",
			     f->record->n_file);
	note_measuring(v);
	note_passed_over(v);
	note_documents(v);
	note_absent(v);
}

/* --- who else speaks ------------------------------------------------------------------ */

static const Weightmark__V1__Release *release_of(const struct carried *c)
{
	if (!c->statement ||
	    c->statement->kind->descriptor != &weightmark__v1__release__descriptor)
		return NULL;
	return (const Weightmark__V1__Release *)c->statement->message;
}

static bool releases(const struct carried *c, const struct statement *s)
{
	const Weightmark__V1__Release *r = release_of(c);

	return r && r->checkpoint->statement &&
	       memcmp(r->checkpoint->statement->sha256.data, s->id, SHA256_BYTES) == 0;
}

/* Where all releases are of earlier manifests, the files have changed since. */
static void note_releases(struct wm_verdict *v)
{
	const struct verification *f = &v->facts;
	const struct carried *stale = NULL;

	for (size_t i = 0; f->manifest && i < f->n_carried; i++) {
		if (releases(&f->carried[i], f->head->statement))
			return;
		if (release_of(&f->carried[i]))
			stale = &f->carried[i];
	}
	if (stale)
		verdict_note(v, "release-superseded", "%s is of an earlier manifest",
			     stale->statement->header->object->text);
}

/* Verified manifests and admissions that are not what was decided upon. */
static void note_others(struct wm_verdict *v)
{
	const struct verification *f = &v->facts;

	for (size_t i = 0; f->head && i < f->n_carried; i++) {
		const struct statement *s = f->carried[i].statement;
		const char *object = s ? s->header->object->text : "";

		if (!s || strcmp(object, f->head->statement->header->object->text) == 0)
			continue;
		if (s->kind->descriptor == &weightmark__v1__admission__descriptor)
			verdict_note(v, "admission", "%s admitted it too", s->header->issuer);
		else if (s->kind->descriptor == &weightmark__v1__manifest__descriptor &&
			 !f->carried[i].speaks)
			verdict_note(v, "inherited", "%s is about an ancestor: %s",
				     f->carried[i].carrier->place, object);
	}
}

/* Any pinned key may claim a free name, and so go on with another one's chain: say so. */
static void note_keys(struct wm_verdict *v)
{
	const struct verification *f = &v->facts;

	for (size_t i = 0; f->head && i < f->n_carried; i++) {
		const struct carried *c = &f->carried[i];

		if (!c->statement || !c->key || c->key == f->head->key ||
		    c->statement->kind != f->head->statement->kind ||
		    strcmp(c->statement->header->object->text,
			   f->head->statement->header->object->text) != 0 ||
		    memcmp(c->statement->id, f->head->statement->id, SHA256_BYTES) == 0)
			continue;
		verdict_note(v, "corrected-by-another-key",
			     "%s: sequence %llu was signed by key %s",
			     c->statement->header->object->text,
			     (unsigned long long)c->statement->header->sequence,
			     c->envelope->keyid);
	}
}

/* What the pinned logs are to those that are remembered. */
static void note_logs(struct wm_verdict *v)
{
	const struct logs *logs = &v->facts.logs;

	for (size_t i = 0; i < logs->n; i++) {
		const struct logged *l = &logs->list[i];
		const char *origin = log_key_origin(l->key);

		if (!l->pinned)
			continue;
		if (l->linkage == LINK_FIRST)
			verdict_note(v, "log-first-seen",
				     "nothing was remembered of the log %s until now", origin);
		else if (l->linkage == LINK_UNLINKED && l->remembered)
			verdict_note(v, "log-unlinked",
				     "nothing at hand connects the tree heads of %s with those "
				     "remembered; 'weightmark audit' does", origin);
		if (!l->remembered && l->linkage != LINK_FORK)
			verdict_note(v, "log-not-remembered",
				     "the tree head of %s could not be remembered", origin);
	}
}

/* Anybody can make a log and put its proofs into a sidecar. */
static void note_strange_logs(struct wm_verdict *v)
{
	const struct logs *logs = &v->facts.logs;

	for (size_t i = 0; i < logs->n; i++)
		if (!logs->list[i].pinned)
			verdict_note(
				v, "log-not-pinned",
				"proofs by the log %s, whose key is not pinned, count for nothing",
				log_key_origin(logs->list[i].key));
}

/* Accept is what remains where at least one check passed and every one that ran did. */
static void decide(struct wm_verdict *v)
{
	size_t passed = verdict_count(v, OUTCOME_PASSED);
	size_t review = verdict_count(v, OUTCOME_REVIEW);

	v->decision = WM_REFUSE;
	if (passed == 0 || verdict_count(v, OUTCOME_FAILED) > 0)
		return;
	v->decision = review > 0 ? WM_REVIEW : WM_ACCEPT;
}

/* Why a check is not run, or NULL. */
static const char *why_not(const struct check *c, const struct verification *f, bool stopped)
{
	if (stopped)
		return "after the first no";
	if (c->when == CHECK_FULL && !f->full)
		return "only with --full";
	return c->when == CHECK_LINEAGE && !f->ancestry ? "no ledger was asked" : NULL;
}

static enum wm_code run_checks(struct wm_verdict *v, struct wm_error *err)
{
	bool stopped = false;

	v->checks = calloc(n_checks, sizeof(*v->checks));
	if (!v->checks)
		return fail_nomem(err);
	v->n_checks = n_checks;
	for (size_t i = 0; i < n_checks; i++) {
		struct check_result *r = &v->checks[i];

		r->name = checks[i].name;
		r->what = checks[i].what;
		r->why_not = why_not(&checks[i], &v->facts, stopped);
		if (r->why_not)
			continue;
		r->outcome = OUTCOME_PASSED;
		if (checks[i].run(&v->facts, &r->err) != WM_OK)
			r->outcome = checks[i].review && !error_is_untold(r->err.code) ?
					     OUTCOME_REVIEW :
					     OUTCOME_FAILED;
		stopped = r->outcome == OUTCOME_FAILED;
	}
	decide(v);
	/* What strangers can add to a sidecar comes last: it must not crowd out the rest. */
	note_checkpoint(v);
	note_logs(v);
	note_others(v);
	note_releases(v);
	note_keys(v);
	note_sealed(v);
	note_signatures(v);
	note_strange_logs(v);
	if (v->n_notes_dropped > 0)
		snprintf(v->notes[NOTES_MAX - 1].text, sizeof(v->notes[0].text),
			 "and %zu more notes like the one before", v->n_notes_dropped + 1);
	return WM_OK;
}

enum wm_code verdict_reach(struct wm_verdict **out, const char *path,
			   const struct verify_options *options, struct wm_error *err)
{
	cleanup_verdict struct wm_verdict *v = calloc(1, sizeof(*v));

	if (!v)
		return fail_nomem(err);
	if (keyring_count(options->keys) == 0)
		return fail(err, REASON_NO_KEY, "no key is pinned");
	TRY(verification_gather(&v->facts, path, options, err));
	TRY(run_checks(v, err));
	*out = take_ptr(&v);
	return WM_OK;
}

void verdict_free(struct wm_verdict *v)
{
	if (!v)
		return;
	verification_release(&v->facts);
	free(v->checks);
	free(v);
}
