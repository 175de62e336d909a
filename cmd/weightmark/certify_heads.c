/* SPDX-License-Identifier: Apache-2.0 */
/* Where the logs stand that a certificate is drawn up over, and whether they are what they were. */
#include <string.h>

#include "certify.h"
#include "util/hex.h"
#include "util/limits.h"

typedef Weightmark__V1__DeletionCertificate certificate;

static size_t find_log(const struct certifying *c, const char *origin)
{
	size_t i = 0;

	while (i < c->n_logs && strcmp(c->logs[i].origin, origin) != 0)
		i++;
	return i;
}

/* Fails unless the log, as the ledger has it, begins with what `then` was. */
static enum wm_code check_begins(const struct certifying *c, size_t ledger,
				 const struct certified_log *then, struct wm_error *err)
{
	cleanup_tiles struct tiles *tiles = NULL;
	uint8_t root[SHA256_BYTES];

	TRY(index_tiles(&tiles, c->view.ledgers.indexes[ledger], then->origin, err));
	TRY(tiles_root(root, tiles, then->size, err));
	if (memcmp(root, then->root, SHA256_BYTES) == 0)
		return WM_OK;
	return fail(err, REASON_LEDGER_REWRITTEN,
		    "%.128s: its first %llu entries do not have the root that they had, or have in "
		    "another ledger", then->origin, (unsigned long long)then->size);
}

/* Of several copies of a log the longest counts, of which the others have to be the beginning. */
static enum wm_code unite(struct certifying *c, size_t i, size_t ledger,
			  const struct certified_log *other, struct wm_error *err)
{
	struct certified_log *log = &c->logs[i];

	if (other->size <= log->size)
		return check_begins(c, c->at[i], other, err);
	TRY(check_begins(c, ledger, log, err));
	log->size = other->size;
	memcpy(log->root, other->root, SHA256_BYTES);
	c->at[i] = ledger;
	return WM_OK;
}

/* The index stands where the head does, or the log grew in between. */
static enum wm_code add_head(struct certifying *c, size_t ledger, const char *origin,
			     struct wm_error *err)
{
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	struct certified_log log = { .origin = origin };
	const size_t i = find_log(c, origin);
	bool found = false;
	char *name = NULL;

	TRY(ledger_head(&head, c->view.ledgers.list[ledger], origin, err));
	TRY(index_size(&log.size, &found, c->view.ledgers.indexes[ledger], origin, err));
	if (!found || log.size != head.note.head.size)
		return fail(err, REASON_BUSY, "the log %s grew while it was read", origin);
	memcpy(log.root, head.note.head.root, SHA256_BYTES);
	if (i < c->n_logs)
		return unite(c, i, ledger, &log, err);
	if (i == CERTIFIED_LOGS)
		return fail(err, REASON_LIMIT, "more than %d logs", CERTIFIED_LOGS);
	TRY(arena_copy(&name, &c->arena, origin, strlen(origin), err));
	log.origin = name;
	c->at[i] = ledger;
	c->logs[c->n_logs++] = log;
	return WM_OK;
}

enum wm_code certify_read_heads(struct certifying *c, const struct call *call,
				struct wm_error *err)
{
	for (size_t i = 0; i < c->view.ledgers.n; i++) {
		cleanup_origins char **origins = NULL;

		TRY(ledger_origins(&origins, c->view.ledgers.list[i], err));
		for (char **o = origins; *o; o++)
			if (origin_wanted(call, *o))
				TRY(add_head(c, i, *o, err));
	}
	return WM_OK;
}

/* --- what it was drawn up over before ----------------------------------------------------- */

static struct certified_log log_then(const Weightmark__V1__LogHead *head)
{
	struct certified_log log = { .origin = head->origin, .size = head->size };

	memcpy(log.root, head->root->sha256.data, SHA256_BYTES);
	return log;
}

enum wm_code certify_check_heads(const struct certifying *c, const certificate *cert,
				 struct wm_error *err)
{
	for (size_t i = 0; i < cert->n_log; i++) {
		const struct certified_log then = log_then(cert->log[i]);
		const size_t k = find_log(c, then.origin);

		if (k == c->n_logs)
			return fail(err, REASON_ORIGIN_UNKNOWN,
				    "the certificate was drawn up over the log %.128s, which is in "
				    "none of these ledgers", then.origin);
		if (c->logs[k].size < then.size)
			return fail(err, REASON_LOG_BEHIND,
				    "%.128s has %llu entries, and had %llu when the certificate "
				    "was drawn up", then.origin,
				    (unsigned long long)c->logs[k].size,
				    (unsigned long long)then.size);
		TRY(check_begins(c, c->at[k], &then, err));
	}
	return WM_OK;
}

static bool is_same(const struct said *said, const uint8_t keyid[SHA256_BYTES], const char *id,
		    const uint8_t digest[SHA256_BYTES])
{
	const certificate *cert = (const certificate *)said->statement->message;

	return memcmp(said->keyid, keyid, SHA256_BYTES) == 0 && strcmp(cert->id->text, id) == 0 &&
	       cert->n_log <= CERTIFIED_LOGS && cert->graph_digest &&
	       memcmp(cert->graph_digest->sha256.data, digest, SHA256_BYTES) == 0;
}

enum wm_code certify_take_heads(struct certifying *c, const char *id,
				const uint8_t digest[SHA256_BYTES], const struct signer *signer,
				struct wm_error *err)
{
	const struct said_list *all = &c->view.orders->certificates;
	uint8_t keyid[SHA256_BYTES];

	if (!hex_decode(keyid, public_key_id(signer_public(signer)), 2 * sizeof(keyid)))
		return fail(err, REASON_INTERNAL, "a keyid is not hexadecimal");
	for (size_t i = 0; i < all->n; i++) {
		const certificate *cert = (const certificate *)all->list[i]->statement->message;

		if (!is_same(all->list[i], keyid, id, digest))
			continue;
		TRY(certify_check_heads(c, cert, err));
		for (size_t k = 0; k < cert->n_log; k++)
			c->logs[k] = log_then(cert->log[k]);
		c->n_logs = cert->n_log;
		return WM_OK;
	}
	return WM_OK;
}
