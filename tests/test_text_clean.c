/* Cleaning of prompts. With --filter, cleans length-prefixed texts from stdin for the witness
 * script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "models/codepoints.h"
#include "models/text_clean.h"
#include "tests/harness.h"

typedef struct pair {
    const char *in, *want;
} pair;

static void check_pairs(const pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *out;
        REQUIRE_OK(vmg_text_clean(pairs[i].in, strlen(pairs[i].in), &out, NULL));
        CHECK_STR(out, pairs[i].want);
        free(out);
    }
}

static void repairs_characters(void)
{
    static const pair pairs[] = {
        {"A person walks.", "A person walks."},
        {"Case Is KEPT", "Case Is KEPT"},
        {"e\xCC\x81t\xC3\xA9", "\xC3\xA9t\xC3\xA9"},              /* NFC */
        {"q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87"},               /* marks ordered */
        {"\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"}, /* Hangul composed */
        {"\xE2\x80\x9Cit\xE2\x80\x99s\xE2\x80\x9D", "\"it's\""},  /* quotes */
        {"\xEF\xAC\x82u\xEF\xAC\x83"
         "est \xC3\xA6",
         "fluffiest \xC3\xA6"},                                       /* ligatures */
        {"\xEF\xBC\xAC\xEF\xBC\xAF\xE3\x80\x80\xEF\xBC\xA4", "LO D"}, /* full width */
        {"\xEF\xBE\x8A\xEF\xBE\x9F", "\xE3\x83\x91"},                 /* half-width katakana */
        {"one\r\ntwo\rthree\xE2\x80\xA8"
         "four",
         "one two three four"},             /* line breaks */
        {"\x1B[36;44mblue\x1B[0m", "blue"}, /* terminal escapes */
        {"a\x01"
         "b\x7F"
         "c\xEF\xBB\xBF"
         "d",
         "abcd"},                                   /* controls, BOM */
        {"caf\xC2\x85", "caf\xE2\x80\xA6"},         /* C1 of Windows-1252 */
        {" \t a \xC2\xA0\n b\xE2\x80\x83 ", "a b"}, /* white space */
    };
    check_pairs(pairs, VMG_COUNT(pairs));
}

static void unescapes_html(void)
{
    static const pair pairs[] = {
        {"P&eacute;rez P&EACUTE;REZ", "P\xC3\xA9rez P\xC3\x89REZ"},
        {"BUNDESSTRA&SZLIG;E", "BUNDESSTRASSE"},
        {"&amp;amp;amp;amp;", "&"},
        {"<i>&amp;amp;amp;amp;", "<i>&amp;amp;"}, /* real HTML is unescaped only twice */
        {"it&#x2019;s &#8220;so&#x201d", "it's \"so\xE2\x80\x9D"},
        {"&notit; &nosuchname; & &; &#; &#x;", "\xC2\xACit; &nosuchname; & &; &#; &#x;"},
        {"x&#0;y&#xD800;z&#1114112;&#99999999999999999999;", "x\xEF\xBF\xBDy\xEF\xBF\xBDz\xEF\xBF"
                                                             "\xBD\xEF\xBF\xBD"},
        {"a&#1;b&#xFFFF;c&#127;", "abc"},
        {"&fjlig;&NotEqualTilde;", "fj\xE2\x89\x82\xCC\xB8"},
    };
    check_pairs(pairs, VMG_COUNT(pairs));
}

static void decodes_mojibake(void)
{
    static const pair pairs[] = {
        {"\xC3\x83\xC2\xB3", "\xC3\xB3"},                                         /* Latin-1 */
        {"\xC3\xA2\xE2\x82\xAC\xC5\x93so\xC3\xA2\xE2\x82\xAC\xC2\x9D", "\"so\""}, /* Windows-1252 */
        {"\xC3\xA2\xC5\x93\xE2\x80\x9D No problems", "\xE2\x9C\x94 No problems"},
        {"voil\xC3\x83 le travail", "voil\xC3\xA0 le travail"}, /* A0 was lost */
        {"\xC3\x83\xC6\x92\xC3\x82\xC2\xA9", "\xC3\xA9"},       /* two layers */
        {"\xE6\x97\xA5\xE6\x9C\xAC caf\xC3\x83\xC2\xA9",
         "\xE6\x97\xA5\xE6\x9C\xAC caf\xC3\xA9"},                     /* mixed */
        {"\xC3\xA2\xE2\x82\xAC\xEF\xBF\xBD end", "\xEF\xBF\xBD end"}, /* a byte was lost */
        {"\xC3\xB0\xC5\xB8\xCB\x9C\xE2\x82\xAC", "\xF0\x9F\x98\x80"}, /* emoji */
        {"\xC3\x85ngstr\xC3\xB6m \xC3\x9Cnic\xC3\xB6"
         "de \xE2\x82\xAC"
         "5",
         "\xC3\x85ngstr\xC3\xB6m \xC3\x9Cnic\xC3\xB6"
         "de \xE2\x82\xAC"
         "5"}, /* nothing wrong */
    };
    check_pairs(pairs, VMG_COUNT(pairs));
}

