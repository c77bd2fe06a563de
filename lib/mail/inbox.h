/* The inbox protocol's serving side, for drivers (ab-inbox-SCHEME) and for ab-otp, which speaks it too: ab-otp(1),
 * "INBOX DRIVERS". One JSON request a line on stdin, one answer a line on stdout; {"event": …} lines may come before an
 * answer. A line that comes while a wait is going on ends the wait, which is answered "cancelled", and is then served. */
#ifndef MAIL_INBOX_H
#define MAIL_INBOX_H

#include "ext/json.h"
#include "wire/line.h"

#define INBOX_CANCELLED EX_NO /* status of a wait that ended because something came on stdin */

/* On failure each fills *e: EX_CONFIG (code config), EX_TEMPFAIL (timeout), EX_NOPERM (refused), INBOX_CANCELLED, anything
 * else is unreachable. */
struct inbox_ops {
	/* SETTINGS (borrowed) is the whole request: url, password …; NULL where there is nothing to open. */
	int (*open)(jv settings, struct err *e);
	/* Any JSON that tells the mails of now from later ones; invalid on failure. */
	jv (*mark)(struct err *e);
	/* Waits until DEADLINE (clock_mono) for what came after MARK and fits RULES (both borrowed). The answer's
	 * object, or invalid. Must poll IN->fd as well, and end when inbox_interrupted. */
	jv (*wait)(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e);
	void (*close)(void);
	/* For {"do":"test"}, after `open`: tells by inbox_step, one by one, what worked; what does not is *e. REQUEST (borrowed)
	 * may have rules, and reveal: true where codes may be shown. The answer's object, or invalid. Optional. */
	jv (*test)(jv request, struct err *e);
};

/* Serves until EOF of stdin or {"do":"close"}. 0, or -1 when stdout is gone. */
int inbox_serve(const struct inbox_ops *ops);
/* True when IN has a line, or its end was reached. Ask before polling, too: a line may be buffered already. */
bool inbox_interrupted(struct line_in *in);
/* Writes {"event": {"type", "data"}}: something the one who asked emits as an event of its own. DATA is consumed. */
void inbox_tell(const char *type, jv data_taken);
/* A step of a test that worked, in words for the person: {"event": {"type": "inbox.step", "data": {"text"}}}. */
void inbox_step(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Round the work on one mail: a mail or a pattern made to be slow ends this process, and the wait, not the machine. */
void inbox_bound_cpu(void);
void inbox_unbound_cpu(void);

/* What is behind the scheme of URL, percent-decoded ("maildir:///a%20b" → "/a b", "exec:get-code" → "get-code"); NULL with EX_CONFIG.
 * The caller frees. */
char *inbox_path(const char *url, struct err *e);

#endif
