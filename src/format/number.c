/* Decimal numbers in text files, independent of the process's locale. */
#include "src/format/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 10^e applied to m: exact powers where they exist, which covers what files hold. */
static double scale10(double m, int e)
{
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (e >= 0 && e <= 22)
        return m * exact[e];
    if (e < 0 && e >= -22)
        return m / exact[-e];
    /* In two steps, so that subnormal results do not pass through zero. */
    return e < -300 ? m * pow(10, e + 300) * 1e-300 : m * pow(10, e);
}

bool vmg_number_parse(const char *text, size_t n, double *out)
{
    size_t i = 0;
    bool negative = n > 0 && text[0] == '-', any = false;
    i += n > 0 && (text[0] == '-' || text[0] == '+');
    uint64_t mantissa = 0;
    int exponent = 0;
    for (bool fraction = false; i < n; i++) {
        if (text[i] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (!digit(text[i]))
            break;
        any = true;
        bool room = mantissa < 1000000000000000000u;
        if (room)
            mantissa = 10 * mantissa + (uint64_t)(text[i] - '0');
        if (fraction == room && exponent > -100000 && exponent < 100000)
            exponent += fraction ? -1 : 1;
    }
    if (!any)
        return false;
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        bool minus = ++i < n && text[i] == '-';
        i += i < n && (text[i] == '-' || text[i] == '+');
        int e = 0;
        if (i == n)
            return false;
        for (; i < n && digit(text[i]); i++)
            e = e < 100000 ? 10 * e + (text[i] - '0') : e;
        exponent += minus ? -e : e;
    }
    if (i != n)
        return false;
    double x = mantissa ? scale10((double)mantissa, VMG_MAX(-400, VMG_MIN(400, exponent))) : 0;
    *out = negative ? -x : x;
    return isfinite(x);
}

void vmg_number_append(vmg_buf *b, double x, int decimals)
{
    char text[64];
    double power = scale10(1, decimals);
    if (!(fabs(x) <= 9e8)) {
        snprintf(text, sizeof text, "%.17g", x);
        for (char *p = text; *p; p++)
            *p = *p == ',' ? '.' : *p;
        vmg_buf_puts(b, text);
        return;
    }
    long long v = llround(x * power), whole, part;
    whole = llabs(v) / (long long)power;
    part = llabs(v) % (long long)power;
    int n = snprintf(text, sizeof text, "%s%lld", v < 0 ? "-" : "", whole);
    if (part) {
        n += snprintf(text + n, sizeof text - (size_t)n, ".%0*lld", decimals, part);
        while (text[n - 1] == '0')
            n--;
    }
    vmg_buf_append(b, text, (size_t)n);
}
