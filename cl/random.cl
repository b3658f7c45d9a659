/*
 * Normal numbers from a counter: Philox 4x32-10 (Salmon et al. 2011), then Box-Muller in integer arithmetic, so that
 * every device and the host give the same bits whatever their compilers do with floating point.
 *
 * Fixed point: Qn is a value times 2^n. host/op/random.c includes this file for the host's half, with uint, ulong,
 * as_float, sqrt (of a float) and clz (of a ulong) defined beforehand.
 */

/* 10 rounds on counter c[4] with key (k0, k1). */
static inline void philox(uint *c, uint k0, uint k1)
{
    for (int round = 0; round < 10; round++) {
        const ulong p0 = (ulong)c[0] * 0xD2511F53u, p1 = (ulong)c[2] * 0xCD9E8D57u;
        const uint c1 = c[1], c3 = c[3];
        c[0] = (uint)(p1 >> 32) ^ c1 ^ k0;
        c[1] = (uint)p1;
        c[2] = (uint)(p0 >> 32) ^ c3 ^ k1;
        c[3] = (uint)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

#define Q32_MUL(a, b) ((ulong)(a) * (b) >> 32)

/*
 * -2 ln((x + 1/2) / 2^32) in Q58. With n = 2x + 1 = mu * 2^exponent, 1/sqrt(2) <= mu < sqrt(2), and
 * s = (mu - 1)/(mu + 1): ln(mu) = 2 atanh(s) = 2 s (1 + s^2/3 + s^4/5 + ...).
 */
static inline ulong minus_two_log(uint x)
{
    const ulong one = (ulong)1 << 33, ln2_q59 = 399572145162582989ul, sqrt2_q32 = 6074001000ul;
    const ulong n = 2 * (ulong)x + 1;
    int exponent = 63 - (int)clz(n);
    ulong mu = n << (32 - exponent); /* Q32, then Q33 */
    if (mu >= sqrt2_q32)
        exponent++;
    else
        mu *= 2;
    const ulong whole = (ulong)(33 - exponent) * ln2_q59;
    const ulong distance = mu > one ? mu - one : one - mu;
    if (distance == 0)
        return whole;
    /* |s| with as many bits as fit: Q(shift), shift >= 32. */
    const int shift = (int)clz(distance);
    const ulong s = (distance << shift) / (mu + one), s_q32 = s >> (shift - 32);
    const ulong square = Q32_MUL(s_q32, s_q32);
    ulong series = 0;
    for (int k = 6; k >= 0; k--)
        series = ((ulong)1 << 32) / (uint)(2 * k + 1) + Q32_MUL(square, series);
    const ulong part = (s * series) >> (shift - 28); /* 4 |s| series in Q58 */
    return mu > one ? whole - part : whole + part;
}

/* floor(sqrt(v)), v < 2^63.9. Only the guess is a floating-point number, good to 2^-20 or better anywhere; Newton's step
 * squares that, and what is left is settled in integers. */
static inline ulong square_root(ulong v)
{
    ulong root = (ulong)sqrt((float)v) + 1;
    root = (root + v / root) / 2;
    while (root * root > v)
        root--;
    while ((root + 1) * (root + 1) <= v)
        root++;
    return root;
}

/* (-1)^negative * v / 2^61, rounded to nearest even. */
static inline float from_q61(bool negative, ulong v)
{
    if (v == 0)
        return 0.0f;
    const int top = 63 - (int)clz(v), drop = top - 23;
    if (drop > 0)
        v = (v + ((ulong)1 << (drop - 1)) - 1 + (v >> drop & 1)) >> drop;
    else
        v <<= -drop;
    /* v's leading bit adds 1 to the exponent, as does a carry out of the rounding. */
    return as_float((negative ? 0x80000000u : 0u) + ((uint)(top + 65) << 23) + (uint)v);
}

/* Two independent normals from two independent words: z[0] = r cos(a), z[1] = r sin(a), a = 2 pi (y + 1/2) / 2^32. */
static inline void box_muller(uint x, uint y, float *z)
{
    const ulong one = (ulong)1 << 32, pi_q30 = 3373259426ul;
    const ulong r = square_root(minus_two_log(x)); /* Q29 */
    const uint quadrant = y >> 30;
    ulong turn = 2 * (ulong)(y & 0x3fffffffu) + 1; /* of a quarter circle, Q31 */
    const bool past_half = turn > (ulong)1 << 30;
    turn = past_half ? ((ulong)1 << 31) - turn : turn;
    const ulong angle = turn * pi_q30 >> 30, square = Q32_MUL(angle, angle); /* Q32, up to pi/4 */
    ulong sine = one, cosine = one;
    for (uint k = 5; k >= 1; k--)
        sine = one - Q32_MUL(square, sine) / (2 * k * (2 * k + 1));
    for (uint k = 6; k >= 1; k--)
        cosine = one - Q32_MUL(square, cosine) / (2 * k * (2 * k - 1));
    sine = Q32_MUL(angle, sine);
    const bool swap = past_half != ((quadrant & 1u) != 0);
    z[0] = from_q61(quadrant == 1 || quadrant == 2, r * (swap ? sine : cosine));
    z[1] = from_q61(quadrant >= 2, r * (swap ? cosine : sine));
}

/* The four normals of one counter. */
static inline void normal4(ulong seed, ulong stream, ulong counter, float *z)
{
    uint c[4] = {(uint)counter, (uint)(counter >> 32), (uint)stream, (uint)(stream >> 32)};
    philox(c, (uint)seed, (uint)(seed >> 32));
    box_muller(c[0], c[1], z);
    box_muller(c[2], c[3], z + 2);
}

#ifdef __OPENCL_VERSION__
#if !defined(WG)
#error "random.cl needs -DWG"
#endif
/* out[i] = normal number offset + i; one item per counter, that is per four numbers. */
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void normal(TENSOR(out), ulong seed, ulong stream, ulong offset, long n)
{
    const ulong counter = offset / 4 + get_global_id(0);
    const long first = (long)(get_global_id(0) * 4) - (long)(offset % 4);
    if (first >= n)
        return;
    float z[4];
    normal4(seed, stream, counter, z);
    for (int k = 0; k < 4; k++)
        if (first + k >= 0 && first + k < n)
            F32(out)[first + k] = z[k];
}
#endif
