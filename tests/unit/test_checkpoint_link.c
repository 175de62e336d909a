/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/checkpoint/link.c: where links may lead. What no link may lead to: test_checkpoint_walk.c.
 *
 * That a link is swapped during the walk cannot be timed here. It is bound by construction:
 * links are judged by the place of what was opened.
 */
#include "walking.h"

#include <unistd.h>

static void follows_links_that_stay_inside(void **state)
{
	(void)state;
	put("c/sub/model", "1");
	put_link("c/relative", "sub/model");
	put_link("c/absolute", at("c/sub/model"));
	put_link("c/chain", "relative");
	put_link("c/sub/up", "../sub/../chain");
	put_link("c/out-and-in", "../c/sub/model");
	put_link("c/tree/a/b/deep", "../../../sub/model");
	put_link("alias", "c");
	put_link("c/through-alias", "../alias/sub/model");
	finds("c", NULL,
	      "absolute L> 1\nchain L> 1\nout-and-in L> 1\nrelative L> 1\nsub/model L 1\n"
	      "sub/up L> 1\nthrough-alias L> 1\ntree/a/b/deep L> 1\n");
	put_link("c/to-passed-over", ".git/x");
	put("c/.git/x", "2");
	put("hard/a", "3");
	assert_int_equal(link(at("hard/a"), at("hard/b")), 0);
	assert_int_equal(link(at("c/sub/model"), at("hard/c")), 0);
	finds("hard", NULL, "a L 3\nb L 3\nc L 1\n");
}

static void refuses_links_that_lead_out(void **state)
{
	static const char *const targets[] = { "../secret", "../c2/x", "sub/../../secret",
					       "sub/chain", "/etc/passwd", "/proc/self/exe",
					       "../cx" };

	(void)state;
	put("secret", "1");
	put("c2/x", "2");
	put("cx", "3"); /* begins with the root's own name */
	put("c/sub/x", "4");
	put_link("c/sub/chain", "../../secret");
	refuses("c", NULL, REASON_LINK_OUTSIDE, "sub/chain: leads to ");
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		put_link("c/a", targets[i]);
		refuses("c", NULL, REASON_LINK_OUTSIDE, "a: leads to /");
		assert_int_equal(unlink(at("c/a")), 0);
	}
	assert_int_equal(unlink(at("c/sub/chain")), 0);
	finds("c", NULL, "sub/x L 4\n");
}

static void allows_links_within_a_named_root(void **state)
{
	(void)state;
	put("store/deep/x", "1");
	put("store2/x", "2");
	put_link("store-link", "store");
	put_link("c/x", "../store/deep/x");
	refuses("c", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	finds("c", at("store"), "x L> 1\n");
	finds("c", at("store/"), "x L> 1\n");
	finds("c", at("store-link"), "x L> 1\n");
	finds("c", "/", "x L> 1\n");
	refuses("c", at("store2"), REASON_LINK_OUTSIDE, "x: leads to ");
	refuses("c", at("none"), REASON_NOT_FOUND, "none");
	refuses("c", at("store2/x"), REASON_NOT_FOUND, "store2/x");
	refuses("c", "", REASON_NOT_FOUND, "");
	put_link("c/y", "../store2/x");
	refuses("c", at("store"), REASON_LINK_OUTSIDE, "y: leads to ");
}

static void follows_a_hub_cache_to_its_payloads(void **state)
{
	(void)state;
	put("hub/models--a/blobs/1111", "1");
	put("hub/models--a/blobs/2222", "2");
	put("hub/models--a/blobs/sub/3333", "3");
	put("hub/models--a/refs/main", "rev");
	put("hub/models--b/blobs/4444", "4");
	put_link("hub/models--a/snapshots/rev/config.json", "../../blobs/1111");
	put_link("hub/models--a/snapshots/rev/unet/model.bin", "../../../blobs/2222");
	finds("hub/models--a/snapshots/rev", NULL, "config.json L> 1\nunet/model.bin L> 2\n");
	put_link("latest", "hub/models--a/snapshots/rev");
	finds("latest", NULL, "config.json L> 1\nunet/model.bin L> 2\n");
	refuses("hub/models--a/snapshots", NULL, REASON_LINK_OUTSIDE, "rev/config.json");
	put_link("hub/models--a/snapshots/r2/x", "../../blobs/sub/3333");
	refuses("hub/models--a/snapshots/r2", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	put_link("hub/models--a/snapshots/r3/x", "../../refs/main");
	refuses("hub/models--a/snapshots/r3", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	put_link("hub/models--a/snapshots/r4/x", "../../../models--b/blobs/4444");
	refuses("hub/models--a/snapshots/r4", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	put_link("hub/models--a/snapshots/r5/x", "../rev/unet/model.bin");
	finds("hub/models--a/snapshots/r5", NULL, "x L> 2\n");
	put_link("hub/models--a/blobs/5555", "../../../secret");
	put("secret", "5");
	put_link("hub/models--a/snapshots/r6/x", "../../blobs/5555");
	refuses("hub/models--a/snapshots/r6", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	put_link("hub/models--a/shots/r/x", "../../blobs/1111");
	refuses("hub/models--a/shots/r", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	put_link("hub/models--a/snapshotz/r/x", "../../blobs/1111");
	refuses("hub/models--a/snapshotz/r", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
	put_link("hub/models--a/xsnapshots/r/x", "../../blobs/1111");
	refuses("hub/models--a/xsnapshots/r", NULL, REASON_LINK_OUTSIDE, "x: leads to ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(follows_links_that_stay_inside),
		IN_SCRATCH(refuses_links_that_lead_out),
		IN_SCRATCH(allows_links_within_a_named_root),
		IN_SCRATCH(follows_a_hub_cache_to_its_payloads),
	};

	return run_tests(tests);
}
