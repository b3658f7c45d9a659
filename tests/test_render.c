/* Cameras, captions, palettes, films and strips: what pictures are made of beside their rays. */
#include "config.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/motion/rep276.h"
#include "src/render/camera.h"
#include "src/render/caption.h"
#include "src/render/film.h"
#include "src/render/palette.h"
#include "src/render/panel.h"
#include "src/render/png.h"
#include "src/render/render.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* All spheres are seen inside the free part, and two opposite sides of it are touched. */
static void camera_fits(void)
{
    for (int trial = 0; trial < 50; trial++) {
        enum { N = 9 };
        vmg_sphere s[N];
        vmg_view v;
        const double width = 300 + vmg_test_below(1000), height = 300 + vmg_test_below(1000), bottom = 0.05 * (trial % 3);
        double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
        for (int i = 0; i < N; i++)
            s[i] = (vmg_sphere){{3 * vmg_test_uniform(), 3 * vmg_test_uniform(), 1 + vmg_test_uniform()},
                                0.2 + 0.1 * vmg_test_uniform()};
        vmg_view_orient((double[2]){0, 1}, 3 * vmg_test_uniform(), 0.2 * (trial % 4), width, height, 0.3, &v);
        vmg_view_fit(&v, s, N, 0.9, bottom);
        CHECK_CLOSE(v.tan_x / v.tan_y, width / height, 1e-12);
        CHECK_CLOSE(dot(v.right, v.forward), 0, 1e-12);
        CHECK_CLOSE(v.right[0] * v.forward[1] - v.right[1] * v.forward[0], v.up[2], 1e-12);
        for (int i = 0; i < N; i++) {
            const double *axis[2] = {v.right, v.up}, t[2] = {v.tan_x, v.tan_y};
            double p[3];
            for (int c = 0; c < 3; c++)
                p[c] = s[i].centre[c] - v.eye[c];
            const double z = dot(p, v.forward);
            CHECK(z > s[i].radius);
            for (int c = 0; c < 2; c++) {
                /* tangents of the rays that touch the sphere */
                const double x = dot(p, axis[c]), r = s[i].radius, root = r * sqrt(x * x + z * z - r * r);
                low[c] = fmin(low[c], (x * z - root) / (z * z - r * r) / t[c]);
                high[c] = fmax(high[c], (x * z + root) / (z * z - r * r) / t[c]);
            }
        }
        const double floor_at = -0.9 * (1 - 2 * bottom);
        CHECK(low[0] > -0.9 - 1e-9 && high[0] < 0.9 + 1e-9 && low[1] > floor_at - 1e-9 && high[1] < 0.9 + 1e-9);
        CHECK((low[0] < -0.9 + 1e-9 && high[0] > 0.9 - 1e-9) || (low[1] < floor_at + 1e-9 && high[1] > 0.9 - 1e-9));
    }
}

/* Azimuth 0 looks at the front; at 90 degrees the body's right side is near and it faces to the right. */
static void azimuth_turns_round_the_body(void)
{
    vmg_view v;
    vmg_view_orient((double[2]){0, 1}, 0, 0, 1, 1, 0.3, &v);
    CHECK_CLOSE(v.forward[1], -1, 1e-12);
    vmg_view_orient((double[2]){0, 1}, M_PI / 2, 0, 1, 1, 0.3, &v);
    CHECK_CLOSE(v.forward[0], -1, 1e-12); /* from its right, which is +x when it faces +y */
    CHECK_CLOSE(v.right[1], 1, 1e-12);
}

static int64_t ink_of(const vmg_caption *c)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < c->width * c->height; i++)
        sum += c->ink[i];
    return sum;
}

