/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/ssh.c: keys and signatures as OpenSSH has them, against ssh-keygen where it is there. */
#include "keys.h"

#include <stdio.h>

#include "crypto/ssh.h"
#include "util/file.h"

static const char message[] = "tree 0\nauthor a\n\nentries 0 to 3\n";

/* Of ssh-keygen (OpenSSH 9.2): -Y sign -n git, with testdata/keys/ed25519.pem. */
static const char recorded[] = "-----BEGIN SSH SIGNATURE-----\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgz3k5i/sn/CPOFWIfMNi08Wtq7b\n"
	"9X+HwXcACfyqsuV28AAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5\n"
	"AAAAQMysoEn/BS1cNhZ0LBGvPRP2ExyQEsS3bSJuVoXHj/WE9flSCl9X+e/7kaD8hLhpuP\n"
	"hyGy1sPL2FFT9K9agw9gY=\n"
	"-----END SSH SIGNATURE-----\n";
/* The same, with -O hashalg=sha256. */
static const char recorded_sha256[] = "-----BEGIN SSH SIGNATURE-----\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgz3k5i/sn/CPOFWIfMNi08Wtq7b\n"
	"9X+HwXcACfyqsuV28AAAADZ2l0AAAAAAAAAAZzaGEyNTYAAABTAAAAC3NzaC1lZDI1NTE5\n"
	"AAAAQNdc+RtycQ/ZRpzgKp+hVkJ1LZHkgkRj/1kwSut98Sups4lV/7Yfkz1NB+684Gydae\n"
	"DQSSiSbxsJQ0EdWWAtngc=\n"
	"-----END SSH SIGNATURE-----\n";

struct made {
	struct private_key *key;
	struct buf armour;
};

static void make(struct made *out)
{
	struct wm_error err = { 0 };

	out->key = test_private_key("ed25519.pem");
	out->armour = (struct buf)BUF_INIT(8192);
	assert_ok(ssh_sign(&out->armour, out->key, "git", message, sizeof(message) - 1, &err), &err);
}

static void unmake(struct made *m)
{
	private_key_free(m->key);
	buf_release(&m->armour);
}

static enum wm_code verify(const struct made *m, const char *namespace, const char *text,
			   const void *armour, size_t len, struct wm_error *err)
{
	return ssh_verify(private_key_public(m->key), namespace, text, strlen(text), armour, len,
			  err);
}

static void verifies(void **state)
{
	struct wm_error err = { 0 };
	struct made m;

	(void)state;
	make(&m);
	assert_ok(verify(&m, "git", message, m.armour.data, m.armour.len, &err), &err);
	assert_ok(verify(&m, "git", message, m.armour.data, m.armour.len - 1, &err), &err);
	assert_reason(verify(&m, "git", "other", m.armour.data, m.armour.len, &err), &err,
		      SIGNATURE_INVALID);
	assert_reason(verify(&m, "file", message, m.armour.data, m.armour.len, &err), &err,
		      SIGNATURE_MALFORMED);
	for (size_t i = 0; i < m.armour.len - 1; i++) {
		m.armour.data[i] ^= 1;
		assert_int_equal(verify(&m, "git", message, m.armour.data, m.armour.len, &err),
				 WM_SIGNATURE);
		m.armour.data[i] ^= 1;
	}
	for (size_t len = 0; len < m.armour.len - 1; len++)
		assert_int_equal(verify(&m, "git", message, m.armour.data, len, &err),
				 WM_SIGNATURE);
	unmake(&m);
}

