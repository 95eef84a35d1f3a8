/* SPDX-License-Identifier: ISC */
#include <sys/ioctl.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/size_text.h"
#include "ctl/progress.h"

#define COLUMNS		80		/* of a terminal that does not say */
#define COLUMNS_MAX	512
#define BAR_LEN		20
#define MEASURE_MS	1000
#define LINE_MS		10000		/* between two lines elsewhere */

/* "1:02:03".  Returns out. */
static char *
progress_time(char out[SIZE_TEXT_LEN], uint64_t s)
{
	if (s > 100 * 86400)
		s = 100 * 86400;
	(void)snprintf(out, SIZE_TEXT_LEN, "%d:%02d:%02d", (int)(s / 3600),
	    (int)(s / 60 % 60), (int)(s % 60));
	return out;
}

static void
measure(struct progress *p, uint64_t done)
{
	uint64_t	 now = clock_ms(), ms = now - p->measured_ms;
	double		 rate;

	if (p->measured_ms != 0 && ms < MEASURE_MS)
		return;
	if (p->measured_ms != 0) {
		rate = done <= p->done ? 0 :
		    (double)(done - p->done) * 1000 / (double)ms;
		p->rate = p->rate < 1 ? rate : p->rate * 0.8 + rate * 0.2;
	}
	p->measured_ms = now;
	p->done = done;
}

/* The part that is the same on a terminal and elsewhere. */
static void
describe(const struct progress *p, uint64_t done, char *out, size_t len)
{
	char	 a[SIZE_TEXT_LEN], b[SIZE_TEXT_LEN], c[SIZE_TEXT_LEN];
	char	 d[SIZE_TEXT_LEN];

	(void)snprintf(out, len, "%d%% %s of %s, %s/s, %s left",
	    p->bytes == 0 ? 100 : (int)(done * 100.0 / (double)p->bytes),
	    size_text(a, done), size_text(b, p->bytes),
	    size_text(c, (uint64_t)p->rate), p->rate < 1 ? "?" :
	    progress_time(d, (uint64_t)((double)(p->bytes - done) /
	    p->rate)));
}

static int
terminal_columns(void)
{
	struct winsize	 size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
		return COLUMNS;
	return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

/* One column is left free, so that no terminal begins another line. */
static void
show_bar(struct progress *p, uint64_t done, const char *text,
    const char *file)
{
	char	 line[COLUMNS_MAX + 1], bar[BAR_LEN + 1];
	int	 columns = terminal_columns(), i;

	for (i = 0; i < BAR_LEN; i++)
		bar[i] = p->bytes == 0 || done * (double)BAR_LEN >=
		    (double)(i + 1) * (double)p->bytes ? '#' : '.';
	bar[BAR_LEN] = '\0';
	(void)snprintf(line, sizeof(line), "[%s] %s %s", bar, text, file);
	(void)printf("\r%-*.*s", columns - 1, columns - 1, line);
	(void)fflush(stdout);
	p->bar = true;
}

void
progress_show(struct progress *p, uint64_t done, const char *file)
{
	uint64_t	 now = clock_ms();
	char		 text[128];

	if (done > p->bytes)
		done = p->bytes;
	measure(p, done);
	describe(p, done, text, sizeof(text));
	if (isatty(STDOUT_FILENO)) {
		show_bar(p, done, text, file);
		return;
	}
	if (p->shown_ms == 0)
		p->shown_ms = now;
	if (now - p->shown_ms < LINE_MS)
		return;
	p->shown_ms = now;
	(void)printf("%s: %s, at %s\n", p->what, text, file);
	(void)fflush(stdout);
}

void
progress_hide(struct progress *p)
{
	int	 columns = terminal_columns();

	if (!p->bar)
		return;
	(void)printf("\r%*s\r", columns - 1, "");
	(void)fflush(stdout);
	p->bar = false;
}
