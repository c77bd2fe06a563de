#include "wire/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static char *in_folders(const char *list, const char *name)
{
	for (; list && *list; list += strcspn(list, ":"), list += *list == ':') {
		char *path = xasprintf("%.*s/%s", (int)strcspn(list, ":"), list, name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static char *find(const char *name)
{
	char *path = in_folders(getenv("AB_LIBEXEC"), name);

	if (!path)
		path = in_folders(AB_LIBEXECDIR, name);
	return path ? path : in_folders(getenv("PATH"), name);
}

char *driver_find(const char *kind, const char *scheme, struct err *e)
{
	char *name, *path;

	if (!*scheme || strspn(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-") != strlen(scheme)) {
		err_set(e, EX_CONFIG, "'%.40s' can't name a driver of kind %s", scheme, kind);
		return NULL;
	}
	name = xasprintf("ab-%s-%s", kind, scheme);
	path = find(name);
	if (!path && str_ends(name, "s")) {
		/* https: and imaps: are served by what serves http: and imap: */
		name[strlen(name) - 1] = '\0';
		path = find(name);
		name[strlen(name)] = 's';
	}
	if (!path)
		err_set(e, EX_UNAVAILABLE, "no driver %s: neither in %s nor on PATH", name, AB_LIBEXECDIR);
	free(name);
	return path;
}

int driver_start_program(struct driver *d, const char *path, const char *const *args, const struct fd_map *fds,
			 int nfds, const char *const *env, struct err *e)
{
	const char *argv[32];
	struct fd_map maps[24];
	int in[2] = {-1, -1}, out[2] = {-1, -1}, n = 0, r = -1;

	*d = DRIVER_NONE;
	argv[n++] = path;
	while (args && *args && n < 31)
		argv[n++] = *args++;
	argv[n] = NULL;
	if (nfds > 20)
		return err_set(e, EX_SOFTWARE, "start %s: too many descriptors", path);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		err_set(e, EX_OSERR, "start %s: make a pipe:", path);
		goto out;
	}
	for (n = 0; n < nfds; n++)
		maps[n] = fds[n];
	maps[n++] = (struct fd_map){in[0], 0};
	maps[n++] = (struct fd_map){out[1], 1};
	r = launch(&d->child, argv, maps, n, env, false, e);
out:
	close(in[0]);
	close(out[1]);
	if (r) {
		close(in[1]);
		close(out[0]);
	} else {
		d->to = in[1];
		line_init(&d->in, out[0], LINE_PAGE_MAX);
	}
	return r;
}

int driver_start(struct driver *d, const char *kind, const char *scheme, const char *const *args, struct err *e)
{
	char *path = driver_find(kind, scheme, e);
	int r = -1;

	*d = DRIVER_NONE;
	if (path)
		r = driver_start_program(d, path, args, NULL, 0, NULL, e);
	free(path);
	return r;
}

int driver_send(struct driver *d, jv request, struct err *e)
{
	char *text = json_text(request);
	int r = line_put(d->to, text, strlen(text));

	if (r)
		err_set(e, EX_UNAVAILABLE, "write to the driver:");
	free(text);
	jv_free(request);
	return r;
}

jv driver_recv(struct driver *d, int64_t deadline, struct err *e)
{
	char *text;
	size_t len;
	jv v;

	switch (line_next(&d->in, &text, &len, deadline)) {
	case LINE_OK:
		v = json_parse(text, len, e);
		explicit_bzero(text, len); /* a code, maybe */
		if (!json_ok(v) || json_is(v, JV_KIND_OBJECT))
			return v;
		jv_free(v);
		err_set(e, EX_DATAERR, "the driver's answer is no object");
		break;
	case LINE_AGAIN:
		err_set(e, EX_TEMPFAIL, "the driver did not answer in time");
		break;
	case LINE_LONG:
		err_set(e, EX_DATAERR, "the driver's answer is longer than %zu bytes", d->in.max);
		break;
	default:
		err_set(e, EX_UNAVAILABLE, "the driver ended without an answer");
	}
	return jv_invalid();
}

jv driver_call(struct driver *d, jv request, int64_t deadline, struct err *e)
{
	if (driver_send(d, request, e))
		return jv_invalid();
	return driver_recv(d, deadline, e);
}

void driver_stop(struct driver *d, int64_t grace)
{
	if (d->to >= 0)
		close(d->to);
	if (d->child.pid && !child_wait(&d->child, clock_mono() + grace))
		child_end(&d->child, 1000);
	if (d->in.fd >= 0)
		close(d->in.fd);
	line_free(&d->in);
	*d = DRIVER_NONE;
}
