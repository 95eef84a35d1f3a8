/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

#define MIB	(1U << 20)
#define FILES	8

static const char trackers[] =
    "http://tracker1.example:6969/announce\n"
    "http://tracker2.example:6969/announce\n"
    "udp://tracker3.example:6969/announce\n";

/*
 * Info hashes that servers before this one gave out for the same files: if one
 * changes, old and new servers no longer feed the same swarm.  The content of
 * a file is SHAKE-128 of "pkgtorrentd-golden-1:www" and its path.
 */
struct vector {
	const char	*hash;
	const char	*order;		/* of the trackers, by their number */
	struct {
		const char	*path;
		uint64_t	 size;
	} files[FILES];
	uint32_t	 piece_len;	/* 0: 1 MiB */
	bool		 attr;
	const char	*service;	/* NULL: torrent_service */
};

#define X	"/yum/x86_64/"
#define N	"/yum/names/"
#define MIX	{ X "f5_3.rpm", 5557453 }, { X "mib.rpm", MIB },	\
		{ X "zero.rpm", 0 }, { X "mib_m1.rpm", MIB - 1 },	\
		{ X "mib_p1.rpm", MIB + 1 }, { X "one.rpm", 1 }
#define SAME	{ X "same_a.rpm", 1000 }, { X "same_b.rpm", 1000 },	\
		{ X "same_c.rpm", MIB + 1000 }

static const struct vector single[] = {
	{ "0efffa35f7cab645f45c0c7f7082a16c116e67cc", "231",
	    { { X "zero.rpm", 0 } }, 0, false, NULL },
	{ "5a3610c6cb2b419ff5ffdae53d03315017171551", "213",
	    { { X "one.rpm", 1 } }, 0, false, NULL },
	{ "b42fc215a4374d25eb72d4586fed74a30d9595f0", "321",
	    { { X "mib.rpm", MIB } }, 0, false, NULL },
	{ "ce3a2b5f322493e70716682b48c4756e2e30d749", "231",
	    { { X "mib_m1.rpm", MIB - 1 } }, 0, false, NULL },
	{ "d9127dce3afc48065aa417128186676bfce1d965", "231",
	    { { X "mib_p1.rpm", MIB + 1 } }, 0, false, NULL },
	{ "f0bca3d9c455d8e4ef0f0bfa96e11062f90603f9", "231",
	    { { X "f5_3.rpm", 5557453 } }, 0, false, NULL },
	{ "919a5acf5611227806a779c776d0404c7a701462", "231",
	    { { "/yum/nested/a/b/c/deep.rpm", 300000 } }, 0, false, NULL },
	{ "bd04cf1a83d5f140a89e4b86ef16bc6a802d33d5", "321",
	    { { "/top.rpm", 37 } }, 0, false, NULL },
	{ "bfc22900f9ba7a2540ad9dab633ff2cba1badc66", "213",
	    { { "/dir with space/f.rpm", 38 } }, 0, false, NULL },
	{ "734aa5216d0b31f5044b2385042d670e393e69b6", "213",
	    { { N "with space.rpm", 11 } }, 0, false, NULL },
	{ "2f8f51c83f53beaf6a825629d56c3fcb00bfab28", "321",
	    { { N "\xc3\xbcn\xc3\xaf-\xe6\xbc\xa2.rpm", 12 } }, 0, false,
	    NULL },
	{ "94be6def7edb8dcd612dd2872f58d816effe0953", "312",
	    { { N "latin-\xff.rpm", 13 } }, 0, false, NULL },
	{ "bdbaebfa4476010ddf74facbf2cfc2c6a87d2a75", "132",
	    { { N "100%.rpm", 15 } }, 0, false, NULL },
};

