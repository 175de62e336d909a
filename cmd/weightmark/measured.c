/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring the checkpoints that are operands. */
#include "measured.h"

#include "attest/carriers.h"
#include "output.h"
#include "progress_view.h"

struct checkpoint_open_options checkpoint_opening(const struct call *call)
{
	return (struct checkpoint_open_options){ options_get(&call->options, "links-within") };
}

enum wm_code measure_path(struct checkpoint **out, struct call *call, const char *path,
			  bool sha256, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	const struct checkpoint_open_options opening = checkpoint_opening(call);
	struct progress progress = { 0 };
	struct checkpoint_measure_options options = {
		.sha256 = sha256,
		.gather = true,
		.progress = &progress,
	};
	enum wm_code code;

	TRY(settings_jobs(&options.workers, &call->settings, &call->options, err));
	TRY(carrier_refuse_sidecar(path, err));
	TRY(checkpoint_open(&c, path, &opening, err));
	TRY(checkpoint_find_parts(c, err));
	progress_view_start(&progress);
	code = checkpoint_measure(c, &options, err);
	progress_view_end();
	TRY(code);
	*out = take_ptr(&c);
	return WM_OK;
}

enum wm_code measure_operand(struct checkpoint **out, struct call *call, size_t i, bool sha256,
			     struct wm_error *err)
{
	return measure_path(out, call, call->options.operands[i], sha256, err);
}

void warn_without_tensors(const struct checkpoint *c)
{
	const char *why = checkpoint_without_tensors(c);

	if (why)
		warning("%s: %s", c->path, why);
}
