/* Which characters occur in mojibake, and which neighbours of theirs give it away. */
#ifndef VMG_MODELS_MOJIBAKE_RULES_H
#define VMG_MODELS_MOJIBAKE_RULES_H

#include <stdint.h>
#include <uchar.h>

/*
 * The classes and the rules are those of ftfy 6.3's `badness` heuristic (Copyright 2023 Robyn
 * Speer, Apache License 2.0, https://github.com/rspeer/python-ftfy), written as tables. A character
 * may be in several classes; "x-y" in a list is a range.
 */
#define COMMON (1ull << 0)
#define C1 (1ull << 1)
#define BAD (1ull << 2)
#define LAW (1ull << 3)
#define CURRENCY (1ull << 4)
#define START (1ull << 5)
#define END (1ull << 6)
#define NUMERIC (1ull << 7)
#define KAOMOJI (1ull << 8)
#define UPPER (1ull << 9)
#define LOWER (1ull << 10)
#define UPPER_COMMON (1ull << 11)
#define LOWER_COMMON (1ull << 12)
#define BOX (1ull << 13)
#define ASCII_LOWER (1ull << 14)
#define ASCII_UPPER (1ull << 15)
/* Parts that UTF-8 sequences turn into in the encodings akin to Latin-1; computed from the code
 * pages. */
#define FIRST_OF_2 (1ull << 16)
#define FIRST_OF_3 (1ull << 17)
#define FIRST_OF_4 (1ull << 18)
#define CONTINUATION (1ull << 19)
#define CONTINUATION_STRICT (1ull << 20)
/* Answered by functions, not by the table. */
#define SPACE (1ull << 21)
#define WORD (1ull << 22)
#define NOT_ASCII_LETTER (1ull << 23)
#define NOT_NEWLINE (1ull << 24)
#define TEXT_START (1ull << 25) /* matches before the first character, consumes nothing */

#define ASCII_LETTER (ASCII_LOWER | ASCII_UPPER)
#define ACCENTED (LOWER | UPPER)
#define SYMBOLS (BOX | START | END | CURRENCY | NUMERIC | LAW)

static const struct {
    uint64_t bit;
    const char32_t *chars;
} character_classes[] = {
    {COMMON, U"\u00A0\u00AD\u00B7\u00B4\u2013\u2014\u2015\u2026\u2019"},
    {C1, U"\x80-\x9F"},
    {BAD, U"¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\uFFFDªº"},
    {LAW, U"¶§"},
    {CURRENCY, U"¢£¥₧€"},
    {START, U"¡«¿©\u0384\u0385\u2018\u201A\u201C\u201E•‹\uF8FF"},
    {END, U"®»˝\u201D›™"},
    {NUMERIC, U"²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№"},
    {KAOMOJI, U"Ò-ÖÙ-Üò-öø-üŐŌŪŲ°"},
    {UPPER, U"À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"},
    {LOWER, U"ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґ\uFB01\uFB02"},
    {UPPER_COMMON, U"ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я"},
    {LOWER_COMMON, U"α-ωάέήίΰа-џ"},
    {BOX, U"│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓"},
    {ASCII_LOWER, U"a-z"},
    {ASCII_UPPER, U"A-Z"},
};

/* One character of a pattern: in any of the classes, or among the listed characters. */
typedef struct rule_part {
    uint64_t classes;
    const char32_t *chars;
} rule_part;

#define IN(set) {set, U""}
#define ONE_OF(list) {0, U##list}
#define IN_OR(set, list) {set, U##list}
#define AT_START {TEXT_START, U""}

enum { MAX_RULE_PARTS = 7 };