static const struct vector multi[] = {
	/* one entry: in multi form, without padding */
	{ "ec78308530621299b9882794e644cb93ed740395", "312",
	    { { X "same_a.rpm", 1000 } }, 0, false, NULL },
	/* the same file twice */
	{ "4c0c84a3d76f52d1dfe9d0afa219bad34ec5234b", "231",
	    { { X "same_a.rpm", 1000 }, { X "same_a.rpm", 1000 } }, 0, false,
	    NULL },
	/* two paddings of one size */
	{ "d59ca908201aedbec567e3ace000c0186852cf7c", "123",
	    { SAME }, 0, false, NULL },
	{ "d73b66c444a5ffabf75904731b7039a3752dc76a", "213",
	    { { X "same_a.rpm", 1000 }, { X "same_b.rpm", 1000 } }, 0, false,
	    NULL },
	{ "6d01cf252b2c7072039735ecad4cbeedbcbe6c0c", "321",
	    { MIX }, 0, false, NULL },
	/* a padded file before a trailing empty one */
	{ "04ff2a1ad2c8659e663e661a11a153cd12b9b7df", "132",
	    { { X "one.rpm", 1 }, { X "zero.rpm", 0 } }, 0, false, NULL },
	/* an exact multiple, and an empty file, before the last */
	{ "b51decaf66c809c0bfa3e073aedf42b45db44019", "231",
	    { { X "mib.rpm", MIB }, { X "one.rpm", 1 } }, 0, false, NULL },
	{ "1b3be846d0abcb4de995647677785deb24f35afc", "231",
	    { { X "zero.rpm", 0 }, { X "one.rpm", 1 } }, 0, false, NULL },
	{ "cfc8f9b84cf355a84fbd37e2dfa6f9deac74b8ec", "132",
	    { { "/yum/g/a.foo", 31 }, { "/yum/g/b.foo", 32 } }, 0, false,
	    NULL },
	{ "a4001de6ec00c3ed090d7a4c34a1c7a3c601874d", "213",
	    { { N "with space.rpm", 11 }, { X "one.rpm", 1 } }, 0, false,
	    NULL },
	{ "4adda25579b53e0ac0da1d623685965a31135bfc", "312",
	    { { N "libstdc++-1.0.rpm", 14 }, { X "one.rpm", 1 } }, 0, false,
	    NULL },
	{ "c443dd1d47277e03f62ef18d0c8b5c77c709af2c", "213",
	    { { N "a&b.rpm", 18 }, { X "one.rpm", 1 } }, 0, false, NULL },
};

/* Not given out before: made once by another program from the same rules. */
static const struct vector ours[] = {
	{ "9e552f70af15b466968a2496e557af29cd6b2ba9", NULL,
	    { MIX }, 0, true, NULL },
	{ "a62eae1d97f9a15b58316f0fe2d2517b3c4c9eab", NULL,
	    { SAME }, 0, true, NULL },
	{ "0b2fa8b07b23fc8bd1d04546a48f76cc0f05fa37", NULL,
	    { MIX }, 16384, false, NULL },
	{ "e9000cfd62b9723ea5c6df31852598435bbe3877", NULL,
	    { MIX }, 16 * MIB, true, NULL },
	{ "7ec04672cbac310f0aaaf273b90c1b19799e59f1", NULL,
	    { SAME, { X "zero.rpm", 0 }, { X "zero.rpm", 0 } }, 0, false,
	    NULL },
	{ "f9c75324fc2e964f4104112ccb3314d741ce86c6", NULL,
	    { { X "zero.rpm", 0 }, { X "zero.rpm", 0 } }, 0, false, NULL },
	{ "e76c49fe562b7ebf9975a09169f2b9bc00425df3", NULL,
	    { { X "zero.rpm", 0 } }, 0, false, NULL },
	{ "8355184abf120b0e2c2ff8ad9329452451afefa6", NULL,
	    { { N "with space.rpm", 11 },
	    { N "\xc3\xbcn\xc3\xaf-\xe6\xbc\xa2.rpm", 12 },
	    { N "latin-\xff.rpm", 13 }, { N "100%.rpm", 15 },
	    { N "pct%2B.rpm", 16 }, { N "new\nline.rpm", 28 },
	    { N ".hidden.rpm", 29 } }, 0, false, NULL },
	{ "9c5e63877e25a446f99141019bbb1ddc9d68cec6", NULL,
	    { { "/yum/nested/a/b/c/deep.rpm", 300000 },
	    { "/yum/nested/a/mid.rpm", 30 } }, 0, false, "t" },
};

