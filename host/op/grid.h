/* The three work-group shapes that simple kernels share, with their tunables. */
#ifndef VMG_HOST_OP_GRID_H
#define VMG_HOST_OP_GRID_H

#include "host/kernel.h"

/*
 * On a CPU a work-group of one item with explicit vectors is fastest, on a GPU 64 and more items with short vectors:
 * `valid` keeps each class to its kind, so that the first valid values are good without tuning.
 *
 * Rows: a work-group takes ROWS rows, its items go along the columns; shape {R, C}.
 * Flat: a work-group takes SPAN elements; shape {n}.
 * Columns: a work-group owns WG·VW·NV columns and walks rows; dimension 1 the group, 2 the part; shape {R, C, G, n_parts}.
 * NV keeps running sums in registers on GPUs, and reads whole stretches of memory on CPUs.
 */
#define VMG_GRID_ROWS                                                                              \
    .tunables = {{"WG", {128, 64, 256, 1}}, {"VW", {4, 16, 8, 1}}, {"ROWS", {1, 4, 16}}},       \
    .valid = vmg_grid_rows_valid, .geometry = vmg_grid_rows
#define VMG_GRID_FLAT                                                                              \
    .tunables = {{"WG", {128, 64, 256, 1}}, {"VW", {4, 16, 8, 1}}, {"SPAN", {1024, 16384, 4096}}}, \
    .valid = vmg_grid_flat_valid, .geometry = vmg_grid_flat
#define VMG_GRID_COLUMNS                                                                           \
    .tunables = {{"WG", {64, 128, 32, 1}}, {"VW", {1, 16, 8, 4}}, {"NV", {1, 64, 2, 16, 128}}},    \
    .valid = vmg_grid_columns_valid, .geometry = vmg_grid_columns

/* WG and VW that suit the device's class: one item with full vectors on a CPU, many items with short ones elsewhere. */
bool vmg_grid_suits_class(const vmg_device *dev, int wg, int vw);

bool vmg_grid_rows_valid(const vmg_device *dev, const int *v, const int64_t *shape);
bool vmg_grid_flat_valid(const vmg_device *dev, const int *v, const int64_t *shape);
bool vmg_grid_columns_valid(const vmg_device *dev, const int *v, const int64_t *shape);
void vmg_grid_rows(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3]);
void vmg_grid_flat(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3]);
void vmg_grid_columns(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3]);

/* Number of work-groups: ceil(n / per_group). */
static inline size_t vmg_grid_groups(int64_t n, int64_t per_group)
{
    return (size_t)((n + per_group - 1) / per_group);
}

#endif
