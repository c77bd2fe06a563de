#include "run/coordinator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "run/control.h"
#include "run/orphans.h"
#include "run/service.h"
#include "store/keys.h"

#define PEERS 16
#define PEER_PATIENCE 5000 /* ms that a peer may take to ask */
#define ONE_WISH 500      /* ms: signals closer than that are one wish (timeout(1) sends two) */

static const struct coordinator_options *opts;
static struct watch **watches;
static int nwatches;
static struct control_peer peers[PEERS];
static struct output out;
static int listener, signals, stops;

static struct watch *find(const char *name)
{
	for (int i = 0; i < nwatches; i++)
		if (strcmp(watches[i]->name, name) == 0)
			return watches[i];
	return NULL;
}

static bool all_over(void)
{
	for (int i = 0; i < nwatches; i++)
		if (!watch_over(watches[i]))
			return false;
	return true;
}

static struct watch *add(const char *name, const struct pipeline *of)
{
	struct watch *w = xcalloc(1, sizeof *w);

	watch_init(w, name, of, &opts->times, &out);
	watches = xrealloc(watches, (size_t)(nwatches + 1) * sizeof *watches);
	watches[nwatches++] = w;
	return w;
}

static void stop_all(void)
{
	if (!stops++)
		service_say("STOPPING=1");
	for (int i = 0; i < nwatches; i++)
		if (!watch_over(watches[i]))
			watch_stop(watches[i]);
}

/* Requests */

static __attribute__((format(printf, 2, 3))) jv refuse(int status, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return json_obj("ok", jv_false(), "status", jv_number(status), "error", jv_string(text), NULL);
}

static jv yes(void)
{
	return json_obj("ok", jv_true(), NULL);
}

static jv do_status(const char *name)
{
	jv list = jv_array();

	if (*name && !find(name)) {
		jv_free(list);
		return refuse(EX_NO, "no session '%s' is here", name);
	}
	for (int i = 0; i < nwatches; i++)
		if (!*name || strcmp(watches[i]->name, name) == 0)
			list = json_push(list, watch_status(watches[i]));
	return json_set(yes(), "sessions", list);
}

/* The keys that came along with REQUEST become the session's. -1 when they do not match. */
static int adopt_keys(struct control_peer *p, jv request, const char *name)
{
	jv parts = json_get(request, "parts");
	int n = (int)json_len(parts), r = n == p->nfds ? 0 : -1;

	for (int i = 0; !r && i < n; i++) {
		jv part = json_at(parts, i);
		unsigned bit = parts_parse(json_string(part, ""));

		jv_free(part);
		r = bit && !(bit & (bit - 1)) ? keys_adopt(name, (enum part)__builtin_ctz(bit), p->fds[i], NULL) : -1;
		if (!r)
			p->fds[i] = -1;
	}
	jv_free(parts);
	return r;
}

static jv do_start(struct control_peer *p, jv request, const char *name)
{
	const struct pipeline *of = pipeline_find(json_str(request, "pipeline", opts->pipeline->name));
	struct watch *w = find(name);

	if (!name_valid(name))
		return refuse(EX_USAGE, "'%s' is no session name", name);
	if (!of)
		return refuse(EX_USAGE, "no pipeline is called '%s'", json_str(request, "pipeline", ""));
	if (stops)
		return refuse(EX_TEMPFAIL, "%s is not started: the coordinator is stopping", name);
	if (w && !watch_over(w))
		return refuse(EX_TEMPFAIL, "%s runs already", name);
	if (adopt_keys(p, request, name)) {
		keys_drop(name);
		return refuse(EX_NOPERM, "what came along for %s are not its keys", name);
	}
	if (!w)
		w = add(name, of);
	w->pipeline = of;
	w->paused = false;
	watch_start(w);
	return yes();
}

/* Invalid when the answer comes later. */
static jv do_stop(struct control_peer *p, const char *name)
{
	struct watch *w = find(name);

	if (*name && !w)
		return refuse(EX_NO, "no session '%s' is here", name);
	if (!*name)
		stop_all();
	else if (!watch_over(w))
		watch_stop(w);
	p->waits_for = xstrdup(name);
	return jv_invalid();
}

static jv do_pause(const char *name, bool on)
{
	struct watch *w = find(name);

	if (!w || watch_over(w))
		return refuse(EX_NO, "no session '%s' runs here", name);
	watch_pause(w, on);
	return yes();
}

static jv do_request(struct control_peer *p, jv request)
{
	const char *verb = json_str(request, "do", ""), *name = json_str(request, "session", "");

	if (strcmp(verb, "status") == 0 || strcmp(verb, "list") == 0)
		return do_status(name);
	if (strcmp(verb, "start") == 0)
		return do_start(p, request, name);
	if (strcmp(verb, "stop") == 0)
		return do_stop(p, name);
	if (strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0)
		return do_pause(name, verb[0] == 'p');
	return refuse(EX_USAGE, "no request is called '%s'", verb);
}

static void serve(struct control_peer *p)
{
	jv request, answer;
	int r = control_read(p, &request);

	if (r < 0)
		control_close(p);
	if (r <= 0)
		return;
	answer = p->waits_for ? jv_invalid() : do_request(p, request);
	if (json_ok(answer))
		control_answer(p, answer);
	jv_free(request);
}

static void answer_waiting(void)
{
	for (int i = 0; i < PEERS; i++) {
		const char *name = peers[i].waits_for;

		/* who stops all is answered by our end */
		if (name && *name && watch_over(find(name)))
			control_answer(&peers[i], yes());
	}
}

static void accept_peers(void)
{
	for (int i = 0; i < PEERS; i++)
		if (peers[i].fd < 0 && !control_accept(listener, &peers[i]))
			return;
}

/* Children */