static uint8_t *
make_content(const char *path, uint64_t size)
{
	static const char	 prefix[] = "pkgtorrentd-golden-1:www";
	EVP_MD_CTX		*ctx;
	uint8_t			*p;

	ctx = EVP_MD_CTX_new();
	p = malloc(size + 1);
	ATF_REQUIRE(ctx != NULL && p != NULL);
	ATF_REQUIRE(EVP_DigestInit_ex2(ctx, EVP_shake128(), NULL) == 1);
	ATF_REQUIRE(EVP_DigestUpdate(ctx, prefix, sizeof(prefix) - 1) == 1);
	ATF_REQUIRE(EVP_DigestUpdate(ctx, path, strlen(path)) == 1);
	ATF_REQUIRE(size == 0 || EVP_DigestFinalXOF(ctx, p, size) == 1);
	EVP_MD_CTX_free(ctx);
	return p;
}

/* A hasher's digests of a file: its pieces, then the last one padded. */
static uint8_t *
make_digests(const uint8_t *content, uint64_t size, uint32_t piece_len)
{
	uint8_t		*digests, *d, *padded;
	uint64_t	 at, n;

	n = torrent_digests(size, piece_len);
	d = digests = malloc(n * SHA1_LEN + 1);
	padded = calloc(1, piece_len);
	ATF_REQUIRE(digests != NULL && padded != NULL);
	for (at = 0; at + piece_len <= size; at += piece_len, d += SHA1_LEN)
		sha1(content + at, piece_len, d);
	if (at < size) {
		sha1(content + at, size - at, d);
		memcpy(padded, content + at, size - at);
		sha1(padded, piece_len, d + SHA1_LEN);
		d += 2 * SHA1_LEN;
	}
	ATF_CHECK_EQ(n * SHA1_LEN, (uint64_t)(d - digests));
	free(padded);
	return digests;
}

/* The info dictionary that a vector describes; its hash is the answer. */
static void
make_info(const struct vector *v, bool is_multi, struct buf *b,
    uint8_t hash[SHA1_LEN])
{
	struct torrent_params	 params = { 0 };
	struct torrent_file	 files[FILES];
	uint8_t			*content, *digests[FILES];
	size_t			 i, n;

	params.piece_len = v->piece_len != 0 ? v->piece_len : MIB;
	params.padding_attr = v->attr;
	params.service = v->service != NULL ? v->service : "torrent_service";
	for (n = 0; n < FILES && v->files[n].path != NULL; n++) {
		files[n].path = v->files[n].path;
		files[n].path_len = strlen(v->files[n].path);
		files[n].size = v->files[n].size;
		content = make_content(files[n].path, files[n].size);
		digests[n] = make_digests(content, files[n].size,
		    params.piece_len);
		files[n].digests = digests[n];
		free(content);
	}
	ATF_REQUIRE_EQ(0, torrent_info(b, &params, files, n, is_multi,
	    UINT64_MAX));
	ATF_CHECK_EQ(b->len, torrent_info_len(&params, files, n, is_multi));
	sha1(b->data, b->len, hash);
	for (i = 0; i < n; i++)
		free(digests[i]);
}

static bool
buf_has(const struct buf *b, const char *s)
{
	return memmem(b->data, b->len, s, strlen(s)) != NULL;
}

/* The tiers of the example trackers in this order, bencoded. */
static void
make_tiers(const char *order, struct buf *b)
{
	const char	*url, *p;

	for (p = order; *p != '\0'; p++) {
		url = trackers + 38 * (*p - '1');
		ATF_REQUIRE_EQ(0, buf_addf(b, "l%d:%.*se",
		    (int)strcspn(url, "\n"), (int)strcspn(url, "\n"), url));
	}
	ATF_REQUIRE_EQ(0, buf_addf(b, "e10:created by"));
	b->data[b->len] = '\0';
}

static void
check_vectors(const struct vector *v, size_t n, bool is_multi)
{
	const char		*base = "http://mirror.example";
	struct torrent_outside	 o = { 0 };
	struct buf		 info = { 0 }, before = { 0 }, after = { 0 };
	struct buf		 tiers = { 0 };
	uint8_t			 hash[SHA1_LEN];

	o.trackers = trackers;
	o.bases = &base;
	o.nbases = 1;
	o.multi = is_multi;
	for (; n > 0; n--, v++) {
		make_info(v, is_multi, &info, hash);
		ATF_CHECK_STREQ_MSG(v->hash, hex(hash, SHA1_LEN), "%s",
		    v->files[0].path);
		if (v->order != NULL) {
			ATF_REQUIRE_EQ(0, torrent_wrap(&o, hash, &before,
			    &after));
			make_tiers(v->order, &tiers);
			ATF_CHECK_MSG(buf_has(&before, (char *)tiers.data),
			    "%s: other order of trackers", v->hash);
		}
		buf_free(&info);
		buf_free(&before);
		buf_free(&after);
		buf_free(&tiers);
	}
}

