/* Flow matching: noise schedules and the training weights of timesteps. */
#include "models/flow.h"

#include <math.h>

void vmg_flow_schedule(int64_t n, double shift, double strength, double *sigma)
{
    for (int64_t k = 0; k < n; k++) {
        double u = strength * (1.0 - (double)k / (double)n);
        sigma[k] = (float)(shift * u / (1.0 + (shift - 1.0) * u));
    }
    sigma[n] = 0;
}

double vmg_flow_timestep(double sigma)
{
    return (float)(1000.0 * sigma);
}

void vmg_flow_training_weights(int64_t n, double shift, double bell, double *weight)
{
    double least = INFINITY, sum = 0;
    for (int64_t k = 0; k < n; k++) {
        double u = 1.0 - (double)k / (double)n;
        double t = 1000.0 * shift * u / (1.0 + (shift - 1.0) * u);
        weight[k] = exp(-2.0 * ((t - 500.0) / 1000.0) * ((t - 500.0) / 1000.0));
        least = fmin(least, weight[k]);
    }
    for (int64_t k = 0; k < n; k++) {
        weight[k] = pow(weight[k] - least, bell);
        sum += weight[k];
    }
    for (int64_t k = 0; k < n; k++)
        weight[k] *= (double)n / sum;
}
