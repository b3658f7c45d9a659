/* What a motion does, in numbers: signals of every frame, and measurements of any window. */
#ifndef VMG_SRC_DATA_KINEMATICS_H
#define VMG_SRC_DATA_KINEMATICS_H

#include <stdint.h>

#include "host/base/mem.h"

/*
 * Signals of a clip, one value a frame. Metres, seconds, radians; z up, floor at z = 0. The facing
 * is horizontal, across hips and shoulders; "ahead" and "left" are along it. s is the side: 0 left,
 * 1 right. Velocities are of positions smoothed by a Gaussian of 0.1 s.
 */
enum vmg_signal {
    VMG_SIG_YAW,        /* of the facing, unwrapped, left turns positive, smoothed over 0.2 s */
    VMG_SIG_AHEAD,      /* velocity of the pelvis along the facing, smoothed over 0.25 s */
    VMG_SIG_LEFT,       /* and to the left */
    VMG_SIG_SPEED,      /* horizontal speed, smoothed over 0.25 s */
    VMG_SIG_RISING,     /* vertical velocity of the pelvis */
    VMG_SIG_PELVIS_Z,   /* height of the pelvis */
    VMG_SIG_HEAD_Z,     /* of the head */
    VMG_SIG_TILT,       /* of the trunk from upright, towards the facing positive */
    VMG_SIG_BUSY,       /* mean speed of all joints */
    VMG_SIG_SEAT,       /* how far the ankles are ahead of the pelvis */
    VMG_SIG_TOE_Z,      /* + s: height of the toe joint */
    VMG_SIG_ANKLE_Z = VMG_SIG_TOE_Z + 2,
    VMG_SIG_KNEE_Z = VMG_SIG_ANKLE_Z + 2,
    VMG_SIG_FOOT_AHEAD = VMG_SIG_KNEE_Z + 2,      /* ankle seen from the pelvis, ahead */
    VMG_SIG_FOOT_OUT = VMG_SIG_FOOT_AHEAD + 2,    /* and away from the midline */
    VMG_SIG_FOOT_SPEED = VMG_SIG_FOOT_OUT + 2,    /* of the toe */
    VMG_SIG_WRIST_UP = VMG_SIG_FOOT_SPEED + 2,    /* wrist seen from its shoulder: up */
    VMG_SIG_WRIST_AHEAD = VMG_SIG_WRIST_UP + 2,   /* ahead */
    VMG_SIG_WRIST_OUT = VMG_SIG_WRIST_AHEAD + 2,  /* away from the midline */
    VMG_SIG_WRIST_Z = VMG_SIG_WRIST_OUT + 2,      /* its height */
    VMG_SIG_COUNT = VMG_SIG_WRIST_Z + 2
};

typedef struct vmg_track {
    int64_t T;
    double fps;
    double *signal[VMG_SIG_COUNT]; /* (T) each */
} vmg_track;

/* Height of the pelvis of the default body standing with its lowest joint at z = 0. */
double vmg_stand_height_m(void);

/* Features x (T,276) -> signals. T >= 1. Error VMG_E_NOMEM. */
int vmg_track_make(const float *x, int64_t T, double fps, vmg_track *out);
void vmg_track_free(vmg_track *t);

/* Gaussian of sigma frames along y (n), in place, ends held. VMG_E_NOMEM. */
int vmg_smooth_line(double *y, int64_t n, double sigma);

/* Measurements of frames [first, first+n). */
typedef struct vmg_kinematics {
    double duration_s;
    double path_m;                     /* length of the pelvis' way in the plane */
    double ahead_m, left_m;            /* along the facing of each moment, signed */
    double displacement_m;             /* from first to last frame, in the plane */
    double speed_mps, speed_start_mps, speed_end_mps, speed_max_mps; /* ends: a third each */
    double turn_deg;                   /* of the facing, left positive */
    double pelvis_start_m, pelvis_end_m, pelvis_min_m, pelvis_max_m;
    double flight_s;                   /* both feet off the floor, longest */
    double tilt_max_deg, tilt_min_deg;
    double head_over_pelvis_min_m;
    double busy_mps;                   /* mean speed of all joints */
    double wrist_up_max_m[2];          /* over the shoulder */
    double foot_max_m[2];              /* highest ankle */
    double one_foot_s[2];              /* longest time on the other foot alone, this one lifted */
    int64_t n_steps;
} vmg_kinematics;
void vmg_kinematics_measure(const vmg_track *t, int64_t first, int64_t n, vmg_kinematics *out);

/* True where neither foot touches the floor. */
bool vmg_in_flight(const vmg_track *t, int64_t frame);

/* As one JSON object, keys as the members, sides as "_left" and "_right". */
void vmg_kinematics_json(const vmg_kinematics *k, vmg_buf *out);

#endif
