/* Several processes that train one model. */
#include "config.h"

#include "src/train/comm.h"

#include <stdlib.h>

#ifdef HAVE_MPI
#include <mpi.h>
#endif

#include "host/base/mem.h"

/* What launchers set: Open MPI, MPICH and others by PMI, SLURM through PMIx as Open MPI does. */
static int64_t launched_size(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < VMG_COUNT(names); i++) {
        const char *text = getenv(names[i]);
        if (text && *text)
            return strtoll(text, NULL, 10);
    }
    return 0;
}

#ifdef HAVE_MPI
enum { CHUNK = 1 << 26 }; /* values of one call: MPI counts in int */

static int check(int err, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    int n;
    if (err == MPI_SUCCESS)
        return VMG_OK;
    MPI_Error_string(err, text, &n);
    return vmg_fail(VMG_E_IO, "MPI %s: %s", what, text);
}

int vmg_comm_open(vmg_comm *out)
{
    *out = (vmg_comm){0, 1, 0};
    if (launched_size() < 1)
        return VMG_OK;
    int rank = 0, size = 1, level;
    /* Threads that make batches never call MPI. */
    int rc = check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), "start");
    if (rc != VMG_OK)
        return rc;
    out->started = 1;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    rc = check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "rank");
    if (rc == VMG_OK)
        rc = check(MPI_Comm_size(MPI_COMM_WORLD, &size), "size");
    out->rank = rank;
    out->size = size;
    return rc;
}

void vmg_comm_close(vmg_comm *c)
{
    if (c->started)
        MPI_Finalize();
    *c = (vmg_comm){0, 1, 0};
}

static int sum(const vmg_comm *c, void *x, int64_t n, MPI_Datatype type, size_t bytes)
{
    int rc = VMG_OK;
    for (int64_t at = 0; c->size > 1 && rc == VMG_OK && at < n; at += CHUNK)
        rc = check(MPI_Allreduce(MPI_IN_PLACE, (char *)x + (size_t)at * bytes, (int)VMG_MIN(n - at, (int64_t)CHUNK), type, MPI_SUM,
                                 MPI_COMM_WORLD),
                   "sum");
    return rc;
}

int vmg_comm_sum_f32(const vmg_comm *c, float *x, int64_t n)
{
    return sum(c, x, n, MPI_FLOAT, sizeof *x);
}

int vmg_comm_sum_f64(const vmg_comm *c, double *x, int64_t n)
{
    return sum(c, x, n, MPI_DOUBLE, sizeof *x);
}

int vmg_comm_agree(const vmg_comm *c, int rc)
{
    struct {
        int value, rank;
    } mine = {rc, (int)c->rank}, worst = mine;
    if (c->size < 2)
        return rc;
    int err = check(MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MINLOC, MPI_COMM_WORLD), "agreement");
    if (err != VMG_OK)
        return err;
    return rc != VMG_OK || worst.value == VMG_OK ? rc : vmg_fail(worst.value, "process %d of %lld failed", worst.rank,
                                                                 (long long)c->size);
}
#else
int vmg_comm_open(vmg_comm *out)
{
    *out = (vmg_comm){0, 1, 0};
    return launched_size() > 1 ? vmg_fail(VMG_E_UNSUPPORTED, "this program was built without MPI and cannot be one of %lld "
                                                             "processes: configure --with-mpi",
                                          (long long)launched_size())
                               : VMG_OK;
}

void vmg_comm_close(vmg_comm *c)
{
    *c = (vmg_comm){0, 1, 0};
}

int vmg_comm_sum_f32(const vmg_comm *c, float *x, int64_t n)
{
    (void)c, (void)x, (void)n;
    return VMG_OK;
}

int vmg_comm_sum_f64(const vmg_comm *c, double *x, int64_t n)
{
    (void)c, (void)x, (void)n;
    return VMG_OK;
}

int vmg_comm_agree(const vmg_comm *c, int rc)
{
    (void)c;
    return rc;
}
#endif
