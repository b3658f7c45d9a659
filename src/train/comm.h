/* Several processes that train one model: sums over all of them, through MPI where it was built in. */
#ifndef VMG_SRC_TRAIN_COMM_H
#define VMG_SRC_TRAIN_COMM_H

#include <stdint.h>

/* This process among the others; {0, 1} without MPI or outside mpirun. */
typedef struct vmg_comm {
    int64_t rank, size;
    int started; /* MPI is to be ended by vmg_comm_close */
} vmg_comm;

/* Joins the others when the program was started by mpirun. VMG_E_UNSUPPORTED when it was, as one of several, but has no MPI
 * inside (configure --with-mpi). Once per process. */
int vmg_comm_open(vmg_comm *out);
void vmg_comm_close(vmg_comm *c);

/* x[n] becomes the sum over all processes, the same bits on each. */
int vmg_comm_sum_f32(const vmg_comm *c, float *x, int64_t n);
int vmg_comm_sum_f64(const vmg_comm *c, double *x, int64_t n);

/* The first failure among the processes' statuses, on all of them, so that no one waits for one that has given up.
 * Where another process failed the message says which. */
int vmg_comm_agree(const vmg_comm *c, int rc);

#endif
