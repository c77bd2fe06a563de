/* One-time codes made from a secret and the time: TOTP (RFC 6238) over liboath.
 *
 * Where liboath is missing at build time this is left out, and with it what needs it (libexec/local.mk). */
#ifndef EXT_TOTP_H
#define EXT_TOTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/die.h"

#define TOTP_KEY_MAX 256 /* bytes of a secret */
#define TOTP_CODE 9      /* room for a code and its NUL */
#define TOTP_NAME 48     /* room for a step's name */

enum totp_hash { TOTP_SHA1, TOTP_SHA256, TOTP_SHA512 };

struct totp {
	char key[TOTP_KEY_MAX];
	size_t len;
	enum totp_hash hash;
	int digits;     /* 6 or 8 */
	int64_t period; /* seconds */
};

/* TEXT is what a site shows beside its QR code: the secret in base32 (RFC 4648 s.6; small letters, blanks and missing padding are
 * fine), or the whole "otpauth://totp/LABEL?secret=…&algorithm=SHA1|SHA256|SHA512&digits=6|8&period=N", whose other
 * parameters don't matter. -1 with EX_CONFIG, and no part of the secret in the message. */
int totp_parse(struct totp *t, const char *text, struct err *e);
void totp_wipe(struct totp *t);
const char *totp_hash_name(enum totp_hash hash);

/* The code of time step STEP (seconds since 1970 / period). -1 with *e. */
int totp_code(const struct totp *t, int64_t step, char code[TOTP_CODE], struct err *e);
/* A name for that step of this secret, the same everywhere, from which neither can be told. */
int totp_step_name(const struct totp *t, int64_t step, char name[TOTP_NAME], struct err *e);

#endif
