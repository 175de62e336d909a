/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/role.c: documents and load files by name. */
#include "harness.h"

#include "checkpoint/walk.h"

static const struct {
	const char *path;
	enum file_role role;
} roles[] = {
	{ "README", ROLE_DOCUMENT },
	{ "README.md", ROLE_DOCUMENT },
	{ "sub/readme.TXT", ROLE_DOCUMENT },
	{ "README_zh.md", ROLE_DOCUMENT },
	{ "README.zh.html", ROLE_DOCUMENT },
	{ "LICENSE", ROLE_DOCUMENT },
	{ "License.rst", ROLE_DOCUMENT },
	{ "LICENSE-APACHE", ROLE_DOCUMENT },
	{ "LICENCE.txt", ROLE_DOCUMENT },
	{ "LICENSE_MODEL.pdf", ROLE_DOCUMENT },
	{ "NOTICE", ROLE_DOCUMENT },
	{ "Notice.txt", ROLE_DOCUMENT },
	{ "COPYING", ROLE_DOCUMENT },
	{ "CITATION.cff", ROLE_DOCUMENT },
	{ "citation.bib", ROLE_DOCUMENT },
	{ "model_card.html", ROLE_DOCUMENT },
	{ "MODEL_CARD", ROLE_DOCUMENT },
	{ "x.md", ROLE_DOCUMENT },
	{ "assets/x.PNG", ROLE_DOCUMENT },
	{ "x.jpg", ROLE_DOCUMENT },
	{ "x.jpeg", ROLE_DOCUMENT },
	{ "x.gif", ROLE_DOCUMENT },
	{ "x.svg", ROLE_DOCUMENT },
	{ "x.webp", ROLE_DOCUMENT },
	{ "x.pdf", ROLE_DOCUMENT },
	{ "config.json", ROLE_LOAD },
	{ "README.json", ROLE_LOAD },
	{ "README.safetensors", ROLE_LOAD },
	{ "README.md.safetensors", ROLE_LOAD },
	{ "LICENSE.json", ROLE_LOAD },
	{ "LICENSE.", ROLE_LOAD },
	{ "LICENSE-2.0", ROLE_LOAD },
	{ "license.py", ROLE_LOAD },
	{ "notice.jinja", ROLE_LOAD },
	{ "noticeboard", ROLE_LOAD },
	{ "readme2", ROLE_LOAD },
	{ "copying\u00e9", ROLE_LOAD },
	{ "merges.txt", ROLE_LOAD },
	{ "vocab.txt", ROLE_LOAD },
	{ "my-readme.txt", ROLE_LOAD },
	{ "index.html", ROLE_LOAD },
	{ "refs.bib", ROLE_LOAD },
	{ "chat_template.jinja", ROLE_LOAD },
	{ "modeling_x.py", ROLE_LOAD },
	{ "tokenizer.model", ROLE_LOAD },
	{ "model.safetensors", ROLE_LOAD },
	{ "README.md/model.bin", ROLE_LOAD },
	{ "md", ROLE_LOAD },
	{ ".md", ROLE_LOAD },
	{ "x.md5", ROLE_LOAD },
	{ "x.mdx", ROLE_LOAD },
	{ ".readme", ROLE_LOAD },
};

static void tells_documents_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (file_role_of(roles[i].path) != roles[i].role)
			test_failed(__FILE__, __LINE__, "%s", roles[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_documents_by_name),
	};

	return run_tests(tests);
}
