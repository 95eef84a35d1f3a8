/* SPDX-License-Identifier: ISC */
/*
 * The cache and its packs: damaged in all ways, of two services at once, and so
 * long that they are read in turns.
 */
#include <sys/file.h>

#include "common/listing.h"
#include "pkgtorrentd/cache/entry.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c, second;

/* Its record is in the middle of the pack, between those of two others. */
static const struct mirror_file a = {
	"/fedora/a.rpm", { 11, 3 * PIECE_LEN + 5, 1000, 2000, 0 },
};
static const struct mirror_file before_a = {
	"/fedora/before", { 5, 5, 1, 1, 0 },
};
static const struct mirror_file after_a = {
	"/fedora/x86_64.iso", { 6, 20 * PIECE_LEN, 1, 1, 0 },
};

static void
run(const char *command)
{
	ATF_REQUIRE_EQ_MSG(0, system(command), "%s", command);
}

static void
put_all(struct cache_under_test *to)
{
	put_pieces(to, &before_a, PIECE_LEN, 20, NULL);
	put_pieces(to, &a, PIECE_LEN, 20, NULL);
	put_pieces(to, &after_a, PIECE_LEN, 20, NULL);
}

/* Those of the three that are known: bits. */
static unsigned
known(struct cache_under_test *to)
{
	return (get_pieces(to, &before_a, PIECE_LEN) == 2) |
	    (get_pieces(to, &a, PIECE_LEN) == 5) << 1 |
	    (get_pieces(to, &after_a, PIECE_LEN) == 20) << 2;
}

#define ALL	7U

/* The pack has a head, so many records and nothing else. */
static bool
is_clean(unsigned records)
{
	struct pack_id id = pack_id_of(a.path, PIECE_LEN);
	struct pack_head head;
	struct buf b = { 0 };
	struct packed p;
	uint64_t at, junk = 0;
	unsigned n = 0;
	bool good;

	read_file(pack_path(a.path, PIECE_LEN), &b);
	good = pack_check_head(b.data, b.len, &id, &head) == PACK_GOOD;
	at = good ? head.len : 0;
	while (good && pack_next(&b, &id, &at, &junk, &p))
		n++;
	buf_free(&b);
	return good && n == records && junk == 0;
}

static void
await_clean(unsigned records, const char *what)
{
	int i;

	for (i = 0; i < WAIT_MS / 10 && !is_clean(records); i++)
		(void)poll(NULL, 0, 10);
	ATF_CHECK_MSG(is_clean(records), "%s", what);
}

/* As a shell knows them: the pack, and the record of a. */
static const char *
variables(void)
{
	struct packed p = await_packed(a.path, PIECE_LEN);

	return fmt("P=%s AT=%ju LEN=%ju; ", pack_path(a.path, PIECE_LEN),
	    (uintmax_t)p.offset, (uintmax_t)p.len);
}

#define POKE(at)	"printf x | dd of=$P bs=1 conv=notrunc status=none " \
			"seek=$((" at "))"

