#include "ext/filter.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jq.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "base/wipe.h"

#define FRAME_MAX (32u << 20)
#define ANSWER_MAX (8u << 20)
#define MEMORY (256u << 20) /* what a worker may take beyond what it starts with */
#define COMPILE_MS 10000
#define SCAN_DEPTH 64

/* jq 1.6 knows no zone but TZ, by localtime, and its mktime is an hour wrong where TZ has summer time: so
 * days are counted here (a year beginning in March), and mktime is replaced for the programs too. A time
 * that a change skips is moved on by the gap, of one that comes twice the first is meant, as in zone_parse.
 * No `try`: jq 1.6's also catches what fails after it. No comments: lines are counted. */
static const char prelude[] =
	"def ab_fields: . as [$year, $month, $day, $h, $m, $s] | ($month + 1) as $mon |\n"
	" (if $mon > 2 then $year else $year - 1 end) as $y | ($y / 400 | floor) as $era | ($y - $era * 400) as $yoe |\n"
	" (((153 * ($mon + (if $mon > 2 then -3 else 9 end)) + 2) / 5 | floor) + $day - 1) as $doy |\n"
	" ($era * 146097 + $yoe * 365 + ($yoe / 4 | floor) - ($yoe / 100 | floor) + $doy - 719468) * 86400\n"
	" + $h * 3600 + $m * 60 + ($s | floor);\n"
	"def mktime: if type != \"array\" or length < 6 or any(.[]; type != \"number\") then error(\"mktime requires array of 6 numbers\") else ab_fields end;\n"
	"def fromdateiso8601: strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime;\n"
	"def fromdate: fromdateiso8601;\n"
	"def ab_offset: floor | (localtime | ab_fields) - .;\n"
	"def ab_exact: . as $text | if type != \"string\" or (test(\"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$\") | not) then null\n"
	" else [.[0:4], .[5:7], .[8:10], .[11:13], .[14:16], .[17:19]] | map(tonumber) | .[1] -= 1 | ab_fields end |\n"
	" if . != null and strftime(\"%Y-%m-%d %H:%M:%S\") == $text then . else error(\"not a date or time: \" + ($text | tojson)) end;\n"
	"def ab_local: .[0:10] + \" \" + (.[11:] | if . == \"\" then \"00:00\" else . end) | if length == 16 then . + \":00\" else . end |\n"
	" ab_exact as $wall |\n"
	" ($wall - ($wall - 86400 | ab_offset)) as $early | ($wall - ($wall + 86400 | ab_offset)) as $late |\n"
	" if ($early | . + ab_offset) == $wall then $early elif ($late | . + ab_offset) == $wall then $late else $early end;\n"
	"def ab_instant: if type == \"number\" then floor\n"
	" elif type != \"string\" then error(\"not a time: \" + tojson)\n"
	" elif length <= 16 or (.[19:] | test(\"^([.][0-9]+)?(Z|[+-][0-9][0-9]:[0-9][0-9])$\") | not) then ab_local\n"
	" else (.[0:10] + \" \" + .[11:19] | ab_exact) - (if endswith(\"Z\") then 0 else\n"
	"  ((.[-5:-3] | tonumber) * 3600 + (.[-2:] | tonumber) * 60) * (if .[-6:-5] == \"-\" then -1 else 1 end) end) end;\n"
	"def ab_two: floor | tostring | if length < 2 then \"0\" + . else . end;\n"
	"def ab_count: tonumber | floor | if . < 0 or . > 3660 then error(\"a count outside 0 to 3660\") else . end;\n"
	"def format_time($format): ab_instant | . as $at | ab_offset as $off |\n"
	" ((if $off < 0 then \"-\" else \"+\" end) + ($off | fabs | (. / 3600 | ab_two) + (. % 3600 / 60 | ab_two))) as $zone |\n"
	" ($format | split(\"%%\") | map(split(\"%z\") | join($zone) | split(\"%s\") | join($at | tostring)) | join(\"%%\")) as $f |\n"
	" if $f == \"\" then \"\" else $at + $off | strftime($f) end;\n"
	"def local_to_utc: ab_local | strftime(\"%Y-%m-%dT%H:%M:%SZ\");\n"
	"def days($from; $n): ($from | format_time(\"%Y-%m-%d 00:00:00\") | ab_exact) as $first |\n"
	" [range($n | ab_count) | $first + . * 86400 | strftime(\"%Y-%m-%d\")];\n"
	"def months($from; $n): ($from | if type == \"string\" and length == 7 then . + \"-01\" else . end | format_time(\"%Y-%m\")) as $m |\n"
	" [range($n | ab_count) | . + ($m[0:4] | tonumber) * 12 + ($m[5:7] | tonumber) - 1 |\n"
	"  (. / 12 | floor | tostring) + \"-\" + (. % 12 + 1 | ab_two)];\n"
	"def month_days: . as $m | (. + \"-01 00:00:00\" | ab_exact) as $first |\n"
	" [range(31) | $first + . * 86400 | strftime(\"%Y-%m-%d\") | select(startswith($m))];\n";

