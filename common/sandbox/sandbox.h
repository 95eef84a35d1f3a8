/*
 * What each process gives up before it meets anything that a stranger wrote.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

#include "common/msg.h"

/* A build for finding mistakes, whose runtime needs more than we do. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED
#endif
#endif

struct sandbox {
	enum role	 role;
	bool		 root;		/* started by root: chroot, users */
	bool		 strict;	/* refuse to go without a layer */
	const char	*user;		/* to become, as root */
	const char	*dir;		/* walker: its root; cache: its
					   directory; NULL: an empty one */
	int		 channel_fd;	/* to the parent, for MSG_SYSCALL */
	unsigned	 max_fds;	/* 0: as many as the role is known to
					   need; the front says */
};

/*
 * Give everything up that the role does not need.  The order: users, chroot,
 * capabilities, limits, Landlock, seccomp.  On success *dirfd is a descriptor
 * of dir (-1 without dir) and layers names what holds, for MSG_READY.
 *
 * fatal() in strict mode, log_warn() otherwise: no seccomp; neither chroot
 * nor Landlock; a walker's root that its user could write; and started by
 * root, no chroot or no other user.  One of chroot and Landlock alone holds
 * a process in its directory: a kernel without Landlock is only warned of.
 */
void	sandbox_enter(const struct sandbox *, int *dirfd, char *layers,
	    size_t layers_len);

/* The parent's share: only the capabilities that it uses. */
void	sandbox_enter_parent(char *layers, size_t layers_len);

/*
 * The two layers that need tables of their own.  Paths below dirfd as the
 * role needs them and no others (dirfd -1: none at all): the kernel's
 * Landlock ABI, or -1 with errno.  System calls: 0, or -1 with errno.
 */
int	landlock_enter(enum role, int dirfd);
int	seccomp_enter(enum role, int channel_fd);

/* For tests: the filter for an architecture (libseccomp's SCMP_ARCH_), as
   struct sock_filter into a file.  0, or -1 with errno. */
int	seccomp_export(enum role, uint32_t arch, int fd);

/* Row i of the table of system calls, NULL past its end: a name, and bits
   1 << role of those that may make the call. */
const char *seccomp_call(size_t i, unsigned *roles);

#endif
