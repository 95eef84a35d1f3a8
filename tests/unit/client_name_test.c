/* SPDX-License-Identifier: ISC */
/*
 * Names that clients rewrite, as they were seen to ask for them.
 */
#include "common/client_name.h"
#include "tests/lib/test.h"

#define T	REWRITTEN_BY_TRANSMISSION
#define L	REWRITTEN_BY_LIBTORRENT
#define A	REWRITTEN_BY_ALL

static const struct {
	const char	*path;
	unsigned	 by;
} cases[] = {
	{ "/yum/plain.rpm", 0 }, { "/arch/core/acl-1:2.3-1.pkg.tar.zst", T },
	{ "/yum/a*b", T }, { "/yum/a?b", T }, { "/yum/a\"b", T },
	{ "/yum/a<b", T }, { "/yum/a>b", T }, { "/yum/a|b", T },
	{ "/yum/a\\b", T | L },
	{ "/yum/a;b#c%d~e&f=g,h!i^j{k}l`m$n'o@p+q(r)[s]", 0 },
	{ "/yum/ab.", T }, { "/yum/ab..", T }, { "/yum/.ab", 0 },
	{ "/yum/ab ", T }, { "/yum/ ab", T }, { "/yum/a b", 0 },
	{ "/yum/con", T }, { "/yum/CON", T }, { "/yum/Aux.x", T },
	{ "/yum/prn.tar.gz", T }, { "/yum/nul", T }, { "/yum/com1", T },
	{ "/yum/LPT9.txt", T }, { "/yum/com0", 0 }, { "/yum/COM10", 0 },
	{ "/yum/con x", 0 }, { "/yum/xcon", 0 }, { "/yum/co", 0 },
	{ "/yum/lpt", 0 },
	/* Directories, and the name of the torrent. */
	{ "/yum/d:/ab", T }, { "/yum/d./ab", T }, { "/y:m/ab", T },
	{ "/yum//ab", 0 },
	/* Latin-1; cut; overlong; a surrogate; past the end; a lone byte. */
	{ "/yum/a\xe9" "b", T | L }, { "/yum/ab\xe2\x82", T | L },
	{ "/yum/a\xc0\xaf" "b", T | L }, { "/yum/a\xe0\x80\xaf" "b", T | L },
	{ "/yum/a\xf0\x80\x80\xaf" "b", T | L },
	{ "/yum/a\xed\xa0\x80" "b", T | L },
	{ "/yum/a\xf4\x90\x80\x80" "b", T | L },
	{ "/yum/a\xf5\x80\x80\x80" "b", T | L }, { "/yum/a\x80" "b", T | L },
	/* Of two, three and four bytes; the highest; no character. */
	{ "/yum/\xc3\xa9", 0 }, { "/yum/\xe2\x82\xac", 0 },
	{ "/yum/\xf0\x9f\x98\x80", 0 }, { "/yum/\xf4\x8f\xbf\xbf", 0 },
	{ "/yum/\xef\xbf\xbe", 0 }, { "/yum/\xef\xbb\xbf", 0 },
	/* Direction marks, and isolates. */
	{ "/yum/a\xe2\x80\x8e" "b", L }, { "/yum/a\xe2\x80\x8f" "b", L },
	{ "/yum/a\xe2\x80\xaa" "b", L }, { "/yum/a\xe2\x80\xae" "b", L },
	{ "/yum/a\xe2\x80\xa9" "b", 0 }, { "/yum/a\xe2\x80\xaf" "b", 0 },
	{ "/yum/a\xe2\x81\xa6" "b", 0 }, { "/yum/a\xd8\x9c" "b", 0 },
	{ "/yum/a\tb", A }, { "/yum/a\x7f" "b", A }, { "/yum/a\x01:b", A | T },
	{ "", 0 }, { "/", 0 },
};

TEST(client_name__rewriters)
{
	unsigned	 by;

	EACH(row, cases) {
		by = client_name_rewriters(row->path, strlen(row->path));
		ATF_CHECK_EQ_MSG(row->by, by, "%s: %u", row->path, by);
	}
}

TEST(client_name__length)
{
	char	path[600];

	memset(path, 'n', sizeof(path));
	path[0] = path[241] = '/';
	ATF_CHECK_EQ(0, client_name_rewriters(path, 241));
	ATF_CHECK_EQ(0, client_name_rewriters(path, 242 + 240));
	ATF_CHECK_EQ(L, client_name_rewriters(path, 242 + 241));
	path[241] = 'n';
	path[242] = '/';
	ATF_CHECK_EQ(L, client_name_rewriters(path, 243));
	/* Nothing after the path is looked at. */
	path[10] = '\xe2';
	path[11] = '\x82';
	path[12] = '\xac';
	ATF_CHECK_EQ(0, client_name_rewriters(path, 10));
	ATF_CHECK_EQ(T | L, client_name_rewriters(path, 12));
	ATF_CHECK_EQ(0, client_name_rewriters(path, 13));
}

TEST(client_name__list)
{
	ATF_CHECK_STREQ("", client_name_list(0));
	ATF_CHECK_STREQ("Transmission 3", client_name_list(T));
	ATF_CHECK_STREQ("libtorrent (qBittorrent, Deluge)",
	    client_name_list(L));
	ATF_CHECK_STREQ("Transmission 3 and libtorrent (qBittorrent, Deluge)",
	    client_name_list(T | L));
	ATF_CHECK_STREQ("every client", client_name_list(A | T));
}
