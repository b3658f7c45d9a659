/* Making a data set from files of motion and captions. */
#ifndef VMG_SRC_DATA_IMPORT_H
#define VMG_SRC_DATA_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "host/base/log.h"
#include "src/motion/clip.h"

typedef struct vmg_import_options {
    const char *captions; /* table of captions (src/data/captions_table.h), NULL without */
    const char *root;     /* JSON lists: folder that paths start from; NULL = the list's own */
    double fps;           /* of files that state a wrong rate or none; 0 = as they say */
    double unit_m, min_s; /* of BVH (0 = found out); shortest clip kept (0 = 1 s) */
    int up_axis;          /* of BVH and joint arrays, as in vmg_clip_read_options */
    const char *map_path; /* of BVH */
    double extend_s;      /* make steady gaits and moments of standing still (src/data/loop.h) this long; 0 = do not */
    double held_out;      /* part of the trials */
    uint64_t seed;
    bool by_subject; /* hold out whole subjects instead of trials */
    bool no_mirror;
    int threads;  /* 0 = one a core */
    vmg_log log;  /* a warning for each clip left out or cut, by name */
    int (*progress)(void *user, int64_t done, int64_t total); /* not 0 stops; may be NULL */
    void *user;
} vmg_import_options;

typedef struct vmg_import_report {
    int64_t n_clips;     /* found */
    int64_t n_kept;      /* of them */
    int64_t n_cut;       /* kept in part: a root that jumps was cut off */
    int64_t n_extended;  /* of them: steady gaits made longer */
    int64_t n_still;     /* of them: those of which a moment of standing still is a sample too */
    int64_t n_samples;   /* written, mirrored ones included */
    int64_t n_held_out;  /* of them */
    int64_t n_captions;  /* written */
    int64_t n_uncaptioned;   /* samples without a caption */
    int64_t n_rows_unused;   /* rows of the table whose clip was not found */
    double seconds, held_out_s;
} vmg_import_report;

/*
 * in: a folder, read with all folders below (.bvh, AMASS .npz, .npy, .pt; AMASS's shape.npz and
 * *_stagei.npz are passed over), or a JSON list of objects as ViMoGen-228K's: "motion_path" (a .pt),
 * and captions in the members "prompt*", "caption*", "text*" that hold text (not the paths,
 * "*_path"). Each clip is brought to the one skeleton (src/motion/clip.h), to 20 frames a second, to
 * the canonical frame, and put on the ground: z = 0 is its lowest joint, three stray frames aside.
 * Where the root jumps (more than VMG_IMPORT_JUMP_M or VMG_IMPORT_TURN_RAD in a frame, or a joint
 * more than VMG_IMPORT_REACH_M) the clip is cut and its longest clean stretch kept, if that is at
 * least half. A steady gait shorter than extend_s goes on in a loop until then, and captions up to its
 * end go with it; the longest moment of standing still, made as long, is a sample of its own, without captions (ID_h),
 * left out of the statistics. Clips that cannot be read, are not
 * finite, too short, or more than VMG_IMPORT_FLIGHT_M over their floor for half the time are left out; none of that
 * stops the import. A mirrored copy follows each sample, its captions with left and right exchanged.
 * Ids are paths without ending, other characters as '_'; a clip's subject is its folder, else what
 * stands before the first '_'. Errors: VMG_E_IO, VMG_E_FORMAT (nothing usable),
 * VMG_E_INTERRUPTED, VMG_E_NOMEM; the folder `out` then holds what it held.
 */
#define VMG_IMPORT_JUMP_M 0.5
#define VMG_IMPORT_TURN_RAD 1.8
#define VMG_IMPORT_REACH_M 1.2
#define VMG_IMPORT_FLIGHT_M 2.0
int vmg_import(const char *in, const char *out, const vmg_import_options *o,
               vmg_import_report *report);

#endif
