/* The steps that act on the page: requests, forms, and what a browser's page has besides. */
#ifndef SITE_FLOWACT_H
#define SITE_FLOWACT_H

#include "site/flowstate.h"

enum go act_request(struct flow *f, jv step, const char *verb); /* get, post */
enum go act_submit(struct flow *f, jv step);
enum go act_upload(struct flow *f, jv step);

/* A browser's action by its verb; NULL when it is none. */
struct action_verb;
const struct action_verb *act_verb(const char *verb);
enum go act_step(struct flow *f, jv step, const struct action_verb *a);

#endif
