/* ab-notify-file: file:PATH appends the message as a line of JSON, once for each id (ab-notify(1), DRIVERS). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "ext/json.h"
#include "wire/line.h"

static jv failure(const char *message, bool retry)
{
	return json_obj("ok", jv_false(), "error", json_obj("code", jv_string("failed"), "message", jv_string(message), NULL), "retry",
			retry ? jv_true() : jv_false(), NULL);
}

/* A line with this id is there already. *WHOLE: the file's last line has its end. */
static bool has_id(int fd, const char *id, bool *whole)
{
	struct line_in in;
	enum line_got got;
	char *text, end = '\n';
	size_t len;
	bool found = false;
	struct stat st;

	line_init(&in, fd, LINE_EVENT_MAX);
	lseek(fd, 0, SEEK_SET);
	while (!found && ((got = line_next(&in, &text, &len, -1)) == LINE_OK || got == LINE_LONG)) {
		jv line = got == LINE_OK ? json_parse(text, len, NULL) : jv_invalid();

		found = strcmp(json_str(line, "id", ""), id) == 0;
		jv_free(line);
	}
	line_free(&in);
	if (fstat(fd, &st) == 0 && st.st_size && pread(fd, &end, 1, st.st_size - 1) != 1)
		end = '\0';
	*whole = end == '\n';
	return found;
}

static int append(int fd, const char *path, jv request, struct err *e)
{
	char now[CLOCK_TEXT], *text;
	bool whole;
	jv line;
	int r;

	if (flock(fd, LOCK_EX))
		return err_set(e, EX_IOERR, "lock %s:", path);
	if (has_id(fd, json_str(request, "id", ""), &whole))
		return 0;
	line = json_obj("id", json_get(request, "id"), "time", jv_string(clock_format(clock_wall(), now)), "title",
			json_get(request, "title"), "text", json_get(request, "text"), "event", json_get(request, "event"), NULL);
	text = json_text(line);
	r = (!whole && fs_write_all(fd, "\n", 1)) || line_put(fd, text, strlen(text)) || fdatasync(fd) ? -1 : 0;
	if (r)
		err_set(e, EX_IOERR, "append to %s:", path);
	free(text);
	jv_free(line);
	return r;
}

static jv deliver(const char *path, jv request)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600), r;
	struct stat st;
	struct err e;

	if (fd < 0 || fstat(fd, &st)) {
		err_set(&e, EX_CANTCREAT, "open %s:", path);
		if (fd >= 0)
			close(fd);
		return failure(e.text, true);
	}
	r = S_ISREG(st.st_mode) ? append(fd, path, request, &e) : err_set(&e, EX_DATAERR, "%s is not a regular file", path);
	close(fd);
	return r ? failure(e.text, S_ISREG(st.st_mode)) : json_obj("ok", jv_true(), NULL);
}

/* file:/path and file:///path (RFC 8089 s.2). */
static jv answer_to(jv request)
{
	const char *url = json_str(request, "url", "");
	char *path;
	jv answer;

	if (strcmp(json_str(request, "do", ""), "send") != 0 || !*json_str(request, "id", ""))
		return failure("the only command is send, with an id", false);
	if (!str_starts(url, "file:"))
		return failure("the address is not file:/PATH", false);
	path = xstrdup(url + (str_starts(url, "file:///") ? strlen("file://") : strlen("file:")));
	if (url_unescape(path) || *path != '/' || str_starts(path, "//"))
		answer = failure("the address needs a full path: file:/home/alice/told.ndjson", false);
	else
		answer = deliver(path, request);
	free(path);
	return answer;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-notify-file", "", "Driver of ab-notify: appends messages to a file.", NULL, 0, 0, false};
	struct line_in in;
	enum line_got got;
	char *text;
	size_t len;

	opt_parse(argc, argv, &spec);
	line_init(&in, STDIN_FILENO, LINE_EVENT_MAX);
	while ((got = line_next(&in, &text, &len, -1)) == LINE_OK || got == LINE_LONG) {
		jv request = got == LINE_OK ? json_parse(text, len, NULL) : jv_invalid(), answer = answer_to(request);
		char *out = json_text(answer);
		int r = line_put(STDOUT_FILENO, out, strlen(out));

		free(out);
		jv_free(answer);
		jv_free(request);
		if (r)
			die(EX_IOERR, "write the answer:");
	}
	line_free(&in);
	return 0;
}
