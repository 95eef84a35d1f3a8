/*
 * Field values that ask for arithmetic: hosts, ranges, entity tags, dates.
 * All are a client's bytes, bounded by the parser.  A Range, tag or date that
 * is not understood counts as absent (RFC 9110 13, 14.2): the answer is then
 * whole, never wrong.
 */
#include <arpa/inet.h>

#include <string.h>

#include "pkgtorrentd/front/http/http.h"

#define HOST_MAX	255		/* a DNS name and a port fit easily */
#define DAY_S		86400
#define LAST_SECOND	253402300799	/* of the year 9999 */

static const char weekdays[7][10] = { "Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_port(const char *p, size_t len)
{
	unsigned	port = 0;
	size_t		i;

	if (len > 5)
		return false;
	for (i = 0; i < len; i++) {
		if (!is_digit(p[i]))
			return false;
		port = port * 10 + (unsigned)(p[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static bool
is_ipv6(const char *p, size_t len)
{
	struct in6_addr	addr;
	char		text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text) || memchr(p, '\0', len) != NULL)
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

static bool
is_name_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
	    c == '~';
}

/*
 * Stricter than RFC 3986: the host goes into torrents as part of a URL, so
 * there is no escape, no user and nothing that another reader takes apart
 * differently.
 */
bool
http_is_host(struct str host, struct str *name, struct str *port)
{
	size_t		 len = 0;
	const char	*bracket;

	if (host.len == 0 || host.len > HOST_MAX)
		return false;
	if (host.p[0] == '[') {
		bracket = memchr(host.p, ']', host.len);
		if (bracket == NULL)
			return false;
		len = (size_t)(bracket - host.p) + 1;
		if (!is_ipv6(host.p + 1, len - 2))
			return false;
	} else {
		while (len < host.len && is_name_byte(host.p[len]))
			len++;
		if (len == 0 || host.p[0] == '.' ||
		    memmem(host.p, len, "..", 2) != NULL)
			return false;
	}
	*name = (struct str){ host.p, len };
	if (host.p[len - 1] == '.')
		name->len--;
	*port = (struct str){ NULL, 0 };
	if (len == host.len)
		return true;
	if (host.p[len] != ':')
		return false;
	if (len + 1 == host.len)
		return true;
	*port = (struct str){ host.p + len + 1, host.len - len - 1 };
	return is_port(port->p, port->len);
}

/*
 * Digits at *p, which is moved past them; what is too large for 64 bits, or
 * nearly so, is the largest number.  Returns how many digits there were.
 */
static size_t
read_number(const char **p, const char *end, uint64_t *n)
{
	const char	*begin = *p;

	for (*n = 0; *p < end && is_digit(**p); (*p)++) {
		if (*n > (UINT64_MAX - 9) / 10)
			*n = UINT64_MAX;
		else
			*n = *n * 10 + (uint64_t)(**p - '0');
	}
	return (size_t)(*p - begin);
}

int
http_range(struct str range, uint64_t size, uint64_t *first, uint64_t *last)
{
	struct str	 unit = { range.p, 6 };
	const char	*p, *end;
	uint64_t	 a, b;
	size_t		 na, nb;

	if (range.len < unit.len || !str_is(unit, "bytes="))
		return 200;
	p = range.p + unit.len;
	end = range.p + range.len;
	na = read_number(&p, end, &a);
	if (p == end || *p != '-')
		return 200;
	p++;
	nb = read_number(&p, end, &b);
	if (p != end || (na == 0 && nb == 0) || (na > 0 && nb > 0 && b < a))
		return 200;

	if (na == 0) {
		if (b == 0 || size == 0)
			return 416;
		*first = b < size ? size - b : 0;
		*last = size - 1;
		return 206;
	}
	if (a >= size)
		return 416;
	*first = a;
	*last = nb > 0 && b < size ? b : size - 1;
	return 206;
}

/* etagc, RFC 9110 8.8.3 */
static inline bool
is_etag_byte(char c)
{
	return c == 0x21 || (uint8_t)c >= 0x80 || (c >= 0x23 && c <= 0x7e);
}

int
http_etag_matches(struct str field, const char *etag)
{
	const char	*p, *end, *tag;
	size_t		 etag_len;

	if (field.p == NULL)
		return 0;
	if (str_is(field, "*"))
		return 1;
	if (strncmp(etag, "W/", 2) == 0)
		etag += 2;
	etag_len = strlen(etag);
	p = field.p;
	end = field.p + field.len;
	for (;;) {
		/* A tag may hold commas, so the list cannot be split first. */
		while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
			p++;
		if (end - p >= 2 && p[0] == 'W' && p[1] == '/')
			p += 2;
		tag = p;
		if (p == end || *p++ != '"')
			return 0;
		while (p < end && is_etag_byte(*p))
			p++;
		if (p == end || *p++ != '"')
			return 0;
		if ((size_t)(p - tag) == etag_len &&
		    memcmp(tag, etag, etag_len) == 0)
			return 1;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p < end && *p != ',')
			return 0;
	}
}

struct date {
	int	year;			/* 0..99: the century is not known */
	int	month;			/* 0..11 */
	int	day;
	int	hour;
	int	minute;
	int	second;			/* 60 in a leap second */
	int	weekday;		/* 0 is Sunday */
};

/* Howard Hinnant, "chrono-compatible low-level date algorithms". */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
	int64_t	y = month < 2 ? year - 1 : year, era = y / 400;
	int64_t	of_era = y - era * 400;
	int64_t	of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

static void
civil_from_days(int64_t days, struct date *d)
{
	int64_t	z = days + 719468, era = z / 146097, of_era = z % 146097;
	int64_t	y = (of_era - of_era / 1460 + of_era / 36524 -
		    of_era / 146096) / 365;
	int64_t	of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t	march = (5 * of_year + 2) / 153;	/* 0 is March */

	d->day = (int)(of_year - (153 * march + 2) / 5 + 1);
	d->month = (int)((march + 2) % 12);
	d->year = (int)(y + era * 400 + (d->month < 2));
	d->weekday = (int)((days + 4) % 7);	/* 1970 began on a Thursday */
}

static bool
read_digits(struct str *s, size_t n, int *value)
{
	size_t	i;

	if (s->len < n)
		return false;
	*value = 0;
	for (i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return false;
		*value = *value * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->len -= n;
	return true;
}

static bool
read_text(struct str *s, const char *text, size_t len)
{
	if (s->len < len || memcmp(s->p, text, len) != 0)
		return false;
	s->p += len;
	s->len -= len;
	return true;
}

static bool
read_weekday(struct str *s, bool whole, int *value)
{
	for (*value = 0; *value < 7; (*value)++)
		if (read_text(s, weekdays[*value],
		    whole ? strlen(weekdays[*value]) : 3))
			return true;
	return false;
}

static bool
read_month(struct str *s, int *value)
{
	for (*value = 0; *value < 12; (*value)++)
		if (read_text(s, months[*value], 3))
			return true;
	return false;
}

/* One conversion of a date, named as in strptime(3). */
static bool
read_part(struct str *s, char conversion, struct date *d)
{
	switch (conversion) {
	case 'a':
		return read_weekday(s, false, &d->weekday);
	case 'A':
		return read_weekday(s, true, &d->weekday);
	case 'b':
		return read_month(s, &d->month);
	case 'd':
		return read_digits(s, 2, &d->day);
	case 'e':
		if (read_text(s, " ", 1))
			return read_digits(s, 1, &d->day);
		return read_digits(s, 2, &d->day);
	case 'y':
		return read_digits(s, 2, &d->year);
	case 'Y':
		return read_digits(s, 4, &d->year);
	default:	/* T */
		return read_digits(s, 2, &d->hour) &&
		    read_text(s, ":", 1) && read_digits(s, 2, &d->minute) &&
		    read_text(s, ":", 1) && read_digits(s, 2, &d->second) &&
		    d->hour <= 23 && d->minute <= 59 && d->second <= 60;
	}
}

static bool
read_date(struct str s, const char *form, struct date *d)
{
	for (; *form != '\0'; form++) {
		if (*form == '%') {
			if (!read_part(&s, *++form, d))
				return false;
		} else if (!read_text(&s, form, 1))
			return false;
	}
	return s.len == 0;
}

/* -1 if there was no such day, or it was another day of the week. */
static int64_t
date_seconds(const struct date *d, int year)
{
	struct date	back;
	int64_t		days = days_from_civil(year, d->month, d->day);

	if (days < 0)
		return -1;
	/* Does the calendar have it?  February 30 comes back as a March. */
	civil_from_days(days, &back);
	if (back.day != d->day || back.weekday != d->weekday)
		return -1;
	return days * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
}

int64_t
http_date(struct str s)
{
	struct date	d;
	int64_t		seconds;

	if (s.p == NULL)
		return -1;
	if (read_date(s, "%a, %d %b %Y %T GMT", &d) ||
	    read_date(s, "%a %b %e %T %Y", &d))
		return date_seconds(&d, d.year);
	if (!read_date(s, "%A, %d-%b-%y %T GMT", &d))
		return -1;
	/* The same date falls on other weekdays in 19yy and 20yy. */
	seconds = date_seconds(&d, 1900 + d.year);
	return seconds != -1 ? seconds : date_seconds(&d, 2000 + d.year);
}

static char *
put_number(char *p, int n, int digits)
{
	int	i;

	for (i = digits - 1; i >= 0; i--, n /= 10)
		p[i] = (char)('0' + n % 10);
	return p + digits;
}

void
http_format_date(char out[30], int64_t seconds)
{
	struct date	 d;
	int		 of_day;
	char		*p = out;

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	civil_from_days(seconds / DAY_S, &d);
	of_day = (int)(seconds % DAY_S);

	p = mempcpy(p, weekdays[d.weekday], 3);
	p = mempcpy(p, ", ", 2);
	p = put_number(p, d.day, 2);
	*p++ = ' ';
	p = mempcpy(p, months[d.month], 3);
	*p++ = ' ';
	p = put_number(p, d.year, 4);
	*p++ = ' ';
	p = put_number(p, of_day / 3600, 2);
	*p++ = ':';
	p = put_number(p, of_day / 60 % 60, 2);
	*p++ = ':';
	p = put_number(p, of_day % 60, 2);
	memcpy(p, " GMT", 5);
}
