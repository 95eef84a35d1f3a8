/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>

#include <string.h>

#include "common/bencode.h"
#include "pkgtorrentd/front/http/announce.h"

#define INTERVAL_PARTS	4	/* min interval is this part of interval */

static const char why_repeated[] =
    "a field is there twice; send each field once";

/* Decode exactly SHA1_LEN percent-encoded bytes.  A plus is a plus. */
static const char *
take_hash(struct str s, uint8_t hash[SHA1_LEN])
{
	const char *p = s.p, *end = p + s.len;
	int high, low;
	size_t n;

	for (n = 0; p < end && n < SHA1_LEN; n++) {
		if (*p != '%') {
			hash[n] = (uint8_t)*p++;
			continue;
		}
		if (end - p < 3 || (high = http_hex_digit(p[1])) == -1 ||
		    (low = http_hex_digit(p[2])) == -1)
			return "info_hash has a % without two hexadecimal "
			    "digits";
		hash[n] = (uint8_t)(high << 4 | low);
		p += 3;
	}
	return n == SHA1_LEN && p == end ? NULL :
	    "info_hash is not 20 bytes, percent-encoded";
}

/* A whole number; one past max becomes max + 1.  -1: no number. */
static int64_t
read_number(struct str s, int64_t max)
{
	int64_t n = 0;
	size_t i;

	if (s.len == 0)
		return -1;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		n = n * 10 + (s.p[i] - '0');
		if (n > max)
			n = max + 1;
	}
	return n;
}

static bool
is_word(struct str s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.p, word, s.len) == 0;
}

static const char *
take_info_hash(struct str s, struct announce_query *q)
{
	return take_hash(s, q->info_hash);
}

static const char *
take_port(struct str s, struct announce_query *q)
{
	int64_t n = read_number(s, UINT16_MAX);

	if (n < 1 || n > UINT16_MAX)
		return "port is not a number from 1 to 65535";
	q->port = (uint16_t)n;
	return NULL;
}

/* Only zero matters. */
static const char *
take_left(struct str s, struct announce_query *q)
{
	int64_t n = read_number(s, INT32_MAX);

	if (n == -1)
		return "left is not a number of bytes";
	q->seed = n == 0;
	return NULL;
}

/* BEP 21: a client that has paused is neither new nor gone. */
static const char *
take_event(struct str s, struct announce_query *q)
{
	static const struct {
		const char		*word;
		enum announce_event	 event;
	} events[] = {
		{ "", ANNOUNCE_NONE }, { "started", ANNOUNCE_STARTED },
		{ "completed", ANNOUNCE_COMPLETED },
		{ "stopped", ANNOUNCE_STOPPED },
		{ "paused", ANNOUNCE_NONE },
	};
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (is_word(s, events[i].word)) {
			q->event = events[i].event;
			return NULL;
		}
	return "event is not started, stopped, completed or empty";
}

/* Clients write -1 for as many as the tracker likes. */
static const char *
take_numwant(struct str s, struct announce_query *q)
{
	int64_t n = is_word(s, "-1") ? NUMWANT_MAX :
	    read_number(s, NUMWANT_MAX);

	if (n == -1)
		return "numwant is not a number";
	q->numwant = (uint8_t)(n > NUMWANT_MAX ?
	    NUMWANT_MAX : n);
	return NULL;
}

static const char *
take_compact(struct str s, struct announce_query *q)
{
	if (s.len != 1 || (*s.p != '0' && *s.p != '1'))
		return "compact is neither 0 nor 1";
	q->dicts = *s.p == '0';
	return NULL;
}

struct field {
	const char	*name;
	size_t		 len;
	const char	*(*take)(struct str, struct announce_query *);
};

#define FIELD(name, take) { name, sizeof(name) - 1, take }

/* The first ones must be there, see NEEDED. */
static const struct field fields[] = {
	FIELD("info_hash", take_info_hash),
	FIELD("port", take_port),
	FIELD("left", take_left),
	FIELD("event", take_event),
	FIELD("numwant", take_numwant),
	FIELD("compact", take_compact),
};

#define FIELDS	(sizeof(fields) / sizeof(fields[0]))
#define HASH	0x1U
#define NEEDED	0x7U

/* Take the fields of a query of which there is a bit in wanted; seen gets a bit
   for each that is there. */
static const char *
read_fields(struct str query, unsigned wanted, struct announce_query *q,
    unsigned *seen)
{
	const char *p = query.p, *end = p + query.len, *next, *equals, *why;
	size_t i, len;

	for (*seen = 0; p < end; p = next + (next < end)) {
		next = memchr(p, '&', (size_t)(end - p));
		if (next == NULL)
			next = end;
		equals = memchr(p, '=', (size_t)(next - p));
		len = (size_t)((equals != NULL ? equals : next) - p);
		for (i = 0; i < FIELDS; i++)
			if (len == fields[i].len &&
			    memcmp(p, fields[i].name, len) == 0)
				break;
		if (i == FIELDS || !(wanted & 1U << i))
			continue;
		if (*seen & 1U << i)
			return i == 0 ? "there are several info_hash; ask for "
			    "one torrent at a time" : why_repeated;
		*seen |= 1U << i;
		if (equals == NULL)
			equals = next - 1;
		why = fields[i].take((struct str){ equals + 1,
		    (size_t)(next - equals - 1) }, q);
		if (why != NULL)
			return why;
	}
	return *seen & HASH ? NULL : "there is no info_hash";
}

