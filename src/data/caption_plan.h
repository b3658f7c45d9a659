/* What is worth saying about a window: the behaviours in it, merged, ordered, the telling ones. */
#ifndef VMG_SRC_DATA_CAPTION_PLAN_H
#define VMG_SRC_DATA_CAPTION_PLAN_H

#include "src/data/events.h"

/* One thing to say. Sides: `what` is the side's own behaviour, the left one when both. */
typedef struct vmg_clause {
    enum vmg_behaviour what;
    bool both;        /* left and right in turn or together */
    int count;        /* how often, for what happens at once (jumps, kicks, ...); else 1 */
    double value;     /* the event's, or the largest of several */
    int64_t first, n; /* frames */
} vmg_clause;

enum { VMG_MAX_CLAUSES = 24 };

/* Behaviours that need no telling because other words cover them. */
enum vmg_caption_cover {
    VMG_COVER_ARMS = 1,
    VMG_COVER_LEGS = 2,
    VMG_COVER_TURNS = 4,
    VMG_COVER_STEPS = 8,
    VMG_COVER_POSTURE = 16
};

/* Groups that wording and planning need to know. */
bool vmg_behaviour_is_gait(enum vmg_behaviour b); /* standing, walking, running */
bool vmg_behaviour_is_arms(enum vmg_behaviour b); /* may go on beside others */
bool vmg_behaviour_is_moment(enum vmg_behaviour b); /* counted: jumps, kicks, punches, ... */
/* The left behaviour of a pair for its right one and itself; else -1. */
int vmg_behaviour_left_of(enum vmg_behaviour b);
/* How telling it is, 0 to 10. */
int vmg_behaviour_interest(enum vmg_behaviour b);

/*
 * The clauses of frames [first, first+n), in the order of their beginnings; returns their number.
 * What is a part of something else (an arm swung in a jump) is left out; several of a kind become
 * one with a count; left and right in turn become one of both.
 */
int vmg_caption_plan(const vmg_track *t, const vmg_events *events, int64_t first, int64_t n,
                     unsigned cover, vmg_clause out[VMG_MAX_CLAUSES]);

#endif
