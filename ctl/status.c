/* SPDX-License-Identifier: ISC */
/*
 * The status of the service, for people or as JSON.  The service sends lines,
 * see pkgtorrentd/parent/status.h; the memory of its processes is looked up
 * here, because the service's own manager may hide them from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/counts.h"
#include "common/size_text.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/summary.h"

#define ANSWER_MS	10000		/* the service waits for nobody */
#define TITLE_LEN	(SPEC_MAX + 64)

/* A line of the answer: words, the last of which may have blanks. */
#define WORDS_MAX	9
struct line {
	char		*words[WORDS_MAX];
	size_t		 n;
};

/* The words of a line "process", with their places. */
enum process_word {
	PROCESS_ROLE = 1,
	PROCESS_INDEX,
	PROCESS_PID,
	PROCESS_STATE,
	PROCESS_UP,
	PROCESS_RESTARTS,
	PROCESS_LAYERS,
	PROCESS_TITLE,
	PROCESS_WORDS
};

/* The same of "trouble". */
enum trouble_word {
	TROUBLE_TIME = 1,
	TROUBLE_PRIORITY,
	TROUBLE_TEXT,
	TROUBLE_WORDS
};

/* And of "hashing". */
enum hashing_word {
	HASHING_DONE = 1,
	HASHING_SIZE,
	HASHING_PATH,
	HASHING_WORDS
};

/* And of "count". */
enum count_word {
	COUNT_NAME = 1,
	COUNT_VALUE,
	COUNT_NUMBER,
	COUNT_WORDS
};

/* Facts about the service that are one word, and their names in JSON. */
static const struct fact {
	const char	*word;
	const char	*name;
	bool		 number;
} facts[] = {
	{ "version", "version", false },
	{ "pid", "pid", true },
	{ "state", "state", false },
	{ "up", "uptime_seconds", true },
	{ "conf", "configuration", false },
	{ "layers", "layers", false },
	{ "listening", "listening_sockets", true },
	{ "trackers", "trackers", true },
	{ .word = NULL }
};

/* Cut a line of the text at *at into at most this many words; false: there is
   none.  The text is changed. */
static bool
line_read(char **at, size_t most, struct line *line)
{
	char	*end = strchr(*at, '\n'), *p = *at;

	line->n = 0;
	if (end == NULL)
		return false;
	*end = '\0';
	*at = end + 1;
	while (line->n < most) {
		line->words[line->n++] = p;
		if (line->n == most || (p = strchr(p, ' ')) == NULL)
			break;
		*p++ = '\0';
	}
	return true;
}

static void
no_memory(int result)
{
	if (result == 0)
		return;
	ctl_complain("%s", strerror(ENOMEM));
	exit(CTL_FAILED);
}

/* Call a function for each line that has this first word and so many words. */
static void
lines_each(const struct buf *text, const char *word, size_t n,
    void (*function)(const struct line *, void *), void *arg)
{
	char		*copy = strndup(text->len > 0 ?
			    (const char *)text->data : "", text->len);
	char		*at = copy;
	struct line	 line;

	no_memory(copy == NULL ? -1 : 0);
	while (line_read(&at, n, &line))
		if (line.n == n && strcmp(line.words[0], word) == 0)
			function(&line, arg);
	free(copy);
}

/* Copy the rest of the first line with this first word; "" if there is none. */
struct wanted {
	char	*out;
	size_t	 len;
};

static void
fact_copy(const struct line *line, void *arg)
{
	struct wanted	*w = arg;

	if (w->out[0] == '\0')
		(void)snprintf(w->out, w->len, "%s", line->words[1]);
}

static char *
fact_find(const struct buf *text, const char *word, char *out, size_t len)
{
	struct wanted	 w = { out, len };

	out[0] = '\0';
	lines_each(text, word, 2, fact_copy, &w);
	return out;
}

static void
count_take(const struct line *line, void *counts)
{
	counts_set(counts, line->words[COUNT_NAME], line->words[COUNT_VALUE],
	    strtoull(line->words[COUNT_NUMBER], NULL, 10));
}

static size_t
read_proc(const char *pid, const char *file, char *out, size_t len)
{
	char	 path[64];
	ssize_t	 n;
	int	 fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", atoi(pid), file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	n = read(fd, out, len - 1);
	close(fd);
	if (n < 0)
		n = 0;
	out[n] = '\0';
	return (size_t)n;
}

/* Resident bytes of a process; 0: unknown.  In another namespace the number
   would be another process's, so the title has to be right, too. */
