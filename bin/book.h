/* The two halves of ab-book. */
#ifndef BIN_BOOK_H
#define BIN_BOOK_H

#include <stdbool.h>

#include "store/keys.h"

/* Every part but the audit's: secrets only to be handed to ab-login and ab-otp. */
#define BOOK_PARTS (PART_BIT(PART_SECRETS) | PART_BIT(PART_PROFILE) | PART_BIT(PART_RULES) | PART_BIT(PART_STATE) | PART_BIT(PART_EVIDENCE))

struct book_job {
	const char *session;
	const char *cancel; /* reference, or NULL */
	const char *settle; /* "booked", "free", or NULL */
	bool headed;        /* a browser has its window */
};

/* Serves requests from descriptor IN, answers on OUT, until IN ends. Returns the exit status. */
int book_back(const struct book_job *job, int in, int out, char **argv);
/* --cancel and --settle: one thing, events on stdout. Returns the exit status. */
int book_by_hand(const struct book_job *job, char **argv);

#endif
