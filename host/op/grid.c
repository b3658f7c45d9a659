/* The three work-group shapes that simple kernels share, with their tunables. */
#include "host/op/grid.h"

#include "host/base/mem.h"

bool vmg_grid_suits_class(const vmg_device *dev, int wg, int vw)
{
    if (dev->device_class == VMG_CLASS_CPU)
        return wg == 1 && vw >= (int)VMG_MAX(4, VMG_MIN(16, dev->vector_width_f32));
    return wg > 1 && vw <= 4;
}

bool vmg_grid_rows_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return vmg_grid_suits_class(dev, v[0], v[1]) && (dev->device_class == VMG_CLASS_CPU ? v[2] >= 4 : v[2] <= 4);
}

bool vmg_grid_flat_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return vmg_grid_suits_class(dev, v[0], v[1]) && (dev->device_class == VMG_CLASS_CPU ? v[2] >= 4096 : v[2] <= 4096) &&
           v[2] >= v[0] * v[1];
}

bool vmg_grid_columns_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return vmg_grid_suits_class(dev, v[0], v[1]) && (dev->device_class == VMG_CLASS_CPU ? v[2] >= 16 : v[2] <= 2);
}

void vmg_grid_rows(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = shape[1] ? vmg_grid_groups(shape[0], v[2]) * local[0] : 0;
}

void vmg_grid_flat(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = vmg_grid_groups(shape[0], v[2]) * local[0];
}

void vmg_grid_columns(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = vmg_grid_groups(shape[1], (int64_t)v[0] * v[1] * v[2]) * local[0];
    global[1] = (size_t)shape[2];
    global[2] = (size_t)shape[3];
}
