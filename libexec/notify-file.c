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
#include "wire/line.h"
#include "wire/notice.h"

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

static int append(int fd, const char *path, const struct notice *n, struct err *e)
{
	char now[CLOCK_TEXT], *text;
	bool whole;
	jv line;
	int r;

	if (flock(fd, LOCK_EX))
		return err_set(e, EX_IOERR, "lock %s:", path);
	if (has_id(fd, n->id, &whole))
		return 0;
	line = json_obj("id", jv_string(n->id), "time", jv_string(clock_format(clock_wall(), now)), "title", jv_string(n->title), "text",
			jv_string(n->text), "event", jv_copy(n->event), NULL);
	text = json_text(line);
	r = (!whole && fs_write_all(fd, "\n", 1)) || line_put(fd, text, strlen(text)) || fdatasync(fd) ? -1 : 0;
	if (r)
		err_set(e, EX_IOERR, "append to %s:", path);
	free(text);
	jv_free(line);
	return r;
}

static int deliver(const char *path, const struct notice *n, struct err *e)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600), r;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		r = err_set(e, EX_CANTCREAT, "open %s:", path);
	else
		r = S_ISREG(st.st_mode) ? append(fd, path, n, e) : err_set(e, EX_DATAERR, "%s is not a regular file", path);
	if (fd >= 0)
		close(fd);
	return r;
}

/* file:/path and file:///path (RFC 8089 s.2). */
static int tell(struct notice *n, struct err *e)
{
	char *path;
	int r;

	if (!str_starts(n->url, "file:"))
		return err_set(e, EX_USAGE, "the address is not file:/PATH");
	path = xstrdup(n->url + (str_starts(n->url, "file:///") ? strlen("file://") : strlen("file:")));
	if (url_unescape(path) || *path != '/' || str_starts(path, "//"))
		r = err_set(e, EX_USAGE, "the address needs a full path: file:/home/alice/told.ndjson");
	else
		r = deliver(path, n, e);
	free(path);
	return r;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-notify-file", "", "Driver of ab-notify: appends messages to a file.", NULL, 0, 0, false};

	opt_parse(argc, argv, &spec);
	notice_serve(tell);
	return 0;
}