static struct buf b;

TEST(torrent__single_form_keeps_info_hashes)
{
	check_vectors(single, sizeof(single) / sizeof(single[0]), false);
}

TEST(torrent__multi_form_keeps_info_hashes)
{
	check_vectors(multi, sizeof(multi) / sizeof(multi[0]), true);
}

TEST(torrent__options_give_known_info_hashes)
{
	check_vectors(ours, sizeof(ours) / sizeof(ours[0]), true);
}

/* Every byte of one, so that a failure above can be understood. */
TEST(torrent__info_bytes)
{
	static const uint8_t	 digests[] =
	    "AAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCCCCC";
	struct torrent_params	 params = { 16384, true, "svc" };
	struct torrent_file	 files[2] = {
		{ "/n/a/b", 6, 16385, digests },
		{ "/n/c", 4, 2, digests + 20 },
	};
	static const char	 want[] =
	    "d5:filesl"
	    "d6:lengthi16385e4:pathl1:a1:bee"
	    "d4:attr1:p6:lengthi16383e4:pathl3:svc8:nullfile7:16383_0ee"
	    "d6:lengthi2e4:pathl1:cee"
	    "e4:name1:n12:piece lengthi16384e6:pieces60:"
	    "AAAAAAAAAAAAAAAAAAAACCCCCCCCCCCCCCCCCCCCBBBBBBBBBBBBBBBBBBBBe";

	ATF_REQUIRE_EQ(0, buf_add(&b, "before", 6));
	ATF_REQUIRE_EQ(0, torrent_info(&b, &params, files, 2, true, 10000));
	ATF_REQUIRE_EQ(6 + sizeof(want) - 1, b.len);
	ATF_CHECK_EQ(0, memcmp(b.data, "before", 6));
	ATF_CHECK_EQ(0, memcmp(b.data + 6, want, sizeof(want) - 1));
}

/* However short its steps are, the dictionary is the same. */
TEST(torrent__info_in_parts)
{
	static uint8_t		 digests[70 * SHA1_LEN];
	struct torrent_params	 params = { 16384, false, "svc" };
	struct torrent_file	 files[4] = {
		{ "/n/a", 4, 64 * 16384 + 1, digests },
		{ "/n/empty", 8, 0, NULL },
		{ "/n/b", 4, 16384, digests + SHA1_LEN },
		{ "/n/c", 4, 5, digests + 2 * SHA1_LEN },
	};
	struct torrent_build	*build;
	struct buf		 parts = { 0 };
	size_t			 i, before;
	int			 done, steps;
	uint64_t		 most;

	for (i = 0; i < sizeof(digests); i++)
		digests[i] = (uint8_t)(i * 7);
	ATF_REQUIRE_EQ(0, torrent_info(&b, &params, files, 4, true, 10000));
	for (most = 1; most < 3000; most += most / 3 + 1) {
		build = torrent_build_new(&params, files, 4, true);
		ATF_REQUIRE(build != NULL);
		ATF_CHECK_EQ(b.len, torrent_build_len(build));
		done = steps = 0;
		for (parts.len = 0; done == 0; steps++) {
			before = parts.len;
			done = torrent_build_step(build, &parts, most);
			ATF_CHECK(parts.len > before);
			ATF_CHECK(parts.len < before + most + 200);
		}
		ATF_CHECK_EQ(1, done);
		ATF_CHECK(steps > 1 || most > 1000);
		ATF_REQUIRE_EQ(b.len, parts.len);
		ATF_CHECK_EQ(0, memcmp(b.data, parts.data, b.len));
		torrent_build_free(build);
	}
	torrent_build_free(NULL);
	buf_free(&parts);
}

