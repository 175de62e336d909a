/* SPDX-License-Identifier: Apache-2.0 */
/* The version that the library was built as. */
#include "weightmark.h"

const char *wm_version(void)
{
	return WM_VERSION;
}