/* What each kind of damage leaves, when the pack is read again. */
static const struct {
	const char	*command;
	unsigned	 left;
	unsigned	 records;	/* once it is clean; 0: it is gone */
	bool		 silent;	/* nothing looks wrong */
} damages[] = {
	{ POKE("AT"), 5, 2, false },	/* magic */
	{ POKE("AT + 1"), 5, 2, false },	/* its length */
	{ POKE("AT + 2"), 7, 3, false },	/* day */
	{ POKE("AT + 4"), 5, 2, false },	/* check */
	{ POKE("AT + 20"), 5, 2, false },	/* identity */
	{ POKE("AT + 41"), 5, 2, false },	/* name */
	{ POKE("AT + 60"), 5, 2, false },	/* digests */
	{ POKE("AT + LEN - 4"), 5, 2, false },	/* checksum */
	{ POKE("AT + LEN - 1"), 7, 3, false },	/* padding */
	{ POKE("0"), 7, 3, false },	/* the head */
	{ POKE("9"), 7, 3, false },
	{ POKE("45"), 7, 3, false },
	{ "dd if=/dev/zero of=$P bs=1 count=$LEN seek=$AT conv=notrunc "
	    "status=none", 5, 2, false },
	{ "truncate -s $((AT + LEN)) $P", 3, 2, true },
	{ "truncate -s $((AT + LEN - 1)) $P", 1, 1, false },
	{ "truncate -s $((AT + 50)) $P", 1, 1, false },
	{ "truncate -s $((AT + 3)) $P", 1, 1, false },
	{ "truncate -s $AT $P", 1, 1, true },
	{ "truncate -s 50 $P", 0, 0, false },
	{ "truncate -s 7 $P", 0, 0, false },
	{ "printf x >>$P", 7, 3, false },
	{ "head -c 77 /dev/zero >>$P", 7, 3, false },
	{ "head -c $AT $P >new; head -c 300 /dev/urandom >>new; "
	    "tail -c +$((AT + 1)) $P >>new; cat new >$P", 7, 3, false },
	{ "head -c $((AT + 56)) $P >new; head -c 300 /dev/urandom >>new; "
	    "tail -c +$((AT + 57)) $P >>new; cat new >$P", 5, 2, false },
	/* Of another directory. */
	{ "mv $P new; sed s,fedora,centos,g new >$P; rm new", 7, 3, false },
	{ "truncate -s 0 $P", 0, 0, true },
	{ "truncate -s 1T $P", 0, 0, false },
	{ "rm -f link; ln $P link", 0, 0, false },
	{ "mv $P moved; ln -s $PWD/moved $P", 0, 0, false },
	{ "rm $P; mkfifo $P", 0, 0, false },
	{ "rm $P; mkdir $P; touch $P/file", 0, 0, false },
	{ "rm $P; ln -s nowhere $P", 0, 0, false },
	{ "rm $P", 0, 0, true },
	{ "chmod 400 $P", 7, 3, false },
	{ "echo '(see below).' >$P", 0, 0, false },
};

TEST(damage__costs_its_record_only)
{
	unsigned errors;

	EACH(row, damages) {
		cache_start(&c, "");
		put_all(&c);
		ATF_REQUIRE_EQ(ALL, known(&c));
		cache_stop(&c);
		run(fmt("%s%s", variables(), row->command));
		cache_start(&c, "");
		ATF_CHECK_EQ_MSG(row->left, known(&c), "%s", row->command);
		/* A miss can be made good, and is told unless it is none. */
		errors = (unsigned)cache_status(&c).errors;
		if (row->left != ALL) {
			ATF_CHECK_MSG(row->silent ? errors == 0 : errors > 0,
			    "%u errors: %s", errors, row->command);
			if (row->records > 0)
				await_clean(row->records, row->command);
			put_all(&c);
			ATF_CHECK_EQ_MSG(ALL, known(&c), "%s", row->command);
		} else if (strstr(row->command, "chmod") == NULL)
			await_clean(row->records, row->command);
		cache_stop(&c);
		run("rm -rf cache");
	}
	/* The targets of links are not ours. */
	ATF_CHECK(there("link"));
	ATF_CHECK(there("moved"));
}

/* Stores all three until they are on disk: what was written into a file that
   has gone is lost, for a second. */
static void
put_until_there(void)
{
	int i;

	for (i = 0; i < WAIT_MS / 10; i++) {
		put_all(&c);
		/* Written again, if that was due. */
		if (known(&c) == ALL && count_packed(a.path, PIECE_LEN) == 3)
			return;
		(void)poll(NULL, 0, 10);
	}
	atf_tc_fail("they are not stored again");
}

/* The same to a pack that is open.  Nothing wrong is taken for a hit at any
   time, since digests are compared there; and it goes on. */
