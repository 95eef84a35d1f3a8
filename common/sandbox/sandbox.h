/* SPDX-License-Identifier: ISC */
/* The sandbox: the rights that each process gives up before it sees any data of
   a stranger. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <signal.h>
#include <stdbool.h>

#include "common/msg.h"

/* A sanitizer's runtime needs more system calls than the process itself. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED
#endif
#endif

struct sandbox {
	enum role	 role;
	bool		 privileged;	/* started by root: chroot, change
					   user */
	bool		 strict;	/* exit if a layer is missing */
	const char	*user;		/* the user to become, if privileged */
	const char	*dir;		/* walker: its root; cache: its
					   directory; NULL: an empty one */
	int		 channel_fd;	/* the channel to the parent, for
					   MSG_SYSCALL */
	unsigned	 max_fds;	/* 0: the default of the role */
	uint64_t	 max_data;	/* bytes of memory; 0: no limit */
};

/*
 * Give up all rights that the role does not need, in this order: user, chroot,
 * capabilities, limits, Landlock, seccomp.  On return, *dirfd is a descriptor
 * of dir (-1 without dir), and layers names the active layers for MSG_READY.
 *
 * A missing layer is fatal() in strict mode and a warning otherwise: no
 * seccomp; neither chroot nor Landlock; a root that the walker's user could
 * write; if privileged, no chroot or no change of user.  Either chroot or
 * Landlock confines a process to its directory, so a kernel without Landlock is
 * only worth a warning.
 */
void	sandbox_enter(const struct sandbox *, int *dirfd, char *layers,
	    size_t layers_len);

/* The sandbox of the parent: only the capabilities that it uses. */
void	sandbox_enter_parent(char *layers, size_t layers_len);

/* The exit status of a process whose filter stopped a system call. */
#define EXIT_SYSCALL	(128 + SIGSYS)

/* Load the filter of system calls.  0, or -1 with errno. */
int	seccomp_enter(enum role, int channel_fd);

/* For tests: Landlock alone. */
int	landlock_enter(enum role, int dirfd);

/* For tests: write the filter for an architecture (SCMP_ARCH_ of libseccomp) to
   a file, as struct sock_filter.  0, or -1 with errno. */
int	seccomp_export(enum role, uint32_t arch, int fd);

/* For tests: the name in row i of the table of system calls, the bits 1 << role
   of the roles that may make the call, and whether the filter checks an
   argument.  NULL past the end. */
const char *seccomp_call(size_t i, unsigned *roles, bool *checked);

#endif
