/* SPDX-License-Identifier: Apache-2.0 */
/* Reading config.json and model cards, which are anybody's text. */
#include "attest/draft_sources.h"

#include <stdio.h>
#include <string.h>

#include "text/json.h"
#include "text/yaml.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/limits.h"

static const char fence[] = "---\n";

/* Tags of model hubs and the one SPDX id that each means. */
static const struct {
	const char *tag, *spdx;
} licence_tags[] = {
	{ "apache-2.0", "Apache-2.0" },
	{ "mit", "MIT" },
	{ "bsd-2-clause", "BSD-2-Clause" },
	{ "bsd-3-clause", "BSD-3-Clause" },
	{ "bsd-3-clause-clear", "BSD-3-Clause-Clear" },
	{ "isc", "ISC" },
	{ "mpl-2.0", "MPL-2.0" },
	{ "unlicense", "Unlicense" },
	{ "cc0-1.0", "CC0-1.0" },
	{ "cc-by-2.0", "CC-BY-2.0" },
	{ "cc-by-3.0", "CC-BY-3.0" },
	{ "cc-by-4.0", "CC-BY-4.0" },
	{ "cc-by-sa-3.0", "CC-BY-SA-3.0" },
	{ "cc-by-sa-4.0", "CC-BY-SA-4.0" },
	{ "cc-by-nc-4.0", "CC-BY-NC-4.0" },
	{ "cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0" },
	{ "cc-by-nd-4.0", "CC-BY-ND-4.0" },
	{ "cc-by-nc-nd-4.0", "CC-BY-NC-ND-4.0" },
	{ "pddl", "PDDL-1.0" },
	{ "odc-by", "ODC-By-1.0" },
	{ "odbl", "ODbL-1.0" },
	{ "artistic-2.0", "Artistic-2.0" },
	{ "ecl-2.0", "ECL-2.0" },
	{ "afl-3.0", "AFL-3.0" },
	{ "zlib", "Zlib" },
	{ "wtfpl", "WTFPL" },
	{ "ncsa", "NCSA" },
	{ "postgresql", "PostgreSQL" },
};

const char *spdx_of_tag(const char *tag)
{
	for (size_t i = 0; i < sizeof(licence_tags) / sizeof(licence_tags[0]); i++)
		if (strcasecmp(licence_tags[i].tag, tag) == 0)
			return licence_tags[i].spdx;
	return NULL;
}

void draft_sources_release(struct draft_sources *s)
{
	free(s->config_path);
	free(s->card_path);
	buf_release(&s->architecture);
	tree_release(&s->card);
}

/* Keeps the first text of the list `architectures`, wherever else the document goes. */
static enum wm_code read_config(struct draft_sources *s, const struct buf *text,
				struct wm_error *err)
{
	cleanup_json struct json j = json_parser(text->data, text->len, s->config_path);
	enum json_event event = JSON_NULL;
	bool wanted = false;

	TRY(json_next(&j, &event, err));
	if (event != JSON_MAP)
		return fail(err, REASON_JSON_MALFORMED, "%s: is not a map", s->config_path);
	for (;;) {
		TRY(json_next(&j, &event, err));
		if (event == JSON_MAP_END)
			break;
		wanted = j.len == strlen("architectures") &&
			 memcmp(j.text, "architectures", j.len) == 0;
		TRY(json_next(&j, &event, err));
		if (!wanted || event != JSON_LIST) {
			TRY(json_skip(&j, event, err));
			continue;
		}
		TRY(json_next(&j, &event, err));
		if (event == JSON_TEXT && s->architecture.len == 0)
			TRY(buf_append(&s->architecture, j.text, j.len, err));
		while (event != JSON_LIST_END) {
			TRY(json_skip(&j, event, err));
			TRY(json_next(&j, &event, err));
		}
	}
	return json_next(&j, &event, err);
}

/* The front matter is what stands between the first line, a fence, and the next one. */
static enum wm_code read_card(struct draft_sources *s, const struct buf *text, struct wm_error *err)
{
	const size_t n = sizeof(fence) - 1;
	const char *start = buf_str(text) + n, *end;
	struct node *documents;

	if (text->len < n || memcmp(text->data, fence, n) != 0)
		return WM_OK;
	end = strstr(start - 1, "\n---");
	if (!end)
		return WM_OK;
	TRY(yaml_read(&s->card, start, (size_t)(end + 1 - start), s->card_path, err));
	documents = s->card.root;
	s->card.root =
		documents->len == 1 && documents->first->kind == NODE_MAP ? documents->first : NULL;
	return WM_OK;
}

/* Reads one file where it exists; what is wrong with it becomes its note. */
static enum wm_code
read_source(char note[256], struct draft_sources *s, const char *path,
	    enum wm_code (*read)(struct draft_sources *, const struct buf *, struct wm_error *),
	    struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_CARD);
	struct wm_error wrong = { 0 };
	enum wm_code code;

	code = file_read(&text, path, &wrong);
	if (code == WM_OK)
		code = read(s, &text, &wrong);
	else if (error_reason(&wrong) == REASON_NOT_FOUND)
		return WM_OK;
	if (code == WM_NOMEM)
		return fail_again(err, &wrong);
	if (code != WM_OK)
		snprintf(note, 256, "%s", wrong.message);
	return WM_OK;
}

enum wm_code draft_sources_read(struct draft_sources *out, const struct checkpoint *c,
				struct wm_error *err)
{
	const char *path = c->path, *slash = c->is_directory ? "/" : "";
	int directory = (int)(c->is_directory ? strlen(path) : (size_t)(file_name(path) - path));

	*out = (struct draft_sources){ .architecture = BUF_INIT(LIMIT_CARD), .card = TREE_INIT };
	if (asprintf(&out->config_path, "%.*s%sconfig.json", directory, path, slash) < 0) {
		out->config_path = NULL;
		return fail_nomem(err);
	}
	if (asprintf(&out->card_path, "%.*s%sREADME.md", directory, path, slash) < 0) {
		out->card_path = NULL;
		return fail_nomem(err);
	}
	TRY(read_source(out->config_note, out, out->config_path, read_config, err));
	return read_source(out->card_note, out, out->card_path, read_card, err);
}
