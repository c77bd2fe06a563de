/* Events: CloudEvents 1.0 (JSON format) as lines. design.md, "Events"; ab-events(5). */
#ifndef WIRE_EVENT_H
#define WIRE_EVENT_H

#include "ext/json.h"
#include "wire/line.h"

#define TRACE_TEXT 56 /* "00-" 32 hex "-" 16 hex "-01" and NUL: W3C Trace Context s.3.2 */

/* A new trace, or a new span in PARENT's trace (a traceparent; NULL or malformed: a new trace). */
void trace_make(const char *parent, char out[TRACE_TEXT]);

/* A new event: fresh id, this program and host as source, the time of now. TRACE may be NULL (a new
 * trace). DATA is consumed. */
jv event_make(const char *type, const char *subject, const char *trace, jv data_taken);
/* Writes EVENT (consumed) to FD as one line. -1 sets errno (EPIPE: the reader is gone; EMSGSIZE: over 1 MiB). */
int event_put(int fd, jv event_taken);
/* event_make and event_put in one. */
int event_say(int fd, const char *type, const char *subject, const char *trace, jv data_taken);

/* Parses and checks a line: specversion "1.0", non-empty string id, source and type; subject, when there,
 * a session's name; data, when there, an object. Invalid with *e otherwise. */
jv event_parse(const char *text, size_t len, struct err *e);
const char *event_type(jv event);
const char *event_subject(jv event);  /* "" when none */
const char *event_trace(jv event);    /* NULL when none */
jv event_data(jv event);              /* an object (empty when none); the caller frees */

/* The filter's loop (style.md): for each event that IN gives, first its line is copied to OUT as it was
 * (OUT -1: no copy), then CB is called with the event borrowed. Bad and overlong lines are reported on stderr with
 * their number and passed over, not copied. Ends at EOF (0), when CB returns other than 0 (that), or on
 * an I/O error (-1, errno; EPIPE when OUT's reader is gone). */
typedef int event_cb(jv event, void *ctx);
int event_each(int in, int out, event_cb *cb, void *ctx);

/* The same one at a time, for programs with an event loop: takes one line from IN (as line_next does,
 * with its deadline), copies it to OUT, and gives the event. A bad line gives LINE_LONG after its report. */
enum line_got event_next(struct line_in *in, int out, jv *event, int64_t deadline);

#endif
