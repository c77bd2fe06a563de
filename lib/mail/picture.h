/* A code that a mail shows as a picture, where its text has the name of a code and no code: for the person to read. */
#ifndef MAIL_PICTURE_H
#define MAIL_PICTURE_H

#include "ext/json.h"
#include "ext/mime.h"

/* The picture that stands where the code of MAIL would: after the code's name in an HTML text, else before it, else the only one
 * that is attached. NULL when no text names a code. Borrowed. */
const struct mime_picture *picture_in_mail(const struct mime *mail);
/* {"type": "image/png", "data": base64} */
jv picture_json(const struct mime_picture *picture);

#endif
