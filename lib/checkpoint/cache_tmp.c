/* not to be committed to main */
#include "checkpoint/cache.h"
enum wm_code cache_load(struct checkpoint_file *f, struct wm_error *err){(void)f;(void)err;return WM_OK;}
enum wm_code cache_store(const struct checkpoint_file *f, struct wm_error *err){(void)f;(void)err;return WM_OK;}
