#include "demo/picture.h"

#include <stdbool.h>

#define PIXEL 4                    /* a dot of a digit, in pixels */
#define WIDE ((PICTURE_DIGITS * 4 + 8) * PIXEL) /* a multiple of 32: the rows of a BMP are whole words */
#define HIGH (7 * PIXEL)

/* Row ROW (0: the lowest) of the picture, WIDE bits; digits are three dots wide and five high. */
static void add_row(struct str *b, const char *code, int row)
{
	static const unsigned short font[] = {075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717};
	int y = 5 - row / PIXEL; /* of the digit, 0: its top */
	unsigned char byte = 0;

	for (int x = 0; x < WIDE; x++) {
		int at = x / PIXEL - 4, digit = at / 4, column = at % 4;
		bool ink = y >= 0 && y < 5 && at >= 0 && digit < PICTURE_DIGITS && column < 3 &&
			   font[code[digit] - '0'] >> (3 * (4 - y) + 2 - column) & 1;

		byte = (unsigned char)(byte << 1 | ink);
		if (x % 8 == 7)
			str_putc(b, (char)byte);
	}
}

static void add_number(struct str *b, unsigned long n, int bytes)
{
	for (; bytes > 0; bytes--, n >>= 8)
		str_putc(b, (char)(n & 255));
}

void picture_add(struct str *b, const char *code)
{
	const unsigned long head = 14 + 40 + 8, data = WIDE / 8 * HIGH;

	str_puts(b, "BM");
	add_number(b, head + data, 4);
	add_number(b, 0, 4);
	add_number(b, head, 4);
	add_number(b, 40, 4);
	add_number(b, WIDE, 4);
	add_number(b, HIGH, 4);
	add_number(b, 1, 2); /* plane */
	add_number(b, 1, 2); /* bit for each pixel */
	add_number(b, 0, 4); /* not compressed */
	add_number(b, data, 4);
	add_number(b, 2835, 4); /* pixels in a metre */
	add_number(b, 2835, 4);
	add_number(b, 2, 4); /* colours */
	add_number(b, 0, 4);
	add_number(b, 0xffffff, 4);
	add_number(b, 0, 4);
	for (int row = 0; row < HIGH; row++)
		add_row(b, code, row);
}
