/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kernels, and which of them is used. */
#include "digest/kernel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "digest/measure.h"

static bool always(void)
{
	return true;
}

const struct kernel kernels[] = {
#if KERNEL_X86
	{ "avx512", kernel_avx512_available, kernel_avx512_run },
	{ "sha-ni", kernel_shani_available, kernel_shani_run },
#endif
	{ "evp", always, kernel_evp_run },
	{ "portable", always, kernel_portable_run },
	{ NULL, NULL, NULL },
};

static const struct kernel *chosen;

/* The first available kernel named `name`; any name where that is NULL. */
static const struct kernel *find(const char *name)
{
	for (const struct kernel *k = kernels; k->name; k++)
		if ((!name || strcmp(k->name, name) == 0) && k->available())
			return k;
	return NULL;
}

static void choose(void)
{
	const char *wanted = secure_getenv("WEIGHTMARK_DIGEST");

	chosen = find(wanted && *wanted ? wanted : NULL);
	if (!chosen)
		chosen = find("evp");
}

const struct kernel *kernel_chosen(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, choose);
	return chosen;
}

void kernel_one(const struct message *m)
{
	if (kernel_chosen()->run(m, 1, NULL) != WM_OK &&
	    kernel_portable_run(m, 1, NULL) != WM_OK)
		abort();
}

const char *digest_kernel_name(void)
{
	return kernel_chosen()->name;
}
