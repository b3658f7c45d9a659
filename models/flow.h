/* Flow matching: noise schedules and the training weights of timesteps (spec/model.md §3, §4). */
#ifndef VMG_MODELS_FLOW_H
#define VMG_MODELS_FLOW_H

#include <stdint.h>

/* σ_k for k = 0..n-1, and σ_n = 0: u_k = strength·(1 - k/n), σ = shift·u/(1 + (shift-1)·u). Values are rounded to float, as the
 * published schedule is. sigma has n+1 entries. */
void vmg_flow_schedule(int64_t n, double shift, double strength, double *sigma);

/* The network's timestep for σ: 1000σ, rounded to float as published. */
double vmg_flow_timestep(double sigma);

/* The loss weight of each index of the n-step training schedule (strength 1): y_k = exp(-2((t_k-500)/1000)²) less its
 * minimum, to the power `bell` (1 = published; 0 = all alike, also the noisiest, whose published weight is 0), scaled to sum to n. */
void vmg_flow_training_weights(int64_t n, double shift, double bell, double *weight);

#endif
