/* Writes Biovision Hierarchy files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/bvh.h"
#include "src/format/number.h"

enum { DECIMALS = 6 };

static const char *const channel_names[] = {"Xposition", "Yposition", "Zposition",
                                            "Xrotation", "Yrotation", "Zrotation"};

static void put_line(vmg_buf *b, int depth, const char *text)
{
    for (int i = 0; i < depth; i++)
        vmg_buf_puts(b, "\t");
    vmg_buf_puts(b, text);
}

static void put_offset(vmg_buf *b, int depth, const double v[3])
{
    put_line(b, depth, "OFFSET");
    for (int i = 0; i < 3; i++) {
        vmg_buf_puts(b, " ");
        vmg_number_append(b, v[i], DECIMALS);
    }
    vmg_buf_puts(b, "\n");
}

static void put_end(vmg_buf *b, int depth, const double end[3])
{
    put_line(b, depth, "End Site\n");
    put_line(b, depth, "{\n");
    put_offset(b, depth + 1, end);
    put_line(b, depth, "}\n");
}

/* A joint and what hangs on it; its index is appended to `order`, the file's order of joints.
 * Recursion goes no deeper than VMG_BVH_MAX_JOINTS. */
static void put_joint(vmg_buf *b, const vmg_bvh *bvh, int j, int depth, int *order, int *n_order)
{
    static const double nothing[3];
    const vmg_bvh_joint *q = &bvh->joint[j];
    bool leaf = true;
    order[(*n_order)++] = j;
    put_line(b, depth, depth ? "JOINT " : "ROOT ");
    vmg_buf_printf(b, "%s\n", q->name);
    put_line(b, depth, "{\n");
    put_offset(b, depth + 1, q->offset);
    put_line(b, depth + 1, "CHANNELS");
    vmg_buf_printf(b, " %d", q->n_channels);
    for (int i = 0; i < q->n_channels; i++)
        vmg_buf_printf(b, " %s", channel_names[q->channel[i]]);
    vmg_buf_puts(b, "\n");
    for (int k = j + 1; k < bvh->n_joints; k++)
        if (bvh->joint[k].parent == j) {
            leaf = false;
            put_joint(b, bvh, k, depth + 1, order, n_order);
        }
    if (leaf || q->has_end) /* programs expect an end at every leaf */
        put_end(b, depth + 1, q->has_end ? q->end : nothing);
    put_line(b, depth, "}\n");
}

static int check(const vmg_bvh *bvh)
{
    if (bvh->n_joints < 1 || bvh->n_joints > VMG_BVH_MAX_JOINTS || bvh->n_frames < 1 ||
        !(bvh->frame_time_s > 0))
        return vmg_fail(VMG_E_ARG, "a BVH file cannot hold %d joints and %lld frames of %g s",
                        bvh->n_joints, (long long)bvh->n_frames, bvh->frame_time_s);
    for (int64_t i = 0; i < bvh->n_frames * bvh->n_channels; i++)
        if (!isfinite(bvh->value[i]))
            return vmg_fail(VMG_E_ARG, "frame %lld holds a number that is not finite",
                            (long long)(i / bvh->n_channels));
    for (int j = 0; j < bvh->n_joints; j++)
        if (bvh->joint[j].parent >= j || (bvh->joint[j].parent < 0) != (j == 0))
            return vmg_fail(VMG_E_ARG, "joint \"%s\" does not come after its parent",
                            bvh->joint[j].name);
    return VMG_OK;
}

int vmg_bvh_write(const char *path, const vmg_bvh *bvh)
{
    vmg_buf b = {0};
    int n_order = 0, rc = check(bvh);
    if (rc)
        return rc;
    int *order = vmg_calloc((size_t)bvh->n_joints, sizeof *order);
    if (!order)
        return VMG_E_NOMEM;
    vmg_buf_puts(&b, "HIERARCHY\n");
    put_joint(&b, bvh, 0, 0, order, &n_order);
    vmg_buf_printf(&b, "MOTION\nFrames: %lld\nFrame Time: ", (long long)bvh->n_frames);
    vmg_number_append(&b, bvh->frame_time_s, 9);
    vmg_buf_puts(&b, "\n");
    for (int64_t t = 0; t < bvh->n_frames; t++) {
        const char *gap = "";
        for (int k = 0; k < n_order; k++) {
            const vmg_bvh_joint *q = &bvh->joint[order[k]];
            for (int i = 0; i < q->n_channels; i++, gap = " ") {
                vmg_buf_puts(&b, gap);
                vmg_number_append(&b, bvh->value[t * bvh->n_channels + q->first_channel + i],
                                  DECIMALS);
            }
        }
        vmg_buf_puts(&b, "\n");
    }
    rc = b.failed ? vmg_fail(VMG_E_NOMEM, "out of memory writing %s", path)
                  : vmg_write_file(path, b.data, b.len);
    vmg_buf_free(&b);
    free(order);
    return rc;
}