TEST(torrent__pieces_and_digests_of_a_file)
{
	ATF_CHECK_EQ(0, torrent_pieces(0, MIB));
	ATF_CHECK_EQ(0, torrent_digests(0, MIB));
	ATF_CHECK_EQ(1, torrent_pieces(1, MIB));
	ATF_CHECK_EQ(2, torrent_digests(1, MIB));
	ATF_CHECK_EQ(1, torrent_pieces(MIB, MIB));
	ATF_CHECK_EQ(1, torrent_digests(MIB, MIB));
	ATF_CHECK_EQ(2, torrent_pieces(MIB + 1, MIB));
	ATF_CHECK_EQ(3, torrent_digests(MIB + 1, MIB));
	ATF_CHECK_EQ(UINT64_MAX / 16384 + 1, torrent_pieces(UINT64_MAX,
	    16384));
}

TEST(torrent__limit_is_exact_and_builds_nothing)
{
	static const uint8_t	 digests[3 * SHA1_LEN];
	struct torrent_params	 params = { MIB, false, "torrent_service" };
	struct torrent_file	 f = { "/n/f", 4, MIB + 1, digests };
	uint64_t		 len;

	len = torrent_info_len(&params, &f, 1, false);
	errno = 0;
	ATF_CHECK_EQ(-1, torrent_info(&b, &params, &f, 1, false, len - 1));
	ATF_CHECK_EQ(EFBIG, errno);
	ATF_CHECK_EQ(0, b.len);
	ATF_CHECK_EQ(0, torrent_info(&b, &params, &f, 1, false, len));
	ATF_CHECK_EQ(len, b.len);
}

/* Sizes come from the mirror: any number must do. */
TEST(torrent__huge_sizes_do_not_wrap)
{
	struct torrent_params	 params = { 16384, false, "torrent_service" };
	struct torrent_file	 *files;
	/* This many files of 2^50 pieces each have 2^64 pieces. */
	size_t			 i, n = 16384;

	files = calloc(n, sizeof(*files));
	ATF_REQUIRE(files != NULL);
	for (i = 0; i < n; i++) {
		files[i].path = "/n/f";
		files[i].path_len = 4;
		files[i].size = UINT64_MAX;
	}
	ATF_CHECK_EQ(UINT64_MAX, torrent_info_len(&params, files, n, true));
	ATF_CHECK_EQ(-1, torrent_info(&b, &params, files, n, true,
	    UINT64_MAX - 1));
	ATF_CHECK_EQ(EFBIG, errno);
	free(files);
}

/* Clients refuse a torrent in which two paths are equal. */
TEST(torrent__padding_is_numbered_per_size)
{
	static const uint8_t	 digests[2 * SHA1_LEN];
	struct torrent_params	 params = { 16384, false, "svc" };
	struct torrent_file	*files;
	const char		*p;
	char			 want[64];
	size_t			 i, n = 10001;

	files = calloc(n, sizeof(*files));
	ATF_REQUIRE(files != NULL);
	for (i = 0; i < n; i++) {
		files[i].path = "/n/f";
		files[i].path_len = 4;
		files[i].size = 1 + i * i % 3;
		files[i].digests = digests;
	}
	ATF_REQUIRE_EQ(0, torrent_info(&b, &params, files, n, true,
	    UINT64_MAX));
	p = (const char *)b.data;
	for (i = 0; i < n - 1; i++) {
		/* i * i % 3 is 0 1 1 0 1 1 … */
		snprintf(want, sizeof(want), "8:nullfile%d:%d_%zu",
		    6 + snprintf(NULL, 0, "%zu",
		    i % 3 == 0 ? i / 3 : i / 3 * 2 + i % 3 - 1),
		    i % 3 == 0 ? 16383 : 16382,
		    i % 3 == 0 ? i / 3 : i / 3 * 2 + i % 3 - 1);
		p = memmem(p, (size_t)((const char *)b.data + b.len - p),
		    "8:nullfile", 10);
		ATF_REQUIRE(p != NULL);
		ATF_REQUIRE_MSG(strncmp(p, want, strlen(want)) == 0,
		    "%zu: %s, not %.30s", i, want, p);
		p++;
	}
	buf_free(&b);
	free(files);
}

