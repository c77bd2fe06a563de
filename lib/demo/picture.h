/* A number as a picture, for people to read. */
#ifndef DEMO_PICTURE_H
#define DEMO_PICTURE_H

#include "base/str.h"

#define PICTURE_DIGITS 6

/* Adds CODE, PICTURE_DIGITS digits, as a BMP of two colours. */
void picture_add(struct str *b, const char *code);

#endif
