/* Questions to the person, as systemd's password agents do it (ab-answer(1)).
 *
 * FOLDER is path_run(SESSION, "ask"). The asker owns FOLDER/ID.json, the question, and FOLDER/ID.sock, where
 * an answer goes. It keeps an flock on ID.json as long as it lives: a question whose lock is free was a dead
 * asker's, is listed nowhere, and is swept by the next ask_open. On the socket: one line from the person's
 * program, "+ANSWER" or "-" (declined), then one line back: "ok", or "bad REASON" (try again). The first good
 * answer wins; whoever comes later finds the socket closed or gone. Only processes of the same user are
 * listened to. Answers are never logged, and their memory is wiped.
 *
 *   struct ask *a = ask_open(session, "confirm", "Book 1 December 09:30?", NULL, until, true, &e);
 *   event_say(out, "human.required", session, trace, ask_event_data(a));
 *   enum ask_got got = ask_wait(a, -1);
 *   event_say(out, "human.answered", session, trace, ask_outcome_data(a));
 *   if (got == ASK_ANSWER) use(ask_answer(a));
 *   ask_close(a);
 */
#ifndef WIRE_ASK_H
#define WIRE_ASK_H

#include "ext/json.h"

#define ASK_ANSWER_MAX 4096   /* bytes of an answer */
#define ASK_QUESTION_MAX 2048 /* bytes of a question; longer ones are cut */

struct ask;

enum ask_got {
	ASK_WAIT,     /* nothing yet */
	ASK_ANSWER,   /* ask_answer has it; for confirm and payment it is "yes" */
	ASK_DECLINED, /* the person said no */
	ASK_TIMEOUT   /* the deadline passed */
};

/* Asks. SESSION may be NULL (a question of no session); KIND is captcha, otp, payment or confirm; PICTURE the
 * name of a piece of sealed evidence, or NULL; DEADLINE wall time in ms, or 0 for none (past the commit a question
 * never times out). With TERMINAL the question is put on /dev/tty too, if this process is in its foreground and
 * no other question is there. The question's control characters become spaces. NULL with *e. */
struct ask *ask_open(const char *session, const char *kind, const char *question, const char *picture,
		     int64_t deadline, bool terminal, struct err *e);
/* The short word that names the question to ab-answer. */
const char *ask_id(const struct ask *a);
/* Readable when ask_poll may have something to do, the deadline included; poll it beside others. */
int ask_fd(const struct ask *a);
/* Looks, without waiting. Once it gave anything but ASK_WAIT it gives the same again, and the question is no
 * longer listed. */
enum ask_got ask_poll(struct ask *a);
/* The same, waiting until UNTIL (clock_mono; -1: until there is an outcome). */
enum ask_got ask_wait(struct ask *a, int64_t until);
/* The answer, after ASK_ANSWER; lives, and is secret, until ask_close wipes it. */
const char *ask_answer(const struct ask *a);
/* Takes the question back if it is still open, restores the terminal, wipes the answer. NULL is fine. */
void ask_close(struct ask *a);

/* Data of the events that the caller emits: human.required {ask, kind, question, deadline, picture} and
 * human.answered {ask, kind, outcome: answered/declined/timeout/withdrawn, waited_ms}. */
jv ask_event_data(const struct ask *a);
jv ask_outcome_data(const struct ask *a);

/* For whoever started the asker, which is not in the terminal's foreground itself: puts question ID of SESSION (NULL: of none) on our
 * terminal. NULL when there is none, another question is on it, or the asker has gone. Poll ask_fd; end it with ask_close when the
 * question has an outcome elsewhere. */
struct ask *ask_show(const char *session, const char *id);
/* Looks, and hands what was typed to the asker. True when there is nothing more to be looked for: ask_close it. */
bool ask_shown(struct ask *a);

/* The other side: ab-answer, and other ways to reach the person. */

/* The open questions of SESSION (NULL: of all, and of none), oldest first: an array of {id, session, kind,
 * question, picture, deadline, asked_at, program, pid}; session, picture and deadline may be null. Invalid with *e. */
jv ask_list(const char *session, struct err *e);
/* Answers QUESTION, an item of that array, with the LEN bytes at ANSWER; NULL declines. 0 when it was
 * delivered; -1 with EX_TEMPFAIL (gone, or answered by another), EX_USAGE (not an answer to this question:
 * try again) or another *e. */
int ask_reply(jv question, const char *answer, size_t len, struct err *e);

#endif
