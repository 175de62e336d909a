/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching and pushing through libgit2, within limits. */
#include "git/remote.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>
#include <git2/sys/transport.h>

#include "git/child.h"
#include "git/libgit2.h"

#include "util/cursor.h"

enum { WINDOW = 32 << 20, MAPPED = 512 << 20 };

DEFINE_CLEANUP(git_odb, git_odb, git_odb_free)
DEFINE_CLEANUP(git_config, git_config, git_config_free)
#define cleanup_git_odb	   __attribute__((cleanup(git_odb_cleanup_)))
#define cleanup_git_config __attribute__((cleanup(git_config_cleanup_)))

/* One exchange, in the child. */
struct talk {
	const struct remote *remote;
	const char *path; /* of the quarantine */
	const char *prefix;
	const char *const *names; /* to fetch; or specs, to push */
	size_t max;
	unsigned n_tried;	/* keys */
	const char *exceeded;	/* which limit, or NULL */
	struct buf *answer;
	struct wm_error *err; /* of a callback */
};

void remote_refs_release(struct remote_refs *refs)
{
	free(refs->list);
	*refs = (struct remote_refs){ .n = 0 };
}

/* --- callbacks --------------------------------------------------------------------------- */

/* What the address says, and nothing that libgit2 finds in it besides. */
static int new_transport(git_transport **out, git_remote *owner, void *payload)
{
	static git_smart_subtransport_definition ssh = { git_smart_subtransport_ssh, 0, NULL };
	static git_smart_subtransport_definition http = { git_smart_subtransport_http, 1, NULL };
	const struct talk *x = payload;

	if (x->remote->kind == URL_SSH)
		return git_transport_smart(out, owner, &ssh);
	if (x->remote->kind == URL_HTTPS)
		return git_transport_smart(out, owner, &http);
	return git_transport_local(out, owner, NULL);
}

static int key_file(git_credential **out, const char *user, const char *name)
{
	const char *home = getenv("HOME");
	char path[LIMIT_PATH];
	struct stat st;

	if (!home || *home != '/' ||
	    snprintf(path, sizeof(path), "%s/.ssh/%s", home, name) >= LIMIT_PATH ||
	    stat(path, &st) < 0)
		return GIT_PASSTHROUGH;
	return git_credential_ssh_key_new(out, user, NULL, path, "");
}

static int credentials(git_credential **out, const char *url, const char *user,
		       unsigned int allowed, void *payload)
{
	static const char *const files[] = { "id_ed25519", "id_ecdsa", "id_rsa" };
	enum { N_FILES = sizeof(files) / sizeof(files[0]) };
	struct talk *x = payload;
	const struct passwd *who;

	(void)url;
	if (x->remote->kind == URL_SSH && (allowed & GIT_CREDENTIAL_USERNAME) && !user) {
		who = getpwuid(geteuid());
		if (who)
			return git_credential_username_new(out, who->pw_name);
	}
	while (x->remote->kind == URL_SSH && (allowed & GIT_CREDENTIAL_SSH_KEY) &&
	       x->n_tried <= N_FILES) {
		const unsigned i = x->n_tried++;
		int said = GIT_PASSTHROUGH;

		if (i > 0)
			said = key_file(out, user, files[i - 1]);
		else if (getenv("SSH_AUTH_SOCK"))
			said = git_credential_ssh_key_from_agent(out, user);
		if (said != GIT_PASSTHROUGH)
			return said;
	}
	git_error_set_str(GIT_ERROR_CALLBACK, x->remote->kind == URL_SSH ?
			  "no key of the agent or of ~/.ssh is accepted" :
			  "it wants a login, and none is given over https");
	return GIT_EAUTH;
}

static int count_received(const git_indexer_progress *stats, void *payload)
{
	struct talk *x = payload;
	const struct remote_limits *l = &x->remote->limits;

	if (stats->received_bytes > l->bytes << 20)
		x->exceeded = "bytes";
	else if (stats->total_objects > l->objects || stats->received_objects > l->objects)
		x->exceeded = "objects";
	return x->exceeded ? -1 : 0;
}

