#include "page/window.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

static const char *value(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* The key to an X display lies in the person's home, which the browser has not. */
static char *x_authority(void)
{
	const char *named = value("XAUTHORITY"), *home = value("HOME");
	char *path = named ? xstrdup(named) : home ? xasprintf("%s/.Xauthority", home) : NULL, *env = NULL;

	if (path && access(path, R_OK) == 0)
		env = xasprintf("XAUTHORITY=%s", path);
	free(path);
	return env;
}

/* A name is relative to XDG_RUNTIME_DIR, which the browser has not either. */
static char *wayland_display(const char *name)
{
	const char *dir = value("XDG_RUNTIME_DIR");

	return *name != '/' && dir ? xasprintf("WAYLAND_DISPLAY=%s/%s", dir, name) : xasprintf("WAYLAND_DISPLAY=%s", name);
}

int window_find(struct window *w, struct err *e)
{
	const char *wayland = value("WAYLAND_DISPLAY");

	*w = (struct window){0};
	if (value("DISPLAY")) {
		w->platform = "--ozone-platform=x11";
		w->env[0] = x_authority();
		return 0;
	}
	if (!wayland)
		return err_set(e, EX_CONFIG, "a browser with a window (headed) needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set");
	w->platform = "--ozone-platform=wayland";
	w->env[0] = wayland_display(wayland);
	return 0;
}

void window_free(struct window *w)
{
	for (char **env = w->env; *env; env++)
		free(*env);
	*w = (struct window){0};
}