/* Ed25519 signs the same bytes the same way: so what OpenSSH wrote is what we write. */
static void as_openssh_wrote(void **state)
{
	static const struct {
		const char *file, *line;
	} keys[] = {
		{ "ed25519.pem", "ssh-ed25519 "
		  "AAAAC3NzaC1lZDI1NTE5AAAAIM95OYv7J/wjzhViHzDYtPFrau2/V/h8F3AAn8qrLldv" },
		{ "p256.pem", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAA"
		  "ABBBGQM8eLxztF40UTuhqgKJkbJbD3+A2rD4UHsZBGwVs3vjm1wYwuzzV5kqbM01+Yypwp94ZfyW4pKaRF"
		  "sSHI8z+o=" },
	};
	struct wm_error err = { 0 };
	struct made m;

	(void)state;
	make(&m);
	assert_string_equal(buf_str(&m.armour), recorded);
	assert_ok(verify(&m, "git", message, recorded, sizeof(recorded) - 1, &err), &err);
	assert_reason(verify(&m, "git", message, recorded_sha256, sizeof(recorded_sha256) - 1, &err),
		      &err, SIGNATURE_MALFORMED);
	unmake(&m);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		cleanup_private_key struct private_key *key = test_private_key(keys[i].file);
		cleanup_buf struct buf line = BUF_INIT(8192);

		assert_ok(ssh_public_encode(&line, private_key_public(key), &err), &err);
		assert_string_equal(buf_str(&line), keys[i].line);
	}
}

/* The same base64 in another layout, and bytes around it. */
static void one_form(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "\n", "\r\n" },	   { "Wtq7b\n", "Wtq7b\n\n" }, { "8Wtq7b\n9X", "8Wtq7b9X\n" },
		{ "gY=\n", "gY\n" },	   { "gY=\n", "gZ=\n" },	    { "gY=\n", "gY=\nAAAA\n" },
		{ "gY=\n---", "gY=\n\n---" }, { "-----BEGIN", " -----BEGIN" },
		{ "SIGNATURE-----\nU", "SIGNATURE-----\n\nU" }, { "gY=\n-----END", "gY=\n----END" },
	};
	struct wm_error err = { 0 };
	struct made m;

	(void)state;
	make(&m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_buf struct buf b = BUF_INIT(8192);
		const char *at = strstr(recorded, rows[i].from);

		if (!at)
			test_failed(__FILE__, __LINE__, "row %zu changes nothing", i);
		assert_ok(buf_append(&b, recorded, (size_t)(at - recorded), &err), &err);
		assert_ok(buf_append_str(&b, rows[i].to, &err), &err);
		assert_ok(buf_append_str(&b, at + strlen(rows[i].from), &err), &err);
		assert_reason(verify(&m, "git", message, b.data, b.len, &err), &err,
			      SIGNATURE_MALFORMED);
	}
	for (size_t more = 1; more <= 8192; more *= 2) {
		cleanup_buf struct buf b = BUF_INIT(16384);

		assert_ok(buf_append_str(&b, recorded, &err), &err);
		for (size_t i = 0; i < more; i++)
			assert_ok(buf_append_byte(&b, '\n', &err), &err);
		assert_reason(verify(&m, "git", message, b.data, b.len, &err), &err,
			      SIGNATURE_MALFORMED);
	}
	unmake(&m);
}

static void other_keys(void **state)
{
	cleanup_private_key struct private_key *p256 = test_private_key("p256.pem");
	cleanup_private_key struct private_key *other = NULL;
	cleanup_buf struct buf out = BUF_INIT(8192);
	struct wm_error err = { 0 };
	struct made m;

	(void)state;
	make(&m);
	assert_ok(private_key_new(&other, KEY_ED25519, &err), &err);
	assert_reason(ssh_sign(&out, p256, "git", message, 3, &err), &err, KEY_UNSUPPORTED);
	assert_int_equal(out.len, 0);
	assert_reason(ssh_verify(private_key_public(other), "git", message, sizeof(message) - 1,
				 m.armour.data, m.armour.len, &err), &err, SIGNATURE_MALFORMED);
	assert_reason(ssh_verify(private_key_public(p256), "git", message, sizeof(message) - 1,
				 m.armour.data, m.armour.len, &err), &err, KEY_UNSUPPORTED);
	unmake(&m);
}

