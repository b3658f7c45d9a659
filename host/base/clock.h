/* Time, for measuring and for progress. */
#ifndef VMG_HOST_BASE_CLOCK_H
#define VMG_HOST_BASE_CLOCK_H

/* Seconds since some moment in the past; never goes back. */
double vmg_now_s(void);

#endif
