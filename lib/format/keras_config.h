/* SPDX-License-Identifier: Apache-2.0 */
/* The code that the configuration of a Keras model names. */
#ifndef FORMAT_KERAS_CONFIG_H
#define FORMAT_KERAS_CONFIG_H

#include "format/format.h"

/*
 * Adds each class, function, lambda and file that a configuration names, and that is not known
 * to be harmless, to the imports, which are sorted by the caller; the grammar stands in
 * format/keras_config.c. Fails with `keras-malformed` where it is no JSON, says a thing twice,
 * or names code otherwise than by plain text; `limit`.
 */
MUST_USE enum wm_code keras_add_imports(struct layout *l, const void *config, size_t len,
					const char *name, struct wm_error *err);

#endif
