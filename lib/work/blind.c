#include "work/blind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "ext/json.h"

#define FILE_MAX 8192

static void take(struct blind *b, jv kept)
{
	int64_t dark = json_int(kept, "dark", -1), due = json_int(kept, "due", -1);

	if (dark < 0 || due < 0) {
		warn("%s: not what ab-poll writes; the count of the time without a good look begins now", b->path);
		return;
	}
	b->told = json_bool(kept, "told", false);
	b->dark = dark + json_moment_age(kept);
	b->due = b->told || due > b->after ? due : b->after;
	snprintf(b->why, sizeof b->why, "%s", json_str(kept, "why", ""));
}

void blind_open(struct blind *b, const char *session, int64_t after)
{
	struct err e;
	jv kept;

	*b = (struct blind){.path = path_state(session, "blind.json", &e), .after = after, .due = after, .counted = clock_mono()};
	if (!b->path) {
		warn("%s", e.text);
		return;
	}
	b->open = access(b->path, F_OK) == 0;
	if (!b->open)
		return;
	kept = json_read(b->path, FILE_MAX, &e);
	if (json_ok(kept))
		take(b, kept);
	else
		warn("%s; the count of the time without a good look begins now", e.text);
	jv_free(kept);
}

void blind_close(struct blind *b)
{
	free(b->path);
}

static void keep(struct blind *b)
{
	jv v = json_merge_take(json_moment(), json_obj("dark", jv_number((double)b->dark), "due", jv_number((double)b->due), "told",
						       jv_bool(b->told), "why", jv_string(b->why), NULL));
	char *text = json_text(v);
	struct err e;
	bool lost = b->path && fs_replace(b->path, text, strlen(text), &e);

	if (lost && !b->lost)
		warn("%s", e.text); /* a restart would begin to count anew, no more */
	b->lost = lost;
	free(text);
	jv_free(v);
}

void blind_pass(struct blind *b, bool watching)
{
	int64_t now = clock_mono();

	if (watching)
		b->dark += now - b->counted;
	b->counted = now;
}

void blind_failed(struct blind *b, const char *why, bool now)
{
	b->open = true;
	snprintf(b->why, sizeof b->why, "%s", why);
	if (now && !b->told)
		b->due = b->dark;
	keep(b);
}

bool blind_over(struct blind *b, int64_t *lasted)
{
	bool told = b->told;

	*lasted = b->dark;
	if (b->open && b->path && unlink(b->path) && errno != ENOENT)
		warn("remove %s:", b->path);
	b->open = b->told = false;
	b->dark = 0;
	b->due = b->after;
	return told;
}

bool blind_alert(struct blind *b)
{
	int64_t most;

	if (!b->open || b->dark < b->due)
		return false;
	b->told = true;
	most = b->dark + BLIND_EVERY_MAX;
	b->due = b->dark < b->after ? b->after : b->due;
	while (b->due <= b->dark)
		b->due = b->due > 0 && 2 * b->due < most ? 2 * b->due : most;
	keep(b);
	return true;
}

int64_t blind_at(const struct blind *b)
{
	return b->open ? b->counted + (b->due > b->dark ? b->due - b->dark : 0) : -1;
}
