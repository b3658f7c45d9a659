/* Steady gaits made longer: the loop is found, goes on evenly, and nothing else is looped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/loop.h"
#include "src/motion/rep276.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static float *make(enum vmg_test_motion kind, int64_t T)
{
    vmg_poses p;
    float *x = vmg_calloc((size_t)T, VMG_REP_DIM * sizeof *x);
    if (x && !(vmg_test_motion_make(kind, T + 1, 0.4, &p) == VMG_OK && vmg_rep276_encode(&p, x) == VMG_OK)) {
        free(x);
        x = NULL;
    }
    vmg_poses_free(&p);
    return x;
}

static const float *joint(const float *x, int64_t t, int j)
{
    return x + t * VMG_REP_DIM + VMG_REP_POS + 3 * j;
}

/* Largest second difference of any joint over frames [from, to). */
static double acceleration(const float *x, int64_t from, int64_t to)
{
    double most = 0;
    for (int64_t t = from + 1; t + 1 < to; t++)
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            double sum = 0;
            for (int c = 0; c < 3; c++)
                sum += pow(joint(x, t - 1, j)[c] - 2.0 * joint(x, t, j)[c] + joint(x, t + 1, j)[c], 2);
            most = fmax(most, sqrt(sum));
        }
    return most;
}

static void extends_a_walk(void)
{
    enum { T = 60, WANT = 150 };
    float *x = make(VMG_TEST_WALK, T), *longer = NULL;
    vmg_loop loop;
    bool found;
    REQUIRE(x);
    REQUIRE_OK(vmg_loop_find(x, T, &found, &loop));
    REQUIRE(found);
    CHECK(loop.error_m < VMG_LOOP_ERROR_M && loop.b - loop.a >= VMG_LOOP_MIN_FRAMES && loop.b + 3 <= T);
    REQUIRE_OK(vmg_loop_extend(x, T, &loop, WANT, &longer));
    for (int64_t t = 0; t + 1 < loop.b; t++)
        CHECK_ARRAY(longer + t * VMG_REP_DIM, x + t * VMG_REP_DIM, VMG_REP_DIM, 1e-4);
    double speed[2];
    for (int k = 0; k < 2; k++) {
        const float *a = joint(k ? longer : x, k ? T : 0, VMG_PELVIS), *b = joint(k ? longer : x, k ? WANT - 1 : loop.b, VMG_PELVIS);
        speed[k] = hypot(b[0] - a[0], b[1] - a[1]) / (double)(k ? WANT - 1 - T : loop.b);
    }
    CHECK_CLOSE(speed[1], speed[0], 0.1 * speed[0]);
    CHECK(acceleration(longer, 0, WANT) < 1.5 * acceleration(x, 0, T));
    free(x);
    free(longer);
}

static void leaves_other_motions(void)
{
    enum { T = 60 };
    static const enum vmg_test_motion kinds[] = {VMG_TEST_HANDSTAND, VMG_TEST_TUMBLE};
    vmg_loop loop;
    bool found;
    for (size_t i = 0; i < VMG_COUNT(kinds); i++) {
        float *x = make(kinds[i], T);
        REQUIRE(x);
        CHECK_OK(vmg_loop_find(x, T, &found, &loop));
        CHECK(!found);
        free(x);
    }
    float *x = make(VMG_TEST_WALK, T);
    REQUIRE(x);
    CHECK_OK(vmg_loop_find(x, VMG_LOOP_MIN_FRAMES, &found, &loop)); /* too short for a loop */
    CHECK(!found);
    for (int64_t t = 0; t < T; t++) /* a walk that stops half-way */
        if (t >= T / 2)
            memcpy(x + t * VMG_REP_DIM, x + T / 2 * VMG_REP_DIM, VMG_REP_DIM * sizeof *x);
    CHECK_OK(vmg_loop_find(x, T, &found, &loop));
    CHECK(!found);
    float *longer;
    CHECK_FAILS(vmg_loop_extend(x, T, &(vmg_loop){10, T, 0}, 100, &longer), VMG_E_ARG, "no loop");
    free(x);
}

static double ankles_apart(const float *x, int64_t t)
{
    return fabs(joint(x, t, VMG_L_ANKLE)[2] - joint(x, t, VMG_R_ANKLE)[2]);
}

