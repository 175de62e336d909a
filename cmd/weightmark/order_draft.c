/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weightmark order draft`: an order to fill in, with the deadlines of a published one.
 *
 * The figures are those of the orders named in each row, as far as they were read; whoever is
 * under an order of his own copies that, word for word.
 */
#include <string.h>

#include "order_verbs.h"
#include "output.h"
#include "statement/scalar.h"
#include "util/file.h"
#include "util/limits.h"
#include "weightmark/v1/scalar.pb-c.h"

enum { OBLIGATIONS_MAX = 7 };

/* An obligation, so many days after the trigger; or months, where days is 0. */
struct due_in {
	const char *id, *kind;
	unsigned days, months;
	const char *text;
};

struct template {
	const char *name, *kind, *title, *authority, *docket, *trigger;
	const char *source; /* what the figures are taken from */
	const char *note;   /* what no field can say, or NULL */
	bool supplement;    /* 30 days after a hold ends */
	bool infeasibility; /* a sworn statement may say that it cannot be done */
	struct due_in due[OBLIGATIONS_MAX];
};

#define FTC "Federal Trade Commission"
#define COURT_FOR_FTC "United States District Court, on complaint for the Federal Trade Commission"

static const struct template templates[] = {
	{ "avast", "agency_order", "Avast, Jumpshot", FTC, "FTC File 202-3033", "effective",
	  "FTC File 202-3033 (June 2024)", NULL, true, false,
	  { { "data", "delete_data", 20, 0, "delete the data" },
	    { "models", "delete_models", 20, 0,
	      "delete any models, algorithms or software derived from the data" },
	    { "recipients", "instruct_recipients", 20, 0,
	      "instruct recipients to delete, derived models too" },
	    { "sworn", "sworn_statement", 20, 0, "sworn statement of the deletion" } } },
	{ "cambridge-analytica", "agency_order", "Cambridge Analytica", FTC, "FTC D-9383",
	  "effective", "FTC D-9383 (December 2019)",
	  "The days count anew for what an agency held and gives back: trigger data_returned.",
	  false, false,
	  { { "data", "delete_data", 10, 0, "delete the data" },
	    { "models", "delete_models", 10, 0,
	      "delete any information or work product, including any algorithms or equations, that "
	      "originated, in whole or in part, from the data" },
	    { "recipients", "list_recipients", 10, 0,
	      "sworn list of every recipient, with address and telephone" },
	    { "sworn", "sworn_statement", 30, 0, "sworn statement of the deletion" } } },
	{ "edmodo", "court_order", "Edmodo", COURT_FOR_FTC, "N.D. Cal. 3:23-cv-02495", "entry",
	  "N.D. Cal. 3:23-cv-02495 (June 2023)", NULL, true, false,
	  { { "data", "delete_data", 60, 0, "delete the data" },
	    { "models", "delete_models", 90, 0, "delete affected work product" },
	    { "sworn", "sworn_statement", 90, 0, "sworn statement of the deletion" } } },
	{ "erasure-request", "data_subject_request", "Request of a person", "TODO: who asks",
	  "TODO: your reference", "issuance", "GDPR Art. 12(3), 17 and 19",
	  "Art. 12(3) lets the month be extended by two more, with reasons given within the first.",
	  false, false,
	  { { "answer", "other", 0, 1, "answer the person without undue delay" },
	    { "data", "delete_data", 0, 1, "erase the person's data" },
	    { "recipients", "instruct_recipients", 0, 1,
	      "tell each recipient of the erasure" } } },
	{ "everalbum", "agency_order", "Everalbum", FTC, "FTC C-4743", "issuance",
	  "FTC C-4743 (May 2021)", NULL, true, false,
	  { { "data", "delete_data", 30, 0, "delete the photos and videos" },
	    { "sworn-data", "sworn_statement", 30, 0, "sworn statement of that" },
	    { "embeddings", "delete_derived_features", 90, 0, "delete the face embeddings" },
	    { "models", "delete_models", 90, 0,
	      "delete models or algorithms developed in whole or in part from the data" },
	    { "sworn", "sworn_statement", 90, 0, "sworn statement of that" } } },
	{ "premom", "court_order", "Easy Healthcare (Premom)", COURT_FOR_FTC,
	  "N.D. Ill. 1:23-cv-3107", "entry", "N.D. Ill. 1:23-cv-3107 (June 2023)",
	  "Each reply of a recipient is forwarded within 5 days: add forward_confirmations when "
	  "one comes in.",
	  false, false,
	  { { "list", "list_recipients", 45, 0, "identify who holds the data" },
	    { "recipients", "instruct_recipients", 45, 0, "notify and instruct them" } } },
	{ "ring", "court_order", "Ring", COURT_FOR_FTC, "D.D.C. 1:23-cv-01549", "entry",
	  "D.D.C. 1:23-cv-01549 (2023)", NULL, false, true,
	  { { "data", "delete_data", 30, 0, "delete the recordings" },
	    { "embeddings", "delete_derived_features", 90, 0, "delete the face embeddings" },
	    { "models", "delete_models", 90, 0,
	      "delete models identified or reasonably identifiable as developed from review and "
	      "annotation" },
	    { "sworn", "sworn_statement", 90, 0, "sworn statement of the deletion" } } },
	{ "rite-aid", "court_order", "Rite Aid", COURT_FOR_FTC,
	  "E.D. Pa. 2:23-cv-05023 / FTC C-4308", "effective",
	  "E.D. Pa. 2:23-cv-05023 / FTC C-4308 (February and March 2024)",
	  "Recipients that are government agencies are left out. Each confirmation is forwarded "
	  "within 10 days: add forward_confirmations when one comes in.",
	  false, false,
	  { { "data", "delete_data", 45, 0, "delete photos and videos" },
	    { "models", "delete_models", 45, 0,
	      "delete any data, models or algorithms derived in whole or in part" },
	    { "sworn", "sworn_statement", 45, 0, "sworn statement of the deletion" },
	    { "list", "list_recipients", 60, 0, "identify all recipients" },
	    { "recipients", "instruct_recipients", 60, 0,
	      "send complaint and order, and instruct to delete" } } },
	{ "undertaking", "voluntary_undertaking", "Undertaking", "TODO: to whom it was given",
	  "TODO: reference", "issuance", "the undertaking itself",
	  "Nobody ordered this: it binds by what was promised. Put the days that were promised.",
	  false, false,
	  { { "data", "delete_data", 30, 0, "TODO: what was promised about the data" },
	    { "models", "delete_models", 30, 0, "TODO: what was promised about the models" } } },
	{ "ww", "court_order", "WW, Kurbo", COURT_FOR_FTC, "N.D. Cal. 3:22-cv-00946", "entry",
	  "N.D. Cal. 3:22-cv-00946 (March 2022)",
	  "Data of children is kept for at most a year after its last use.", true, false,
	  { { "data", "delete_data", 30, 0, "delete the data of children" },
	    { "models", "delete_models", 90, 0, "delete affected work product" },
	    { "sworn", "sworn_statement", 90, 0,
	      "sworn statement, with the numbers of notices and replies" } } },
};

enum { N_TEMPLATES = sizeof(templates) / sizeof(templates[0]) };

/* --- writing ----------------------------------------------------------------------------- */

static enum wm_code append_due(struct buf *out, const struct due_in *d, struct wm_error *err)
{
	TRY(buf_printf(out, err, "- id: %s\n  kind: %s\n", d->id, d->kind));
	if (d->months > 0)
		TRY(buf_printf(out, err, "  months: %u\n", d->months));
	else
		TRY(buf_printf(out, err, "  days: %u\n", d->days));
	return buf_printf(out, err, "  text: \"%s\"\n", d->text);
}

/* Those that were ordered were so in the United States, whose law then governs what is sworn. */
static bool is_order(const struct template *t)
{
	return strcmp(t->kind, "court_order") == 0 || strcmp(t->kind, "agency_order") == 0;
}

static enum wm_code append_head(struct buf *out, const struct template *t, const char *trigger,
				const char *id, struct wm_error *err)
{
	TRY(buf_printf(out, err, "# Deadlines as in %s. Compare each with your own order.\n",
		       t->source));
	if (t->note)
		TRY(buf_printf(out, err, "# %s\n", t->note));
	TRY(buf_printf(out, err, "kind: order\nid: %s\norder_kind: %s\n", id, t->kind));
	TRY(buf_printf(out, err, "title: \"%s\"\n", t->title));
	TRY(buf_printf(out, err, "docket: \"%s\"\n", t->docket));
	return buf_printf(out, err,
			  "party:\n- id: authority\n  legal_name: \"%s\"\n%s"
			  "- id: respondent\n  legal_name: \"TODO: who has to act\"\n"
			  "authority: authority\nrespondent: [respondent]\n"
			  "trigger: %s\ntrigger_date: \"%s\"\n",
			  t->authority, is_order(t) ? "  country: US\n" : "", t->trigger, trigger);
}

static enum wm_code append_order(struct buf *out, const struct template *t, const char *trigger,
				 const char *id, struct wm_error *err)
{
	TRY(append_head(out, t, trigger, id, err));
	TRY(buf_append_str(out, "time_zone: \"TODO: whose days count, like America/New_York\"\n"
				"# holiday: [\"2024-07-04\"]\n"
				"scope_definition: \"TODO: the definition, word for word\"\n"
				"# What it reaches: datasets as here; or scope_checkpoint like it, "
				"scope_subset_root,\n# scope_record (digests), scope_party (ids of "
				"party above).\n"
				"scope_dataset:\n- object: \"TODO: issuer/id of the dataset\"\n"
				"obligation:\n", err));
	for (size_t i = 0; i < OBLIGATIONS_MAX && t->due[i].id; i++)
		TRY(append_due(out, &t->due[i], err));
	if (t->supplement)
		TRY(buf_append_str(out, "supplement_days: 30\n", err));
	return t->infeasibility ? buf_append_str(out, "infeasibility_allowed: \"yes\"\n", err) :
				  WM_OK;
}

/* --- choosing ---------------------------------------------------------------------------- */

static enum wm_code find_template(const struct template **out, const char *name,
				  struct wm_error *err)
{
	const char *names[N_TEMPLATES];

	for (size_t i = 0; i < N_TEMPLATES; i++) {
		names[i] = templates[i].name;
		if (name && strcmp(name, names[i]) == 0) {
			*out = &templates[i];
			return WM_OK;
		}
	}
	if (name)
		return fail_unknown(REASON_USAGE, "there is no template", name, names, N_TEMPLATES,
				    err);
	return fail(err, REASON_USAGE,
		    "give --template NAME: avast, cambridge-analytica, edmodo, erasure-request, "
		    "everalbum, premom, ring, rite-aid, undertaking or ww");
}

static enum wm_code check_id(const char *id, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(4096);
	ProtobufCMessage *m = NULL;

	TRY(scalar_read(&m, scalar_find(&weightmark__v1__id__descriptor), id, strlen(id), &a, err));
	return m ? WM_OK : fail(err, REASON_USAGE, "--id '%.128s' is not an id", id);
}

enum wm_code order_draft(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *trigger = options_get(o, "trigger"), *id = options_get(o, "id");
	const char *path = options_get(o, "out");
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	cleanup_tree struct tree t = TREE_INIT;
	const struct template *template = NULL;
	int32_t day;

	TRY(find_template(&template, options_get(o, "template"), err));
	if (trigger)
		TRY(read_day(&day, "trigger", trigger, err));
	else
		trigger = "TODO: the day from which days are counted, like 2024-03-08";
	id = id ? id : template->name;
	TRY(check_id(id, err));
	TRY(append_order(&yaml, template, trigger, id, err));
	if (path)
		TRY(file_write(path, yaml.data, yaml.len, 0644, FILE_EXCLUSIVE, err));
	if (!output_is_json()) {
		print_text(path ? "" : buf_str(&yaml));
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "template", template->name, err));
	TRY(node_set_text(t.root, &t, "source", template->source, err));
	TRY(path ? node_set_shown(t.root, &t, "out", path, err) :
		   node_set_text(t.root, &t, "yaml", buf_str(&yaml), err));
	print_json(t.root);
	return WM_OK;
}