/* Unicode 15, chapter 3.9, tables 3-8 to 3-11: U+FFFD for each maximal subpart. */
static void replaces_malformed_utf8(void)
{
    static const pair pairs[] = {
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
         "A",
         "\xEF\xBF\xBD"
         "8A"},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF"
         "A",
         "\xEF\xBF\xBD"
         "8A"},
        {"\xF4\x91\x92\x93\xFF"
         "A\x80\xBF"
         "B",
         "\xEF\xBF\xBD"
         "5A\xEF\xBF\xBD"
         "2B"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
         "A",
         "\xEF\xBF\xBD"
         "4A"},
        {"walk\xE2\x82", "walk\xEF\xBF\xBD"
                         "1"},
    };
    for (size_t i = 0; i < VMG_COUNT(pairs); i++) {
        /* A digit after U+FFFD in the expectation counts its repetitions. */
        vmg_buf want = {0};
        for (const char *s = pairs[i].want; *s;) {
            int n = (uint8_t)*s == 0xEF ? s[3] - '0' : 0;
            for (int k = 0; k < n; k++)
                vmg_buf_append(&want, s, 3);
            if (!n)
                vmg_buf_append(&want, s, 1);
            s += n ? 4 : 1;
        }
        vmg_codepoints t = {0};
        vmg_buf got = {0};
        vmg_codepoints_append_utf8(&t, pairs[i].in, strlen(pairs[i].in));
        vmg_codepoints_to_utf8(&t, &got);
        CHECK_STR(got.data, want.data);
        char *cleaned;
        REQUIRE_OK(vmg_text_clean(pairs[i].in, strlen(pairs[i].in), &cleaned, NULL));
        CHECK_STR(cleaned, want.data);
        free(cleaned);
        vmg_codepoints_free(&t);
        vmg_buf_free(&got);
        vmg_buf_free(&want);
    }
}

static void empty_and_nul(void)
{
    char *out;
    size_t n;
    REQUIRE_OK(vmg_text_clean("", 0, &out, &n));
    CHECK_STR(out, "");
    CHECK_INT(n, 0);
    free(out);
    REQUIRE_OK(vmg_text_clean(" \0 \n", 4, &out, &n));
    CHECK_INT(n, 0);
    free(out);
    REQUIRE_OK(vmg_text_clean("a\0b", 3, &out, &n));
    CHECK_STR(out, "ab");
    CHECK_INT(n, 2);
    free(out);
}

/* Texts made to take long: many layers of escapes and mojibake, endless marks. */
static void megabytes(void)
{
    static const char *const units[] = {"a person walks. ",
                                        "amp;",
                                        "a\xCC\x81\xCC\x96",
                                        "\xFF",
                                        "\xC3\xA2\xE2\x82\xAC\xC5\x93\n",
                                        "\x1B[1",
                                        "&#x10ffff"};
    for (size_t u = 0; u < VMG_COUNT(units); u++) {
        vmg_buf text = {0};
        char *out;
        size_t n;
        vmg_buf_puts(&text, "&");
        while (text.len < 1 << 20)
            vmg_buf_puts(&text, units[u]);
        REQUIRE(!text.failed);
        CHECK_OK(vmg_text_clean(text.data, text.len, &out, &n));
        CHECK(out && n > 0 && strlen(out) == n);
        free(out);
        vmg_buf_free(&text);
    }
    char *out;
    CHECK_FAILS(vmg_text_clean("", VMG_TEXT_MAX_BYTES + 1, &out, NULL), VMG_E_ARG, "longer");
    CHECK(out == NULL);
}

static void random_bytes(void)
{
    static const char alphabet[] = "\xC3\xA2\xE2\x82\xAC\xED\xA0\xB0\x80\xF0\x9F "
                                   "&;#xX19afamp<\r\n\x1B[m";
    for (int k = 0; k < 20000; k++) {
        char in[48], *out, *again;
        size_t n = vmg_test_below(sizeof in), out_n;
        for (size_t i = 0; i < n; i++)
            in[i] = vmg_test_below(4) ? alphabet[vmg_test_below(sizeof alphabet)]
                                      : (char)vmg_test_below(256);
        REQUIRE_OK(vmg_text_clean(in, n, &out, &out_n));
        /* The result is well-formed, and its white space is folded. */
        vmg_codepoints t = {0};
        for (size_t i = 0; i < out_n;) {
            uint32_t cp;
            int len = vmg_utf8_next((const uint8_t *)out + i, out_n - i, &cp);
            REQUIRE(len > 0);
            CHECK(!vmg_is_space(cp) || (cp == ' ' && i > 0 && i + 1 < out_n && out[i - 1] != ' '));
            vmg_codepoints_push(&t, cp);
            i += (size_t)len;
        }
        vmg_codepoints_free(&t);
        REQUIRE_OK(vmg_text_clean(in, n, &again, NULL));
        CHECK_STR(again, out);
        free(out);
        free(again);
    }
}

static int filter(void)
{
    uint32_t n;
    while (fread(&n, sizeof n, 1, stdin) == 1) {
        char *text = malloc(n + 1u), *out;
        size_t out_n;
        if (!text || fread(text, 1, n, stdin) != n ||
            vmg_text_clean(text, n, &out, &out_n) != VMG_OK)
            return 1;
        uint32_t out_size = (uint32_t)out_n;
        fwrite(&out_size, sizeof out_size, 1, stdout);
        fwrite(out, 1, out_n, stdout);
        free(out);
        free(text);
    }
    return 0;
}

static const vmg_test_case cases[] = {
    {"repairs_characters", repairs_characters},
    {"unescapes_html", unescapes_html},
    {"decodes_mojibake", decodes_mojibake},
    {"replaces_malformed_utf8", replaces_malformed_utf8},
    {"empty_and_nul", empty_and_nul},
    {"megabytes", megabytes},
    {"random_bytes", random_bytes},
};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--filter"))
        return filter();
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
