/*
 * Ray casting of round cones and triangles over a checkered ground with marks: one picture, or one panel of it.
 *
 * Everything is relative to the eye and in metres, z up, so that rays start at the origin and what depends on a
 * primitive alone is computed by the host, in double (src/render/raycast.c describes the records). The picture is cut into tiles of
 * 16x16 pixels; `starts` and `items` list for each tile the cones, blockers, marks and triangles that can
 * matter there, so that a pixel looks at a handful of them. A work-group takes a tile, an item packets of VW
 * neighbouring pixels, as vectors. No local memory.
 *
 * Light: a sun with a disc of half angle atan(SUN_TAN), whose visible part is estimated from the cone that comes
 * closest to the ray towards it; a sky from above and a bounce from below, dimmed by the solid angle of near
 * cones. Colours are squared display values (gamma 2). Tiles with a body take 4 samples a pixel, others 1: checks,
 * marks and shadows are filtered analytically.
 */
#if !defined(WG) || !defined(VW)
#error "render.cl needs -DWG -DVW"
#endif

#define TILE 16
#define PACKETS (TILE * TILE / VW)

#define V FV(VW)
#define MASK WIDE(int, VW)
#if VW == 1
#define ANY(m) (m)
#else
#define ANY(m) any(m)
#endif

typedef struct { V x, y, z; } v3;

