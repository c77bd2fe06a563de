/* ab-notify-http's parts: what a message looks like (notify-http-shape.c), and the sending of it (notify-http.c). */
#ifndef LIBEXEC_NOTIFY_HTTP_H
#define LIBEXEC_NOTIFY_HTTP_H

#include "wire/notice.h"

/* What is sent, before it is known to whom. */
struct shape {
	char *method; /* "POST" or "PUT" */
	char *path;   /* to add to the address's; NULL: nothing */
	char *query;  /* "a=b&c=d", to add; NULL: nothing */
	jv headers;   /* an object; what can't be a header is for the sender to refuse */
	char *body;
	bool bearer;  /* the token goes into Authorization, unless a header does so */
};

/* The CloudEvent as it is, or what the settings' template makes of the message. -1 with *e: EX_CONFIG, or EX_TEMPFAIL when the
 * template took too long. shape_free in both cases. */
int shape_make(struct shape *s, const struct notice *n, struct err *e);
void shape_free(struct shape *s);

#endif