/* Sequences that show mojibake; unused parts are zero. */
static const rule_part mojibake_rules[][MAX_RULE_PARTS] = {
    {IN(C1)},
    {IN(BAD | ACCENTED | SYMBOLS), IN(BAD)},
    {IN(ASCII_LETTER), IN(LOWER_COMMON | UPPER_COMMON), IN(BAD)},
    {IN(BAD), IN(ACCENTED | SYMBOLS)},
    {IN(LOWER | LOWER_COMMON | BOX | END | CURRENCY | NUMERIC), IN(UPPER)},
    {IN(BOX | END | CURRENCY | NUMERIC), IN(LOWER)},
    {IN(LOWER | BOX | END), IN(CURRENCY)},
    {IN(SPACE), IN(UPPER), IN(CURRENCY)},
    {IN(UPPER | BOX), IN(NUMERIC | LAW)},
    {IN(ACCENTED | BOX | CURRENCY | END), IN(START), IN(NUMERIC)},
    {IN(ACCENTED | CURRENCY | NUMERIC | BOX | LAW), IN(END), IN(START)},
    {IN(CURRENCY | NUMERIC | BOX), IN(START)},
    {IN(ASCII_LOWER), IN(UPPER), IN(START | CURRENCY)},
    {IN(BOX), IN(KAOMOJI)},
    {IN(ACCENTED | CURRENCY | NUMERIC | START | END | LAW), IN(BOX)},
    {IN(BOX), IN(END)},
    {IN(ACCENTED), IN(START | END), IN(WORD)},
    {ONE_OF("Œœ"), IN(NOT_ASCII_LETTER)},
    {IN(UPPER), ONE_OF("°")},
    /* Windows-1252: two characters; Arabic, which needs four; some South Asian alphabets. */
    {ONE_OF("ÂÃÎÐ"), IN_OR(START | END, "€œŠš¢£Ÿž\u00A0\u00AD®©°·»\u2013\u2014´")},
    {ONE_OF("×"), ONE_OF("²³")},
    {ONE_OF("ØÙ"), IN_OR(COMMON | CURRENCY | BAD | NUMERIC | START, "ŸŠ®°µ»"), ONE_OF("ØÙ"),
     IN_OR(COMMON | CURRENCY | BAD | NUMERIC | START, "ŸŠ®°µ»")},
    {ONE_OF("à"), ONE_OF("²µ¹¼½¾")},
    /* Mac Roman. */
    {ONE_OF("√"), ONE_OF("±∂†≠®™´≤≥¥µø")},
    {ONE_OF("≈"), ONE_OF("°¢")},
    {ONE_OF("\u201A"), ONE_OF("Ä"), ONE_OF("ìîïòôúùû†°¢π")},
    {ONE_OF("\u201A"), ONE_OF("âó"), ONE_OF("àä°ê")},
    /* Windows-1251: general punctuation; Latin-1 or Cyrillic; on top of Windows-1252. */
    {ONE_OF("в"), ONE_OF("Ђ")},
    {ONE_OF("ВГРС"), IN_OR(C1 | BAD | START | END | CURRENCY, "°µ"), ONE_OF("ВГРС")},
    {ONE_OF("Г"), ONE_OF("ў"), ONE_OF("В"), ONE_OF("Ђ"), ONE_OF("В"), IN(NOT_NEWLINE),
     IN_OR(ASCII_LETTER, " ")},
    /* Windows-1252 of a letter with an accent before a (lost) no-break space. */
    {ONE_OF("Ã"), ONE_OF("\u00A0¡")},
    {IN(ASCII_LOWER), ONE_OF("ÃÂ"), ONE_OF(" ")},
    {IN(ASCII_LOWER), IN(SPACE), ONE_OF("ÃÂ"), ONE_OF(" ")},
    {AT_START, ONE_OF("ÃÂ"), ONE_OF(" ")},
    {IN_OR(ASCII_LOWER | END, ".,?!"), ONE_OF("Â"), IN_OR(START | END, " ")},
    /* Windows-1253: general punctuation; Latin-1 or Greek. Windows-1257. */
    {ONE_OF("β"), ONE_OF("€"), ONE_OF("™\u00A0Ά\u00AD®°")},
    {ONE_OF("ΒΓΞΟ"), IN_OR(C1 | BAD | START | END | CURRENCY, "°"), ONE_OF("ΒΓΞΟ")},
    {ONE_OF("ā"), ONE_OF("€")},
};

#endif