static void captions(void)
{
    vmg_caption a, b;
    REQUIRE_OK(vmg_caption_make("walk", 400, 16, &a));
    CHECK(a.width > 30 && a.width < 100 && a.height < 40);
    REQUIRE_OK(vmg_caption_make("w\xc3\xa0lk", 400, 16, &b)); /* an accent is dropped */
    CHECK_INT(b.width, a.width);
    CHECK(!memcmp(a.ink, b.ink, (size_t)(a.width * a.height)));
    vmg_caption_free(&b);
    vmg_caption_free(&a);
    REQUIRE_OK(vmg_caption_make("", 400, 16, &a));
    CHECK_INT(a.width, 0);
    vmg_caption_free(&a);
    /* a long line is broken at spaces and fits */
    REQUIRE_OK(vmg_caption_make("a person walks forward and then turns left and waves", 200, 16, &a));
    CHECK(a.width <= 200 && a.height > 60);
    vmg_caption_free(&a);
    REQUIRE_OK(vmg_caption_make("unbreakableunbreakableunbreakable", 100, 16, &a));
    CHECK(a.width <= 100);
    vmg_caption_free(&a);
    CHECK_FAILS(vmg_caption_make("x", 0, 16, &a), VMG_E_ARG, "caption");
    /* every character has ink of its own */
    for (char c = 0x21; c < 0x7f; c++) {
        const char text[2] = {c, 0}, next[2] = {(char)(c == 0x7e ? 0x21 : c + 1), 0};
        REQUIRE_OK(vmg_caption_make(text, 100, 24, &a));
        REQUIRE_OK(vmg_caption_make(next, 100, 24, &b));
        CHECK(ink_of(&a) > 0 && (a.width != b.width || memcmp(a.ink, b.ink, (size_t)(a.width * a.height))));
        vmg_caption_free(&a);
        vmg_caption_free(&b);
    }
}

/* Cut off at every side without a write outside (the sanitizers watch). */
static void captions_are_cut(void)
{
    enum { W = 40, H = 30 };
    uint8_t rgba[4 * W * H];
    vmg_caption c;
    REQUIRE_OK(vmg_caption_make("clipped", 200, 20, &c));
    for (int64_t y = -50; y < 60; y += 9)
        for (int64_t x = -120; x < 60; x += 17) {
            memset(rgba, 200, sizeof rgba);
            vmg_caption_draw(&c, rgba, W, H, x, y);
            for (int i = 0; i < W * H; i++)
                CHECK_INT(rgba[4 * i + 3], 200);
        }
    vmg_caption_free(&c);
}

/* Few colours come back almost as they were; many within the cut's reach. */
static void palettes(void)
{
    enum { W = 64, H = 64 };
    static uint8_t rgba[4 * W * H], index[W * H];
    vmg_palette *p = vmg_calloc(1, sizeof *p);
    REQUIRE(p);
    for (int many = 0; many < 2; many++) {
        double error = 0;
        for (int i = 0; i < W * H; i++) {
            const int v = many ? i : i % 5 * 800;
            rgba[4 * i] = (uint8_t)(v % 256);
            rgba[4 * i + 1] = (uint8_t)(v / 16);
            rgba[4 * i + 2] = (uint8_t)(255 - v / 20);
            rgba[4 * i + 3] = 255;
        }
        vmg_palette_make(rgba, W * H, p);
        vmg_palette_map(p, rgba, W, H, index, W);
        for (int i = 0; i < W * H; i++)
            for (int c = 0; c < 3; c++)
                error += abs(p->colour[index[i]][c] - rgba[4 * i + c]) / (3.0 * W * H);
        CHECK(error < (many ? 8 : 5));
    }
    free(p);
}