struct origin {
	size_t program, at; /* what stands on a line of the whole program */
};

struct filter {
	char **programs;
	size_t n;
	char *zone;
	int limit;
	pid_t pid; /* 0: no worker */
	int fd;
	bool compiled; /* the worker of now has the programs */
	bool late;     /* … and was forked while we held what it is to forget */
	jv last;       /* members of the input that the worker holds */
};

/* --- words --- */

struct scan {
	const char *text;
	size_t i;
	struct filter_words *w;
	size_t cap;
};

static int scan_fail(struct scan *s, size_t at, const char *what)
{
	s->w->wrong = what;
	s->w->wrong_at = at;
	return -1;
}

static void word_add(struct scan *s, enum filter_kind kind, int depth, size_t at)
{
	if (s->w->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 32;
		s->w->list = xrealloc(s->w->list, s->cap * sizeof *s->w->list);
	}
	s->w->list[s->w->n++] = (struct filter_word){kind, depth, at, s->i - at};
}

static bool name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static void skip_name(struct scan *s)
{
	while (isalnum((unsigned char)s->text[s->i]) || s->text[s->i] == '_')
		s->i++;
}

static void skip_digits(struct scan *s)
{
	while (isdigit((unsigned char)s->text[s->i]))
		s->i++;
}

static void skip_number(struct scan *s)
{
	const char *p;

	skip_digits(s);
	if (s->text[s->i] == '.') {
		s->i++;
		skip_digits(s);
	}
	p = s->text + s->i;
	if ((*p == 'e' || *p == 'E') && isdigit((unsigned char)p[1 + (p[1] == '+' || p[1] == '-')])) {
		s->i += 1 + (p[1] == '+' || p[1] == '-');
		skip_digits(s);
	}
}

static int scan_until(struct scan *s, int depth, char close, size_t open_at);

/* At the opening quote. The string's own word comes before those of its interpolations. */
static int scan_string(struct scan *s, int depth)
{
	size_t at = s->i++, word = s->w->n;

	word_add(s, FILTER_STRING, depth, at);
	for (;;) {
		char c = s->text[s->i];

		if (!c)
			return scan_fail(s, at, "a string without its closing quote");
		s->i++;
		if (c == '"')
			break;
		if (c != '\\')
			continue;
		if (!s->text[s->i])
			return scan_fail(s, at, "a string without its closing quote");
		if (s->text[s->i++] == '(') {
			word_add(s, FILTER_OP, depth + 1, s->i - 1);
			if (scan_until(s, depth + 1, ')', s->i - 1))
				return -1;
		}
	}
	s->w->list[word].len = s->i - at;
	return 0;
}

static void skip_blank(struct scan *s)
{
	for (;;) {
		while (s->text[s->i] && strchr(" \t\r\n", s->text[s->i]))
			s->i++;
		if (s->text[s->i] != '#')
			return;
		while (s->text[s->i] && s->text[s->i] != '\n')
			s->i++;
	}
}

static void skip_op(struct scan *s)
{
	static const char *const ops[] = {"?//=", "?//", "//=", "..", "|=", "+=", "-=", "*=", "/=", "%=",
					  "==",   "!=",  "<=",  ">=", "//", "::"};

	for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
		if (str_starts(s->text + s->i, ops[k])) {
			s->i += strlen(ops[k]);
			return;
		}
	s->i++;
}

