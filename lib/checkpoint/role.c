/* SPDX-License-Identifier: Apache-2.0 */
/* Telling documents from files that a loader may read, by name. */
#include <stdbool.h>
#include <string.h>

#include "checkpoint/walk.h"
#include "util/file.h"

/* Where a text of the table stands in a name. */
enum place {
	SUFFIX,	     /* after the last dot: a document whatever the name before it */
	NAME,	     /* in front: a document where nothing, or a NAME_SUFFIX, ends the name */
	NAME_SUFFIX, /* after the last dot, and a NAME in front */
};

static const struct {
	enum place place;
	const char *text;
} documents[] = {
	{ SUFFIX, "md" },	  { SUFFIX, "png" },	  { SUFFIX, "jpg" },
	{ SUFFIX, "jpeg" },	  { SUFFIX, "gif" },	  { SUFFIX, "svg" },
	{ SUFFIX, "webp" },	  { SUFFIX, "pdf" },	  { NAME, "readme" },
	{ NAME, "license" },	  { NAME, "licence" },	  { NAME, "notice" },
	{ NAME, "copying" },	  { NAME, "citation" },	  { NAME, "model_card" },
	{ NAME, "model-card" },	  { NAME, "modelcard" },  { NAME_SUFFIX, "txt" },
	{ NAME_SUFFIX, "rst" },	  { NAME_SUFFIX, "html" }, { NAME_SUFFIX, "cff" },
	{ NAME_SUFFIX, "bib" },
};

/* The name of a document ends there, or goes on as in LICENSE-APACHE, not as in noticeboard. */
static bool ends_word(char c)
{
	return c == '\0' || strchr("._- ", c);
}

static bool begins_with(const char *name, const char *text)
{
	size_t len = strlen(text);

	return strncasecmp(name, text, len) == 0 && ends_word(name[len]);
}

static bool any(enum place place, const char *name)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		const char *text = documents[i].text;

		if (documents[i].place == place &&
		    (place == NAME ? begins_with(name, text) : strcasecmp(name, text) == 0))
			return true;
	}
	return false;
}

enum file_role file_role_of(const char *path)
{
	const char *name = file_name(path), *dot = strrchr(name, '.');

	if (dot && dot != name && any(SUFFIX, dot + 1))
		return ROLE_DOCUMENT;
	if (any(NAME, name) && (!dot || any(NAME_SUFFIX, dot + 1)))
		return ROLE_DOCUMENT;
	return ROLE_LOAD;
}
