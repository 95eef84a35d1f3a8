/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a chunked body.  The first one chooses the limit of the body
 * and where the bytes are cut, which must not matter.  A decoded body must
 * come out again when it is sent in one chunk.
 */
#include "pkgtorrentd/front/http/chunked.h"
#include "tests/lib/fuzz.h"

struct outcome {
	int	 status;
	size_t	 used;
	size_t	 len;
	char	*body;
};

static void
check_part(int status, const char *why, size_t n, size_t used, size_t body)
{
	require((status > 0) == (why != NULL) && used <= n && body <= used);
	require(status != -1 || used == n);
	require(status <= 0 || status == 400 || status == 413 ||
	    status == 431);
}

static struct outcome
decode(const uint8_t *data, size_t len, size_t step, uint64_t max)
{
	struct outcome	 o = { .status = -1 };
	struct chunked	 ch;
	const char	*why;
	size_t		 n, used, body;
	char		*copy;

	o.body = malloc(len + 1);
	require(o.body != NULL);
	ch = CHUNKED_START(max);
	while (o.status == -1 && o.used < len) {
		n = len - o.used < step ? len - o.used : step;
		copy = copy_of(data + o.used, n);
		o.status = chunked_decode(&ch, copy, n, &used, &body, &why);
		check_part(o.status, why, n, used, body);
		memcpy(o.body + o.len, copy, body);
		o.len += body;
		o.used += used;
		free(copy);
	}
	require(o.len <= max);
	return o;
}

static void
check_again(const struct outcome *o, uint64_t max)
{
	struct outcome	 again;
	char		*text = malloc(o->len + 64);
	int		 n = 0;

	require(text != NULL);
	if (o->len > 0) {
		n = sprintf(text, "%zx\r\n", o->len);
		memcpy(text + n, o->body, o->len);
		n += (int)o->len;
		n += sprintf(text + n, "\r\n");
	}
	n += sprintf(text + n, "0\r\n\r\n");
	again = decode((uint8_t *)text, (size_t)n, (size_t)n, max);
	require(again.status == 0 && again.len == o->len &&
	    again.used == (size_t)n &&
	    memcmp(again.body, o->body, o->len) == 0);
	free(again.body);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t	limits[] = { 0, 10, 1000, 1 << 20 };
	struct outcome		whole, parts;
	uint64_t		max;

	if (size < 1)
		return 0;
	max = limits[data[0] % 4];
	whole = decode(data + 1, size - 1, size, max);
	parts = decode(data + 1, size - 1, 1 + data[0] / 4, max);
	require(whole.status == parts.status && (whole.status > 0 ||
	    (whole.used == parts.used && whole.len == parts.len &&
	    memcmp(whole.body, parts.body, whole.len) == 0)));
	if (whole.status == 0)
		check_again(&whole, max);
	free(whole.body);
	free(parts.body);
	return 0;
}
