/* SPDX-License-Identifier: ISC */
/*
 * For SHA1_Init() and its relatives, which OpenSSL 3 deprecates: with EVP a
 * path digest takes three times as long.
 */
#define OPENSSL_API_COMPAT	0x10101000L
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <string.h>

#include "common/log.h"
#include "common/seal.h"

/*
 * Fetch every algorithm before the sandbox: the first fetch reads openssl.cnf
 * and loads providers.  After that, a failure inside OpenSSL can only mean
 * that memory is exhausted or corrupt, so it is fatal: an error must never
 * pass for a digest.
 */
static EVP_MD		*md_sha256;
static EVP_MD_CTX	*md_ctx;
static EVP_MAC_CTX	*mac_ctx;
static EVP_KDF_CTX	*kdf_ctx;

static char		 digest_name[] = "SHA256";

void
sha1(const void *p, size_t len, uint8_t out[SHA1_LEN])
{
	SHA_CTX ctx;

	SHA1_Init(&ctx);
	SHA1_Update(&ctx, p, len);
	SHA1_Final(out, &ctx);
}

static void
sha256_begin(void)
{
	if (md_ctx == NULL) {
		md_sha256 = EVP_MD_fetch(NULL, digest_name, NULL);
		md_ctx = EVP_MD_CTX_new();
		if (md_sha256 == NULL || md_ctx == NULL)
			fatal("OpenSSL offers no SHA-256");
	}
	if (!EVP_DigestInit_ex2(md_ctx, md_sha256, NULL))
		fatal("OpenSSL failed to begin a digest");
}

static void
sha256_add(const void *p, size_t len)
{
	if (!EVP_DigestUpdate(md_ctx, p, len))
		fatal("OpenSSL failed to compute a digest");
}

struct sum {
	bool		 is_sha1;
	SHA_CTX		 sha1;
	EVP_MD_CTX	*sha256;
};

struct sum *
sum_new(bool is_sha1)
{
	struct sum *s;

	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->is_sha1 = is_sha1;
	if (is_sha1) {
		SHA1_Init(&s->sha1);
		return s;
	}
	s->sha256 = EVP_MD_CTX_new();
	if (s->sha256 == NULL ||
	    !EVP_DigestInit_ex2(s->sha256, md_sha256, NULL)) {
		sum_end(s, NULL);
		return NULL;
	}
	return s;
}

void
sum_add(struct sum *s, const void *p, size_t len)
{
	if (s->is_sha1)
		SHA1_Update(&s->sha1, p, len);
	else if (!EVP_DigestUpdate(s->sha256, p, len))
		fatal("OpenSSL failed to compute a digest");
}

void
sum_end(struct sum *s, uint8_t *out)
{
	if (s == NULL)
		return;
	if (out != NULL && s->is_sha1)
		SHA1_Final(out, &s->sha1);
	else if (out != NULL && !EVP_DigestFinal_ex(s->sha256, out, NULL))
		fatal("OpenSSL failed to compute a digest");
	EVP_MD_CTX_free(s->sha256);
	free(s);
}

static void
sha256_end(uint8_t out[SEAL_LEN])
{
	if (!EVP_DigestFinal_ex(md_ctx, out, NULL))
		fatal("OpenSSL failed to end a digest");
}

void
sha256(const void *p, size_t len, uint8_t out[SEAL_LEN])
{
	sha256_begin();
	sha256_add(p, len);
	sha256_end(out);
}

static void
seal_load(void)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
		    digest_name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac;

	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	mac_ctx = EVP_MAC_CTX_new(mac);
	if (mac_ctx == NULL || !EVP_MAC_CTX_set_params(mac_ctx, params))
		fatal("OpenSSL offers no HMAC");
	EVP_MAC_free(mac);		/* the context has a reference */
}

/*
 * One context serves all keys.  OpenSSL before 3.0.3 continues the last MAC if
 * it is not given the key again, so that a context for each would save nothing.
 */
