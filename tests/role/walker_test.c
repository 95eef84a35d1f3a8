/* SPDX-License-Identifier: ISC */
/* The resolution of paths and patterns in a real tree. */
#include <sys/prctl.h>

#include "common/listing.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"

static struct walker	w;

static void
file_identity(const char *path, struct identity *id)
{
	struct stat	 st;

	ATF_REQUIRE(stat(path, &st) == 0);
	memset(id, 0, sizeof(*id));
	id->ino = st.st_ino;
	id->size = (uint64_t)st.st_size;
	id->mtime_ns = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	id->ctime_ns = st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

TEST(path__status)
{
	char		 name[512] = "/y/";

	make_files("www/y/a", "www/y/.a", "www/y/new\nline\xff");
	ATF_REQUIRE(mkfifo("www/y/fifo", 0644) == 0);
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/y/a", "OK /y/a");
	CHECK_ASK(&w, "/y/.a", "OK /y/.a");
	CHECK_ASK(&w, "/y/new\nline\xff", "OK /y/new\nline\xff");
	CHECK_ASK(&w, "/y/b", "MISSING");
	CHECK_ASK(&w, "/z/a", "MISSING");
	CHECK_ASK(&w, "/y/a/b", "MISSING");
	CHECK_ASK(&w, "/y/a/", "MISSING");
	CHECK_ASK(&w, "/y//a", "MISSING");
	CHECK_ASK(&w, "/", "MISSING");
	CHECK_ASK(&w, "/y", "NOT_FILE");
	CHECK_ASK(&w, "/y/fifo", "NOT_FILE");
	memset(name + 3, 'x', 300);
	CHECK_ASK(&w, name, "MISSING");
}

/* Root's walker has no capabilities left, so that it tells root as well. */
TEST(path__unreadable)
{
	struct msg_opened_item	 item;

	make_files("www/y/a", "www/y/shut");
	ATF_REQUIRE(chmod("www/y/shut", 0) == 0);
	make_files("www/closed/a");
	make_link("shut", "www/y/to-shut");
	ATF_REQUIRE(chmod("www/closed", 0600) == 0);
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/y/shut", "REFUSED");
	CHECK_ASK(&w, "/y/to-shut", "REFUSED");
	CHECK_ASK(&w, "/y/s*", "MISSING");
	CHECK_ASK(&w, "/y/*", "OK /y/a");
	CHECK_ASK(&w, "/closed/a", "REFUSED");
	CHECK_ASK(&w, "/closed/*", "REFUSED");
	CHECK_ASK(&w, "/**/a", "OK /y/a");
	ATF_CHECK(open_one(&w, "/y/shut", &item) == -1);
	ATF_CHECK_EQ(PATH_REFUSED, item.status);
}

TEST(path__links)
{
	make_files("www/y/", "www/z/a", "secret");
	make_link("../z/a", "www/y/in");
	make_link("../z", "www/y/dir");
	make_link("../../secret", "www/y/out");
	make_link("../../www/z/a", "www/y/out-and-back");
	make_link("../../..", "www/y/up");
	make_link("/z/a", "www/y/absolute");
	make_link("nowhere", "www/y/broken");
	make_link("loop", "www/y/loop");
	make_link(fmt("%s/www/z/a", here()), "www/y/absolute-and-back");
	make_link("/proc/self/exe", "www/y/magic");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/y/in", "OK /y/in");
	CHECK_ASK(&w, "/y/dir/a", "OK /y/dir/a");
	CHECK_ASK(&w, "/y/dir", "NOT_FILE");
	CHECK_ASK(&w, "/y/out", "LINK");
	CHECK_ASK(&w, "/y/out-and-back", "LINK");
	CHECK_ASK(&w, "/y/up/secret", "LINK");
	CHECK_ASK(&w, "/y/absolute", "LINK");
	CHECK_ASK(&w, "/y/absolute-and-back", "LINK");
	CHECK_ASK(&w, "/y/magic", "LINK");
	CHECK_ASK(&w, "/y/broken", "MISSING");
	CHECK_ASK(&w, "/y/loop", "LINK");
	CHECK_ASK(&w, "/y/up/*", "LINK");
	CHECK_ASK(&w, "/y/o*", "MISSING");
	CHECK_ASK(&w, "/y/*", "OK /y/in");
	/* A star goes through a link to a directory, two of them do not. */
	CHECK_ASK(&w, "/*/*/a", "OK /y/dir/a");
	CHECK_ASK(&w, "/y/d*/*", "OK /y/dir/a");
	CHECK_ASK(&w, "/y/**/a", "MISSING");
	CHECK_ASK(&w, "/y/**/dir/a", "OK /y/dir/a");
	CHECK_ASK(&w, "/y/**/*/a", "OK /y/dir/a");
	CHECK_ASK(&w, "/**", "OK /y/in /z/a");
}

TEST(glob__matches)
{
	struct buf	 specs = { 0 };

	make_files("www/y/d.rpm/", "www/y/b.rpm", "www/y/a.rpm", "www/y/B.rpm",
	    "www/y/\xff.rpm", "www/y/.hidden.rpm", "www/y/c.txt");
	ATF_REQUIRE(mkfifo("www/y/e.rpm", 0644) == 0);
	make_files("www/y/br[1]", "www/y/br1", "www/y/lone[",
	    "www/y/back\\slash", "www/y-z/a.rpm", "www/y-z/only",
	    "www/.dot/a.rpm");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/y/*.rpm",
	    "OK /y/B.rpm /y/a.rpm /y/b.rpm /y/\xff.rpm");
	CHECK_ASK(&w, "/y/?.txt", "OK /y/c.txt");
	CHECK_ASK(&w, "/y/[!b-z].rpm", "OK /y/B.rpm /y/a.rpm /y/\xff.rpm");
	CHECK_ASK(&w, "/y/.*", "OK /y/.hidden.rpm");
	/* By the whole path: '-' comes before '/'. */
	CHECK_ASK(&w, "/y*/a.rpm", "OK /y-z/a.rpm /y/a.rpm");
	CHECK_ASK(&w, "/*/a.rpm", "OK /y-z/a.rpm /y/a.rpm");
	CHECK_ASK(&w, "/.*/a.rpm", "OK /.dot/a.rpm");
	CHECK_ASK(&w, "/.dot/*", "OK /.dot/a.rpm");
	/* A file of that name wins over its matches as a pattern. */
	CHECK_ASK(&w, "/y/br[1]", "OK /y/br[1]");
	CHECK_ASK(&w, "/y/br[12]", "OK /y/br1");
	CHECK_ASK(&w, "/y/lone[", "OK /y/lone[");
	CHECK_ASK(&w, "/*/lone[", "OK /y/lone[");
	CHECK_ASK(&w, "/y/nolone[", "MISSING");
	CHECK_ASK(&w, "/y/back\\*", "OK /y/back\\slash");
	CHECK_ASK(&w, "/y/x*", "MISSING");
	CHECK_ASK(&w, "/x/*", "MISSING");
	CHECK_ASK(&w, "/y/a.rpm/*", "MISSING");
	CHECK_ASK(&w, "/y/*/", "MISSING");
	CHECK_ASK(&w, "/y/d*", "MISSING");
	CHECK_ASK(&w, "/y*", "MISSING");
	/* Several of them, also where another one has begun. */
	specs_append(&specs, 0, "/y/a*");
	specs_append(&specs, 1, "/y-z/*");
	specs_append(&specs, 2, "/y/[bc].*");
	specs_append(&specs, 3, "/y/c*");
	ATF_CHECK_STREQ("OK /y/a.rpm; OK /y-z/a.rpm /y-z/only; "
	    "OK /y/b.rpm /y/c.txt; OK /y/c.txt", ask_for(&w, &specs));
	buf_free(&specs);
}

TEST(glob__any_depth)
{
	make_files("www/y/a", "www/y/.a", "www/y/b/a", "www/y/b/b/a",
	    "www/y/b/b/c", "www/y/.git/a", "www/y/b/.b/a");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/y/**", "OK /y/a /y/b/a /y/b/b/a /y/b/b/c");
	CHECK_ASK(&w, "/**/a", "OK /y/a /y/b/a /y/b/b/a");
	CHECK_ASK(&w, "/y/**/b/a", "OK /y/b/a /y/b/b/a");
	CHECK_ASK(&w, "/y/**/b/*", "OK /y/b/a /y/b/b/a /y/b/b/c");
	CHECK_ASK(&w, "/y/**/*/a", "OK /y/b/a /y/b/b/a");
	CHECK_ASK(&w, "/*/**/b/c", "OK /y/b/b/c");
	CHECK_ASK(&w, "/y/b/b/**/c", "OK /y/b/b/c");
	CHECK_ASK(&w, "/y/**/.b/a", "OK /y/b/.b/a");
	CHECK_ASK(&w, "/y/**/.a", "OK /y/.a");
	CHECK_ASK(&w, "/y/.git/**", "OK /y/.git/a");
	CHECK_ASK(&w, "/y/a/**", "MISSING");
	CHECK_ASK(&w, "/y/**/d", "MISSING");
	CHECK_ASK(&w, "/y/b**", "MISSING");
	CHECK_ASK(&w, "/y/**/b/**", "PATTERN");
}

TEST(deny__refuses_and_leaves_out)
{
	struct msg_opened_item	 item;

	make_files("www/y/a", "www/y/a.key", "www/y/b*", "www/y/private/a",
	    "www/y/private/.b");
	make_link("private", "www/y/way");
	walker_start_on_www(&w, "deny /y/private\ndeny /**/*.key\n"
	    "deny /y/b?\n");
	CHECK_ASK(&w, "/y/a", "OK /y/a");
	CHECK_ASK(&w, "/y/private/a", "REFUSED");
	CHECK_ASK(&w, "/y/private/.b", "REFUSED");
	CHECK_ASK(&w, "/y/private", "REFUSED");
	/* Not even whether it is there. */
	CHECK_ASK(&w, "/y/private/none", "REFUSED");
	CHECK_ASK(&w, "/y/a.key", "REFUSED");
	CHECK_ASK(&w, "/y/b*", "REFUSED");
	CHECK_ASK(&w, "/y/*", "OK /y/a");
	CHECK_ASK(&w, "/y/**", "OK /y/a");
	CHECK_ASK(&w, "/y/*/a", "OK /y/way/a");
	CHECK_ASK(&w, "/y/priv*/a", "MISSING");
	CHECK_ASK(&w, "/y/*.key", "MISSING");
	ATF_CHECK(open_one(&w, "/y/a.key", &item) == -1);
	ATF_CHECK_EQ(PATH_REFUSED, item.status);
}

TEST(roots__each_its_own_files)
{
	struct msg_opened_item	 item;
	char			 text[16384];

	make_files("www/pub/a", "www/pub/disk/hidden", "disk/a", "disk/x/a");
	make_link("../x/a", "disk/x/b");
	snprintf(text, sizeof(text), "root %s/www\nroot /pub/disk %s/disk\n"
	    "deny /pub/disk/x/b\n", here(), here());
	walker_start(&w, 0, text);
	CHECK_ASK(&w, "/pub/a", "OK /pub/a");
	CHECK_ASK(&w, "/**", "OK /pub/a");
	CHECK_ASK(&w, "/*/*/*", "MISSING");
	CHECK_ASK(&w, "/p*/disk/hidden", "MISSING");
	/* Not ours: nothing is sealed about it. */
	CHECK_ASK(&w, "/pub/disk/hidden", "CANCELLED");
	ATF_CHECK(open_one(&w, "/pub/disk/hidden", &item) == -1);
	walker_stop(&w);
	walker_start(&w, 1, text);
	CHECK_ASK(&w, "/pub/disk/a", "OK /pub/disk/a");
	CHECK_ASK(&w, "/pub/disk/**/a", "OK /pub/disk/a /pub/disk/x/a");
	CHECK_ASK(&w, "/pub/disk/x/*", "OK /pub/disk/x/a");
	CHECK_ASK(&w, "/pub/disk/x/b", "REFUSED");
	CHECK_ASK(&w, "/pub/disk", "NOT_FILE");
	CHECK_ASK(&w, "/pub/disk/*", "OK /pub/disk/a");
	CHECK_ASK(&w, "/pub/a", "CANCELLED");
	close(open_one(&w, "/pub/disk/x/a", &item));
	ATF_CHECK_EQ(PATH_OK, item.status);
}

TEST(resolve__listing_and_seal)
{
	struct listing_reader	 r;
	struct buf		 specs = { 0 };
	struct identity		 id;
	struct answer		 a;
	uint8_t			 sha[SEAL_LEN], expect[SEAL_LEN];

	place_enter();
	make_files("www/a", "www/b");
	file_identity("www/b", &id);
	walker_start_on_www(&w, "");
	specs_append(&specs, 3, "/?");
	specs_append(&specs, 7, "/none");
	specs_append(&specs, 4000000000U, "/b");
	ATF_CHECK_STREQ("OK /a /b; MISSING; OK /b", ask_for(&w, &specs));

	send_specs(&w, &specs, NULL);
	receive_answer(&w, &a);
	sha256(a.listing.data, a.listing.len, sha);
	seal_listing(proc_key(SEAL_WALKER_CACHE, 0), sha, expect);
	ATF_CHECK(memcmp(sha, a.end.listing_sha256, SEAL_LEN) == 0);
	ATF_CHECK(memcmp(expect, a.end.seal, SEAL_LEN) == 0);
	listing_open(&r, a.listing.data, a.listing.len);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(3, r.spec.index);
	ATF_CHECK(r.spec.len == 2 && memcmp(r.spec_bytes, "/?", 2) == 0);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(7, r.spec.index);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(4000000000U, r.spec.index);
	ATF_REQUIRE_EQ(1, listing_next_file(&r));
	ATF_CHECK(identity_same(&id, &r.file.identity));
	buf_free(&a.listing);

	/* As expected: no listing, the same seal. */
	send_specs(&w, &specs, sha);
	receive_answer(&w, &a);
	ATF_CHECK_EQ(RESOLVE_SAME, a.end.result);
	ATF_CHECK_EQ(0, a.listing.len);
	ATF_CHECK(memcmp(expect, a.end.seal, SEAL_LEN) == 0);
	/* Another version of one file: all of it again. */
	ATF_REQUIRE(truncate("www/b", 1) == 0);
	send_specs(&w, &specs, sha);
	receive_answer(&w, &a);
	ATF_CHECK_STREQ("OK /a /b; MISSING; OK /b", answer_text(&a));
	ATF_CHECK(memcmp(sha, a.end.listing_sha256, SEAL_LEN) != 0);
	buf_free(&a.listing);
	buf_free(&specs);
}

TEST(open__descriptors_and_seals)
{
	static const char *const paths[] = {
		"/y/a", "/y/none", "/y/fifo", "/y/b", "/y", "/y/out"
	};
	static const uint32_t	 expect[] = { PATH_OK, PATH_MISSING,
		PATH_NOT_FILE, PATH_OK, PATH_NOT_FILE, PATH_LINK };
	struct msg_opened_item	 items[6];
	const struct msg_opened	*body;
	struct identity		 id;
	struct msg		 msg;
	uint8_t			 sum[SEAL_LEN];
	char			 text[64] = "";
	int			 i;

	place_enter();
	make_files("www/y/a", "www/y/b");
	make_link("../../www/y/a", "www/y/out");
	ATF_REQUIRE(mkfifo("www/y/fifo", 0644) == 0);
	file_identity("www/y/b", &id);
	walker_start_on_www(&w, "");
	send_open(&w, paths, 6);
	ATF_REQUIRE_EQ(MSG_OPENED, receive(&w.front, &msg));
	body = msg.body;
	ATF_CHECK(body->id == w.last_id && body->count == 6);
	ATF_REQUIRE_EQ(sizeof(items), msg.tail_len);
	memcpy(items, msg.tail, sizeof(items));
	for (i = 0; i < 6; i++)
		ATF_CHECK_EQ_MSG(expect[i], items[i].status, "%s", paths[i]);
	ATF_REQUIRE_EQ(2, msg.nfds);
	ATF_CHECK_EQ(7, read(msg.fds[1], text, sizeof(text)));
	ATF_CHECK_STREQ("www/y/b", text);
	ATF_CHECK_EQ(O_RDONLY, fcntl(msg.fds[1], F_GETFL) & O_ACCMODE);
	ATF_CHECK(identity_same(&id, &items[3].identity));
	seal_path("", "/y/b", 4, sum);
	ATF_CHECK(memcmp(sum, items[3].path_sum, SEAL_LEN) == 0);
	proc_seal_file(SEAL_WALKER_CACHE, "/y/b", 4, &id, sum);
	ATF_CHECK(memcmp(sum, items[3].for_cache, SEAL_LEN) == 0);
	proc_seal_file(SEAL_WALKER_HASHER, "/y/b", 4, &id, sum);
	ATF_CHECK(memcmp(sum, items[3].for_hasher, SEAL_LEN) == 0);
	memset(sum, 0, sizeof(sum));
	ATF_CHECK(memcmp(sum, items[1].for_cache, SEAL_LEN) == 0);
	ATF_CHECK(memcmp(sum, items[1].for_hasher, SEAL_LEN) == 0);
	msg_close_fds(&msg);
}

/* Somebody swaps a file for a link that leaves the root, all the time. */
static pid_t
start_swapping(const char *file, const char *link, const char *path)
{
	pid_t	 pid = fork();

	ATF_REQUIRE(pid != -1);
	if (pid == 0) {
		char	 next[64];

		/* Not longer than the test, however that ends. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(next, sizeof(next), "%s.next", path);
		for (;;) {
			unlink(next);
			if (symlink(link, next) == -1)
				_exit(1);
			rename(next, path);
			unlink(next);
			if (linkat(AT_FDCWD, file, AT_FDCWD, next, 0) == -1)
				_exit(1);
			rename(next, path);
		}
	}
	return pid;
}

TEST(race__never_a_byte_from_outside)
{
	struct msg_opened_item	 item;
	struct identity		 inside;
	struct stat		 st;
	unsigned		 i, opened = 0, links = 0;
	pid_t			 pid;
	int			 fd;

	make_files("www/good", "secret", "www/y/x");
	file_identity("www/good", &inside);
	walker_start_on_www(&w, "");
	pid = start_swapping("www/good", "../../secret", "www/y/x");
	for (i = 0; i < 5000 || ((opened == 0 || links == 0) && i < 500000);
	    i++) {
		fd = open_one(&w, "/y/x", &item);
		links += item.status == PATH_LINK;
		if (fd == -1)
			continue;
		opened++;
		ATF_REQUIRE(fstat(fd, &st) == 0);
		close(fd);
		ATF_REQUIRE_MSG(st.st_size != 6, "a byte from outside");
	}
	ATF_REQUIRE(kill(pid, SIGKILL) == 0);
	ATF_REQUIRE(waitpid(pid, NULL, 0) == pid);
	ATF_CHECK_MSG(opened > 0 && links > 0, "%u opened, %u links", opened,
	    links);
}
