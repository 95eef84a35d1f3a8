/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkgtorrentd/parent/notify.h"

void
notify_open(struct notify *n, const char *path)
{
	size_t	 len;

	memset(n, 0, sizeof(*n));
	n->fd = -1;
	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len < 2 || len >= sizeof(n->addr.sun_path))
		return;

	n->addr.sun_family = AF_UNIX;
	memcpy(n->addr.sun_path, path, len);
	/* An abstract name is as long as the address says, a path ends. */
	if (path[0] == '@')
		n->addr.sun_path[0] = '\0';
	else
		len++;
	n->addr_len = offsetof(struct sockaddr_un, sun_path) + len;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void
notify_send(const struct notify *n, const char *fmt, ...)
{
	char	 text[1024];
	va_list	 ap;
	int	 len;

	if (n->fd == -1)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	(void)sendto(n->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&n->addr, n->addr_len);
}

void
notify_status(struct notify *n, const char *fmt, ...)
{
	char	 text[sizeof(n->status)] = "";
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strcmp(text, n->status) == 0)
		return;
	(void)strlcpy(n->status, text, sizeof(n->status));
	notify_send(n, "STATUS=%s\n", text);
}

void
notify_ready(struct notify *n, const struct conf *conf, bool refused)
{
	/* Its status takes the place of the last one. */
	n->status[0] = '\0';
	notify_send(n, "READY=1\nMAINPID=%d\nSTATUS=%zu %s, %u %s%s\n",
	    (int)getpid(), conf->nroots, conf->nroots == 1 ? "walker" :
	    "walkers", conf->hashers, conf->hashers == 1 ? "hasher" :
	    "hashers", refused ? "; a reload was refused, see the log" : "");
}
