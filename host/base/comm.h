/* Several processes that do one job together: sums, agreement, gathering, through MPI where it was built in. */
#ifndef VMG_HOST_BASE_COMM_H
#define VMG_HOST_BASE_COMM_H

#include <stdint.h>

#include "host/base/mem.h"

/* This process among the others; {.size = 1, .local_size = 1} without MPI or outside mpirun. */
typedef struct vmg_comm {
    int64_t rank, size;
    int64_t local_rank, local_size; /* the same among those on this machine */
    int started;                    /* MPI is to be ended by vmg_comm_close */
} vmg_comm;

/* A process by itself. */
vmg_comm vmg_comm_alone(void);

/*
 * Joins the others when the program was started by mpirun (or another launcher that sets its variables); otherwise MPI is not
 * even initialised. VMG_E_UNSUPPORTED when it was, as one of several, but has no MPI inside (configure --with-mpi). Once per
 * process. On failure *out is a process by itself, with what has to be closed.
 */
int vmg_comm_open(vmg_comm *out);
void vmg_comm_close(vmg_comm *c);

/* Everything below is called by all processes in the same order; alone it does nothing, or copies. */

/* x[n] becomes the sum over all processes, the same bits on each. */
int vmg_comm_sum_f32(const vmg_comm *c, float *x, int64_t n);
int vmg_comm_sum_f64(const vmg_comm *c, double *x, int64_t n);

/* The first failure among the processes' statuses, on all of them, so that no one waits for one that has given up. Where another
 * process failed, its message becomes this one's, with "process 1 of 4: " before it. */
int vmg_comm_agree(const vmg_comm *c, int rc);

/* Rank 0's n bytes at x, on all. */
int vmg_comm_share(const vmg_comm *c, void *x, size_t n);

/* Everyone's n bytes (each may have another n), in the order of ranks, appended to `all` on rank 0; elsewhere `all` stays as it is. */
int vmg_comm_gather(const vmg_comm *c, const void *x, size_t n, vmg_buf *all);

#endif