static void
check_wrap(const struct torrent_outside *o, const char *want_before,
    const char *want_after)
{
	static const uint8_t	hash[SHA1_LEN];
	struct buf		before = { 0 }, after = { 0 };

	ATF_REQUIRE_EQ(0, torrent_wrap(o, hash, &before, &after));
	ATF_REQUIRE_EQ(0, buf_add(&before, "", 1));
	ATF_REQUIRE_EQ(0, buf_add(&after, "", 1));
	if (want_before != NULL)
		ATF_CHECK_STREQ(want_before, (char *)before.data);
	ATF_CHECK_STREQ(want_after, (char *)after.data);
	/* It is the same without the part before. */
	after.len = 0;
	ATF_REQUIRE_EQ(0, torrent_wrap(o, hash, NULL, &after));
	ATF_REQUIRE_EQ(0, buf_add(&after, "", 1));
	ATF_CHECK_STREQ(want_after, (char *)after.data);
	buf_free(&before);
	buf_free(&after);
}

static const char *const bases[] = { "http://m.example", "https://s/x" };

TEST(torrent__without_trackers)
{
	struct torrent_outside	 o = { "", bases, 1, NULL, 0, true, NULL };

	check_wrap(&o, fmt("d10:created by%zu:pkgtorrentd/%s4:info",
	    strlen("pkgtorrentd/" VERSION), VERSION),
	    "8:url-listl17:http://m.example/ee");
}

TEST(torrent__with_a_tracker)
{
	/* A last line without its newline counts, an empty one does not. */
	struct torrent_outside	 o = { "\nudp://t:1", bases, 1, NULL, 0,
				     true, NULL };

	check_wrap(&o, fmt("d8:announce9:udp://t:113:announce-list"
	    "ll9:udp://t:1ee10:created by%zu:pkgtorrentd/%s4:info",
	    strlen("pkgtorrentd/" VERSION), VERSION),
	    "8:url-listl17:http://m.example/ee");
}

/* For any digests of the others; and alone. */
TEST(torrent__first_tier_is_ours)
{
	struct torrent_outside	 o = { "udp://t:1\nudp://u:1\nudp://v:1",
				     bases, 1, NULL, 0, true, "http://h/a" };
	static const uint8_t	 zeros[SHA1_LEN];
	uint8_t			 hash[SHA1_LEN];
	struct buf		 before = { 0 }, after = { 0 };
	int			 i;

	for (i = 0; i < 20; i++) {
		memset(hash, i, sizeof(hash));
		before.len = after.len = 0;
		ATF_REQUIRE_EQ(0, torrent_wrap(&o, hash, &before, &after));
		ATF_CHECK(buf_has(&before, "d8:announce10:http://h/a"
		    "13:announce-listll10:http://h/ael9:udp://"));
		ATF_CHECK(buf_has(&before, "9:udp://v:1"));
	}
	o.trackers = "";
	before.len = after.len = 0;
	ATF_REQUIRE_EQ(0, torrent_wrap(&o, zeros, &before, &after));
	ATF_CHECK(buf_has(&before, "d8:announce10:http://h/a"
	    "13:announce-listll10:http://h/aee10:created by"));
	buf_free(&before);
	buf_free(&after);
}

TEST(torrent__url_list_of_one_file_names_it)
{
	struct torrent_outside	 o = { "", bases, 2, "/n/a b", 6, false, NULL };

	check_wrap(&o, NULL, "8:url-list"
	    "l24:http://m.example/n/a%20b19:https://s/x/n/a%20bee");
}

TEST(torrent__url_list_of_many_is_the_base)
{
	struct torrent_outside	 o = { "", bases, 2, NULL, 0, true, NULL };

	check_wrap(&o, NULL, "8:url-list"
	    "l17:http://m.example/12:https://s/x/ee");
}

TEST(torrent__url_list_of_one_entry_has_both)
{
	struct torrent_outside	 o = { "", bases, 2, "/n/a", 4, true, NULL };

	check_wrap(&o, NULL, "8:url-list"
	    "l17:http://m.example/20:http://m.example/n/a"
	    "12:https://s/x/15:https://s/x/n/aee");
}