static void png_round_trip(void)
{
    enum { W = 7, H = 5 };
    uint8_t rgba[4 * W * H], back[4 * W * H];
    for (int i = 0; i < 4 * W * H; i++)
        rgba[i] = i % 4 == 3 ? 255 : (uint8_t)(7 * i);
    const char *path = vmg_test_tmp("x.png");
    REQUIRE_OK(vmg_png_write(path, rgba, W, H));
    png_image image = {.version = PNG_IMAGE_VERSION};
    REQUIRE(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGBA;
    CHECK(image.width == W && image.height == H);
    REQUIRE(png_image_finish_read(&image, NULL, back, 0, NULL));
    CHECK(!memcmp(rgba, back, sizeof rgba));
    CHECK_FAILS(vmg_png_write("/no/such/folder/x.png", rgba, W, H), VMG_E_IO, "/no/such/folder/x.png");
}

static void films(void)
{
#ifdef HAVE_LIBAV
    static const char *const names[] = {"x.mp4", "x.gif"};
    enum { W = 64, H = 48 };
    static uint8_t rgba[4 * W * H];
    vmg_film *film;
    for (int k = 0; k < 2; k++) {
        const char *path = vmg_test_tmp(names[k]);
        char *data;
        size_t size;
        REQUIRE_OK(vmg_film_open(path, W, H, 20, &film));
        for (int t = 0; t < 30; t++) {
            memset(rgba, 8 * t, sizeof rgba);
            CHECK_OK(vmg_film_add(film, rgba));
        }
        CHECK(!vmg_path_exists(path)); /* only when complete */
        CHECK_OK(vmg_film_commit(film));
        vmg_film_free(film);
        REQUIRE_OK(vmg_read_file(path, 1 << 20, &data, &size));
        CHECK(size > 500 && (k ? !memcmp(data, "GIF89a", 6) : !memcmp(data + 4, "ftyp", 4)));
        free(data);
    }
    const char *left = vmg_test_tmp("left.mp4");
    REQUIRE_OK(vmg_film_open(left, W, H, 20, &film));
    vmg_film_free(film);
    CHECK(!vmg_path_exists(left));
    CHECK_FAILS(vmg_film_open(left, 63, 48, 20, &film), VMG_E_ARG, "even sides");
    CHECK_FAILS(vmg_film_open("/no/such/folder/x.mp4", 64, 48, 20, &film), VMG_E_IO, "/no/such/folder/x.mp4");
    CHECK_FAILS(vmg_film_open("x.avi", 64, 48, 20, &film), VMG_E_UNSUPPORTED, ".mp4 or .gif");
#else
    vmg_film *film;
    CHECK_FAILS(vmg_film_open("x.mp4", 64, 48, 20, &film), VMG_E_UNSUPPORTED, "without FFmpeg");
#endif
}

/* A walk's clip, as renderers get it. */
static int walk(int64_t T, vmg_clip *out)
{
    vmg_poses p;
    int rc = vmg_test_motion_make(VMG_TEST_WALK, T, 0.4, &p);
    if (!rc)
        rc = vmg_clip_from_poses(&p, 20, out);
    vmg_poses_free(&p);
    return rc;
}

/* The default body in its rest pose has soles on the ground, its left limbs left, its nose in front. */
static void body_of_cones(void)
{
    vmg_poses p;
    vmg_clip clip;
    vmg_body body;
    vmg_cone cone[VMG_MAX_CAPSULES];
    double offset[VMG_N_JOINTS][3], lowest = INFINITY;
    REQUIRE_OK(vmg_poses_alloc(3, &p));
    vmg_rest_offsets(offset);
    for (int t = 0; t < 3; t++) /* upright: the rest pose's y becomes z, its front (z) becomes -y */
        memcpy(vmg_poses_rot(&p, t, 0), (double[9]){1, 0, 0, 0, 0, -1, 0, 1, 0}, 9 * sizeof(double));
    vmg_poses_fk(&p, (const double(*)[3])offset);
    REQUIRE_OK(vmg_clip_from_poses(&p, 20, &clip));
    REQUIRE_OK(vmg_body_make(&clip, &body));
    vmg_body_cones(&body, 1, (double[3]){0, 0, 0}, 0, cone);
    for (int i = 0; i < body.n_capsules; i++) {
        const vmg_capsule *q = &body.capsule[i];
        lowest = fmin(lowest, fmin(cone[i].a[2] - cone[i].ra, cone[i].b[2] - cone[i].rb));
        CHECK(q->side == 0 || q->side == (cone[i].b[0] > 0 ? 1 : -1));
        CHECK(q->side != 1 || cone[i].colour[0] > cone[i].colour[2]);
        CHECK(q->side != -1 || cone[i].colour[0] < cone[i].colour[2]);
    }
    CHECK_CLOSE(body.ground_m, lowest, 1e-6);
    CHECK_CLOSE(vmg_poses_lowest(&p, 2) - lowest, 0.035, 0.01);
    double facing[2];
    vmg_body_facing(&body, 1, facing);
    CHECK_CLOSE(facing[1], -1, 1e-6);
    vmg_body_free(&body);
    vmg_clip_free(&clip);
    vmg_poses_free(&p);
}

/* Poses of a strip go forward in time and to the right, and do not cover each other's middles. */
static void strips_spread(void)
{
    for (int64_t T = 1; T <= 100; T += 33) {
        vmg_clip clip;
        vmg_panel panel;
        vmg_strip strip;
        vmg_render_options o = vmg_render_defaults;
        o.strip = 7;
        REQUIRE_OK(walk(T + 1, &clip));
        REQUIRE_OK(vmg_panel_make(&(vmg_render_clip){&clip, NULL}, &o, &panel));
        REQUIRE_OK(vmg_strip_make(&panel, &o, &strip));
        CHECK_INT(strip.n, VMG_MIN(7, clip.T));
        CHECK(strip.aspect >= 0.5 && strip.aspect <= 5);
        for (int64_t i = 1; i < strip.n; i++)
            CHECK(strip.frame[i] > strip.frame[i - 1]);
        CHECK_INT(strip.frame[strip.n - 1], strip.n > 1 ? clip.T - 1 : clip.T / 2);
        vmg_strip_free(&strip);
        vmg_panel_free(&panel);
        vmg_clip_free(&clip);
    }
}

/* From motion to file: the body is where it should be, and in its colours. */
static void renders_a_picture(void)
{
    vmg_ctx *ctx;
    vmg_clip clip;
    vmg_render_options o = vmg_render_defaults;
    const char *path = vmg_test_tmp("walk.png");
    const vmg_ctx_options options = {.device = getenv("VMG_TEST_DEVICE"), .no_disk_cache = true};
    REQUIRE_OK(vmg_ctx_open(&options, &ctx));
    REQUIRE_OK(walk(40, &clip));
    o.width = 200;
    o.height = 160;
    o.at_s = 1;
    o.azimuth_deg = 0; /* from the front: its left side is on the picture's right */
    CHECK_OK(vmg_render(ctx, path, &(vmg_render_clip){&clip, "walk"}, 1, &o));
    png_image image = {.version = PNG_IMAGE_VERSION};
    REQUIRE(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    REQUIRE(image.width == 200 && image.height == 160);
    uint8_t *rgb = vmg_calloc(200 * 160, 3);
    REQUIRE(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    double orange = 0, blue = 0;
    int64_t n_orange = 0, n_blue = 0;
    for (int i = 0; i < 200 * 160; i++) {
        const int r = rgb[3 * i], b = rgb[3 * i + 2];
        if (r > b + 60) {
            orange += i % 200;
            n_orange++;
        } else if (b > r + 60) {
            blue += i % 200;
            n_blue++;
        }
    }
    CHECK(n_orange > 300 && n_blue > 300);
    CHECK(orange / (double)n_orange > blue / (double)n_blue + 3);
    free(rgb);
    CHECK_FAILS(vmg_render(ctx, "x.tiff", &(vmg_render_clip){&clip, NULL}, 1, &o), VMG_E_UNSUPPORTED, "x.tiff");
    o.strip = 100000;
    CHECK_FAILS(vmg_render(ctx, path, &(vmg_render_clip){&clip, NULL}, 1, &o), VMG_E_ARG, "poses");
    vmg_clip_free(&clip);
    vmg_ctx_close(ctx);
}

static const vmg_test_case cases[] = {
    {"camera_fits", camera_fits},
    {"azimuth_turns_round_the_body", azimuth_turns_round_the_body},
    {"captions", captions},
    {"captions_are_cut", captions_are_cut},
    {"palettes", palettes},
    {"png_round_trip", png_round_trip},
    {"films", films},
    {"body_of_cones", body_of_cones},
    {"strips_spread", strips_spread},
    {"renders_a_picture", renders_a_picture},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