static int scan_word(struct scan *s, int depth)
{
	const char *p = s->text + s->i;
	size_t at = s->i;
	enum filter_kind kind = FILTER_OP;

	if (*p == '.' && name_start(p[1])) {
		s->i++;
		skip_name(s);
		kind = FILTER_FIELD;
	} else if (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1]))) {
		skip_number(s);
		kind = FILTER_NUMBER;
	} else if (name_start(*p)) {
		skip_name(s);
		while (str_starts(s->text + s->i, "::") && name_start(s->text[s->i + 2])) {
			s->i += 2;
			skip_name(s);
		}
		kind = FILTER_NAME;
	} else if (*p == '$' || *p == '@') {
		kind = *p == '$' ? FILTER_VAR : FILTER_FORMAT;
		s->i++;
		if (!name_start(p[1]))
			return scan_fail(s, at, *p == '$' ? "a name must follow the $" : "a name must follow the @");
		skip_name(s);
	} else if ((unsigned char)*p >= 0x80 || !strchr("()[]{}.?=;,:|+-*/%<>!", *p)) {
		return scan_fail(s, at, "a character that jq does not know here");
	} else {
		skip_op(s);
	}
	word_add(s, kind, depth, at);
	return 0;
}

/* Words up to and with CLOSE (0: the end of the text). */
static int scan_until(struct scan *s, int depth, char close, size_t open_at)
{
	char closers[SCAN_DEPTH];
	size_t opened[SCAN_DEPTH];
	int level = 0;

	if (depth > 8)
		return scan_fail(s, open_at, "strings nested too deep");
	closers[0] = close;
	opened[0] = open_at;
	for (;;) {
		char c;

		skip_blank(s);
		c = s->text[s->i];
		if (!c)
			return closers[level] ? scan_fail(s, opened[level], "a bracket that is not closed") : 0;
		if (c == '"') {
			if (scan_string(s, depth))
				return -1;
			continue;
		}
		if (strchr(")]}", c) && c != closers[level])
			return scan_fail(s, s->i, "a closing bracket that fits no opening one");
		if (scan_word(s, depth))
			return -1;
		if (strchr("([{", c)) {
			if (++level == SCAN_DEPTH)
				return scan_fail(s, s->i - 1, "brackets nested too deep");
			closers[level] = c == '(' ? ')' : c == '[' ? ']' : '}';
			opened[level] = s->i - 1;
		} else if (strchr(")]}", c) && level-- == 0) {
			return 0;
		}
	}
}

int filter_scan(struct filter_words *w, const char *text)
{
	struct scan s = {.text = text, .w = w};

	*w = (struct filter_words){0};
	if (scan_until(&s, 0, 0, 0))
		return -1;
	return w->n ? 0 : scan_fail(&s, 0, "an empty filter");
}

void filter_words_free(struct filter_words *w)
{
	free(w->list);
	*w = (struct filter_words){0};
}

bool filter_word_is(const struct filter_words *w, size_t i, const char *program, const char *text)
{
	return i < w->n && w->list[i].len == strlen(text) && memcmp(program + w->list[i].at, text, w->list[i].len) == 0;
}

/* --- the whole program --- */

struct whole {
	struct str text;
	struct origin *lines; /* of each line, from 1; program SIZE_MAX: none of theirs */
	size_t n, cap;
};

static void whole_line(struct whole *w, const char *text, size_t len, size_t program, size_t at)
{
	if (w->n + 1 >= w->cap) {
		w->cap = w->cap ? w->cap * 2 : 256;
		w->lines = xrealloc(w->lines, w->cap * sizeof *w->lines);
	}
	w->lines[++w->n] = (struct origin){program, at};
	str_add(&w->text, text, len);
	str_putc(&w->text, '\n');
}

/* Each word on a line of its own: jq names only the line of a mistake, so this gives us the column. */
static void whole_program(struct whole *w, const char *program, size_t index)
{
	struct filter_words words;
	char head[40];

	snprintf(head, sizeof head, "def ab_%zu: (", index);
	whole_line(w, head, strlen(head), index, 0);
	if (filter_scan(&words, program) == 0)
		for (size_t i = 0; i < words.n; i++)
			if (words.list[i].depth == 0)
				whole_line(w, program + words.list[i].at, words.list[i].len, index, words.list[i].at);
	filter_words_free(&words);
	whole_line(w, ");", 2, index, strlen(program));
}