static enum wm_code add_ref(struct talk *x, const char *name, const git_oid *id,
			    const char *said, struct wm_error *err)
{
	struct remote_ref ref;

	memset(&ref, 0, sizeof(ref));
	snprintf(ref.name, sizeof(ref.name), "%s", name);
	snprintf(ref.said, sizeof(ref.said), "%s", said);
	if (id)
		ref.id = from_oid(id);
	return buf_append(x->answer, &ref, sizeof(ref), err);
}

static int pushed(const char *name, const char *status, void *payload)
{
	struct talk *x = payload;

	if (!status)
		return 0;
	return add_ref(x, name, NULL, status, x->err) == WM_OK ? 0 : -1;
}

static git_remote_callbacks callbacks_of(struct talk *x)
{
	git_remote_callbacks c;

	git_remote_init_callbacks(&c, GIT_REMOTE_CALLBACKS_VERSION);
	c.transport = new_transport;
	c.credentials = credentials;
	c.transfer_progress = count_received;
	c.push_update_reference = pushed;
	c.payload = x;
	return c;
}

/* --- in the child ------------------------------------------------------------------------ */

/* libgit2 with nobody's configuration, and little memory for windows into packs. */
static enum wm_code prepare(git_repository **out, const struct talk *x, struct wm_error *err)
{
	cleanup_git_repo git_repository *git = NULL;
	cleanup_git_config git_config *none = NULL;
	const char *home = getenv("HOME"), *authorities = getenv("SSL_CERT_FILE");

	if (git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0) < 0 ||
	    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)WINDOW) < 0 ||
	    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)MAPPED) < 0 ||
	    git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)x->remote->limits.objects) < 0)
		return fail_libgit2(err, REASON_INTERNAL, "libgit2 does not take its limits");
	if (git_config_new(&none) < 0 ||
	    git_repository_open_ext(&git, x->path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) < 0 ||
	    git_repository_set_config(git, none) < 0)
		return fail_libgit2(err, REASON_WRITE_FAILED, "%s", x->path);
	/* Where libgit2 looks for .ssh/known_hosts; no configuration is read any more. */
	if (x->remote->kind == URL_SSH && home && *home == '/' &&
	    git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, home) < 0)
		return fail_libgit2(err, REASON_REMOTE_FAILED, "%s", home);
	/* As OpenSSL and curl have it; else the system's authorities are believed. */
	if (x->remote->kind == URL_HTTPS && authorities && *authorities &&
	    git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, authorities, NULL) < 0)
		return fail_libgit2(err, REASON_REMOTE_FAILED, "%s", authorities);
	*out = take_ptr(&git);
	return WM_OK;
}

static enum wm_code make_remote(git_remote **out, git_repository *git, const struct talk *x,
				struct wm_error *err)
{
	git_remote_create_options o;

	git_remote_create_options_init(&o, GIT_REMOTE_CREATE_OPTIONS_VERSION);
	o.repository = git;
	o.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	if (git_remote_create_with_opts(out, x->remote->url, &o) < 0)
		return fail_libgit2(err, REASON_REMOTE_FAILED, "%s", x->remote->url);
	return WM_OK;
}

static enum wm_code broke_off(const struct talk *x, struct wm_error *err)
{
	const git_error *said = git_error_last();
	const char *exceeded = x->exceeded;

	/* The indexer counts objects before it tells of them. */
	if (said && said->klass == GIT_ERROR_INDEXER && strstr(said->message, "too many objects"))
		exceeded = "objects";
	if (exceeded)
		return fail(err, REASON_LIMIT, "%s: sends more %s than is allowed", x->remote->url,
			    exceeded);
	if (said && (said->klass == GIT_ERROR_NOMEMORY))
		return fail(err, REASON_LIMIT, "%s: takes more memory than is allowed",
			    x->remote->url);
	return fail_libgit2(err, REASON_REMOTE_FAILED, "%s", x->remote->url);
}