/* A walk that stops half-way: what stands there sways a little, and goes on doing so without a seam. */
static void holds_what_stands_still(void)
{
    enum { T = 60, WANT = 150, SWAY = 21 };
    const double sway_m = 0.006;
    float *x = make(VMG_TEST_WALK, T), *longer = NULL, *again = NULL;
    vmg_loop hold;
    bool found;
    REQUIRE(x);
    CHECK_OK(vmg_hold_find(x, T, &found, &hold));
    CHECK(!found); /* nobody stands */
    int64_t stop = 0; /* with both feet down */
    for (int64_t t = 0; t < T / 2; t++)
        if (ankles_apart(x, t) < ankles_apart(x, stop))
            stop = t;
    for (int64_t t = T / 2; t < T; t++) {
        memcpy(x + t * VMG_REP_DIM, x + stop * VMG_REP_DIM, VMG_REP_DIM * sizeof *x);
        for (int j = 0; j < VMG_N_JOINTS; j++)
            x[t * VMG_REP_DIM + VMG_REP_POS + 3 * j] += (float)(sway_m * (1 - cos(6.28 * (double)(t - T / 2) / SWAY)));
        x[t * VMG_REP_DIM + VMG_REP_TRANSL] += (float)(sway_m * (1 - cos(6.28 * (double)(t - T / 2) / SWAY)));
    }
    REQUIRE_OK(vmg_hold_find(x, T, &found, &hold));
    REQUIRE(found);
    CHECK(hold.a >= T / 2 && hold.a <= T / 2 + 1 && hold.b >= T - 1 && hold.b <= T);
    REQUIRE_OK(vmg_hold_extend(x, T, &hold, WANT, &longer));
    CHECK_ARRAY(joint(longer, 0, 0), joint(x, hold.a, 0), 3 * VMG_N_JOINTS, 1e-4);
    double low = INFINITY, high = -INFINITY, fastest[2] = {0, 0};
    for (int64_t t = 0; t + 1 < WANT; t++) {
        double x0 = joint(longer, t, VMG_PELVIS)[0], x1 = joint(longer, t + 1, VMG_PELVIS)[0];
        low = fmin(low, x0);
        high = fmax(high, x0);
        fastest[0] = fmax(fastest[0], fabs(x1 - x0));
    }
    for (int64_t t = hold.a; t + 1 < hold.b; t++)
        fastest[1] = fmax(fastest[1], fabs(joint(x, t + 1, VMG_PELVIS)[0] - joint(x, t, VMG_PELVIS)[0]));
    CHECK_CLOSE(high - low, 2 * sway_m, 0.1 * sway_m); /* it goes on moving as far */
    CHECK(fastest[0] < 1.05 * fastest[1]);
    CHECK(acceleration(longer, 0, WANT) < 2.5 * acceleration(x, hold.a, hold.b));
    CHECK_OK(vmg_hold_find(longer, WANT, &found, &hold));
    CHECK(found && hold.b - hold.a == WANT);
    CHECK_FAILS(vmg_hold_extend(x, T, &(vmg_loop){10, T + 1, 0}, 100, &again), VMG_E_ARG, "nothing to hold");
    CHECK_OK(vmg_hold_find(x, VMG_HOLD_MIN_FRAMES - 1, &found, &hold));
    CHECK(!found);
    const double lift_m = 0.3;
    for (int pass = 0; pass < 2; pass++) { /* on one leg nobody is held; with the foot down again, yes */
        for (int64_t t = T / 2; t < T; t++)
            x[t * VMG_REP_DIM + VMG_REP_POS + 3 * VMG_L_ANKLE + 2] += (float)(pass ? -lift_m : lift_m);
        CHECK_OK(vmg_hold_find(x, T, &found, &hold));
        CHECK(found == (pass == 1));
    }
    for (int64_t t = T / 2; t < T; t++)
        for (int s = 0; s < 2; s++) { /* who sits, both knees bent, does not stand */
            float *row = x + t * VMG_REP_DIM + VMG_REP_POS;
            memcpy(row + 3 * (VMG_L_ANKLE + s), row + 3 * (VMG_L_KNEE + s), 3 * sizeof *row);
            row[3 * (VMG_L_ANKLE + s)] += 0.4f;
        }
    CHECK_OK(vmg_hold_find(x, T, &found, &hold));
    CHECK(!found);
    free(x);
    free(longer);
}

static const vmg_test_case cases[] = {{"extends_a_walk", extends_a_walk},
                                      {"leaves_other_motions", leaves_other_motions},
                                      {"holds_what_stands_still", holds_what_stands_still}};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