TEST(damage__does_no_harm_while_it_runs)
{
	static const struct {
		const char	*command;
		unsigned	 left;
	} rows[] = {
		{ POKE("AT"), 5 }, { POKE("AT + 60"), 5 }, { POKE("0"), 7 },
		{ "truncate -s $((AT + 50)) $P", 1 },
		{ "truncate -s 0 $P", 0 }, { "printf x >>$P", 7 },
		{ "rm $P", 0 }, { "rm $P; mkdir $P; touch $P/file", 0 },
		{ "mv $P moved; ln -s $PWD/moved $P", 0 },
		{ "rm -r ${P%/*}", 0 }, { "rm -r cache/pieces", 0 },
	};
	unsigned i, left;

	cache_start(&c, "");
	EACH(row, rows) {
		put_until_there();
		run(fmt("%s%s", variables(), row->command));
		for (i = 0; i < 150; i++) {
			left = known(&c);
			/* What goes is seen to be gone within seconds. */
			ATF_CHECK_MSG((left & row->left) == row->left,
			    "%u: %s", left, row->command);
			if (left == row->left)
				break;
			(void)poll(NULL, 0, 10);
		}
		ATF_CHECK_EQ_MSG(row->left, left, "%s", row->command);
	}
	put_until_there();
}

TEST(log__names_many_damaged_records_in_one_line)
{
	const struct packed *p;
	struct packed found;
	unsigned i;
	int fd;

	cache_start(&c, "");
	put_pieces(&c, &before_a, PIECE_LEN, 16, NULL);
	p = &found;
	for (i = 0; i < 20; i++) {
		put_pieces(&c, &a, PIECE_LEN, 16, NULL);
		ATF_REQUIRE_EQ(5, get_pieces(&c, &a, PIECE_LEN));
		ATF_REQUIRE(find_packed(a.path, PIECE_LEN, &found));
		fd = open(pack_path(a.path, PIECE_LEN), O_WRONLY);
		ATF_REQUIRE_EQ(4, pwrite(fd, "junk", 4, (off_t)p->offset +
		    60));
		close(fd);
		ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
		await_clean(1, "the damaged record");
	}
	ATF_CHECK_EQ(20, cache_status(&c).errors);
	ATF_CHECK_EQ(1, count_in_log(&c, "the record of a file is damaged; "
	    "the others are kept"));
	ATF_CHECK_EQ(2, get_pieces(&c, &before_a, PIECE_LEN));
}

/* One service writes: the other one reads, says so, and goes on when the first
   has ended. */
TEST(service__second_reads_only)
{
	static const struct mirror_file other = {
		"/fedora/other", { 7, 7, 7, 7, 0 },
	};
	uint8_t digest[SHA1_LEN], another[SHA1_LEN];
	char info[ENTRY_PATH_LEN + 8];
	int i;

	cache_start(&c, "");
	remember(&c, &a, digest);
	ATF_REQUIRE(knows_info(&c, digest));
	memcpy(info, "cache/", 7);
	entry_name_info(info + 6, digest, PIECE_LENGTH);
	cache_start(&second, "");
	ATF_CHECK_EQ(5, get_pieces(&second, &a, PIECE_LEN));
	ATF_CHECK(knows_info(&second, digest));
	ATF_CHECK_EQ(1, count_in_log(&second, "another service writes to this "
	    "cache: this one reads it and stores nothing"));
	remember(&second, &other, another);
	ATF_CHECK_EQ(0, get_pieces(&second, &other, PIECE_LEN));
	ATF_CHECK(!knows_info(&second, another));
	ATF_CHECK_EQ(1, count_packed(a.path, PIECE_LEN));
	/* It marks nothing as used, and removes nothing. */
	set_days(a.path, PIECE_LEN, 3);
	ATF_CHECK_EQ(5, get_pieces(&second, &a, PIECE_LEN));
	ATF_CHECK_EQ(3, days_of(a.path, PIECE_LEN));
	ATF_CHECK_EQ(0, cache_status(&second).stored);
	ATF_CHECK_EQ(0, cache_status(&second).sweeps);
	ATF_REQUIRE_EQ(0, truncate(info, 50));
	ATF_CHECK(!knows_info(&second, digest));
	ATF_CHECK_EQ(1, count_in_log(&second, "left to the service that "
	    "writes: damaged"));
	ATF_CHECK_EQ(0, access(info, F_OK));
	/* It sees what the first one adds. */
	put_pieces(&c, &after_a, PIECE_LEN, 20, NULL);
	ATF_REQUIRE_EQ(20, get_pieces(&c, &after_a, PIECE_LEN));
	for (i = 0; i < WAIT_MS / 10 &&
	    get_pieces(&second, &after_a, PIECE_LEN) == 0; i++)
		(void)poll(NULL, 0, 10);
	ATF_CHECK_EQ(20, get_pieces(&second, &after_a, PIECE_LEN));
	cache_stop(&c);
	for (i = 0; i < WAIT_MS / 10 &&
	    get_pieces(&second, &other, PIECE_LEN) == 0; i++) {
		put_pieces(&second, &other, PIECE_LEN, 16, NULL);
		(void)poll(NULL, 0, 10);
	}
	ATF_CHECK_EQ(2, get_pieces(&second, &other, PIECE_LEN));
	ATF_CHECK_EQ(1, count_in_log(&second, "this service writes to the "
	    "cache now"));
	ATF_CHECK_EQ(1, count_in_log(&second, "another service writes"));
	wait_for_sweeps(&second, 1);
	cache_stop(&second);
	cache_start(&c, "");
	ATF_CHECK_EQ(2, get_pieces(&c, &other, PIECE_LEN));
	ATF_CHECK_EQ(20, get_pieces(&c, &after_a, PIECE_LEN));
	ATF_CHECK_EQ(0, count_in_log(&c, "another service"));
}