static uint64_t
process_memory(const struct line *line)
{
	const char	*pid = line->words[PROCESS_PID];
	char		 text[TITLE_LEN];
	unsigned long	 size, resident;

	if (read_proc(pid, "cmdline", text, sizeof(text)) == 0 ||
	    strcmp(text, line->words[PROCESS_TITLE]) != 0 ||
	    read_proc(pid, "statm", text, sizeof(text)) == 0 ||
	    sscanf(text, "%lu %lu", &size, &resident) != 2)
		return 0;
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static const char *
priority_name(const char *number)
{
	static const char *const names[] = { "emergency", "alert", "critical",
	    "error", "warning" };
	unsigned long	 n = strtoul(number, NULL, 10);

	return n < sizeof(names) / sizeof(names[0]) ? names[n] : "warning";
}

static const char *
time_text(const char *seconds, const char *format, bool utc, char out[32])
{
	time_t		 t = (time_t)strtoll(seconds, NULL, 10);
	struct tm	 tm;

	if ((utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)) == NULL ||
	    strftime(out, 32, format, &tm) == 0)
		out[0] = '\0';
	return out;
}

/* "chroot,user" as an array. */
static void
json_layers(struct json *j, const char *layers)
{
	size_t	 len;

	json_open(j, "layers", '[');
	for (; *layers != '\0' && strcmp(layers, "-") != 0;
	    layers += len + (layers[len] == ',')) {
		len = strcspn(layers, ",");
		json_text(j, NULL, layers, len);
	}
	json_close(j, ']');
}

static void
json_process(const struct line *line, void *arg)
{
	const char	*title = line->words[PROCESS_TITLE];
	struct json	*j = arg;
	uint64_t	 memory = process_memory(line);

	json_open(j, NULL, '{');
	json_text(j, "title", title, strlen(title));
	json_text(j, "role", line->words[PROCESS_ROLE],
	    strlen(line->words[PROCESS_ROLE]));
	json_number(j, "index", strtoull(line->words[PROCESS_INDEX], NULL,
	    10));
	json_number(j, "pid", strtoull(line->words[PROCESS_PID], NULL, 10));
	json_text(j, "state", line->words[PROCESS_STATE],
	    strlen(line->words[PROCESS_STATE]));
	json_number(j, "uptime_seconds", strtoull(line->words[PROCESS_UP],
	    NULL, 10));
	json_number(j, "restarts", strtoull(line->words[PROCESS_RESTARTS],
	    NULL, 10));
	if (memory != 0)
		json_number(j, "memory_bytes", memory);
	else
		json_null(j, "memory_bytes");
	json_layers(j, line->words[PROCESS_LAYERS]);
	json_close(j, '}');
}

static void
json_trouble(const struct line *line, void *arg)
{
	const char	*text = line->words[TROUBLE_TEXT];
	const char	*priority;
	struct json	*j = arg;
	char		 when[32];

	json_open(j, NULL, '{');
	(void)time_text(line->words[TROUBLE_TIME], "%Y-%m-%dT%H:%M:%SZ", true,
	    when);
	json_text(j, "time", when, strlen(when));
	priority = priority_name(line->words[TROUBLE_PRIORITY]);
	json_text(j, "priority", priority, strlen(priority));
	json_text(j, "text", text, strlen(text));
	json_close(j, '}');
}

static void
json_hashing(const struct line *line, void *arg)
{
	const char	*path = line->words[HASHING_PATH];
	struct json	*j = arg;

	json_open(j, NULL, '{');
	json_text(j, "path", path, strlen(path));
	json_number(j, "done_bytes", strtoull(line->words[HASHING_DONE], NULL,
	    10));
	json_number(j, "size_bytes", strtoull(line->words[HASHING_SIZE], NULL,
	    10));
	json_close(j, '}');
}

static void
print_json(const struct buf *text, const uint64_t counts[COUNT_ROWS])
{
	struct json		 j = { 0 };
	const struct fact	*f;
	struct buf		 members = { 0 };
	char			 value[8192];

	json_open(&j, NULL, '{');
	for (f = facts; f->word != NULL; f++) {
		(void)fact_find(text, f->word, value, sizeof(value));
		if (strcmp(f->word, "layers") == 0)
			json_layers(&j, value);
		else if (f->number)
			json_number(&j, f->name, strtoull(value, NULL, 10));
		else
			json_text(&j, f->name, value, strlen(value));
	}
	json_open(&j, "processes", '[');
	lines_each(text, "process", PROCESS_WORDS, json_process, &j);
	json_close(&j, ']');
	json_open(&j, "hashing", '[');
	lines_each(text, "hashing", HASHING_WORDS, json_hashing, &j);
	json_close(&j, ']');
	no_memory(counts_print_json(&members, counts));
	json_open(&j, "counts", '{');
	json_raw(&j, NULL, (const char *)members.data, members.len);
	buf_free(&members);
	json_close(&j, '}');
	json_open(&j, "last_errors", '[');
	lines_each(text, "trouble", TROUBLE_WORDS, json_trouble, &j);
	json_close(&j, ']');
	json_close(&j, '}');
}

/* "3 d 4 h", the two largest units. */
static const char *
people_time(const char *seconds, char out[32])
{
	uint64_t	 s = strtoull(seconds, NULL, 10);

	if (s < 60)
		(void)snprintf(out, 32, "%" PRIu64 " s", s);
	else if (s < 3600)
		(void)snprintf(out, 32, "%" PRIu64 " min %" PRIu64 " s",
		    s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, 32, "%" PRIu64 " h %" PRIu64 " min",
		    s / 3600, s % 3600 / 60);
	else
		(void)snprintf(out, 32, "%" PRIu64 " d %" PRIu64 " h",
		    s / 86400, s % 86400 / 3600);
	return out;
}

