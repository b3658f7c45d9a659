/* Spectral metrics on signals whose spectra are known. */
#include "src/mbench/spectrum.h"

#include <math.h>
#include <string.h>

#include "host/base/status.h"
#include "src/mbench/dft.h"
#include "src/motion/skeleton.h"
#include "tests/harness.h"

enum { T = 101, POS = 3 * VMG_N_JOINTS };

/* The definition, for one signal and bin. */
static double power_of(const double *x, int64_t n, int64_t lanes, int64_t lane, int64_t k, int64_t N)
{
    double re = 0, im = 0;
    for (int64_t t = 0; t < n; t++) {
        re += x[t * lanes + lane] * cos(2 * M_PI * (double)(k * t % N) / (double)N);
        im += x[t * lanes + lane] * sin(2 * M_PI * (double)(k * t % N) / (double)N);
    }
    return re * re + im * im;
}

static void transforms(void)
{
    static const int64_t sizes[][2] = {{1, 1}, {2, 3}, {3, 1}, {8, 5}, {17, 2}, {64, 1}, {99, 22}, {128, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t n = sizes[i][0], lanes = sizes[i][1], padded = 16 * vmg_dft_round_up(n);
        static double x[128 * 22], power[(16 * 128 / 2 + 1) * 22];
        double worst = 0;
        for (int64_t k = 0; k < n * lanes; k++)
            x[k] = vmg_test_uniform();
        for (int pad = 0; pad < 2; pad++) {
            const int64_t N = pad ? padded : n;
            for (size_t k = 0; k < sizeof power / sizeof *power; k++)
                power[k] = NAN;
            REQUIRE_OK(pad ? vmg_dft_power_padded(x, n, lanes, 16, power) : vmg_dft_power(x, n, lanes, power));
            for (int64_t k = 0; k <= N / 2; k++)
                for (int64_t l = 0; l < lanes; l++) {
                    const double error = fabs(power[k * lanes + l] - power_of(x, n, lanes, l, k, N));
                    worst = error <= worst ? worst : error; /* NaN stays */
                }
        }
        CHECK_CLOSE(worst, 0, 1e-11 * (double)n * (double)n);
    }
}

/* Every joint swings along x with `hz` and, on top, `share` of that amplitude of velocity at 8
 * Hz. */
static void swing(double hz, double share, float *p)
{
    for (int t = 0; t < T; t++)
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            double s = t / 20.0, a = 0.1 * j;
            p[t * POS + 3 * j] =
                (float)(a * sin(2 * M_PI * hz * s) + share * a * hz / 8 * sin(2 * M_PI * 8 * s));
            p[t * POS + 3 * j + 1] = (float)j;
            p[t * POS + 3 * j + 2] = 0;
        }
}

static void high_frequency_share(void)
{
    static float p[T * POS];
    vmg_spectrum s;
    swing(1, 0, p);
    REQUIRE_OK(vmg_spectrum_measure(p, T, 20, &s));
    CHECK_CLOSE(s.high_frequency, 0, 1e-9);
    swing(1, 1, p);
    REQUIRE_OK(vmg_spectrum_measure(p, T, 20, &s));
    /* differences over 1/20 s weigh 8 Hz by sin(0.4 pi)/(0.4 pi), 1 Hz by sin(0.05 pi)/(0.05 pi) */
    double h = sin(0.4 * M_PI) / 0.4, l = sin(0.05 * M_PI) / 0.05;
    CHECK_CLOSE(s.high_frequency, h * h / (h * h + l * l), 1e-6);
}

/* The longer the spectrum's curve, the less smooth: a ripple costs, stillness is left out. */
static void smoothness(void)
{
    static float p[T * POS];
    vmg_spectrum still, smooth, rippled;
    memset(p, 0, sizeof p);
    REQUIRE_OK(vmg_spectrum_measure(p, T, 20, &still));
    CHECK_CLOSE(still.sparc, 0, 0);
    for (int i = 0; i < 2; i++) {
        for (int t = 0; t < T;
             t++) { /* one minimum-jerk reach of the head, then with a tremor of 6 Hz */
            double u = t / 100.0, x = u * u * u * (10 - 15 * u + 6 * u * u);
            p[t * POS + 3 * VMG_HEAD] = (float)(x + i * 0.005 * sin(2 * M_PI * 6 * t / 20.0));
        }
        REQUIRE_OK(vmg_spectrum_measure(p, T, 20, i ? &rippled : &smooth));
    }
    CHECK_CLOSE(smooth.sparc, -1.41, 0.03); /* published for a minimum-jerk movement */
    CHECK(rippled.sparc < smooth.sparc - 0.3);
}

static void npss_is_a_distance(void)
{
    static float a[T * POS], b[T * POS];
    double same, near, far;
    swing(1, 0, a);
    REQUIRE_OK(vmg_spectrum_npss(a, T, a, T, &same));
    CHECK_CLOSE(same, 0, 1e-12);
    swing(2, 0, b);
    REQUIRE_OK(vmg_spectrum_npss(b, T, a, T, &near));
    swing(4, 0, b);
    REQUIRE_OK(vmg_spectrum_npss(b, T, a, T, &far));
    /* bins are 20/101 Hz wide: power moves by 1 and 3 Hz */
    CHECK_CLOSE(near, 1 / (20.0 / 101), 0.3);
    CHECK_CLOSE(far, 3 / (20.0 / 101), 0.5);
    memset(b, 0, sizeof b); /* no motion: all power at 0 */
    REQUIRE_OK(vmg_spectrum_npss(b, T, a, T, &near));
    CHECK_CLOSE(near, 1 / (20.0 / 101), 0.3);
    REQUIRE_OK(vmg_spectrum_npss(a, 60, a, T, &same)); /* of unequal lengths: the common frames */
    CHECK_CLOSE(same, 0, 1e-12);
}

static void bad_input(void)
{
    static float p[T * POS];
    vmg_spectrum s;
    double d;
    CHECK_FAILS(vmg_spectrum_measure(p, 1, 20, &s), VMG_E_ARG, "2 frames");
    p[70] = NAN;
    CHECK_FAILS(vmg_spectrum_measure(p, T, 20, &s), VMG_E_ARG, "frame 1 is not finite");
    CHECK_FAILS(vmg_spectrum_npss(p, T, p, T, &d), VMG_E_ARG, "not finite");
}

static const vmg_test_case cases[] = {
    {"transforms", transforms},
    {"high_frequency_share", high_frequency_share},
    {"smoothness", smoothness},
    {"npss_is_a_distance", npss_is_a_distance},
    {"bad_input", bad_input},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