static void reap(void)
{
	siginfo_t si = {0};

	/* a look first: whose end it is decides who may take its status */
	while (si.si_pid = 0, waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid) {
		bool ours = false;

		for (int i = 0; i < nwatches && !ours; i++)
			ours = watch_reap(watches[i], si.si_pid);
		if (!ours)
			waitpid(si.si_pid, NULL, 0); /* an orphan of a stage, left to us */
	}
	for (int i = 0; i < nwatches; i++)
		watch_round(watches[i]);
}

static void take_signals(void)
{
	static int64_t last = -ONE_WISH;

	for (int sig; (sig = proc_signal_next(signals));)
		if (sig != SIGCHLD && clock_mono() - last >= ONE_WISH) {
			last = clock_mono();
			stop_all();
		}
	reap();
}

/* Standard output */

/* Nobody reads on: what we would say is lost, and with it the reason to go on. */
static void lose_out(void)
{
	static bool lost;

	output_drop(&out);
	if (lost)
		return;
	lost = true;
	warn("nobody reads our output any more: stopping");
	stop_all();
}

/* The loop */

static int64_t next_deadline(void)
{
	int64_t at = service_alive();

	for (int i = 0; i < nwatches; i++) {
		if (line_ready(&watches[i]->in) && output_room(&out))
			return 0;
		at = clock_earlier(at, watch_deadline(watches[i]));
	}
	for (int i = 0; i < PEERS; i++)
		if (peers[i].fd >= 0 && !peers[i].waits_for)
			at = clock_earlier(at, peers[i].since + PEER_PATIENCE);
	return at;
}

static bool peer_free(void)
{
	for (int i = 0; i < PEERS; i++)
		if (peers[i].fd < 0)
			return true;
	return false;
}

/* What poll(2) is asked: signals, the listener, stdout, the peers, the pipelines' ends. */
static void ask_poll(struct pollfd *p)
{
	p[0] = (struct pollfd){signals, POLLIN, 0};
	p[1] = (struct pollfd){peer_free() ? listener : -1, POLLIN, 0};
	p[2] = (struct pollfd){STDOUT_FILENO, output_pending(&out) ? POLLOUT : 0, 0};
	p += 3;
	for (int i = 0; i < PEERS; i++)
		*p++ = (struct pollfd){peers[i].fd, POLLIN, 0};
	for (int i = 0; i < nwatches; i++)
		*p++ = (struct pollfd){output_room(&out) ? watches[i]->in.fd : -1, POLLIN, 0};
}

static void serve_peers(const struct pollfd *p)
{
	for (int i = 0; i < PEERS; i++) {
		if (p[i].revents && peers[i].fd >= 0)
			serve(&peers[i]);
		else if (peers[i].fd >= 0 && !peers[i].waits_for && clock_mono() >= peers[i].since + PEER_PATIENCE)
			control_close(&peers[i]);
	}
}

static void turn(void)
{
	int there = nwatches; /* a request may add one */
	struct pollfd *p = xcalloc(3 + PEERS + (size_t)there, sizeof *p);

	ask_poll(p);
	proc_poll(p, 3 + PEERS + (unsigned)there, next_deadline());
	if ((p[2].revents & (POLLERR | POLLNVAL)) || ((p[2].revents & POLLOUT) && output_write(&out)))
		lose_out();
	for (int i = 0; i < there; i++)
		if (p[3 + PEERS + i].revents || line_ready(&watches[i]->in))
			watch_read(watches[i]);
	if (p[0].revents)
		take_signals();
	serve_peers(p + 3);
	if (p[1].revents)
		accept_peers();
	for (int i = 0; i < nwatches; i++)
		watch_tick(watches[i]);
	answer_waiting();
	free(p);
}

static int final_status(void)
{
	int status = 0;

	for (int i = 0; i < nwatches; i++) {
		const struct watch *w = watches[i];
		int own = w->state == WATCH_HALTED ? w->last_status : w->state == WATCH_FAILED ? EX_NO : 0;

		if (own > status)
			status = own;
	}
	return status;
}

static void wind_up(void)
{
	char *sock = path_run(NULL, "run.sock", NULL);

	close(listener);
	if (sock)
		unlink(sock);
	free(sock);
	orphans_end(signals);
	for (int i = 0; i < PEERS; i++)
		if (peers[i].waits_for)
			control_answer(&peers[i], yes());
	for (int i = 0; i < nwatches; i++) {
		watch_free(watches[i]);
		free(watches[i]);
	}
	free(watches);
	output_free(&out);
}

int coordinator_run(const struct coordinator_options *options, const char *const *sessions, int n, struct err *e)
{
	char *path = path_run(NULL, "run.lock", e);
	struct sigaction hup;
	int lock, status;

	if (!path)
		return -1;
	lock = fs_lock(path, "this user's coordinator (ab-run start adds a session to it)", e);
	free(path);
	/* nohup(1) has HUP ignored, and means it */
	sigaction(SIGHUP, NULL, &hup);
	if (lock < 0 ||
	    (signals = proc_signals((const int[]){SIGCHLD, SIGTERM, SIGINT, hup.sa_handler == SIG_IGN ? 0 : SIGHUP, 0}, e)) < 0 ||
	    (listener = control_listen(e)) < 0)
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a stage leaves behind becomes ours to end */
	service_init();
	opts = options;
	for (int i = 0; i < PEERS; i++)
		peers[i].fd = -1;
	for (int i = 0; i < n; i++)
		if (!find(sessions[i]))
			watch_start(add(sessions[i], options->pipeline));
	service_say("READY=1");
	/* a third signal does not wait for our reader */
	while (!all_over() || (output_pending(&out) && stops < 3) || (opts->stay && !stops))
		turn();
	status = final_status();
	wind_up();
	close(lock);
	return status;
}
