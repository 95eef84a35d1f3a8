/* SPDX-License-Identifier: ISC */
/*
 * pkgtorrentctl(8): a command, its connection to the service, and its answers.
 * Each command is a row of the table in main.c and a function.  It sends one
 * MSG_CONTROL, and is told MSG_CONTROLLED (for warm and check also MSG_WARMED)
 * until the command has ended.
 */
#ifndef CTL_H
#define CTL_H

#include <signal.h>
#include <stdbool.h>

#include "common/msg.h"
#include "common/str.h"

#define CTL_PROGRAM	"pkgtorrentctl"

enum ctl_exit {
	CTL_FINE,
	CTL_FAILED,
	CTL_USAGE
};

struct ctl {
	const char	*socket;	/* of the service */
	struct channel	 channel;	/* of a parent to its front */
	const volatile sig_atomic_t *interrupted; /* set by a signal that ends
						     the wait; or NULL */
	struct msg	 answer;	/* the last one */
	uint8_t		 buf[MSG_MAX] __attribute__((__aligned__(16)));
};

struct command {
	const char	*name;
	const char	*usage;		/* what follows the name */
	/* argv[0] is the name. */
	enum ctl_exit	(*run)(struct ctl *, int argc, char *argv[]);
};

/* Complain on standard error, with the program's name before it. */
void	 ctl_complain(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));
/* Print how to call the program.  Returns CTL_USAGE. */
enum ctl_exit ctl_usage(void);

/*
 * Connect to the service, and send it a command with a path (path_len 0: none)
 * and a descriptor (-1: none), which stays the caller's.  False with a
 * complaint.
 */
bool	 ctl_begin(struct ctl *, enum control_command, uint32_t flags,
	    const void *path, size_t path_len, int fd);
/*
 * Wait for the next answer, at most so long (-1: for ever).  True: it is in
 * ctl->answer.  False, with a complaint: the command has failed, or the service
 * has gone; or without one: a signal has come.
 */
bool	 ctl_next(struct ctl *, int timeout_ms);
/* The body of that answer if it is a MSG_CONTROLLED; or NULL. */
const struct msg_controlled *ctl_controlled(const struct ctl *);

/* Complain of the first of these arguments that is no path of the mirror; the
   last one is NULL.  True: there is none. */
bool	 ctl_check_paths(char *paths[]);
/* The path without slashes at the end. */
struct str ctl_path(const char *arg);
/* Have a path purged, over a connection of its own to this socket, and wait for
   that.  *out, unless it is NULL, is the last answer.  False with a
   complaint. */
bool	 ctl_purge(const char *socket, struct str path,
	    struct msg_controlled *out);

enum ctl_exit command_check(struct ctl *, int argc, char *argv[]);
enum ctl_exit command_purge(struct ctl *, int argc, char *argv[]);
enum ctl_exit command_warm(struct ctl *, int argc, char *argv[]);
enum ctl_exit command_status(struct ctl *, int argc, char *argv[]);
enum ctl_exit command_reload(struct ctl *, int argc, char *argv[]);
enum ctl_exit command_export(struct ctl *, int argc, char *argv[]);
enum ctl_exit command_import(struct ctl *, int argc, char *argv[]);

#endif
