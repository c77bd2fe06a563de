/* Saved answers in place of the network (ab-page(5), --replay): each request takes the first answer of the
 * table that fits it and is not used up. Or saved commands in place of a browser: one after the other, each with the page
 * that was there after it. */
#ifndef PAGE_REPLAY_H
#define PAGE_REPLAY_H

#include "base/die.h"
#include "ext/http.h"
#include "ext/json.h"
#include "page/url.h"

struct replay;

/* Reads the table FILE; NULL with *e (EX_NOINPUT, EX_DATAERR). */
struct replay *replay_open(const char *file, struct err *e);
void replay_free(struct replay *r);
/* As http_do. No answer that fits is HTTP_UNREACHABLE, nothing sent. */
enum http_result replay_do(struct replay *r, const struct url *url, const struct http_request *request,
			   struct http_answer *answer, struct err *e);

/* The table is one of commands. */
bool replay_is_script(const struct replay *r);
/* The entry of the next command, which must be COMMAND (borrowed), and in *BODY (initialised here) the page after it. Invalid with *e
 * when the record goes on otherwise. */
jv replay_command(struct replay *r, jv command, struct str *body, struct err *e);

#endif
