/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  UTF-8 by the ranges of RFC 3629: the lead byte tells the length and the range of the second byte. */
#include "formats/utf8.h"

/* Length of the character that starts `left` bytes before the end; 0 if it is malformed or cut off. */
static size_t character_length(const unsigned char *s, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (length < 2 || length > left)
        return length < 2 ? length : 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return length;
}

bool tn_utf8_valid(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t step; length > 0; s += step, length -= step) {
        step = character_length(s, length);
        if (step == 0)
            return false;
    }
    return true;
}
