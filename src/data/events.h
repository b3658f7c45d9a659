/* What happens when in a motion: behaviours found by their kinematics. */
#ifndef VMG_SRC_DATA_EVENTS_H
#define VMG_SRC_DATA_EVENTS_H

#include <stddef.h>

#include "src/data/kinematics.h"

/* Behaviours, VMG_DO_*; the list with names and what `value` means is src/data/behaviours.def. */
enum vmg_behaviour {
#define VMG_BEHAVIOUR(id, name, value) VMG_DO_##id,
#include "src/data/behaviours.def"
#undef VMG_BEHAVIOUR
    VMG_N_BEHAVIOURS
};

/* "walk_forward"; and what an event's value measures, "speed_mps". */
const char *vmg_behaviour_name(enum vmg_behaviour b);
const char *vmg_behaviour_value(enum vmg_behaviour b);
/* -1 if there is none of that name. */
int vmg_behaviour_find(const char *name);

typedef struct vmg_event {
    enum vmg_behaviour what;
    int64_t first, n;
    double value;
} vmg_event;

typedef struct vmg_events {
    size_t n;
    vmg_event *event; /* in the order of their first frames */
} vmg_events;

/* Find the behaviours of a clip. Error VMG_E_NOMEM. */
int vmg_events_find(const vmg_track *t, vmg_events *out);
void vmg_events_free(vmg_events *e);

/* For the files src/data/events*.c: the finders, and adding an event (sticky: `failed`). */
typedef struct vmg_event_list {
    vmg_events *events;
    size_t cap;
    bool failed;
} vmg_event_list;
void vmg_event_add(vmg_event_list *list, enum vmg_behaviour what, int64_t first, int64_t n,
                   double value);
void vmg_events_locomotion(const vmg_track *t, vmg_event_list *list);
void vmg_events_turns(const vmg_track *t, vmg_event_list *list);
void vmg_events_jumps(const vmg_track *t, vmg_event_list *list);
void vmg_events_postures(const vmg_track *t, vmg_event_list *list);
void vmg_events_legs(const vmg_track *t, vmg_event_list *list);
void vmg_events_arms(const vmg_track *t, vmg_event_list *list);

/*
 * The next run of frames in [from, T) in which test(user, frame) holds, gaps of up to `gap` frames
 * closed; false when there is none of at least `least` frames.
 */
typedef bool vmg_frame_test(const vmg_track *t, const void *user, int64_t frame);
bool vmg_next_run(const vmg_track *t, vmg_frame_test *test, const void *user, int64_t from,
                  int64_t gap, int64_t least, int64_t *first, int64_t *n);

#endif