const char *
announce_read(struct str query, struct announce_query *q)
{
	const char *why;
	unsigned seen;

	q->event = ANNOUNCE_NONE;
	q->numwant = NUMWANT_MAX;
	q->dicts = false;
	why = read_fields(query, ~0U, q, &seen);
	if (why == NULL && (seen & NEEDED) != NEEDED)
		why = seen & 0x2U ? "there is no field left" :
		    "there is no field port";
	return why;
}

const char *
announce_read_scrape(struct str query, uint8_t info_hash[SHA1_LEN])
{
	struct announce_query q;
	const char *why;
	unsigned seen;

	why = read_fields(query, HASH, &q, &seen);
	if (why == NULL)
		memcpy(info_hash, q.info_hash, SHA1_LEN);
	return why;
}

/* The callers know that there is room. */
static char *
add(char *p, const void *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

#define ADD(p, text)	add(p, text, sizeof(text) - 1)

static char *
add_digits(char *p, uint64_t n, char last)
{
	char text[32];
	const char *from = bencode_digits(text, n, last);

	return add(p, from, (size_t)(text + sizeof(text) - from));
}

/* A peer as a dictionary without the id, which nobody asks for. */
static char *
add_dict(char *p, int family, const uint8_t *peer, size_t ip_len)
{
	char ip[INET6_ADDRSTRLEN];
	size_t len;

	if (inet_ntop(family, peer, ip, sizeof(ip)) == NULL)
		return p;
	len = strlen(ip);
	p = ADD(p, "d2:ip");
	p = add_digits(p, len, ':');
	p = add(p, ip, len);
	p = ADD(p, "4:porti");
	p = add_digits(p, (uint64_t)(peer[ip_len] << 8 | peer[ip_len + 1]),
	    'e');
	return ADD(p, "e");
}

static char *
add_dicts(char *p, const struct announce_answer *a)
{
	unsigned i;

	p = ADD(p, "5:peersl");
	for (i = 0; i < a->n4; i++)
		p = add_dict(p, AF_INET, a->peers4 + i * PEER4_LEN,
		    4);
	for (i = 0; i < a->n6; i++)
		p = add_dict(p, AF_INET6, a->peers6 + i * PEER6_LEN,
		    16);
	return ADD(p, "e");
}

static char *
add_compact(char *p, const struct announce_answer *a)
{
	p = ADD(p, "5:peers");
	p = add_digits(p, a->n4 * PEER4_LEN, ':');
	if (a->n4 > 0)
		p = add(p, a->peers4, a->n4 * PEER4_LEN);
	if (a->n6 == 0)
		return p;
	p = ADD(p, "6:peers6");
	p = add_digits(p, a->n6 * PEER6_LEN, ':');
	return add(p, a->peers6, a->n6 * PEER6_LEN);
}

/* Keys in the order of their bytes, here and below. */
size_t
announce_build(char out[ANNOUNCE_ANSWER_MAX], const struct announce_answer *a,
    bool dicts)
{
	char *p = out;

	p = ADD(p, "d8:completei");
	p = add_digits(p, a->complete, 'e');
	p = ADD(p, "10:incompletei");
	p = add_digits(p, a->incomplete, 'e');
	p = ADD(p, "8:intervali");
	p = add_digits(p, a->interval_s, 'e');
	p = ADD(p, "12:min intervali");
	p = add_digits(p, a->interval_s / INTERVAL_PARTS, 'e');
	p = dicts ? add_dicts(p, a) : add_compact(p, a);
	if (a->warning != NULL) {
		p = ADD(p, "15:warning message");
		p = add_digits(p, strlen(a->warning), ':');
		p = add(p, a->warning, strlen(a->warning));
	}
	p = ADD(p, "e");
	return (size_t)(p - out);
}

size_t
announce_build_scrape(char out[ANNOUNCE_ANSWER_MAX],
    const uint8_t info_hash[SHA1_LEN], const struct announce_answer *a)
{
	char *p = out;

	p = ADD(p, "d5:filesd20:");
	p = add(p, info_hash, SHA1_LEN);
	p = ADD(p, "d8:completei");
	p = add_digits(p, a->complete, 'e');
	p = ADD(p, "10:downloadedi");
	p = add_digits(p, a->downloaded, 'e');
	p = ADD(p, "10:incompletei");
	p = add_digits(p, a->incomplete, 'e');
	p = ADD(p, "eee");
	return (size_t)(p - out);
}

size_t
announce_build_failure(char out[ANNOUNCE_ANSWER_MAX], const char *why,
    unsigned retry_min)
{
	size_t len = strlen(why);
	char *p = out;

	p = ADD(p, "d14:failure reason");
	p = add_digits(p, len, ':');
	p = add(p, why, len);
	if (retry_min > 0) {
		p = ADD(p, "8:retry ini");
		p = add_digits(p, retry_min, 'e');
	} else
		p = ADD(p, "8:retry in5:never");
	p = ADD(p, "e");
	return (size_t)(p - out);
}
