/* Several processes that do one job together, through MPI where it was built in. */
#include "host/base/comm.h"

#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_MPI
#include <mpi.h>
#endif

vmg_comm vmg_comm_alone(void)
{
    return (vmg_comm){.size = 1, .local_size = 1};
}

/* How many processes a launcher says there are: Open MPI, MPICH and others by PMI. 0 when nothing says. */
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
enum { CHUNK = 1 << 26, MAX_MESSAGE = 4096 }; /* CHUNK: values of one call, as MPI counts in int */

static int check(int err, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    int n;
    if (err == MPI_SUCCESS)
        return VMG_OK;
    MPI_Error_string(err, text, &n);
    return vmg_fail(VMG_E_IO, "MPI %s: %s", what, text);
}

/* Whether there are others to join: SLURM starts Open MPI's processes through PMIx, which tells no size. */
static bool launched(void)
{
    return launched_size() > 0 || getenv("PMIX_RANK");
}

static int count(MPI_Comm group, int64_t *rank, int64_t *size)
{
    int r = 0, n = 1;
    int rc = check(MPI_Comm_rank(group, &r), "rank");
    if (rc == VMG_OK)
        rc = check(MPI_Comm_size(group, &n), "size");
    *rank = r;
    *size = n;
    return rc;
}

int vmg_comm_open(vmg_comm *out)
{
    int level;
    MPI_Comm machine = MPI_COMM_NULL;
    *out = vmg_comm_alone();
    if (!launched())
        return VMG_OK;
    /* Threads that make batches never call MPI. */
    int rc = check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), "start");
    if (rc != VMG_OK)
        return rc;
    out->started = 1;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    rc = count(MPI_COMM_WORLD, &out->rank, &out->size);
    if (rc == VMG_OK)
        rc = check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine), "machine");
    if (rc == VMG_OK)
        rc = count(machine, &out->local_rank, &out->local_size);
    if (machine != MPI_COMM_NULL)
        MPI_Comm_free(&machine);
    return rc;
}

void vmg_comm_close(vmg_comm *c)
{
    if (c->started)
        MPI_Finalize();
    *c = vmg_comm_alone();
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
    char message[MAX_MESSAGE] = "";
    if (c->size < 2)
        return rc;
    int err = check(MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MINLOC, MPI_COMM_WORLD), "agreement");
    if (err != VMG_OK || worst.value == VMG_OK)
        return err;
    if (worst.rank == (int)c->rank)
        strncpy(message, vmg_error_message(), sizeof message - 1);
    err = check(MPI_Bcast(message, sizeof message, MPI_CHAR, worst.rank, MPI_COMM_WORLD), "agreement");
    if (err != VMG_OK || worst.rank == (int)c->rank)
        return err != VMG_OK ? err : rc;
    return vmg_fail(worst.value, "process %d of %lld: %s", worst.rank, (long long)c->size, message);
}

int vmg_comm_share(const vmg_comm *c, void *x, size_t n)
{
    int rc = VMG_OK;
    for (size_t at = 0; c->size > 1 && rc == VMG_OK && at < n; at += CHUNK)
        rc = check(MPI_Bcast((char *)x + at, (int)VMG_MIN(n - at, (size_t)CHUNK), MPI_BYTE, 0, MPI_COMM_WORLD), "sharing");
    return rc;
}

/* Where each rank's bytes go, and room for them; *total is the sum. */
static int make_room(int64_t size, const int *n, int *at, size_t *total, char **room)
{
    *total = 0;
    for (int64_t i = 0; i < size; i++) {
        at[i] = (int)*total;
        *total += (size_t)n[i];
        if (*total > INT_MAX)
            return vmg_fail(VMG_E_UNSUPPORTED, "the processes' results are too large to be gathered at once");
    }
    *room = vmg_calloc(*total, 1);
    return *room ? VMG_OK : VMG_E_NOMEM;
}

int vmg_comm_gather(const vmg_comm *c, const void *x, size_t n, vmg_buf *all)
{
    if (c->size < 2) {
        vmg_buf_append(all, x, n);
        return all->failed ? VMG_E_NOMEM : VMG_OK;
    }
    size_t total = 0;
    char *room = NULL;
    int mine = (int)n, *sizes = vmg_calloc((size_t)c->size, sizeof *sizes), *at = vmg_calloc((size_t)c->size, sizeof *at);
    int rc = !sizes || !at ? VMG_E_NOMEM
             : n > INT_MAX ? vmg_fail(VMG_E_UNSUPPORTED, "a process's result is too large to be gathered")
                           : VMG_OK;
    rc = vmg_comm_agree(c, rc);
    if (rc == VMG_OK)
        rc = check(MPI_Gather(&mine, 1, MPI_INT, sizes, 1, MPI_INT, 0, MPI_COMM_WORLD), "gathering");
    if (rc == VMG_OK && !c->rank)
        rc = make_room(c->size, sizes, at, &total, &room);
    rc = vmg_comm_agree(c, rc);
    if (rc == VMG_OK)
        rc = check(MPI_Gatherv(x, mine, MPI_BYTE, room, sizes, at, MPI_BYTE, 0, MPI_COMM_WORLD), "gathering");
    if (rc == VMG_OK && !c->rank)
        vmg_buf_append(all, room, total);
    free(room);
    free(sizes);
    free(at);
    return vmg_comm_agree(c, rc == VMG_OK && all->failed ? VMG_E_NOMEM : rc);
}
#else
int vmg_comm_open(vmg_comm *out)
{
    *out = vmg_comm_alone();
    return launched_size() > 1 ? vmg_fail(VMG_E_UNSUPPORTED, "this program was built without MPI and cannot be one of %lld "
                                                             "processes: configure --with-mpi",
                                          (long long)launched_size())
                               : VMG_OK;
}

void vmg_comm_close(vmg_comm *c)
{
    *c = vmg_comm_alone();
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

int vmg_comm_share(const vmg_comm *c, void *x, size_t n)
{
    (void)c, (void)x, (void)n;
    return VMG_OK;
}

int vmg_comm_gather(const vmg_comm *c, const void *x, size_t n, vmg_buf *all)
{
    (void)c;
    vmg_buf_append(all, x, n);
    return all->failed ? VMG_E_NOMEM : VMG_OK;
}
#endif