/* The choice among programs LO..HI-1 as a balanced tree of ifs. */
static void whole_choice(struct str *b, size_t lo, size_t hi)
{
	size_t mid = lo + (hi - lo) / 2;

	if (hi - lo == 1) {
		str_addf(b, "ab_%zu", lo);
		return;
	}
	str_addf(b, "if $ab_i < %zu then ", mid);
	whole_choice(b, lo, mid);
	str_puts(b, " else ");
	whole_choice(b, mid, hi);
	str_puts(b, " end");
}

/* BAD programs (may be NULL) are left out, so that what else is wrong shows. */
static void whole_make(struct whole *w, const struct filter *f, const bool *bad)
{
	struct str choice = {0};

	*w = (struct whole){0};
	for (const char *p = prelude, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		whole_line(w, p, (size_t)(end - p), SIZE_MAX, 0);
	}
	for (size_t i = 0; i < f->n; i++)
		whole_program(w, bad && bad[i] ? "null" : f->programs[i], i);
	str_puts(&choice, ".[0] as $ab_i | .[1] | ");
	if (f->n)
		whole_choice(&choice, 0, f->n);
	else
		str_puts(&choice, ".");
	whole_line(w, choice.s, choice.len, SIZE_MAX, 0);
	str_free(&choice);
}

static void whole_free(struct whole *w)
{
	str_free(&w->text);
	free(w->lines);
}

/* --- frames: a length in 4 bytes, then JSON --- */

