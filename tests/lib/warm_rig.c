/* SPDX-License-Identifier: ISC */
#include <sys/un.h>

#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"
#include "tests/lib/warm_rig.h"

static void
set_conf(struct warm_rig *rig, const char *text)
{
	struct conf *conf;

	snprintf(rig->conf, sizeof(rig->conf), "sandbox best-effort\n%s",
	    text);
	conf = good(rig->conf, NULL);
	rig->nwalkers = (uint32_t)conf->nroots;
	rig->nhashers = conf->hashers;
	ATF_REQUIRE(rig->nwalkers <= RIG_WALKERS);
	ATF_REQUIRE(rig->nhashers <= RIG_HASHERS);
	conf_free(conf);
}

/* The number of a process in its role. */
static uint32_t
index_of(const struct warm_rig *rig, const struct proc *p)
{
	return p->role == ROLE_WALKER ? (uint32_t)(p - rig->walkers) :
	    p->role == ROLE_HASHER ? (uint32_t)(p - rig->hashers) : 0;
}

/* Connect it to the front. */
static void
join(struct warm_rig *rig, struct proc *p)
{
	struct msg_channel body = { .role = p->role,
	    .index = index_of(rig, p) };
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	proc_send(&rig->front, MSG_CHANNEL, &body, NULL, 0, fds[0]);
	body = (struct msg_channel){ .role = ROLE_FRONT };
	proc_send(p, MSG_CHANNEL, &body, NULL, 0, fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static void
start(struct warm_rig *rig, struct proc *p, enum role role, uint32_t index)
{
	proc_start(p, role, index, 0, rig->conf);
	if (role != ROLE_FRONT)
		join(rig, p);
}

/* Calls it for each process but the front. */
static void
each(struct warm_rig *rig, void (*call)(struct warm_rig *, struct proc *))
{
	uint32_t i;

	call(rig, &rig->cache);
	for (i = 0; i < rig->nwalkers; i++)
		call(rig, &rig->walkers[i]);
	for (i = 0; i < rig->nhashers; i++)
		call(rig, &rig->hashers[i]);
}

static void
stop_at_end(void *rig)
{
	warm_rig_stop(rig);
}

void
warm_rig_start(struct warm_rig *rig, const char *conf)
{
	uint32_t i;

	memset(rig, 0, sizeof(*rig));
	set_conf(rig, conf);
	rig->report = &rig->front.warmed;
	start(rig, &rig->front, ROLE_FRONT, 0);
	start(rig, &rig->cache, ROLE_CACHE, 0);
	for (i = 0; i < rig->nwalkers; i++)
		start(rig, &rig->walkers[i], ROLE_WALKER, i);
	for (i = 0; i < rig->nhashers; i++)
		start(rig, &rig->hashers[i], ROLE_HASHER, i);
	test_at_end(stop_at_end, rig);
}

static void
stop(struct warm_rig *rig, struct proc *p)
{
	(void)rig;
	proc_hear(p);
	ATF_CHECK_EQ_MSG(0, p->reports, "the %s took offence at %s",
	    role_name(p->role), msg_name(p->wrong.type));
	proc_stop(p);
}

void
warm_rig_stop(struct warm_rig *rig)
{
	test_not_at_end(rig);
	stop(rig, &rig->front);
	each(rig, stop);
}

void
warm_rig_replace(struct warm_rig *rig, struct proc *p)
{
	enum role role = p->role;
	int status;

	ATF_REQUIRE_EQ(0, kill(p->pid, SIGKILL));
	ATF_REQUIRE_EQ(p->pid, waitpid(p->pid, &status, 0));
	close(p->parent.fd);
	buf_free(&p->log);
	start(rig, p, role, index_of(rig, p));
}

static void
configure(struct warm_rig *rig, struct proc *p)
{
	proc_configure(p, index_of(rig, p), 0, rig->conf);
	join(rig, p);
}

void
warm_rig_configure(struct warm_rig *rig, const char *conf)
{
	set_conf(rig, conf);
	proc_configure(&rig->front, 0, 0, rig->conf);
	each(rig, configure);
}

void
warm_rig_listen(struct warm_rig *rig, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct msg_listener body = { .count = 1 };
	struct msg_part part = { 0 };
	int fd;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	ATF_REQUIRE_EQ(0, listen(fd, 16));
	proc_send(&rig->front, MSG_TRACKERS, &part, "", 0, -1);
	proc_send(&rig->front, MSG_LISTENER, &body, NULL, 0, fd);
	close(fd);
}

void
warm_begin_mode(struct warm_rig *rig, enum warm_mode mode, const char *tree,
    const char *after)
{
	struct msg_warm body = { .id = tree[0] != '\0' ? ++rig->id : 0,
	    .tree_len = (uint32_t)strlen(tree), .mode = mode,
	    .after_len = after != NULL ? (uint32_t)strlen(after) : 0 };
	const char *tail = fmt("%s%s", tree, after != NULL ? after : "");

	proc_send(&rig->front, MSG_WARM, &body, tail,
	    body.tree_len + body.after_len, -1);
}

void
warm_begin(struct warm_rig *rig, const char *tree, const char *after)
{
	warm_begin_mode(rig, WARM_HASH, tree, after);
}

static void
hear(struct warm_rig *rig, struct proc *p)
{
	(void)rig;
	proc_hear(p);
}

static void
purge_in(struct warm_rig *rig, struct proc *p, uint32_t flags,
    const char *path, struct msg_controlled *sum)
{
	struct msg_control body = { .id = ++rig->id,
	    .command = CONTROL_PURGE, .flags = flags };

	p->controlled.state = 0;
	proc_send(p, MSG_CONTROL, &body, path, strlen(path), -1);
	while (p->controlled.state < CONTROL_DONE) {
		proc_wait(p, -1, 0);
		hear(rig, &rig->front);
		each(rig, hear);
	}
	ATF_CHECK_EQ_MSG(CONTROL_DONE, p->controlled.state, "%s",
	    p->controlled_tail);
	ATF_CHECK_EQ(body.id, p->controlled.id);
	sum->files += p->controlled.files;
	sum->done += p->controlled.done;
	sum->skipped += p->controlled.skipped;
}

struct msg_controlled
warm_purge(struct warm_rig *rig, const char *path)
{
	struct msg_controlled sum = { 0 };
	uint64_t id = rig->id;

	purge_in(rig, &rig->front, 0, path, &sum);
	purge_in(rig, &rig->cache, 0, path, &sum);
	purge_in(rig, &rig->front, CONTROL_PURGE_LAST, path, &sum);
	rig->id = id;
	return sum;
}

void
warm_hear(struct warm_rig *rig)
{
	/* A front that is alive says so. */
	rig->front.warmed.state = 0;
	while (rig->report->state == 0 || rig->report->id != rig->id) {
		proc_wait(&rig->front, -1, 0);
		each(rig, hear);
	}
}

enum warm_state
warm_wait(struct warm_rig *rig)
{
	do
		warm_hear(rig);
	while (rig->report->state == WARM_RUNNING);
	return rig->report->state;
}

const char *
warm_position(struct warm_rig *rig)
{
	return fmt("%.*s", (int)rig->report->position_len,
	    rig->front.warmed_paths);
}

const char *
warm_at_hand(struct warm_rig *rig)
{
	return fmt("%.*s", (int)rig->report->at_hand_len,
	    rig->front.warmed_paths + rig->report->position_len);
}