static bool is_wanted(const struct talk *x, const char *name)
{
	if (strncmp(name, x->prefix, strlen(x->prefix)) != 0)
		return false;
	for (size_t i = 0; x->names && x->names[i]; i++)
		if (strcmp(name, x->names[i]) == 0)
			return true;
	return x->names == NULL;
}

static enum wm_code list_refs(struct talk *x, git_remote *remote, struct wm_error *err)
{
	const git_remote_head **heads = NULL;
	size_t n = 0, n_wanted = 0;

	if (git_remote_ls(&heads, &n, remote) < 0)
		return broke_off(x, err);
	if (n > x->remote->limits.refs)
		return fail(err, REASON_LIMIT, "%s: has more than %llu refs", x->remote->url,
			    (unsigned long long)x->remote->limits.refs);
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(x, heads[i]->name))
			continue;
		if (n_wanted++ == x->max)
			return fail(err, REASON_LIMIT, "%s: has more than %zu logs", x->remote->url,
				    x->max);
		TRY(add_ref(x, heads[i]->name, &heads[i]->oid, "", err));
	}
	return WM_OK;
}

/* Downloads by a pattern, or by one refspec a name. */
static enum wm_code download(struct talk *x, git_remote *remote, struct wm_error *err)
{
	cleanup_free char **specs = calloc(x->max + 1, sizeof(*specs));
	cleanup_buf struct buf text = BUF_INIT(x->max * 3 * REMOTE_TEXT + LIMIT_PATH);
	git_fetch_options o;
	git_strarray list = { specs, 0 };

	if (!specs)
		return fail_nomem(err);
	TRY(buf_reserve(&text, text.max, err));
	for (size_t i = 0; x->names ? i < x->max && x->names[i] : i < 1; i++) {
		const char *name = x->names ? x->names[i] : x->prefix, *star = x->names ? "" : "*";

		specs[list.count++] = (char *)text.data + text.len;
		TRY(buf_printf(&text, err, "+%s%s:%s%s", name, star, name, star));
		TRY(buf_append_byte(&text, 0, err));
	}
	git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION);
	o.callbacks = callbacks_of(x);
	o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o.update_fetchhead = 0;
	o.prune = GIT_FETCH_NO_PRUNE;
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	o.proxy_opts.type = GIT_PROXY_NONE;
	return git_remote_download(remote, &list, &o) < 0 ? broke_off(x, err) : WM_OK;
}

static int check_object(const git_oid *id, void *payload)
{
	struct talk *x = ((void **)payload)[0];
	git_odb *odb = ((void **)payload)[1];
	git_object_t type;
	size_t len;

	if (git_odb_read_header(&len, &type, odb, id) < 0)
		return -1;
	if (len > LIMIT_ENTRY)
		x->exceeded = "in one object";
	return x->exceeded ? -1 : 0;
}

/*
 * No object may be larger than what a ledger holds: also one that another is a difference from
 * is inflated when that is read, outside the limits of this process.
 */
static enum wm_code check_objects(struct talk *x, struct wm_error *err)
{
	cleanup_git_odb git_odb *odb = NULL;
	git_odb_backend *packs = NULL;
	char path[LIMIT_PATH];

	snprintf(path, sizeof(path), "%s/objects", x->path);
	if (git_odb_new(&odb) < 0 || git_odb_backend_pack(&packs, path) < 0)
		return broke_off(x, err);
	if (git_odb_add_backend(odb, packs, 1) < 0) {
		packs->free(packs);
		return broke_off(x, err);
	}
	if (git_odb_foreach(odb, check_object, (void *[]){ x, odb }) < 0)
		return broke_off(x, err);
	return WM_OK;
}

static enum wm_code fetch(void *context, struct buf *answer, struct wm_error *err)
{
	cleanup_git_repo git_repository *git = NULL;
	cleanup_git_remote git_remote *remote = NULL;
	git_remote_connect_options o;
	struct talk *x = context;

