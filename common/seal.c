/* SPDX-License-Identifier: ISC */
/*
 * For SHA1_Init() and its relatives, which OpenSSL 3 deprecates: with EVP a
 * path digest takes three times as long, and a seal twice.  None of them can
 * fail.
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

/* HMAC (RFC 2104) of the seal at hand. */
struct mac {
	SHA256_CTX	 sum;
	uint8_t		 outer[SHA256_CBLOCK];	/* the key, for the second
						   SHA-256 */
};

static struct mac	 mac;
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

struct sum {
	bool		 is_sha1;
	SHA_CTX		 sha1;
	SHA256_CTX	 sha256;
};

struct sum *
sum_new(bool is_sha1)
{
	struct sum *s;

	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->is_sha1 = is_sha1;
	if (is_sha1)
		SHA1_Init(&s->sha1);
	else
		SHA256_Init(&s->sha256);
	return s;
}

void
sum_add(struct sum *s, const void *p, size_t len)
{
	if (s->is_sha1)
		SHA1_Update(&s->sha1, p, len);
	else
		SHA256_Update(&s->sha256, p, len);
}

void
sum_end(struct sum *s, uint8_t *out)
{
	if (s == NULL)
		return;
	if (out != NULL && s->is_sha1)
		SHA1_Final(out, &s->sha1);
	else if (out != NULL)
		SHA256_Final(out, &s->sha256);
	free(s);
}

void
sha256(const void *p, size_t len, uint8_t out[SEAL_LEN])
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, p, len);
	SHA256_Final(out, &ctx);
}

void
sha256_both(const void *a, size_t a_len, const void *b, size_t b_len,
    uint8_t out[SEAL_LEN])
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, a, a_len);
	SHA256_Update(&ctx, b, b_len);
	SHA256_Final(out, &ctx);
}

static void
mac_begin(const uint8_t key[SEAL_LEN])
{
	uint8_t inner[SHA256_CBLOCK];
	size_t i;

	if (key == NULL)
		fatal("a seal without a key");
	memset(inner, 0x36, sizeof(inner));
	memset(mac.outer, 0x5c, sizeof(mac.outer));
	for (i = 0; i < SEAL_LEN; i++) {
		inner[i] ^= key[i];
		mac.outer[i] ^= key[i];
	}
	SHA256_Init(&mac.sum);
	SHA256_Update(&mac.sum, inner, sizeof(inner));
	explicit_bzero(inner, sizeof(inner));
}

static void
seal_begin(const uint8_t key[SEAL_LEN], uint32_t type)
{
	mac_begin(key);
	SHA256_Update(&mac.sum, &type, sizeof(type));
}

static void
seal_add(const void *p, size_t len)
{
	SHA256_Update(&mac.sum, p, len);
}

static void
seal_end(uint8_t out[SEAL_LEN])
{
	SHA256_Final(out, &mac.sum);
	SHA256_Init(&mac.sum);
	SHA256_Update(&mac.sum, mac.outer, sizeof(mac.outer));
	SHA256_Update(&mac.sum, out, SEAL_LEN);
	SHA256_Final(out, &mac.sum);
	explicit_bzero(&mac, sizeof(mac));
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
	sha256_both(prefix, strlen(prefix) + 1, path, len, sum);
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

void
seal_token(const uint8_t key[SEAL_LEN], const uint8_t info_hash[SHA1_LEN],
    uint8_t out[SEAL_TOKEN_LEN])
{
	uint8_t full[SEAL_LEN];

	mac_begin(key);
	seal_add(info_hash, SHA1_LEN);
	seal_end(full);
	memcpy(out, full, SEAL_TOKEN_LEN);
}

int
seal_token_equal(const uint8_t a[SEAL_TOKEN_LEN],
    const uint8_t b[SEAL_TOKEN_LEN])
{
	return CRYPTO_memcmp(a, b, SEAL_TOKEN_LEN) == 0;
}

int
seal_equal(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN])
{
	return CRYPTO_memcmp(a, b, SEAL_LEN) == 0;
}