static void
print_process(const struct line *line, void *arg)
{
	static const char	 program[] = "pkgtorrentd: ";
	const char		*title = line->words[PROCESS_TITLE];
	uint64_t		 memory = process_memory(line);
	char			 up[32], size[SIZE_TEXT_LEN] = "-";

	(void)arg;
	if (strncmp(title, program, sizeof(program) - 1) == 0)
		title += sizeof(program) - 1;
	if (memory != 0)
		(void)size_text(size, memory);
	(void)printf("%-20s %7s  %-8s %12s %12s %8s  %s\n", title,
	    line->words[PROCESS_PID], line->words[PROCESS_STATE],
	    people_time(line->words[PROCESS_UP], up), size,
	    line->words[PROCESS_RESTARTS], line->words[PROCESS_LAYERS]);
}

static void
print_trouble(const struct line *line, void *arg)
{
	bool	*any = arg;
	char	 when[32];

	if (!*any)
		(void)printf("\nThe last warnings and errors:\n");
	*any = true;
	(void)printf("%s %s: %s\n", time_text(line->words[TROUBLE_TIME],
	    "%Y-%m-%d %H:%M:%S", false, when),
	    priority_name(line->words[TROUBLE_PRIORITY]),
	    line->words[TROUBLE_TEXT]);
}

static void
print_hashing(const struct line *line, void *arg)
{
	uint64_t	 done = strtoull(line->words[HASHING_DONE], NULL, 10);
	uint64_t	 size = strtoull(line->words[HASHING_SIZE], NULL, 10);
	char		 text[SIZE_TEXT_LEN];

	(void)arg;
	summary_title("hashing");
	(void)printf("%.0f %% of %s of %s\n", size == 0 ? 0 :
	    (double)done * 100 / (double)size, size_text(text, size),
	    line->words[HASHING_PATH]);
}

static void
print_all(const uint64_t counts[COUNT_ROWS])
{
	struct buf	 lines = { 0 };

	no_memory(counts_print_text(&lines, counts));
	(void)printf("\n");
	(void)fwrite(lines.data, 1, lines.len, stdout);
	buf_free(&lines);
}

static void
print_people(const struct buf *text, const uint64_t counts[COUNT_ROWS])
{
	char	 values[6][4096], up[32];
	bool	 any = false;

	(void)printf("pkgtorrentd %s, %s for %s, pid %s, configuration %s\n",
	    fact_find(text, "version", values[0], sizeof(values[0])),
	    fact_find(text, "state", values[1], sizeof(values[1])),
	    people_time(fact_find(text, "up", values[2], sizeof(values[2])),
	    up),
	    fact_find(text, "pid", values[3], sizeof(values[3])),
	    fact_find(text, "conf", values[4], sizeof(values[4])));
	(void)printf("sockets listening: %s, other trackers: %s, layers of the "
	    "parent: %s\n\n",
	    fact_find(text, "listening", values[0], sizeof(values[0])),
	    fact_find(text, "trackers", values[1], sizeof(values[1])),
	    fact_find(text, "layers", values[2], sizeof(values[2])));
	(void)printf("%-20s %7s  %-8s %12s %12s %8s  %s\n", "process", "pid",
	    "state", "up", "memory", "restarts", "layers");
	lines_each(text, "process", PROCESS_WORDS, print_process, NULL);
	(void)printf("\n");
	summary_print(counts);
	lines_each(text, "hashing", HASHING_WORDS, print_hashing, NULL);
	lines_each(text, "trouble", TROUBLE_WORDS, print_trouble, &any);
}

enum ctl_exit
command_status(struct ctl *ctl, int argc, char *argv[])
{
	const struct msg_controlled	*body;
	uint64_t			 counts[COUNT_ROWS] = { 0 };
	struct buf			 text = { 0 };
	bool				 all, json;

	all = argc == 2 && strcmp(argv[1], "--all") == 0;
	json = argc == 2 && strcmp(argv[1], "--json") == 0;
	if (argc > 1 && !all && !json)
		return ctl_usage();
	if (!ctl_begin(ctl, CONTROL_STATUS, 0, NULL, 0, -1))
		return CTL_FAILED;
	do {
		if (!ctl_next(ctl, ANSWER_MS) ||
		    (body = ctl_controlled(ctl)) == NULL ||
		    buf_add(&text, ctl->answer.tail,
		    ctl->answer.tail_len) == -1) {
			buf_free(&text);
			return CTL_FAILED;
		}
	} while (body->state == CONTROL_RUNNING);
	lines_each(&text, "count", COUNT_WORDS, count_take, counts);
	if (json)
		print_json(&text, counts);
	else
		print_people(&text, counts);
	if (all)
		print_all(counts);
	buf_free(&text);
	return CTL_FINE;
}
