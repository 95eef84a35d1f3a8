/* SPDX-License-Identifier: ISC */
/*
 * A state machine with one step for each place in the grammar where a byte may
 * stand.  It reads each byte once and keeps only counts, so that a client that
 * sends single bytes costs no more than others.
 */
#include <string.h>

#include "pkgtorrentd/front/http/chunked.h"
#include "pkgtorrentd/front/http/http.h"

#define FRAMING_MAX	65536		/* bytes, and an eighth of the body */

enum step {
	SIZE,			/* the first digit, or one more */
	EXT_SOON,		/* blanks before a semicolon */
	EXT_NAME_SOON,		/* blanks before a name */
	EXT_NAME,
	EXT_EQUALS_SOON,	/* blanks before "=" or ";" */
	EXT_VALUE_SOON,
	EXT_TOKEN,
	EXT_QUOTED,
	EXT_ESCAPED,		/* after a backslash in quotes */
	EXT_END,		/* after the closing quote */
	LINE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	FIELD,			/* the first byte of a line */
	FIELD_NAME,
	FIELD_VALUE,
	FIELD_LF,
	LAST_LF,
	WHOLE
};

static int
refuse(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

static int
refuse_byte(const struct chunked *ch, char c, const char **why)
{
	if (c == '\n')
		return refuse(why, 400, "a line of the chunked body ends in "
		    "LF alone; end every line with CR LF");
	switch (ch->step) {
	case SIZE:
		return refuse(why, 400, "the size of a chunk is not a number "
		    "of 1 to 8 hexadecimal digits; send its length in bytes, "
		    "then CR LF");
	case LINE_LF:
	case DATA_LF:
	case FIELD_LF:
	case LAST_LF:
		return refuse(why, 400, "there is a CR without LF in the "
		    "framing of the chunked body; end every line with CR LF");
	case DATA_CR:
		return refuse(why, 400, "a chunk is not as long as its size "
		    "says; send CR LF after that many bytes");
	case FIELD:
	case FIELD_NAME:
	case FIELD_VALUE:
		return refuse(why, 400, "the line after the last chunk is not "
		    "a header field; end the body with 0, CR LF and CR LF");
	default:
		return refuse(why, 400, "a chunk's extension is malformed; "
		    "send the size of the chunk alone");
	}
}

/* The first line of a chunk is complete up to its CR. */
static int
end_size(struct chunked *ch, const char **why)
{
	if (ch->left > ch->max - ch->body)
		return refuse(why, 413, "the body is larger than this service "
		    "accepts; send fewer paths");
	ch->step = LINE_LF;
	return -1;
}

/* Go on with this step; -1, as more bytes are needed. */
static int
go_to(struct chunked *ch, enum step step)
{
	ch->step = step;
	return -1;
}

/* The byte after the size, a name or a value. */
static int
read_end(struct chunked *ch, char c, const char **why)
{
	if (c == '\r')
		return end_size(ch, why);
	if (c == ';')
		return go_to(ch, EXT_NAME_SOON);
	if (c == ' ' || c == '\t')
		return go_to(ch, EXT_SOON);
	return refuse_byte(ch, c, why);
}

static int
read_size(struct chunked *ch, char c, const char **why)
{
	int	digit = http_hex_digit(c);

	if (digit != -1 && ch->digits < CHUNK_DIGITS_MAX) {
		ch->left = ch->left << 4 | (uint64_t)digit;
		ch->digits++;
		return -1;
	}
	if (ch->digits == 0 || digit != -1)
		return refuse_byte(ch, c, why);
	return read_end(ch, c, why);
}

/* RFC 9112 7.1.1 has recipients skip blanks in these places. */
static int
read_ext_soon(struct chunked *ch, char c, const char **why)
{
	if (c == ' ' || c == '\t')
		return -1;
	switch (ch->step) {
	case EXT_EQUALS_SOON:
		if (c == '=')
			return go_to(ch, EXT_VALUE_SOON);
		/* FALLTHROUGH */
	case EXT_SOON:
		if (c == ';')
			return go_to(ch, EXT_NAME_SOON);
		break;
	case EXT_NAME_SOON:
		if (http_is_token(c))
			return go_to(ch, EXT_NAME);
		break;
	default:
		if (http_is_token(c))
			return go_to(ch, EXT_TOKEN);
		if (c == '"')
			return go_to(ch, EXT_QUOTED);
		break;
	}
	return refuse_byte(ch, c, why);
}

static int
read_ext(struct chunked *ch, char c, const char **why)
{
	switch (ch->step) {
	case EXT_NAME:
		if (http_is_token(c))
			return -1;
		if (c == '=')
			return go_to(ch, EXT_VALUE_SOON);
		if (c == ' ' || c == '\t')
			return go_to(ch, EXT_EQUALS_SOON);
		return read_end(ch, c, why);
	case EXT_TOKEN:
		if (http_is_token(c))
			return -1;
		return read_end(ch, c, why);
	case EXT_QUOTED:
		if (c == '"')
			return go_to(ch, EXT_END);
		if (c == '\\')
			return go_to(ch, EXT_ESCAPED);
		return http_is_value(c) ? -1 : refuse_byte(ch, c, why);
	case EXT_ESCAPED:
		return http_is_value(c) ? go_to(ch, EXT_QUOTED) :
		    refuse_byte(ch, c, why);
	case EXT_END:
		return read_end(ch, c, why);
	default:
		return read_ext_soon(ch, c, why);
	}
}

/* After the last chunk: fields, which are checked and dropped, and an empty
   line. */
static int
read_trailer(struct chunked *ch, char c, const char **why)
{
	if (++ch->trailer > HTTP_HEAD_MAX)
		return refuse(why, 431, "the fields after the body are longer "
		    "than 16384 bytes; leave them out");
	switch (ch->step) {
	case FIELD:
		if (c == '\r')
			return go_to(ch, LAST_LF);
		if (!http_is_token(c))
			break;
		if (++ch->fields > HTTP_FIELDS_MAX)
			return refuse(why, 431, "there are more than 64 "
			    "fields after the body; leave them out");
		return go_to(ch, FIELD_NAME);
	case FIELD_NAME:
		if (http_is_token(c))
			return -1;
		if (c == ':')
			return go_to(ch, FIELD_VALUE);
		break;
	case FIELD_VALUE:
		if (http_is_value(c))
			return -1;
		if (c == '\r')
			return go_to(ch, FIELD_LF);
		break;
	case FIELD_LF:
		if (c == '\n')
			return go_to(ch, FIELD);
		break;
	default:	/* LAST_LF */
		if (c != '\n')
			break;
		ch->step = WHOLE;
		return 0;
	}
	return refuse_byte(ch, c, why);
}

static int
read_framing(struct chunked *ch, char c, const char **why)
{
	if (++ch->framing > FRAMING_MAX + ch->max / 8)
		return refuse(why, 413, "the framing of chunks takes up too "
		    "much of the body; send larger chunks");
	if (ch->step <= LINE_LF && ++ch->line > CHUNK_LINE_MAX)
		return refuse(why, 400, "the first line of a chunk is longer "
		    "than 256 bytes; send the size of the chunk alone");
	switch (ch->step) {
	case SIZE:
		return read_size(ch, c, why);
	case LINE_LF:
		if (c != '\n')
			break;
		return go_to(ch, ch->left > 0 ? DATA : FIELD);
	case DATA_CR:
		if (c != '\r')
			break;
		return go_to(ch, DATA_LF);
	case DATA_LF:
		if (c != '\n')
			break;
		ch->digits = 0;
		ch->line = 0;
		return go_to(ch, SIZE);
	default:
		return ch->step < LINE_LF ? read_ext(ch, c, why) :
		    read_trailer(ch, c, why);
	}
	return refuse_byte(ch, c, why);
}

int
chunked_decode(struct chunked *ch, char *bytes, size_t len, size_t *used,
    size_t *body, const char **why)
{
	size_t	n;
	int	status = ch->step == WHOLE ? 0 : -1;

	*used = *body = 0;
	*why = NULL;
	while (status == -1 && *used < len) {
		if (ch->step != DATA) {
			status = read_framing(ch, bytes[(*used)++], why);
			continue;
		}
		n = len - *used;
		if (n > ch->left)
			n = (size_t)ch->left;
		memmove(bytes + *body, bytes + *used, n);
		*body += n;
		*used += n;
		ch->body += n;
		ch->left -= n;
		if (ch->left == 0)
			ch->step = DATA_CR;
	}
	return status;
}
