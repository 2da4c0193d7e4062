/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  UTF-8 by the ranges of RFC 3629: the lead byte tells the length and the range of the second byte. */
#include "formats/utf8.h"

/* Length of the character at `s`, 0 if it is malformed. A NUL inside fails the range checks, so nothing is read past.
 */
static int character_length(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    int length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (length < 2)
        return length;
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
    for (int i = 2; i < length; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return length;
}

bool tn_utf8_valid(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != 0) {
        int length = character_length(s);
        if (length == 0)
            return false;
        s += length;
    }
    return true;
}
