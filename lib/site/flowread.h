/* The steps that look at the page, and what they give. */
#ifndef SITE_FLOWREAD_H
#define SITE_FLOWREAD_H

#include "site/flowstate.h"

enum go read_expect(struct flow *f, jv step);
enum go read_let(struct flow *f, jv step);
enum go read_rows(struct flow *f, jv step);
enum go read_slots(struct flow *f, jv step);
enum go read_identity(struct flow *f, jv step);
enum go read_booking(struct flow *f, jv step);

#endif
