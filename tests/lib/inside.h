/* SPDX-License-Identifier: ISC */
/*
 * For tests of the sandbox: a little world with something to steal, and a
 * process that enters the sandbox in it.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <netinet/in.h>

#include <pwd.h>

#include "common/msg.h"

/* The directory that holds secret, mirror/ and cache/; and that file. */
extern char	world[64];
extern char	secret[96];

/* A process on its way into the sandbox. */
struct entry {
	enum role	 role;
	bool		 root;		/* as started by root */
	bool		 strict;
	const char	*user;
	const char	*dir;		/* in the world; NULL: the role's */
	const char	*without;	/* a call that this kernel lacks */
	int		 without_errno;
};

struct inside {
	pid_t		pid;
	struct channel	channel;	/* as the parent sees it */
	char		log[4096];	/* lines so far */
	char		layers[1025];	/* empty: not ready */
	struct msg_syscall stopped;	/* nr 0, arch 0: not stopped */
	int		status;		/* of the process, in the end */
};

/*
 * Two sockets of this machine that listen: one that the process in the sandbox
 * has, as the front has those of the service, and one that it may not reach,
 * at the address goal.
 */
extern int	listener;
extern struct sockaddr_in goal;

/* Nothing has happened to them: fails the test otherwise. */
void	world_check_sockets(void);

/* The tests' user where the service has a user of its own. */
const struct passwd *nobody(void);

/*
 * A cache that is the user's, and a mirror that is root's if root runs the
 * test; or the user's too, so that nothing but the sandbox protects it.
 */
void	world_make(bool own_mirror);
/* Removes it from /tmp, of which kyua takes no care. */
void	world_remove(void);

/*
 * Forks and enters.  With an attempt the process then makes it and ends with
 * its result; without one it waits inside until the channel is closed.
 */
void	inside_start(struct inside *, const struct entry *,
	    int (*attempt)(const void *, int dirfd, int file_fd), const void *);

/* One message; false when the channel has been closed. */
bool	inside_take_message(struct inside *);

/* Closes its channel, hears its last words and waits for its end. */
void	inside_finish(struct inside *);

/* Of this kernel; -1 without Landlock. */
int	landlock_abi(void);

#endif