/* A service that ends is followed by the next at once, also when it was
   killed. */
TEST(service__killed_leaves_no_lock)
{
	int status;

	cache_start(&c, "");
	put_all(&c);
	ATF_REQUIRE_EQ(ALL, known(&c));
	test_not_at_end(&c.proc);
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGKILL));
	ATF_REQUIRE_EQ(c.proc.pid, waitpid(c.proc.pid, &status, 0));
	close(c.front.fd);
	close(c.proc.parent.fd);
	cache_start(&second, "");
	ATF_CHECK_EQ(ALL, known(&second));
	put_pieces(&second, &a, PIECE_LEN / 2, 20, NULL);
	ATF_CHECK_EQ(8, get_pieces(&second, &a, PIECE_LEN / 2));
	ATF_CHECK_EQ(0, count_in_log(&second, "another service"));
}

static void
ask(uint32_t client, uint64_t id, const struct mirror_file *f)
{
	struct msg_get_pieces body = { .id = id, .piece_len = PIECE_LEN,
	    .client = client, .count = 1 };
	struct buf tail = { 0 };

	ask_file(&tail, 0, f);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_GET_PIECES, &body,
	    tail.data, tail.len, NULL, 0));
	buf_free(&tail);
}

/* A pack of 300,000 records is read in turns: another client's question comes
   later, and is answered first. */
TEST(pack__that_is_long_is_read_in_turns)
{
	const struct mirror_file f = { "/long/299999", { 9, 1, 1, 1, 0 } };
	uint8_t *digests = make_digests(&f, PIECE_LEN);
	const struct msg_pieces *body;
	struct msg_pieces_item item;
	struct msg msg;
	unsigned n;

	make_pack("/long", PIECE_LEN, 300000, (struct pack_list){ .count = 2,
	    .identity = f.identity, .digests = digests });
	free(digests);
	cache_start(&c, "");
	put_all(&c);
	ATF_REQUIRE_EQ(ALL, known(&c));
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGSTOP));
	ask(1, 1, &f);
	ask(2, 2, &a);
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGCONT));
	for (n = 0; n < 2; n++) {
		ATF_REQUIRE(next_answer(&c, &msg));
		ATF_REQUIRE_EQ(MSG_PIECES, msg.type);
		body = msg.body;
		ATF_CHECK_EQ(n == 0 ? 2 : 1, body->id);
		memcpy(&item, msg.tail, sizeof(item));
		ATF_CHECK_EQ(n == 0 ? 5 : 2, item.total);
	}
	ATF_CHECK_EQ(2, get_pieces(&c, &f, PIECE_LEN));
}

