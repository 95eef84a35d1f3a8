/* SPDX-License-Identifier: ISC */
/*
 * For SHA1_Init() and its relatives, which OpenSSL 3 deprecates: with EVP a
 * path digest takes three times as long.
 */
#define OPENSSL_API_COMPAT	0x10101000L
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/seal.h"

/*
 * Fetch every algorithm before the sandbox: the first fetch reads openssl.cnf
 * and loads providers.  After that, a failure inside OpenSSL can only mean
 * that memory is exhausted or corrupt, so it is fatal: an error must never
 * pass for a digest.
 */
struct seal {
	EVP_MAC_CTX	*ctx;
	uint8_t		 key[SEAL_LEN];
};

static EVP_MD		*md_sha256;
static EVP_MD_CTX	*md_ctx;

void
sha1(const void *p, size_t len, uint8_t out[SHA1_LEN])
{
	SHA_CTX ctx;

	SHA1_Init(&ctx);
	SHA1_Update(&ctx, p, len);
	SHA1_Final(out, &ctx);
}

void
sha256(const void *p, size_t len, uint8_t out[SEAL_LEN])
{
	if (md_ctx == NULL) {
		md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
		md_ctx = EVP_MD_CTX_new();
		if (md_sha256 == NULL || md_ctx == NULL)
			fatal("OpenSSL offers no SHA-256");
	}
	if (!EVP_DigestInit_ex2(md_ctx, md_sha256, NULL) ||
	    !EVP_DigestUpdate(md_ctx, p, len) ||
	    !EVP_DigestFinal_ex(md_ctx, out, NULL))
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
seal_begin(struct seal *s, uint32_t type)
{
	/*
	 * Pass the key again.  NULL keeps the old key, but before OpenSSL
	 * 3.0.3 it also continued the last MAC.
	 */
	if (!EVP_MAC_init(s->ctx, s->key, sizeof(s->key), NULL) ||
	    !EVP_MAC_update(s->ctx, (const uint8_t *)&type, sizeof(type)))
		fatal("OpenSSL failed to begin a seal");
}

static void
seal_add(struct seal *s, const void *p, size_t len)
{
	if (!EVP_MAC_update(s->ctx, p, len))
		fatal("OpenSSL failed to compute a seal");
}

static void
seal_end(struct seal *s, uint8_t out[SEAL_LEN])
{
	size_t len;

	if (!EVP_MAC_final(s->ctx, out, &len, SEAL_LEN) || len != SEAL_LEN)
		fatal("OpenSSL failed to end a seal");
}

struct seal *
seal_new(const uint8_t key[SEAL_LEN])
{
	char digest[] = "SHA256";
	uint8_t out[SEAL_LEN];
	OSSL_PARAM params[2];
	struct seal *s;
	EVP_MAC *mac;

	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (mac == NULL)
		fatal("OpenSSL offers no HMAC");
	s = malloc(sizeof(*s));
	if (s == NULL)
		goto out;
	memcpy(s->key, key, sizeof(s->key));
	s->ctx = EVP_MAC_CTX_new(mac);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	    digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (s->ctx == NULL || !EVP_MAC_CTX_set_params(s->ctx, params)) {
		seal_free(s);
		s = NULL;
		goto out;
	}
	seal_begin(s, MSG_NONE);
	seal_end(s, out);
out:
	EVP_MAC_free(mac);		/* the context has a reference */
	return s;
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	EVP_MAC_CTX_free(s->ctx);
	freezero(s, sizeof(*s));
}

void
seal_listing(struct seal *s, const uint8_t sum[SEAL_LEN],
    uint8_t out[SEAL_LEN])
{
	seal_begin(s, MSG_RESOLVED);
	seal_add(s, sum, SEAL_LEN);
	seal_end(s, out);
}

void
seal_file(struct seal *s, const void *path, size_t len,
    const struct identity *id, uint8_t out[SEAL_LEN])
{
	seal_begin(s, MSG_OPENED);
	seal_add(s, id, sizeof(*id));
	seal_add(s, path, len);
	seal_end(s, out);
}

void
seal_digests(struct seal *s, const struct identity *id, uint32_t piece_len,
    uint32_t first, uint32_t count, const uint8_t *digests,
    uint8_t out[SEAL_LEN])
{
	const uint32_t head[] = { piece_len, first, count };

	seal_begin(s, MSG_DIGESTS);
	seal_add(s, id, sizeof(*id));
	seal_add(s, head, sizeof(head));
	seal_add(s, digests, (size_t)count * SHA1_LEN);
	seal_end(s, out);
}

int
seal_equal(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN])
{
	return CRYPTO_memcmp(a, b, SEAL_LEN) == 0;
}