static void
seal_begin(const uint8_t key[SEAL_LEN], uint32_t type)
{
	/* OpenSSL would go on with the last key. */
	if (key == NULL)
		fatal("a seal without a key");
	if (mac_ctx == NULL)
		seal_load();
	if (!EVP_MAC_init(mac_ctx, key, SEAL_LEN, NULL) ||
	    !EVP_MAC_update(mac_ctx, (const uint8_t *)&type, sizeof(type)))
		fatal("OpenSSL failed to begin a seal");
}

static void
seal_add(const void *p, size_t len)
{
	if (!EVP_MAC_update(mac_ctx, p, len))
		fatal("OpenSSL failed to compute a seal");
}

static void
seal_end(uint8_t out[SEAL_LEN])
{
	size_t len;

	if (!EVP_MAC_final(mac_ctx, out, &len, SEAL_LEN) || len != SEAL_LEN)
		fatal("OpenSSL failed to end a seal");
}

void
seal_init(void)
{
	static const uint8_t key[SEAL_LEN];
	uint8_t out[SEAL_LEN];

	sha256("", 0, out);
	seal_begin(key, MSG_NONE);
	seal_end(out);
}

bool
seal_concerns(enum role role, uint32_t pair)
{
	static const unsigned roles[SEAL_PAIRS] = {
		[SEAL_WALKER_CACHE] = WALKER | CACHE,
		[SEAL_WALKER_HASHER] = WALKER | HASHER,
		[SEAL_HASHER_CACHE] = HASHER | CACHE,
	};

	return pair < SEAL_PAIRS && (roles[pair] & (1U << role));
}

const uint8_t *
seal_key(const struct seal_keys *keys, enum seal_pair pair, size_t i)
{
	return i < keys->n[pair] ? keys->v[pair][i] : NULL;
}

void
seal_derive(const uint8_t secret[SEAL_LEN], const void *name, size_t len,
    uint8_t key[SEAL_LEN])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
		    digest_name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
		    (void *)(uintptr_t)secret, SEAL_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
		    (void *)(uintptr_t)name, len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf;

	if (kdf_ctx == NULL) {
		kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
		kdf_ctx = EVP_KDF_CTX_new(kdf);
		if (kdf_ctx == NULL)
			fatal("OpenSSL offers no HKDF");
		EVP_KDF_free(kdf);
	}
	/* Each INFO that is set is added to the last one. */
	EVP_KDF_CTX_reset(kdf_ctx);
	if (EVP_KDF_derive(kdf_ctx, key, SEAL_LEN, params) != 1)
		fatal("OpenSSL failed to derive a key");
	EVP_KDF_CTX_reset(kdf_ctx);
}

void
seal_path(const char *prefix, const void *path, size_t len,
    uint8_t sum[SEAL_LEN])
{
	sha256_begin();
	sha256_add(prefix, strlen(prefix) + 1);
	sha256_add(path, len);
	sha256_end(sum);
}

void
seal_listing(const uint8_t key[SEAL_LEN], const uint8_t sum[SEAL_LEN],
    uint8_t out[SEAL_LEN])
{
	seal_begin(key, MSG_RESOLVED);
	seal_add(sum, SEAL_LEN);
	seal_end(out);
}

void
seal_file(const uint8_t key[SEAL_LEN], const uint8_t path_sum[SEAL_LEN],
    const struct identity *id, uint8_t out[SEAL_LEN])
{
	seal_begin(key, MSG_OPENED);
	seal_add(id, sizeof(*id));
	seal_add(path_sum, SEAL_LEN);
	seal_end(out);
}

void
seal_digests(const uint8_t key[SEAL_LEN], const uint8_t path_sum[SEAL_LEN],
    const struct identity *id, uint32_t piece_len, uint32_t first,
    uint32_t count, const uint8_t *digests, uint8_t out[SEAL_LEN])
{
	const uint32_t head[] = { piece_len, first, count };

	seal_begin(key, MSG_DIGESTS);
	seal_add(id, sizeof(*id));
	seal_add(path_sum, SEAL_LEN);
	seal_add(head, sizeof(head));
	seal_add(digests, (size_t)count * SHA1_LEN);
	seal_end(out);
}

int
seal_equal(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN])
{
	return CRYPTO_memcmp(a, b, SEAL_LEN) == 0;
}
