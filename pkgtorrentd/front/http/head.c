/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkgtorrentd/front/http/head.h"

#define DAY_S		86400
#define LAST_SECOND	253402300799	/* of the year 9999 */

static const char *
head_reason(int status)
{
	static const struct {
		int		 status;
		const char	*reason;
	} reasons[] = {
		{ 200, "OK" }, { 204, "No Content" },
		{ 206, "Partial Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 412, "Precondition failed" }, { 413, "Content Too Large" },
		{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" }, { 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

void
head_start(struct head *h, int status)
{
	h->len = 0;
	head_add(h, "HTTP/1.1 %d %s\r\n", status, head_reason(status));
}

void
head_add(struct head *h, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(h->text + h->len, sizeof(h->text) - h->len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(h->text) - h->len)
		h->len += (size_t)n;
}

void
head_end(struct head *h, const struct head_ending *last)
{
	/* Fetch, "CORS protocol": of other fields a page sees the length, the
	   type and the age. */
	static const char cors[] = "Access-Control-Allow-Origin: *\r\n"
	    "Access-Control-Expose-Headers: Accept-Ranges, "
	    "Content-Disposition, Content-Range, ETag, Retry-After\r\n";
	static const char name[] = "Date: ", end[] = "\r\n";

	if (last->cors)
		head_add_text(h, cors, sizeof(cors) - 1);
	head_add_text(h, name, sizeof(name) - 1);
	head_add_text(h, last->date, HEAD_DATE_LEN - 1);
	head_add_text(h, end, 2);
	if (last->close)
		head_add(h, "Connection: close\r\n");
	else if (last->req->minor == 0)
		head_add(h, "Connection: keep-alive\r\n");
	head_add_text(h, end, 2);
}

size_t
head_make_text(struct head *h, char body[HEAD_TEXT_MAX], int status,
    const char *why, const char *field, const struct head_ending *last)
{
	int n;

	n = snprintf(body, HEAD_TEXT_MAX, "%s\n", why);
	if (n < 0 || n >= HEAD_TEXT_MAX)
		n = HEAD_TEXT_MAX - 1;
	head_start(h, status);
	head_add(h, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %d\r\nCache-Control: no-store\r\n%s", n, field);
	head_end(h, last);
	return (size_t)n;
}

struct date {
	int	year;
	int	month;			/* 0..11 */
	int	day;
	int	weekday;		/* 0 is Sunday */
};

/* Howard Hinnant, "chrono-compatible low-level date algorithms". */
static struct date
date_of_days(int64_t days)
{
	int64_t z = days + 719468, era = z / 146097, of_era = z % 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 -
		    of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t march = (5 * of_year + 2) / 153;	/* 0 is March */
	struct date d;

	d.day = (int)(of_year - (153 * march + 2) / 5 + 1);
	d.month = (int)((march + 2) % 12);
	d.year = (int)(y + era * 400 + (d.month < 2));
	d.weekday = (int)((days + 4) % 7);	/* 1970 began on a Thursday */
	return d;
}

void
head_format_date(char out[HEAD_DATE_LEN], int64_t seconds)
{
	static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed",
		"Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr",
		"May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct date d;
	int of_day;

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	d = date_of_days(seconds / DAY_S);
	of_day = (int)(seconds % DAY_S);

	snprintf(out, HEAD_DATE_LEN, "%s, %02d %s %04d %02d:%02d:%02d GMT",
	    weekdays[d.weekday], d.day, months[d.month], d.year,
	    of_day / 3600, of_day / 60 % 60, of_day % 60);
}

bool
head_is_date(struct str field, int64_t seconds)
{
	char date[HEAD_DATE_LEN];

	if (field.len != sizeof(date) - 1 || seconds < 0)
		return false;
	head_format_date(date, seconds);
	return memcmp(field.p, date, field.len) == 0;
}
