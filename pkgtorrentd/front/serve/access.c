#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/timer.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/access.h"
#include "pkgtorrentd/front/serve/forwarded.h"

#define BLOCK_MAX	(MSG_TAIL_MAX - 8192)	/* so that a line fits */
#define WAIT_MS		100
#define FIELD_MAX	2500			/* of a line, escaped */

static void
access_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	access_flush(arg);
}

int
access_open(struct front *f)
{
	f->access_fd = -1;
	f->access_ev = event_new(f->base, -1, 0, access_on_timer, f);
	return f->access_ev == NULL ||
	    buf_reserve(&f->access, MSG_TAIL_MAX) == NULL ? -1 : 0;
}

void
access_set_fd(struct front *f, int fd)
{
	struct stat st;

	access_flush(f);
	if (f->access_fd != -1)
		close(f->access_fd);
	f->access_fd = fd;
	/* It may be the same file again. */
	if (fd == -1 || fstat(fd, &st) == -1 || st.st_size == 0)
		f->access_cut = false;
}

/*
 * A disk that fills up takes half a line; what comes when there is room again
 * begins a new one.
 */
static void
access_write(struct front *f)
{
	struct iovec iov[2] = { { "\n", f->access_cut ? 1 : 0 },
	    { f->access.data, f->access.len } };
	ssize_t n;

	n = writev(f->access_fd, iov, 2);
	if (n <= 0)
		return;
	n -= (ssize_t)iov[0].iov_len;
	f->access_cut = n > 0 && f->access.data[n - 1] != '\n';
}

/* A log that cannot be written must not hold up answers: it loses lines. */
void
access_flush(struct front *f)
{
	struct msg_none none = { 0 };

	if (f->access.len == 0)
		return;
	if (f->access_fd != -1)
		access_write(f);
	else
		msg_send(&f->child.parent, MSG_ACCESS, &none, f->access.data,
		    f->access.len, NULL, 0);
	f->access.len = 0;
}

/* "22/Nov/2026:08:15:00 +0000", from the Date field of this second. */
static void
access_date(const struct front *f, char out[27])
{
	const char *d = f->date;		/* Sun, 22 Nov 2026 08:15:00 */

	snprintf(out, 27, "%.2s/%.3s/%.4s:%.8s +0000", d + 5, d + 8, d + 12,
	    d + 17);
}

static const char *
access_field(char *out, size_t len, struct str s)
{
	return s.p == NULL ? "-" : log_escape(out, len, s.p, s.len);
}

void
access_add(struct client *c, const struct http_request *req,
    const struct access_line *line)
{
	static const struct http_request nothing;
	static char request[FIELD_MAX], referer[FIELD_MAX], agent[FIELD_MAX];
	char ip[INET6_ADDRSTRLEN] = "unix", date[27];
	struct front *f = c->front;
	uint8_t *p;
	int n;

	if (f->child.conf->access_log == ACCESS_LOG_NO)
		return;
	if (req == NULL)
		req = &nothing;
	origin_ip(c, req, ip);
	access_date(f, date);
	if (f->access.len > BLOCK_MAX)
		access_flush(f);
	p = f->access.data + f->access.len;
	n = snprintf((char *)p, MSG_TAIL_MAX - f->access.len,
	    "%s - - [%s] \"%s\" %d %llu \"%s\" \"%s\" %s %llu %s\n", ip, date,
	    access_field(request, sizeof(request), req->line), line->status,
	    (unsigned long long)line->body_len,
	    access_field(referer, sizeof(referer), req->field[FIELD_REFERER]),
	    access_field(agent, sizeof(agent), req->field[FIELD_USER_AGENT]),
	    line->state, (unsigned long long)line->hash_ms, line->info_hash);
	/* Longer than the rest of the block cannot be: three fields at most. */
	if (n < 0 || (size_t)n >= MSG_TAIL_MAX - f->access.len)
		return;
	if (f->access.len == 0)
		timer_add(f->access_ev, WAIT_MS);
	f->access.len += (size_t)n;
}
