/* Bytes as mail carries them (RFC 2045, RFC 2047). Lines end with '\n'; whoever sends them makes CRLF of it (encode_crlf). */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/str.h"

/* Quoted-printable, in lines of at most 76; the lines of TEXT end with "\n" or "\r\n". */
void encode_quoted(struct str *b, const char *text);
/* Base64 in lines of 76, each with its end. (libetpan has an encode_base64, which one of ours would stand before.) */
void encode_as_base64(struct str *b, const char *data, size_t len);
/* A line of UTF-8 for a header field whose name takes NAME_LEN bytes, with its colon and space: as it is where it can be, else as encoded
 * words, each of whole characters, folded. Control characters become blanks. */
void encode_header(struct str *b, size_t name_len, const char *text);
/* TEXT with each "\n" as "\r\n". */
void encode_crlf(struct str *b, const char *text);

#endif