static int frame_io(int fd, bool out, char *data, size_t len, int64_t deadline)
{
	while (len) {
		struct pollfd p = {fd, out ? POLLOUT : POLLIN, 0};
		ssize_t n;

		if (deadline >= 0 && proc_poll(&p, 1, deadline) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = out ? send(fd, data, len, MSG_NOSIGNAL | (deadline >= 0 ? MSG_DONTWAIT : 0)) : recv(fd, data, len, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EPIPE;
			return -1;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int frame_put(int fd, jv v, int64_t deadline)
{
	struct str b = {0};
	uint32_t len = 0;
	int r = -1;

	str_add(&b, &len, sizeof len);
	json_add_text(&b, v);
	jv_free(v);
	len = (uint32_t)(b.len - sizeof len);
	memcpy(b.s, &len, sizeof len);
	if (b.len > FRAME_MAX)
		errno = EMSGSIZE;
	else
		r = frame_io(fd, true, b.s, b.len, deadline);
	str_free(&b);
	return r;
}

/* Invalid with errno. */
static jv frame_get(int fd, size_t max, int64_t deadline)
{
	uint32_t len;
	char *text;
	jv v = jv_invalid();

	if (frame_io(fd, false, (char *)&len, sizeof len, deadline))
		return v;
	if (len > max) {
		errno = EMSGSIZE;
		return v;
	}
	text = xmalloc(len + 1);
	if (frame_io(fd, false, text, len, deadline) == 0) {
		v = json_parse_foreign(text, len, NULL);
		if (!json_ok(v))
			errno = EBADMSG;
	}
	free(text);
	return v;
}

/* --- the worker --- */

static void limit_set(int what, rlim_t soft)
{
	struct rlimit l = {soft, soft};

	setrlimit(what, &l);
}

/* A run's bound for when our parent, who watches the time, is stopped. */
static void limit_cpu(int ms)
{
	struct rlimit l;
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	getrlimit(RLIMIT_CPU, &l);
	l.rlim_cur = (rlim_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec + ms / 1000 + 3);
	setrlimit(RLIMIT_CPU, &l);
}

static int worker_confine(int fd, const char *zone, pid_t parent)
{
	struct tm tm;
	time_t now = 0;
	sigset_t none;
	int null;

	prctl(PR_SET_NAME, "ab-filters");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return -1;
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	/* a Ctrl-C is for our parent to answer, who may need us to end well */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || (fd = fcntl(fd, F_DUPFD, 10)) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	syscall(SYS_close_range, 4u, ~0u, 0);
	clearenv();
	setenv("TZ", zone, 1);
	tzset();
	localtime_r(&now, &tm); /* reads the zone's file: after this no file can be opened */
	sandbox_memory(MEMORY);
	limit_set(RLIMIT_CORE, 0);
	limit_set(RLIMIT_FSIZE, 0);
	limit_set(RLIMIT_NOFILE, 0);
	limit_set(RLIMIT_NPROC, 0);
	return 0;
}

static void worker_error(void *list, jv msg)
{
	jv *to = list;

	if (json_is(msg, JV_KIND_STRING))
		*to = json_push(*to, msg);
	else
		jv_free(msg);
}

/* Without these libjq calls what was never set. */
static jv no_input(jq_state *jq, void *ctx)
{
	(void)jq;
	(void)ctx;
	return jv_invalid();
}

static void no_debug(void *ctx, jv msg)
{
	(void)ctx;
	jv_free(msg);
}

static jv answer_error(jv invalid)
{
	jv msg = jv_invalid_get_msg(invalid);

	if (!json_is(msg, JV_KIND_STRING))
		msg = jv_dump_string(msg, 0);
	return json_obj("error", msg, NULL);
}

static jv worker_run(jq_state *jq, jv index, jv input)
{
	jv first, more;

	jq_start(jq, json_push(json_push(jv_array(), index), input), 0);
	first = jq_next(jq);
	if (jv_is_valid(first)) {
		more = jq_next(jq);
		if (jv_is_valid(more)) {
			jv_free(more);
			jv_free(first);
			return json_obj("error", jv_string("gives more than one value: put it in [ ]"), NULL);
		}
		if (!jv_invalid_has_msg(jv_copy(more))) {
			jv_free(more);
			return json_obj("value", first, NULL);
		}
		jv_free(first);
		return answer_error(more);
	}
	if (jv_invalid_has_msg(jv_copy(first)))
		return answer_error(first);
	jv_free(first);
	return json_obj("value", jv_null(), NULL);
}

static jv worker_answer(jq_state *jq, jv request, jv held)
{
	if (json_has(request, "index"))
		return worker_run(jq, json_get(request, "index"), json_has(request, "input") ? json_get(request, "input") : jv_copy(held));
	jq_start(jq, jv_null(), 0); /* lets go of what an earlier run left undone */
	return jv_object();
}

_Noreturn static void worker(const char *program, const char *zone, int fd, pid_t parent)
{
	jv errors = jv_array(), held = jv_object(), request;
	jq_state *jq;
	bool ok;

	wipe_begin(); /* as our parent, whose locks are not inherited */
	if (worker_confine(fd, zone, parent))
		_exit(EX_OSERR);
	limit_cpu(COMPILE_MS);
	jq = jq_init();
	if (!jq)
		_exit(EX_OSERR);
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array()); /* without it `import` aborts */
	jq_set_input_cb(jq, no_input, NULL);
	jq_set_debug_cb(jq, no_debug, NULL);
	jq_set_error_cb(jq, worker_error, &errors);
	ok = jq_compile(jq, program);
	jq_set_error_cb(jq, NULL, NULL);
	if (frame_put(3, json_obj("ok", ok ? jv_true() : jv_false(), "errors", errors, NULL), -1) || !ok)
		_exit(0);
	for (;; wipe_stack()) {
		request = frame_get(3, FRAME_MAX, -1);
		if (!json_ok(request))
			break;
		jv gone = json_get(request, "gone");

		limit_cpu((int)json_num(request, "ms", 2000));
		for (struct json_iter it = json_iter(gone); json_next(&it);)
			held = json_del(held, json_string(it.value, ""));
		jv_free(gone);
		held = json_merge_take(held, json_get(request, "set"));
		if (frame_put(3, worker_answer(jq, request, held), -1))
			break;
		jv_free(request);
	}
	_exit(0);
}

/* --- our side --- */

struct filter *filter_new(const char *const *programs, size_t n, const char *zone)
{
	struct filter *f = xcalloc(1, sizeof *f);

	f->programs = xcalloc(n + 1, sizeof *f->programs);
	for (size_t i = 0; i < n; i++)
		f->programs[i] = xstrdup(programs[i]);
	f->n = n;
	f->zone = xstrdup(zone ? zone : "UTC");
	f->limit = 2000;
	f->fd = -1;
	f->last = jv_object();
	return f;
}

void filter_limit(struct filter *f, int ms)
{
	f->limit = ms;
}

static void worker_end(struct filter *f)
{
	if (f->pid) {
		kill(f->pid, SIGKILL);
		while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(f->fd);
	}
	f->pid = 0;
	f->fd = -1;
	f->compiled = f->late = false;
	jv_free(f->last);
	f->last = jv_object();
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	worker_end(f);
	jv_free(f->last);
	for (size_t i = 0; i < f->n; i++)
		free(f->programs[i]);
	free(f->programs);
	free(f->zone);
	free(f);
}

/* Starts a worker on W; its report of the compile, or invalid with *e. */
static jv worker_start(struct filter *f, const struct whole *w, struct err *e)
{
	pid_t parent = getpid();
	int pair[2];
	jv report;

	worker_end(f);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		err_set(e, EX_OSERR, "start the filters' process: make a socket:");
		return jv_invalid();
	}
	f->pid = fork();
	if (f->pid == 0)
		worker(str_text(&w->text), f->zone, pair[1], parent);
	close(pair[1]);
	if (f->pid < 0) {
		f->pid = 0;
		close(pair[0]);
		err_set(e, EX_OSERR, "start the filters' process: fork:");
		return jv_invalid();
	}
	f->fd = pair[0];
	report = frame_get(f->fd, ANSWER_MAX, clock_mono() + COMPILE_MS);
	if (!json_ok(report)) {
		err_set(e, EX_TEMPFAIL, errno == ETIMEDOUT ? "the filters took longer than %d s to compile" :
			"the filters' process ended while compiling (over its time of %d s or its memory)", COMPILE_MS / 1000);
		worker_end(f);
	}
	return report;
}

/* "jq: error: WHAT at <top-level>, line N:\n…" */
static char *error_split(const char *text, size_t *line)
{
	const char *at = strstr(text, " at <top-level>, line ");
	char *what, *hint;

	if (str_starts(text, "jq: error: "))
		text += strlen("jq: error: ");
	*line = at ? strtoul(at + strlen(" at <top-level>, line "), NULL, 10) : 0;
	what = xstrndup(text, at && at > text ? (size_t)(at - text) : strcspn(text, "\n"));
	if ((hint = strstr(what, " (Unix shell quoting issues?)")))
		*hint = 0;
	return what;
}

struct found {
	char **texts;
	bool *bad;
	size_t total;
	filter_wrong *wrong;
	void *ctx;
	struct err *e;
};

static void mistake(struct found *found, size_t program, size_t at, const char *what)
{
	/* the bracket is ours */
	if (found->texts[program][at] == '\0' && strcmp(what, "syntax error, unexpected ')'") == 0)
		what = "syntax error, the filter ends too early";
	if (found->total++ == 0)
		err_set(found->e, EX_CONFIG, "filter: %s", what);
	if (found->wrong)
		found->wrong(found->ctx, program, at, what);
	found->bad[program] = true;
}

/* How many programs were newly found wrong. */
static size_t report_read(jv report, const struct whole *w, struct found *found)
{
	jv errors = json_get(report, "errors");
	size_t n = 0, last = SIZE_MAX;

	for (struct json_iter it = json_iter(errors); json_next(&it);) {
		size_t line, program;
		char *what = error_split(json_string(it.value, ""), &line);

		program = line >= 1 && line <= w->n ? w->lines[line].program : SIZE_MAX;
		if (program != SIZE_MAX && (!found->bad[program] || program == last)) {
			n++;
			last = program;
			mistake(found, program, w->lines[line].at, what);
		}
		free(what);
	}
	jv_free(errors);
	return n;
}

static void scan_all(const struct filter *f, struct found *found)
{
	struct filter_words words;

	for (size_t i = 0; i < f->n; i++) {
		if (filter_scan(&words, f->programs[i]))
			mistake(found, i, words.wrong_at, words.wrong);
		filter_words_free(&words);
	}
}

/* One mistake may hide others: what was found wrong is left out and the rest compiled again. */
static int compile_all(struct filter *f, struct found *found)
{
	for (;;) {
		struct whole w;
		jv report;
		bool ok = false, more = false;

		whole_make(&w, f, found->bad);
		report = worker_start(f, &w, found->e);
		if (json_ok(report)) {
			ok = json_bool(report, "ok", false);
			more = !ok && report_read(report, &w, found) > 0;
			if (!ok && !more && found->total == 0)
				err_set(found->e, EX_CONFIG, "the filters do not compile together");
		}
		jv_free(report);
		whole_free(&w);
		if (!more)
			return ok && found->total == 0 ? 0 : -1;
	}
}

int filter_check(struct filter *f, filter_wrong *wrong, void *ctx, struct err *e)
{
	struct found found = {f->programs, xcalloc(f->n + 1, sizeof(bool)), 0, wrong, ctx, e};
	int r;

	scan_all(f, &found);
	r = compile_all(f, &found);
	f->compiled = r == 0;
	if (r)
		worker_end(f);
	free(found.bad);
	return r;
}

/* What of INPUT the worker lacks, as members of the request. */
static jv request_make(struct filter *f, size_t index, jv input)
{
	jv set = jv_object(), gone = jv_array(), old;
	jv request = json_obj("index", jv_number((double)index), "ms", jv_number(f->limit), NULL);

	if (!json_is(input, JV_KIND_OBJECT)) {
		jv_free(set);
		jv_free(gone);
		return json_set(request, "input", input);
	}
	for (struct json_iter it = json_iter(input); json_next(&it);) {
		old = json_get(f->last, it.key);
		if (!json_has(f->last, it.key) || !jv_identical(old, jv_copy(it.value)))
			set = json_set(set, it.key, jv_copy(it.value));
	}
	for (struct json_iter it = json_iter(f->last); json_next(&it);)
		if (!json_has(input, it.key))
			gone = json_push(gone, jv_string(it.key));
	jv_free(f->last);
	f->last = input;
	return json_set(json_set(request, "set", set), "gone", gone);
}

static bool worker_alive(struct filter *f)
{
	if (f->pid && waitpid(f->pid, NULL, WNOHANG) == f->pid) {
		close(f->fd);
		f->pid = 0;
	}
	return f->pid && f->compiled;
}

static jv run_failed(struct filter *f, size_t index, struct err *e)
{
	const char *text = f->programs[index];
	int shown = (int)strcspn(text, "\n");

	if (shown > 80)
		shown = 80;
	if (errno == ETIMEDOUT)
		err_set(e, EX_TEMPFAIL, "filter %.*s took longer than %g s", shown, text, f->limit / 1000.0);
	else if (errno == EMSGSIZE || errno == EBADMSG)
		err_set(e, EX_TEMPFAIL, "filter %.*s: too much data", shown, text);
	else
		err_set(e, EX_TEMPFAIL, "filter %.*s used more than its memory or time, or crashed", shown, text);
	worker_end(f);
	return jv_invalid();
}

/* The worker died, or was ended: another. */
static int start_late(struct filter *f, struct err *e)
{
	if (worker_alive(f))
		return 0;
	if (filter_check(f, NULL, NULL, e))
		return -1;
	f->late = true;
	return 0;
}

void filter_forget(struct filter *f)
{
	int64_t deadline = clock_mono() + f->limit;
	jv answer;

	if (f->late) {
		filter_check(f, NULL, NULL, NULL); /* in the place of the one we have; where it fails, the next run says so */
		return;
	}
	if (!json_len(f->last) || !worker_alive(f))
		return;
	answer = frame_put(f->fd, json_del(request_make(f, 0, jv_object()), "index"), deadline) ? jv_invalid() : frame_get(f->fd, ANSWER_MAX, deadline);
	if (!json_ok(answer))
		worker_end(f);
	jv_free(answer);
}

jv filter_run(struct filter *f, size_t index, jv input, struct err *e)
{
	int64_t deadline;
	jv answer, value;

	if (index >= f->n || start_late(f, e)) {
		if (index >= f->n)
			err_set(e, EX_SOFTWARE, "there is no filter %zu", index);
		jv_free(input);
		return jv_invalid();
	}
	deadline = clock_mono() + f->limit;
	if (frame_put(f->fd, request_make(f, index, input), deadline))
		return run_failed(f, index, e);
	answer = frame_get(f->fd, ANSWER_MAX, deadline);
	if (!json_ok(answer))
		return run_failed(f, index, e);
	if (json_has(answer, "error")) {
		err_set(e, EX_DATAERR, "filter %.*s: %.300s", (int)strcspn(f->programs[index], "\n") > 80 ? 80 :
			(int)strcspn(f->programs[index], "\n"), f->programs[index], json_str(answer, "error", ""));
		value = jv_invalid();
	} else {
		value = json_get(answer, "value");
	}
	jv_free(answer);
	return value;
}
