#include "wire/alert.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "wire/event.h"

static char *mark_path(const char *session)
{
	char *name = xasprintf("%s.stopped", prog), *path = path_run(session, name, NULL);

	free(name);
	return path;
}

jv alert_stop(const char *session, const char *trace, const char *why)
{
	char *reason = xasprintf("stopped: %s", why), *path = mark_path(session);
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	jv event = event_make("runtime.alert", session, trace,
			      json_obj("severity", jv_string("error"), "reason", jv_string(reason), "hint",
				       jv_string("nothing is done until that is mended; then it goes on where it was"), NULL));

	if (fd >= 0) /* without it there will be no all-clear, which is all */
		close(fd);
	free(path);
	free(reason);
	return event;
}

jv alert_over(const char *session)
{
	static bool looked;
	char *path = looked ? NULL : mark_path(session);
	bool stopped = path && access(path, F_OK) == 0 && unlink(path) == 0;

	looked = true;
	free(path);
	if (!stopped)
		return jv_invalid();
	return event_make("runtime.alert", session, NULL,
			  json_obj("severity", jv_string("info"), "reason", jv_string("working again"), "hint", jv_string("nothing to do"), NULL));
}
