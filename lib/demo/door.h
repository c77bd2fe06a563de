/* Who is let in: the sites' sessions, and the codes that are mailed.
 *
 * A session begins as a visitor, is at the code page once the password was right, and is in after the
 * code (offices without one: after the password). It ends by logging out, by expiry, or by a bad token. */
#ifndef DEMO_DOOR_H
#define DEMO_DOOR_H

#include "demo/world.h"

#define TOKEN_TEXT 33
#define CODE_TEXT 7
#define CODE_MINUTES 5

enum stage { STAGE_GONE, STAGE_VISITOR, STAGE_CODE, STAGE_IN };

struct session {
	int64_t id; /* 0: none */
	enum stage stage;
	char token[TOKEN_TEXT], twin[TOKEN_TEXT]; /* what its cookies hold */
	char csrf[TOKEN_TEXT];                    /* what its forms hold */
	char account[128];                        /* "" for a visitor */
};

/* The live session of OFFICE that these cookies name (TWIN NULL: the office has no second one), used
 * within IDLE ms; touches it. A session with id 0 when there is none. */
struct session door_find(struct world *w, const char *office, const char *token, const char *twin, int64_t idle);
/* A new visitor. */
struct session door_new(struct world *w, const char *office);
/* Moves it on, with new cookies (so that one planted before the login is worth nothing). */
void door_move(struct world *w, struct session *s, enum stage stage, const char *account);
void door_end(struct world *w, struct session *s);

/* A new code for the session, the only one that is valid from now on. */
void door_code(struct world *w, const struct session *s, char code[CODE_TEXT]);
/* A number that is not the session's code. */
void door_wrong_code(struct world *w, const struct session *s, char code[CODE_TEXT]);
/* [{account, code}] of those that are valid, the newest first. */
jv door_codes(struct world *w);
enum code_try { CODE_OK, CODE_WRONG, CODE_TOO_OFTEN };
/* A code is good once, for five minutes; the fifth wrong one ends the session. */
enum code_try door_try(struct world *w, struct session *s, const char *code);


/* A challenge that a session must meet before it may log in. TOKEN is what shows that it was; ANSWER, "" for none, what a person must
 * first read from a picture. A session has one. */
void door_challenge(struct world *w, const struct session *s, const char *answer, char token[TOKEN_TEXT]);
/* What the picture shows; "" when there is none. The caller frees. */
char *door_picture(struct world *w, const struct session *s);
/* True when ANSWER is right: TOKEN, and the challenge has no picture any more. */
bool door_answer(struct world *w, const struct session *s, const char *answer, char token[TOKEN_TEXT]);
/* True when TOKEN is the one of a challenge that was met; it is good once. */
bool door_met(struct world *w, const struct session *s, const char *token);
/* [{session, answer}] of the challenges with a picture. */
jv door_challenges(struct world *w);

#endif
