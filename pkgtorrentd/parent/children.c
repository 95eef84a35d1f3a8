#include <sys/wait.h>

#include "common/conf/conf.h"
#include "pkgtorrentd/parent/children.h"
#include "pkgtorrentd/parent/state.h"

struct process *
children_front(struct parent *parent)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (p->role == ROLE_FRONT && p->pid != 0 && !p->retired)
			return p;
	return NULL;
}

uint32_t
children_count(const struct conf *conf, enum role role)
{
	switch (role) {
	case ROLE_WALKER:
		return (uint32_t)conf->nroots;
	case ROLE_HASHER:
		return conf->hashers;
	default:
		return 1;
	}
}

void
children_reap(struct parent *parent)
{
	struct process	*p;
	pid_t		 pid;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		TAILQ_FOREACH(p, &parent->processes, entry)
			if (p->pid == pid)
				break;
		if (p == NULL)
			continue;
		/* Its last words may be the reason, or that it is ready. */
		process_reap(p);
		p->ops->ended(p, pid, status);
	}
}