inline v3 make3(V x, V y, V z) { v3 r; r.x = x; r.y = y; r.z = z; return r; }
inline V dot3(v3 a, v3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
/* With a vector that all lanes share. */
inline V dot_at(v3 a, __global const float *b) { return a.x * b[0] + a.y * b[1] + a.z * b[2]; }
inline v3 add3(v3 a, v3 b) { return make3(a.x + b.x, a.y + b.y, a.z + b.z); }
inline v3 scale3(v3 a, V s) { return make3(a.x * s, a.y * s, a.z * s); }
inline v3 minus_at(v3 a, __global const float *b) { return make3(a.x - b[0], a.y - b[1], a.z - b[2]); }
inline v3 unit3(v3 a) { return scale3(a, rsqrt(max(dot3(a, a), (V)1e-20f))); }
inline v3 choose3(v3 no, v3 yes, MASK m)
{
    return make3(select(no.x, yes.x, m), select(no.y, yes.y, m), select(no.z, yes.z, m));
}
inline v3 mix3(v3 a, v3 b, V t) { return make3(mix(a.x, b.x, t), mix(a.y, b.y, t), mix(a.z, b.z, t)); }
inline v3 spread3(__global const float *p) { return make3((V)p[0], (V)p[1], (V)p[2]); }

/* ---- the view: what all rays share ---- */
#define FORWARD (view + 0)
#define RIGHT (view + 3)         /* times the tangent of half the angle of view */
#define UP (view + 6)
#define GROUND_Z view[9]
#define EYE_CHECK (view + 10)    /* x, y of the eye within the check pattern, in checks */
#define CHECK_PER_M view[12]
#define FADE_CENTRE (view + 13)
#define FADE_FROM view[15]
#define FADE_PER_M view[16]
#define PIXEL_RAD view[17]
#define SUN (view + 18)
#define SUN_TAN view[21]
#define CHECK_LIGHT (view + 22)
#define CHECK_DARK (view + 25)
#define HORIZON (view + 28)
#define ZENITH (view + 31)
#define SKY (view + 34)
#define BOUNCE (view + 37)
#define SUNLIGHT (view + 40)
#define AO_REACH view[43]
#define LIFT view[44]            /* blockers are looked at from this far above a body's surface */

/* ---- what a ray hits ---- */

typedef struct {
    V t;
    v3 normal, colour;
    MASK body;
} hit_type;

/* Nearest point of a round cone (the hull of two spheres) on rays from the origin; Quilez, "round cone intersection", with the
 * terms of the cone alone precomputed. */
#define C_A 0
#define C_B 3
#define C_D2 6   /* |b-a|^2 - (ra-rb)^2 */
#define C_K0 7
#define C_G 8    /* (ra-rb) ra + (b-a).a: how far along the axis the side begins */
#define C_CA 9   /* |a|^2 - ra^2 */
#define C_CB 10
#define C_COLOUR 11
#define CONE_FLOATS 16

inline void hit_cone(__global const float *c, v3 d, hit_type *hit)
{
    const V da = dot_at(d, c + C_A), db = dot_at(d, c + C_B), along = db - da;
    const V k2 = c[C_D2] - along * along, k1 = along * c[C_G] - c[C_D2] * da;
    const V h = k1 * k1 - c[C_K0] * k2;
    if (!ANY(h >= 0.0f))
        return;
    V t = (-sqrt(max(h, (V)0.0f)) - k1) / k2;
    const V y = along * t - c[C_G];
    const MASK side = (h >= 0.0f) & (y > 0.0f) & (y < c[C_D2]) & (t > 0.0f);
    const V ha = da * da - c[C_CA], hb = db * db - c[C_CB];
    const V ta = select((V)INFINITY, da - sqrt(max(ha, (V)0.0f)), (MASK)(ha > 0.0f));
    const V tb = select((V)INFINITY, db - sqrt(max(hb, (V)0.0f)), (MASK)(hb > 0.0f));
    t = select(min(ta, tb), t, side);
    const MASK nearer = (h >= 0.0f) & (t > 0.0f) & (t < hit->t);
    if (!ANY(nearer))
        return;
    const v3 p = scale3(d, t), from_a = minus_at(p, c + C_A), from_b = minus_at(p, c + C_B);
    /* the side: d2 (p - a) - y (b - a) */
    const v3 axis = make3((V)(c[C_B] - c[C_A]), (V)(c[C_B + 1] - c[C_A + 1]), (V)(c[C_B + 2] - c[C_A + 2]));
    v3 n = choose3(from_b, from_a, (MASK)(ta < tb));
    n = choose3(n, add3(scale3(from_a, (V)c[C_D2]), scale3(axis, -y)), side);
    hit->t = select(hit->t, t, nearer);
    hit->normal = choose3(hit->normal, n, nearer);
    hit->colour = choose3(hit->colour, spread3(c + C_COLOUR), nearer);
    hit->body |= nearer;
}

/* A triangle by its edge functions: with corners v0 v1 v2 and a ray d from the origin, w0 = d.(v1 x v2), w1 and w2 in turn, all of one
 * sign inside; t = v0.(v1 x v2) / (w0 + w1 + w2). Normals and colours are interpolated. */
#define T_W 0
#define T_DET 9
#define T_NORMAL 10
#define T_COLOUR 19
#define TRIANGLE_FLOATS 28

inline v3 at_corners(__global const float *p, V w0, V w1, V w2)
{
    return make3(w0 * p[0] + w1 * p[3] + w2 * p[6], w0 * p[1] + w1 * p[4] + w2 * p[7], w0 * p[2] + w1 * p[5] + w2 * p[8]);
}

inline void hit_triangle(__global const float *c, v3 d, hit_type *hit)
{
    const V w0 = dot_at(d, c + T_W), w1 = dot_at(d, c + T_W + 3), w2 = dot_at(d, c + T_W + 6);
    const V sum = w0 + w1 + w2, t = c[T_DET] / sum;
    /* det < 0: the side that faces the eye, which the host has kept */
    const MASK nearer = (w0 <= 0.0f) & (w1 <= 0.0f) & (w2 <= 0.0f) & (sum < 0.0f) & (t > 0.0f) & (t < hit->t);
    if (!ANY(nearer))
        return;
    const V a = w0 / sum, b = w1 / sum, e = w2 / sum;
    hit->t = select(hit->t, t, nearer);
    hit->normal = choose3(hit->normal, at_corners(c + T_NORMAL, a, b, e), nearer);
    hit->colour = choose3(hit->colour, at_corners(c + T_COLOUR, a, b, e), nearer);
    hit->body |= nearer;
}

/* ---- the ground ---- */

/* Part of a pixel's footprint of width w (in checks) that lies on dark checks: Quilez, "filtered checkerboard". */
inline V check_wave(V p, V w)
{
    const V a = (p - 0.5f * w) * 0.5f, b = (p + 0.5f * w) * 0.5f;
    return 2.0f * (fabs(a - floor(a) - 0.5f) - fabs(b - floor(b) - 0.5f)) / w;
}

#define M_A 0
#define M_AXIS 2 /* b - a */
#define M_INVERSE 4 /* 1/|b-a|^2, 0 for a disc */
#define M_HALF_WIDTH 5
#define M_COLOUR 6
#define MARK_FLOATS 12

inline v3 ground_colour(__global const float *view, v3 p, v3 d, V t, __global const float *marks,
                        __global const int *mark, __global const int *last_mark)
{
    /* the footprint is as wide as the pixel across, and longer along the line of sight */
    const V across = t * PIXEL_RAD, stretch = 1.0f / max(fabs(d.z), (V)1e-3f) - 1.0f;
    const V flat_length = rsqrt(max(d.x * d.x + d.y * d.y, (V)1e-12f));
    const V wx = across * (1.0f + stretch * fabs(d.x) * flat_length), wy = across * (1.0f + stretch * fabs(d.y) * flat_length);
    const V even = check_wave(p.x * CHECK_PER_M + EYE_CHECK[0], wx * CHECK_PER_M) *
                   check_wave(p.y * CHECK_PER_M + EYE_CHECK[1], wy * CHECK_PER_M);
    v3 colour = mix3(spread3(CHECK_DARK), spread3(CHECK_LIGHT), 0.5f + 0.5f * even);
    for (; mark < last_mark; mark++) {
        __global const float *m = marks + *mark * MARK_FLOATS;
        const V x = p.x - m[M_A], y = p.y - m[M_A + 1];
        const V along = clamp((x * m[M_AXIS] + y * m[M_AXIS + 1]) * m[M_INVERSE], 0.0f, 1.0f);
        const V dx = x - along * m[M_AXIS], dy = y - along * m[M_AXIS + 1];
        const V distance = sqrt(dx * dx + dy * dy) - m[M_HALF_WIDTH];
        const V filter = max(0.5f * (wx + wy), (V)1e-5f);
        colour = mix3(colour, spread3(m + M_COLOUR), clamp(0.5f - distance / filter, 0.0f, 1.0f));
    }
    return colour;
}

/* ---- light ---- */

#define B_A 0
#define B_AXIS 3
#define B_RA 6
#define B_TAPER 7      /* rb - ra */
#define B_INVERSE 8    /* 1/|b-a|^2 */
#define B_SUN 9        /* (b-a).sun */
#define B_CLOSEST 10   /* 1/(|b-a|^2 - ((b-a).sun)^2), 0 when parallel */
#define BLOCKER_FLOATS 12

/* Dims sun and sky by one round cone seen from p. */
inline void block_light(__global const float *view, __global const float *b, v3 p, v3 normal, V *sun, V *sky)
{
    const v3 from = minus_at(p, b + B_A);
    const V along = dot_at(from, b + B_AXIS), towards = dot_at(from, SUN);
    V u = clamp(along * b[B_INVERSE], 0.0f, 1.0f);
    v3 to = make3(u * b[B_AXIS] - from.x, u * b[B_AXIS + 1] - from.y, u * b[B_AXIS + 2] - from.z);
    const V radius = b[B_RA] + u * b[B_TAPER], l2 = max(dot3(to, to), radius * radius), l = sqrt(l2);
    const V facing = max(dot3(normal, to), (V)0.0f) / l, near = clamp(1.0f - (l - radius) / AO_REACH, 0.0f, 1.0f);
    *sky *= 1.0f - facing * near * radius * radius / l2;

    u = clamp((along - towards * b[B_SUN]) * b[B_CLOSEST], 0.0f, 1.0f);
    const V s = u * b[B_SUN] - towards, ahead = max(s, (V)0.0f);
    const v3 miss = make3(from.x + ahead * SUN[0] - u * b[B_AXIS], from.y + ahead * SUN[1] - u * b[B_AXIS + 1],
                          from.z + ahead * SUN[2] - u * b[B_AXIS + 2]);
    const V gap = sqrt(dot3(miss, miss)) - (b[B_RA] + u * b[B_TAPER]);
    const V seen = clamp(0.5f + 0.5f * gap / ((ahead + 0.06f) * SUN_TAN), 0.0f, 1.0f);
    *sun = min(*sun, seen * seen * (3.0f - 2.0f * seen));
}

inline v3 lit(__global const float *view, v3 colour, v3 normal, v3 d, V sun, V sky, V gloss)
{
    const V up = 0.5f + 0.5f * normal.z, facing = max(dot_at(normal, SUN), (V)0.0f) * sun;
    const v3 half_way = unit3(make3(SUN[0] - d.x, SUN[1] - d.y, SUN[2] - d.z));
    V shine = max(dot3(normal, half_way), (V)0.0f);
    shine *= shine; shine *= shine; shine *= shine; shine *= shine; shine *= shine;
    V rim = clamp(1.0f + dot3(normal, d), 0.0f, 1.0f);
    rim *= rim * rim;
    const v3 light = add3(scale3(mix3(spread3(BOUNCE), spread3(SKY), up), sky), scale3(spread3(SUNLIGHT), facing));
    const V extra = gloss * (0.25f * shine * sun + 0.12f * rim * sky);
    return make3(colour.x * light.x + extra, colour.y * light.y + extra, colour.z * light.z + extra);
}

/* ---- one sample of VW rays ---- */

inline v3 sample_rays(__global const float *view, v3 d, __global const float *cones, __global const float *blockers,
                      __global const float *marks, __global const float *triangles, __global const int *starts,
                      __global const int *items)
{
    hit_type hit;
    hit.t = (V)INFINITY;
    hit.normal = make3((V)0.0f, (V)0.0f, (V)1.0f);
    hit.colour = make3((V)0.0f, (V)0.0f, (V)0.0f);
    hit.body = (MASK)0;
    for (int i = starts[0]; i < starts[1]; i++)
        hit_cone(cones + items[i] * CONE_FLOATS, d, &hit);
    for (int i = starts[3]; i < starts[4]; i++)
        hit_triangle(triangles + items[i] * TRIANGLE_FLOATS, d, &hit);

    const v3 back = mix3(spread3(HORIZON), spread3(ZENITH), clamp(d.z * 1.5f, 0.0f, 1.0f));
    const V down = GROUND_Z / d.z, below = select((V)INFINITY, down, (MASK)((d.z < 0.0f) & (down > 0.0f)));
    const MASK ground = below < hit.t, any_hit = ground | hit.body;
    if (!ANY(any_hit))
        return back;
    const V t = select((V)0.0f, select(hit.t, below, ground), any_hit);
    const v3 p = scale3(d, t);
    v3 normal = unit3(choose3(hit.normal, make3((V)0.0f, (V)0.0f, (V)1.0f), ground));
    v3 colour = hit.colour;
    if (ANY(ground))
        colour = choose3(colour, ground_colour(view, p, d, t, marks, items + starts[2], items + starts[3]), ground);
    V sun = (V)1.0f, sky = (V)1.0f;
    const v3 lifted = add3(p, scale3(normal, select((V)LIFT, (V)0.0f, ground)));
    for (int i = starts[1]; i < starts[2]; i++)
        block_light(view, blockers + items[i] * BLOCKER_FLOATS, lifted, normal, &sun, &sky);
    colour = lit(view, colour, normal, d, sun, sky, select((V)1.0f, (V)0.0f, ground));

    const V fx = p.x - FADE_CENTRE[0], fy = p.y - FADE_CENTRE[1];
    V fade = clamp((sqrt(fx * fx + fy * fy) - FADE_FROM) * FADE_PER_M, 0.0f, 1.0f);
    fade = select((V)0.0f, fade * fade * (3.0f - 2.0f * fade), ground);
    return choose3(back, mix3(colour, back, fade), any_hit);
}

/* ---- the kernel ---- */

#define UINTS WIDE(uint, VW)
inline UINTS channel(V linear)
{
    return WIDE(convert_uint, VW)(clamp(sqrt(max(linear, (V)0.0f)) * 255.0f + 0.5f, 0.0f, 255.0f));
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void cast_rays(CTENSOR(view_), CTENSOR(cones), CTENSOR(blockers), CTENSOR(marks), CTENSOR(triangles), CTENSOR(starts),
               CTENSOR(items), TENSOR(image), int image_width, int x0, int y0, int width, int height, int n_tiles_x)
{
    __global const float *view = CF32(view_);
    const int tile = (int)get_group_id(0), tile_x = tile % n_tiles_x * TILE, tile_y = tile / n_tiles_x * TILE;
    __global const int *tile_starts = I32(starts) + 4 * tile;
    const bool body = tile_starts[1] > tile_starts[0] || tile_starts[4] > tile_starts[3];
    const float step_x = 2.0f / (float)width, step_y = -2.0f / (float)height;
    V lane;
    for (int k = 0; k < VW; k++)
        ((float *)&lane)[k] = (float)k;
    for (int packet = (int)get_local_id(0); packet < PACKETS; packet += WG) {
        const int x = tile_x + packet % (TILE / VW) * VW, y = tile_y + packet / (TILE / VW);
        if (x >= width || y >= height)
            continue;
        v3 sum = make3((V)0.0f, (V)0.0f, (V)0.0f);
        for (int s = 0; s < (body ? 4 : 1); s++) {
            /* a rotated grid of four (rows 2 0 3 1), or the middle */
            const float ox = body ? (float)(2 * s + 1) * 0.125f : 0.5f;
            const float oy = body ? (float)(2 * (0x72 >> 2 * s & 3) + 1) * 0.125f : 0.5f;
            const V u = ((float)x + ox + lane) * step_x - 1.0f;
            const float v = ((float)y + oy) * step_y + 1.0f;
            const v3 d = unit3(make3(FORWARD[0] + u * RIGHT[0] + v * UP[0], FORWARD[1] + u * RIGHT[1] + v * UP[1],
                                     FORWARD[2] + u * RIGHT[2] + v * UP[2]));
            sum = add3(sum, sample_rays(view, d, CF32(cones), CF32(blockers), CF32(marks), CF32(triangles), tile_starts,
                                        I32(items)));
        }
        sum = scale3(sum, (V)(body ? 0.25f : 1.0f));
        const UINTS rgba = channel(sum.x) | channel(sum.y) << 8 | channel(sum.z) << 16 | (UINTS)0xff000000u;
        __global uint *row = (__global uint *)AT(image) + (long)(y0 + y) * image_width + x0 + x;
        if (x + VW <= width)
            STV(VW, rgba, row, 0);
        else
            for (int k = 0; k < width - x; k++)
                row[k] = ((const uint *)&rgba)[k];
    }
}