/* The size is known after a restart, before anything is counted. */
TEST(summary__is_known_at_once)
{
	struct status st, now;

	cache_start(&c, "");
	put_all(&c);
	ATF_REQUIRE_EQ(ALL, known(&c));
	send_conf(&c, "cache-age 20d\n");
	st = wait_for_sweeps(&c, 2);
	ATF_REQUIRE_EQ(3, st.entries);
	cache_stop(&c);
	run("cp cache/summary old; rm -r cache/pieces cache/info");
	cache_start(&c, "");
	now = cache_status(&c);
	/* It may have swept already. */
	if (now.sweeps == 0) {
		ATF_CHECK_EQ(3, now.entries);
		ATF_CHECK_EQ(st.used_kib, now.used_kib);
		ATF_CHECK_EQ(0, count_in_log(&c, "still counting"));
	}
	/* It was wrong, and the sweep has put it right. */
	now = wait_for_sweeps(&c, 1);
	ATF_CHECK_EQ(0, now.entries);
	ATF_CHECK(now.used_kib < st.used_kib);
	cache_stop(&c);
	run("! cmp -s cache/summary old");
}

/* Anything that is none leaves the size to be counted. */
TEST(summary__that_is_damaged_is_none)
{
	static const char *const commands[] = {
		"dd if=/dev/zero of=cache/summary bs=40 count=2 2>errors",
		"truncate -s 50 cache/summary", "truncate -s 0 cache/summary",
		"printf x >>cache/summary", "rm cache/summary",
		"rm cache/summary; ln -s /etc/passwd cache/summary",
		"rm cache/summary; mkfifo cache/summary",
		"rm cache/summary; mkdir cache/summary",
	};
	struct status st;

	cache_start(&c, "");
	put_all(&c);
	ATF_REQUIRE_EQ(ALL, known(&c));
	cache_stop(&c);
	EACH(each, commands) {
		cache_start(&c, "");
		wait_for_sweeps(&c, 1);
		cache_stop(&c);
		ATF_REQUIRE_MSG(there("cache/summary"), "%s", *each);
		run(*each);
		cache_start(&c, "");
		st = cache_status(&c);
		ATF_CHECK_MSG(st.sweeps > 0 || st.entries == 0, "%s", *each);
		st = wait_for_sweeps(&c, 1);
		ATF_CHECK_EQ_MSG(3, st.entries, "%s", *each);
		ATF_CHECK_EQ_MSG(ALL, known(&c), "%s", *each);
		cache_stop(&c);
		/* The next one is whole again, but a directory in its place
		   stays. */
		run("rmdir cache/summary 2>/dev/null; test ! -L cache/summary");
	}
}

/* An entry of info/ may have a sixteenth of its share. */
TEST(info__of_more_than_a_sixteenth_is_not_stored)
{
	struct mirror_file f = { .identity = { 1, 0, 1, 1, 0 } };
	struct buf l = { 0 };
	uint8_t digest[SHA1_LEN];
	unsigned i, n;

	/* 16 KiB of 256. */
	cache_start(&c, "cache-size 1M\n");
	wait_for_sweeps(&c, 1);
	for (n = 50; n <= 400; n += 350) {
		l.len = 0;
		ATF_REQUIRE_EQ(0, listing_add_spec(&l, 0, PATH_OK, "/x/*", 4,
		    n));
		for (i = 0; i < n; i++) {
			f.path = fmt("/x/%030u", i);
			ATF_REQUIRE_EQ(0, listing_add_file(&l, &f.identity,
			    f.path, strlen(f.path)));
		}
		digest_of("/x/*", digest);
		put_listing(&c, digest, &l, false);
		ATF_CHECK_EQ(n == 50, knows_info(&c, digest));
		run("rm -f cache/info/*");
	}
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: longer than a sixteenth "
	    "of its share of cache-size"));
	buf_free(&l);
}