static void is_what_openssh_takes(void **state)
{
	static const char *const files[] = { "ed25519.pem", "p256.pem" };
	char path[4096], *dir;
	struct wm_error err = { 0 };
	struct made m;

	(void)state;
	if (shell("command -v ssh-keygen >/dev/null") != 0)
		skip();
	dir = scratch_new();
	make(&m);
	for (size_t i = 0; i < 2; i++) {
		cleanup_private_key struct private_key *key = test_private_key(files[i]);
		cleanup_buf struct buf line = BUF_INIT(8192);

		assert_ok(buf_append_str(&line, "log@a.b ", &err), &err);
		assert_ok(ssh_public_encode(&line, private_key_public(key), &err), &err);
		assert_ok(buf_append_byte(&line, '\n', &err), &err);
		snprintf(path, sizeof(path), "%s/allowed%zu", dir, i);
		assert_ok(file_write(path, line.data, line.len, 0600, FILE_REPLACE, &err), &err);
		assert_int_equal(shell("cut -d' ' -f2- %s | ssh-keygen -l -f - >/dev/null", path), 0);
	}
	snprintf(path, sizeof(path), "%s/sig", dir);
	assert_ok(file_write(path, m.armour.data, m.armour.len, 0600, FILE_REPLACE, &err), &err);
	snprintf(path, sizeof(path), "%s/message", dir);
	assert_ok(file_write(path, message, sizeof(message) - 1, 0600, FILE_REPLACE, &err), &err);
	assert_int_equal(shell("ssh-keygen -Y verify -f %s/allowed0 -I log@a.b -n git -s %s/sig <%s >/dev/null",
			       dir, dir, path), 0);
	assert_int_not_equal(shell("ssh-keygen -Y verify -f %s/allowed1 -I log@a.b -n git -s %s/sig <%s >/dev/null 2>&1",
				   dir, dir, path), 0);
	unmake(&m);
	scratch_remove(dir);
}

static void raw_keys(void **state)
{
	cleanup_private_key struct private_key *key = test_private_key("ed25519.pem");
	cleanup_private_key struct private_key *p256 = test_private_key("p256.pem");
	cleanup_public_key struct public_key *again = NULL;
	static const uint8_t zero[KEY_ED25519_BYTES] = { 0 };
	uint8_t raw[KEY_ED25519_BYTES];
	struct public_key *none = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_true(public_key_ed25519(raw, private_key_public(key)));
	assert_ok(public_key_from_ed25519(&again, raw, "key", &err), &err);
	assert_string_equal(public_key_id(again), public_key_id(private_key_public(key)));
	assert_false(public_key_ed25519(raw, private_key_public(p256)));
	assert_reason(public_key_from_ed25519(&none, zero, "key", &err), &err, KEY_WEAK);
}

static enum wm_code sign_and_verify(void *context, struct wm_error *err)
{
	const struct private_key *key = context;
	cleanup_buf struct buf armour = BUF_INIT(8192), line = BUF_INIT(8192);

	TRY(ssh_public_encode(&line, private_key_public(key), err));
	TRY(ssh_sign(&armour, key, "git", message, sizeof(message) - 1, err));
	return ssh_verify(private_key_public(key), "git", message, sizeof(message) - 1, armour.data,
			  armour.len, err);
}

static void memory(void **state)
{
	cleanup_private_key struct private_key *key = test_private_key("ed25519.pem");

	(void)state;
	with_every_allocation_failing(sign_and_verify, key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies),		 cmocka_unit_test(as_openssh_wrote),
		cmocka_unit_test(one_form),		 cmocka_unit_test(other_keys),
		cmocka_unit_test(is_what_openssh_takes), cmocka_unit_test(raw_keys),
		cmocka_unit_test(memory),
	};

	return run_tests(tests);
}
