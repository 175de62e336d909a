/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark certify`: drafts a certificate of deletion, or that a checkpoint is clean. */
#include <string.h>
#include <time.h>

#include "attest/vouch.h"
#include "certify.h"
#include "keys.h"
#include "lineage/fingerprint.h"
#include "measured.h"
#include "order_verbs.h"
#include "output.h"
#include "private_ledger.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"

enum { REPORT_MAX = 1 << 28 };

/* --- what it is drawn up over ------------------------------------------------------------ */

void certifying_release(struct certifying *c)
{
	seen_release(&c->seen);
	account_release(&c->account);
	order_state_release(&c->state);
	order_view_release(&c->view);
	arena_release(&c->arena);
}

static enum wm_code load(struct certifying *c, struct call *call, struct wm_error *err)
{
	c->view.vouched_later = !options_has(&call->options, "check");
	TRY(order_view_open(&c->view, call, err));
	c->graph = c->view.graph;
	return certify_read_heads(c, call, err);
}

enum wm_code certify_assess(struct certifying *c, const char *id, bool allow_unknown,
			    const struct options *o, struct wm_error *err)
{
	const char *as_of = options_get(o, "as-of"), *path;
	int32_t day = DAY_NONE;
	size_t n;

	if (as_of)
		TRY(read_day(&day, "as-of", as_of, err));
	TRY(orders_find(&c->order, &n, c->view.orders, id, err));
	if (n > 1)
		return fail(err, REASON_USAGE,
			    "%s: is that of %zu orders by different keys; give a statement id", id,
			    n);
	TRY(order_assess(&c->state, c->view.orders, c->order, day, time(NULL), err));
	if (c->state.today > day_in_zone(c->state.zone, time(NULL)))
		return fail(err, REASON_USAGE,
			    "--as-of %s: that day has not come yet: nothing is certified ahead",
			    as_of);
	for (size_t i = 0; (path = options_nth(o, "scan", i)); i++)
		TRY(seen_load(&c->seen, path, c->graph, &c->state.trace, err));
	TRY(account_make(&c->account, &c->state, c->seen.list.list, c->seen.list.n,
			 allow_unknown, err));
	return account_add_open(&c->account,
				&(struct open_point){ OPEN_UNREAD, GRAPH_NONE, NULL,
						      c->seen.n_failed },
				c->seen.n_failed > 0, err);
}

/* --- what is open ------------------------------------------------------------------------ */

static const char *open_sentence(enum open_kind kind)
{
	static const char *const sentences[] = {
		[OPEN_CHECKPOINT] = "is neither destroyed nor kept on an authority in force",
		[OPEN_DATASET] = "is neither destroyed nor kept on an authority in force",
		[OPEN_DIGEST] = "one of several digests that are stated for it is recorded as "
				"destroyed or kept: record the object itself",
		[OPEN_UNREAD] = "places that the scans could not read: scan them anew",
		[OPEN_COPY] = "nobody says that this copy was destroyed or is kept",
		[OPEN_SEEN_AFTER] = "this copy was seen after it was said to be destroyed",
		[OPEN_USE] = "uses a subset of which it is not decided whether it counts",
		[OPEN_OBLIGATION] = "nobody says that this obligation was met",
		[OPEN_SCOPE] = "the order names it, and no ledger has it",
		[OPEN_UNVERIFIED] = "its key is not at hand to verify the signature: name it with "
				    "--trust",
		[OPEN_UNREADABLE] = "statements about orders cannot be read",
		[OPEN_UNKNOWN] = "further checkpoints have an ancestor of unknown origin; "
				 "--allow-unknown certifies all the same and says so",
	};

	return sentences[kind];
}

/* Of what cannot be listed, it is told how many there are. */
static bool has_number(enum open_kind kind)
{
	return kind == OPEN_UNREAD || kind >= OPEN_UNREADABLE;
}

static enum wm_code open_tree(struct node *list, struct tree *t, const struct certifying *c,
			      struct wm_error *err)
{
	for (size_t i = 0; i < c->account.n_open; i++) {
		const struct open_point *p = &c->account.open[i];
		struct node *row;

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "kind", open_kind_name(p->kind), err));
		if (p->node != GRAPH_NONE)
			TRY(node_set_shown(row, t, "object", c->graph->nodes[p->node].id, err));
		if (p->place)
			TRY(node_set_shown(row, t,
					   p->kind == OPEN_OBLIGATION ? "obligation" :
					   p->kind == OPEN_UNVERIFIED ? "statement" :
									"place",
					   p->place, err));
		if (has_number(p->kind))
			TRY(node_set_integer(row, t, "number", p->n, err));
		if (p->kind == OPEN_UNKNOWN)
			TRY(unknown_tree(row, t, "objects", &c->state, err));
	}
	return WM_OK;
}

/* "7 open: 5 checkpoint, 2 copy". */
static enum wm_code refuse(const struct certifying *c, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PATH);
	const struct account *a = &c->account;

	for (size_t i = 0, n; i < a->n_open; i += n) {
		for (n = 1; i + n < a->n_open && a->open[i + n].kind == a->open[i].kind;)
			n++;
		TRY(buf_printf(&text, err, "%s%zu %s", i ? ", " : "", n,
			       open_kind_name(a->open[i].kind)));
	}
	return fail(err, REASON_CERTIFY_OPEN, "%.160s: %zu open: %s", c->order->object, a->n_open,
		    buf_str(&text));
}

static enum wm_code print_point(const struct certifying *c, const struct open_point *p,
				struct wm_error *err)
{
	print("  %-11s", open_kind_name(p->kind));
	if (has_number(p->kind))
		print(" %zu", p->n);
	if (p->node != GRAPH_NONE)
		print(" %s", c->graph->nodes[p->node].id);
	if (p->place)
		print(" %s", p->place);
	print(": %s\n", open_sentence(p->kind));
	return p->kind == OPEN_UNKNOWN ? print_unknown(&c->state, err) : WM_OK;
}

enum { POINTS_SHOWN = 100 };

/* Lists what is open, of which JSON has all, and refuses. */
static enum wm_code fail_open(const struct certifying *c, struct call *call, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error why = { 0 };
	struct node *list;

	call->status = 1;
	if (output_is_json()) {
		TRY(node_new(&t.root, &t, NODE_MAP, err));
		TRY(node_set_shown(t.root, &t, "order", c->order->object, err));
		TRY(node_set_bool(t.root, &t, "certified", false, err));
		TRY(node_set_new(&list, t.root, &t, "open", NODE_LIST, err));
		TRY(open_tree(list, &t, c, err));
		TRY(ledgers_tree(t.root, &t, &c->view.ledgers, c->view.origins, err));
		if (refuse(c, &why) == WM_OK || error_reason(&why) != REASON_CERTIFY_OPEN)
			return fail_again(err, &why);
		return print_json_refused(&t, &why, err);
	}
	print("not certified: %s, %zu open\n", c->order->object, c->account.n_open);
	for (size_t i = 0; i < c->account.n_open && i < POINTS_SHOWN; i++)
		TRY(print_point(c, &c->account.open[i], err));
	if (c->account.n_open > POINTS_SHOWN)
		print("  %-11s %zu: --json lists all\n", "further",
		      c->account.n_open - POINTS_SHOWN);
	return refuse(c, err);
}

/* --- issuing ----------------------------------------------------------------------------- */

typedef enum wm_code report_fn(struct buf *out, const struct certificate_report *r,
			       struct wm_error *err);

/* The reports, and how all of each kind begin. */
static const struct {
	const char *name, *begins;
	report_fn *write;
} reports[] = {
	{ "certificate.txt", "Certificate", certificate_text },
	{ "certificate.html", CERTIFICATE_HTML_BEGINS, certificate_html },
};

enum { N_REPORTS = sizeof(reports) / sizeof(reports[0]) };

/* Before anything is signed: nothing else of theirs has the names of the reports. */
static enum wm_code check_reports(const char *directory, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);

	for (size_t i = 0; i < N_REPORTS; i++) {
		buf_truncate(&path, 0);
		TRY(buf_printf(&path, err, "%s/%s", directory, reports[i].name));
		TRY(file_check_kind(buf_str(&path), reports[i].begins, err));
	}
	return WM_OK;
}

static enum wm_code write_report(const char *directory, size_t which,
				 const struct certificate_report *r, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);
	cleanup_buf struct buf text = BUF_INIT(REPORT_MAX);

	TRY(buf_printf(&path, err, "%s/%s", directory, reports[which].name));
	TRY(reports[which].write(&text, r, err));
	return file_write_kind(buf_str(&path), text.data, text.len, 0644, reports[which].begins,
			       err);
}

static enum wm_code write_reports(const struct certifying *c, const struct issued *done,
				  const char *directory, struct wm_error *err)
{
	const struct composed *s = &done->composition.statements[0];
	char id[STATEMENT_ID_TEXT + 1];
	struct certificate_report r = {
		.certificate = (const Weightmark__V1__DeletionCertificate *)s->message,
		.statement = id,
		.issuer = done->issuer,
		.keyid = s->envelope.keyid,
		.issued_at = statement_header(s->message)->issued_at->seconds,
		.state = c->order ? &c->state : NULL,
		.account = c->order ? &c->account : NULL,
	};

	statement_id_text(id, s->id);
	for (size_t i = 0; i < N_REPORTS; i++)
		TRY(write_report(directory, i, &r, err));
	return WM_OK;
}

static enum wm_code print_done(const struct certifying *from, const struct issued *done,
			       const char *directory, bool dry_run, struct wm_error *err)
{
	const struct composed *s = &done->composition.statements[0];
	const Weightmark__V1__DeletionCertificate *c =
		(const Weightmark__V1__DeletionCertificate *)s->message;
	cleanup_tree struct tree t = TREE_INIT;
	char id[STATEMENT_ID_TEXT + 1];

	statement_id_text(id, s->id);
	if (output_is_json()) {
		TRY(node_new(&t.root, &t, NODE_MAP, err));
		TRY(node_set_bool(t.root, &t, "certified", true, err));
		TRY(ledgers_tree(t.root, &t, &from->view.ledgers, from->view.origins, err));
		TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
		TRY(node_set_text(t.root, &t, "object", s->object, err));
		if (!dry_run)
			TRY(node_set_text(t.root, &t, "statement", id, err));
		TRY(node_set_bool(t.root, &t, "reused", s->reused, err));
		TRY(node_set_hex(t.root, &t, "graph_digest", c->graph_digest->sha256.data,
				 SHA256_BYTES, err));
		TRY(node_set_integer(t.root, &t, "destroyed", c->n_item, err));
		TRY(node_set_integer(t.root, &t, "kept", c->n_retained, err));
		if (directory)
			TRY(node_set_shown(t.root, &t, "directory", directory, err));
		TRY(recording_tree(t.root, &t, &done->recording, err));
		print_json(t.root);
		return WM_OK;
	}
	print("%s %s\n", dry_run ? "would draft" : s->reused ? "drafted before:" : "drafted",
	      s->object);
	if (!dry_run)
		print("  %-10s%s\n", "statement", id);
	if (c->order)
		print("  %-10s%zu destroyed, %zu kept\n", "items", c->n_item, c->n_retained);
	if (directory && !dry_run)
		print("  %-10s%s/certificate.html, .txt: for a person to read, correct and sign\n",
		      "files", directory);
	print_recording(&done->recording);
	return WM_OK;
}

enum wm_code certify_issue(const struct certifying *c, struct issued *done, struct signer *signer,
			   struct call *call, struct wm_error *err)
{
	const char *directory = options_get(&call->options, "out");
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH), path = BUF_INIT(LIMIT_PATH);
	cleanup_buf struct buf sidecar = BUF_INIT(LIMIT_PATH);
	struct record_options record = { .ledger = NULL };
	struct issue_options options = issue_options(NULL, NULL, call);

	options.signer = signer;
	TRY(private_record(&options.record, &record, &path, &index, false, call, err));
	if (!file_exists(options.record->ledger))
		options.record = NULL;
	if (directory)
		TRY(check_reports(directory, err));
	if (directory && !options.dry_run)
		TRY(file_mkdirs(directory, 0755, err));
	if (directory)
		TRY(buf_printf(&sidecar, err, "%s/certificate%s", directory, SIDECAR_SUFFIX));
	options.sidecar = directory ? buf_str(&sidecar) : NULL;
	TRY(issue_by(done, &options, call, err));
	if (directory && !options.dry_run)
		TRY(write_reports(c, done, directory, err));
	return print_done(c, done, directory, options.dry_run, err);
}

struct certify_options certify_options(const struct certifying *c, const struct options *o)
{
	return (struct certify_options){
		.logs = c->logs,
		.n_logs = c->n_logs,
		.scans = c->seen.scans.list,
		.n_scans = c->seen.scans.n,
		.declarant = options_get(o, "declarant"),
		.title = options_get(o, "title"),
		.basis = options_get(o, "basis"),
		.id = options_get(o, "id"),
	};
}

/* What counts and was signed by a key that is not at hand is open too. */
static enum wm_code check_signatures(struct certifying *c, const struct signer *signer,
				     struct call *call, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list unknown = { 0 };
	cleanup_keyring struct keyring *keys = NULL;
	cleanup_free struct open_point *points = NULL;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	char id[STATEMENT_ID_TEXT + 1], *place;

	TRY(load_keyring(&keys, call, err));
	TRY(vouch(&unknown, &c->state, &c->account, keys, signer_public(signer), err));
	points = calloc(unknown.n + 1, sizeof(*points));
	if (!points)
		return fail_nomem(err);
	for (size_t i = 0; i < unknown.n; i++) {
		const struct counted *at = &((const struct counted *)unknown.list)[i];

		buf_truncate(&text, 0);
		statement_id_text(id, at->statement);
		TRY(buf_printf(&text, err, "%s %s, key ", at->object, id));
		TRY(buf_append_hex(&text, at->keyid, SHA256_BYTES, err));
		TRY(arena_copy(&place, &c->arena, text.data, text.len, err));
		points[i] = (struct open_point){ OPEN_UNVERIFIED, GRAPH_NONE, place, 1 };
	}
	return account_add_open(&c->account, points, unknown.n, err);
}

static enum wm_code take_heads(struct certifying *c, const struct signer *signer,
			       const struct options *o, struct wm_error *err)
{
	cleanup_buf struct buf id = BUF_INIT(LIMIT_OBJECT);
	uint8_t digest[SHA256_BYTES];

	if (options_has(o, "amend"))
		return WM_OK;
	TRY(certify_id(&id, false, c->order->object, options_get(o, "id"), err));
	TRY(lineage_digest(digest, c->graph, &c->state.trace, err));
	return certify_take_heads(c, buf_str(&id), digest, signer, err);
}

static enum wm_code run_order(struct certifying *c, struct call *call, struct wm_error *err)
{
	cleanup_signer struct signer *signer = NULL;
	const char *key_file;
	struct certify_options options;
	cleanup_issued struct issued done = {
		.composition = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY), .name = "certificate",
				 .reason = REASON_USAGE },
	};

	TRY(certify_assess(c, call->options.operands[0],
			   options_has(&call->options, "allow-unknown"), &call->options, err));
	if (c->account.n_open > 0)
		return fail_open(c, call, err);
	if (c->seen.scans.n == 0 && order_demands(&c->state) != 0)
		warning("no scan is counted, and the certificate says so: give what 'scan --json' "
			"answered with --scan");
	TRY(load_signer(&signer, &key_file, call, err));
	TRY(check_signatures(c, signer, call, err));
	if (c->account.n_open > 0)
		return fail_open(c, call, err);
	TRY(take_heads(c, signer, &call->options, err));
	options = certify_options(c, &call->options);
	TRY(certify_order(&done.composition, &c->state, &c->account, &options, err));
	return certify_issue(c, &done, signer, call, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_certifying struct certifying c = CERTIFYING_INIT;
	const size_t n_about = o->n_operands + options_has(o, "clean");

	if (n_about > 1 || (n_about == 0 && !options_has(o, "check")))
		return fail(err, REASON_USAGE, "give an ORDER, or a checkpoint with --clean");
	if (options_has(o, "clean") != (options_nth(o, "from", 0) != NULL))
		return fail(err, REASON_USAGE, "--clean CHECKPOINT and --from DATASET go together");
	TRY(load(&c, call, err));
	if (options_has(o, "check"))
		return certify_run_check(&c, call, err);
	if (options_has(o, "clean"))
		return certify_run_clean(&c, call, err);
	return run_order(&c, call, err);
}

static const struct option_spec options[] = {
	SIGNING_OPTIONS,
	{ .name = "issuer", .argument = "NAME", .setting = "issuer",
	  .help = "who answers for the certificate; default: key:KEYID" },
	PRIVATE_OPTIONS,
	{ .name = "as-of", .argument = "DATE",
	  .help = "count what had happened by the end of this day; default: today" },
	{ .name = "scan", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "what 'scan --json' answered: each copy in it must be accounted for" },
	{ .name = "allow-unknown",
	  .help = "certify although other checkpoints have ancestors of unknown origin" },
	{ .name = "trust", .argument = "FILE", .kind = VALUE_FILE, .setting = "public-key",
	  .repeatable = true,
	  .help = "verify by this public key, and by that of the signing key, what is counted on" },
	{ .name = "declarant", .argument = "NAME", .help = "who is going to sign by hand" },
	{ .name = "title", .argument = "TEXT", .help = "the declarant's title" },
	{ .name = "basis", .argument = "TEXT",
	  .help = "on whom the declarant relies beside his own knowledge" },
	{ .name = "id", .argument = "ID", .help = "local id of the certificate" },
	{ .name = "out", .letter = 'o', .argument = "DIR", .kind = VALUE_FILE,
	  .help = "write certificate.wmk, .txt and .html into this directory, in place of earlier "
		  "ones" },
	{ .name = "amend", .help = "correct a certificate that says something else" },
	{ .name = "reason", .argument = "TEXT", .help = "why it is corrected" },
	{ .name = "check", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "say whether this certificate still covers all that descends from the data" },
	{ .name = "clean", .argument = "CHECKPOINT",
	  .help = "certify that no declared path leads to this object id, name, digest or path" },
	{ .name = "from", .argument = "DATASET", .repeatable = true,
	  .help = "with --clean: from this object id, name or digest" },
	{ .name = "dry-run", .letter = 'n', .help = "check and draft; sign and write nothing" },
	LINKS_OPTION,
};

const struct verb verb_certify = {
	.name = "certify",
	.summary = "draft a certificate of deletion for a person to sign",
	.operands = "[ORDER]",
	.description =
		"Looks whether every checkpoint and dataset that ORDER reaches and obliges to "
		"delete, and every copy of them that a scan saw, is said to be destroyed, or kept "
		"on an authority that is in force, and whether every use is decided; of an order "
		"that obliges to delete nothing, whether its obligations are met. What it counts "
		"on has to be signed by the key that signs the certificate, or by one of --trust. "
		"If not, all that is open is listed and nothing is signed. Else it signs a "
		"certificate that lists it all, bound to the digest of the lineage and to the "
		"heads of the logs, and writes it as text and as a page with schedules A "
		"(destroyed), B (kept), C (recipients) and a statement to be sworn, with blanks: "
		"under the law of the United States where a court or an agency ordered it whose "
		"party says 'country: US', else under the law that applies. "
		"The tool drafts; a person signs.\n\n"
		"With --check, which takes from the certificate what it is about, it says whether "
		"a later entry added a descendant, or another checkpoint with an ancestor of "
		"unknown origin than those that the certificate names: then the order is open "
		"again; or, of one of --clean, whether still no declared path leads there. With "
		"--clean it certifies that no declared path leads from datasets "
		"to a checkpoint, and refuses where one does, or where something that the "
		"checkpoint descends from is of unknown origin: unknown is not clean. Said again "
		"over the same lineage, a certificate is the one that there is; over another it "
		"needs --amend.",
	.examples = "weightmark certify ftc-2026 --scan backup.json --out closing/ --title CTO "
		    "--key counsel.key --ledger ledger.git\n"
		    "weightmark certify --check closing/certificate.wmk\n"
		    "weightmark certify --clean acme/llm@2 --from acme/faces --key counsel.key",
	.exits = "0 drafted, or still covered; 1 something is open, unproven or new.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 0,
	.max = 1,
	.measures = true,
};