TEST(torrent__path_is_percent_encoded)
{
	static const char	 keep[] = "-./0123456789"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
	char			 want[4];
	char			 c;
	int			 i;

	for (i = 0; i < 256; i++) {
		c = (char)i;
		b.len = 0;
		ATF_REQUIRE_EQ(0, torrent_encode_path(&b, &c, 1));
		if (i != 0 && strchr(keep, i) != NULL)
			snprintf(want, sizeof(want), "%c", i);
		else
			snprintf(want, sizeof(want), "%%%02X", i);
		ATF_CHECK_EQ(strlen(want), b.len);
		ATF_CHECK_EQ(0, memcmp(want, b.data, b.len));
	}
	b.len = 0;
	ATF_REQUIRE_EQ(0, torrent_encode_path(&b, "", 0));
	ATF_CHECK_EQ(0, b.len);
}

#define AUTO_FILES	2000

/* The piece length of n files of this size and one of another. */
static uint32_t
auto_of(size_t n, uint64_t size, uint64_t other)
{
	static struct torrent_file files[AUTO_FILES];
	size_t i;

	for (i = 0; i < n; i++)
		files[i].size = size;
	files[n].size = other;
	return torrent_auto_piece_len(files, n + 1);
}

#define K64	(64ULL << 10)

/* 16,384 pieces up to 1,024 files, then sixteen for each. */
TEST(auto__is_the_smallest_that_fits)
{
	ATF_CHECK_EQ(K64, auto_of(0, 0, 0));
	ATF_CHECK_EQ(K64, auto_of(0, 0, 1));
	ATF_CHECK_EQ(K64, auto_of(0, 0, 16384 * K64));
	ATF_CHECK_EQ(2 * K64, auto_of(0, 0, 16384 * K64 + 1));
	ATF_CHECK_EQ(2 * K64, auto_of(0, 0, 2 * 16384 * K64));
	ATF_CHECK_EQ(4 * K64, auto_of(0, 0, 2 * 16384 * K64 + 1));
	ATF_CHECK_EQ(8 << 20, auto_of(0, 0, 16384ULL * (8 << 20)));
	ATF_CHECK_EQ(16 << 20, auto_of(0, 0, 16384ULL * (8 << 20) + 1));
	/* None does. */
	ATF_CHECK_EQ(16 << 20, auto_of(0, 0, 16384ULL * (16 << 20) + 1));
	ATF_CHECK_EQ(16 << 20, auto_of(0, 0, UINT64_MAX));
	ATF_CHECK_EQ(16 << 20, auto_of(AUTO_FILES - 1, UINT64_MAX,
	    UINT64_MAX));
	/* Each file counts in whole pieces: 1,023 with one each. */
	ATF_CHECK_EQ(K64, auto_of(1023, 1, (16384 - 1023) * K64));
	ATF_CHECK_EQ(2 * K64, auto_of(1023, 1, (16384 - 1023) * K64 + 1));
	/* With the 1,025th the number of files decides: 16,400. */
	ATF_CHECK_EQ(K64, auto_of(1024, 1, (16400 - 1024) * K64));
	ATF_CHECK_EQ(2 * K64, auto_of(1024, 1, (16400 - 1024) * K64 + 1));
	ATF_CHECK_EQ(K64, auto_of(1999, 16 * K64, 16 * K64));
	ATF_CHECK_EQ(2 * K64, auto_of(1999, 16 * K64, 16 * K64 + 1));
	/* Empty files count for the number, but have no pieces. */
	ATF_CHECK_EQ(K64, auto_of(1999, 0, 32000 * K64));
	ATF_CHECK_EQ(2 * K64, auto_of(1999, 0, 32000 * K64 + 1));
	ATF_CHECK_EQ(K64, auto_of(1023, 0, 16384 * K64));
	ATF_CHECK_EQ(2 * K64, auto_of(1023, 0, 16384 * K64 + 1));
}

/* A file that is named twice is in the torrent twice. */
TEST(auto__counts_repeats)
{
	struct torrent_file files[2] = {
		{ .path = "/a", .path_len = 2, .size = 16384 * K64 },
		{ .path = "/a", .path_len = 2, .size = 16384 * K64 },
	};

	ATF_CHECK_EQ(K64, torrent_auto_piece_len(files, 1));
	ATF_CHECK_EQ(2 * K64, torrent_auto_piece_len(files, 2));
}
