/* ab-otp's parts: options and what is done by hand (otp.c), the inboxes (otp-box.c), trying them out (otp-test.c). */
#ifndef BIN_OTP_H
#define BIN_OTP_H

#include "mail/inbox.h"
#include "wire/driver.h"

#define BOXES_MAX 8
#define SKIP_MAX 1000 /* mails that a process passes over */

struct box {
	char *scheme;
	jv settings;
	struct driver driver;
	bool running, waiting, tried, told;
	int repeats;
	int64_t after; /* ms that the others have before this one is waited on */
	struct err trouble; /* why it gives nothing; status 0: it is fine */
};

extern bool coprocess, say_events;
extern struct box boxes[BOXES_MAX];
extern int nboxes;
extern char *account; /* the session's own address; NULL: not known */

/* One more, from its settings (consumed); ends the program when they can't be right. */
void box_add(jv settings);
/* Starts and opens it, where that was not done; else its trouble says why not. */
bool box_start(struct box *b);
void box_stop(struct box *b);
void boxes_stop(void);
/* True for an answer; the driver's error goes into the box's trouble otherwise. ANSWER is consumed. */
bool box_accept(struct box *b, jv answer);
/* RULES (consumed) with VALUE for KEY where they have none. */
jv default_rule(jv rules, const char *key, const char *value);

/* As in struct inbox_ops, over all boxes. */
jv otp_mark(struct err *e);
jv otp_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e);

/* Tries every box out, and tells on standard output how it went. 0, or the first trouble's status. */
int otp_test(jv rules, bool reveal);

#endif