	x->answer = answer;
	x->err = err;
	TRY(prepare(&git, x, err));
	TRY(make_remote(&remote, git, x, err));
	git_remote_connect_options_init(&o, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	o.callbacks = callbacks_of(x);
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	o.proxy_opts.type = GIT_PROXY_NONE;
	if (git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &o) < 0)
		return broke_off(x, err);
	TRY(list_refs(x, remote, err));
	if (answer->len == 0)
		return WM_OK;
	TRY(download(x, remote, err));
	return check_objects(x, err);
}

static enum wm_code push(void *context, struct buf *answer, struct wm_error *err)
{
	cleanup_git_repo git_repository *git = NULL;
	cleanup_git_remote git_remote *remote = NULL;
	cleanup_free char **specs = NULL;
	git_push_options o;
	git_strarray list = { NULL, 0 };
	struct talk *x = context;
	int said;

	x->answer = answer;
	x->err = err;
	specs = calloc(x->max + 1, sizeof(*specs));
	if (!specs)
		return fail_nomem(err);
	for (; list.count < x->max && x->names[list.count]; list.count++)
		memcpy(&specs[list.count], &x->names[list.count], sizeof(*specs));
	list.strings = specs;
	TRY(prepare(&git, x, err));
	TRY(make_remote(&remote, git, x, err));
	git_push_options_init(&o, GIT_PUSH_OPTIONS_VERSION);
	o.callbacks = callbacks_of(x);
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	o.proxy_opts.type = GIT_PROXY_NONE;
	said = git_remote_push(remote, &list, &o);
	if (said == GIT_ENONFASTFORWARD)
		return fail_libgit2(err, REASON_REMOTE_REFUSED, "%s", x->remote->url);
	return said < 0 ? broke_off(x, err) : WM_OK;
}

/* --- in the parent ----------------------------------------------------------------------- */

/* The child is as little to be trusted as what it speaks with; `prefix` NULL: any names. */
static enum wm_code take_refs(struct remote_refs *out, const struct buf *answer,
			      const char *prefix, struct wm_error *err)
{
	cleanup_remote_refs struct remote_refs refs = { .n = 0 };

	if (answer->len % sizeof(struct remote_ref) != 0)
		return fail(err, REASON_INTERNAL, "a child process answers in another language");
	refs.n = answer->len / sizeof(*refs.list);
	refs.list = calloc(refs.n + 1, sizeof(*refs.list));
	if (!refs.list)
		return fail_nomem(err);
	memcpy(refs.list, answer->data, answer->len);
	for (size_t i = 0; i < refs.n; i++) {
		refs.list[i].name[REMOTE_TEXT - 1] = refs.list[i].said[REMOTE_TEXT - 1] = '\0';
		if (prefix && strncmp(refs.list[i].name, prefix, strlen(prefix)) != 0)
			return fail(err, REASON_INTERNAL, "a child process tells of another ref");
	}
	*out = refs;
	refs.list = NULL;
	return WM_OK;
}

static enum wm_code run(struct remote_refs *out, struct quarantine *q, struct talk *x,
			child_fn *body, struct wm_error *err)
{
	cleanup_buf struct buf answer = BUF_INIT(x->max * sizeof(struct remote_ref));
	const struct remote_limits *l = &x->remote->limits;
	const struct child_limits limits = { l->seconds, l->memory, l->bytes };

	x->path = quarantine_path(q);
	TRY(libgit2_start(err));
	TRY(child_run(&answer, body, x, &limits, err));
	return take_refs(out, &answer, x->prefix, err);
}

enum wm_code remote_fetch(struct remote_refs *out, struct quarantine *q, const struct remote *from,
			  const char *prefix, const char *const *names, size_t max,
			  struct wm_error *err)
{
	struct talk x = { .remote = from, .prefix = prefix, .names = names, .max = max };

	return run(out, q, &x, fetch, err);
}

enum wm_code remote_push(struct remote_refs *out, struct quarantine *q, const struct remote *to,
			 const char *const *specs, size_t max, struct wm_error *err)
{
	struct talk x = { .remote = to, .names = specs, .max = max };

	return run(out, q, &x, push, err);
}
