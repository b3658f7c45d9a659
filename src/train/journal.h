/* A run's log.jsonl: one line of JSON per report, read back by `vimogen plot`. */
#ifndef VMG_SRC_TRAIN_JOURNAL_H
#define VMG_SRC_TRAIN_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One report; values that are NaN are left out of the line. */
typedef struct vmg_journal_line {
    int64_t step; /* updates made when it was written */
    double time_s, loss, held_out_loss, facts_loss, grad_norm, lr, samples_per_s;
} vmg_journal_line;

/* All values NaN. */
vmg_journal_line vmg_journal_line_at(int64_t step);

typedef struct vmg_journal vmg_journal;

/* Append to `path`. Lines of steps above `keep_steps` are dropped first (a resumed run writes them again); negative: start
 * anew. Lines that do not parse, as a crash leaves, are dropped too. */
int vmg_journal_open(const char *path, int64_t keep_steps, vmg_journal **out);
int vmg_journal_write(vmg_journal *j, const vmg_journal_line *line); /* flushed */
void vmg_journal_close(vmg_journal *j); /* accepts NULL */

/* All lines of a log. Errors: VMG_E_IO, VMG_E_FORMAT (not one line of a training log), VMG_E_NOMEM. Fresh memory. */
int vmg_journal_read(const char *path, vmg_journal_line **lines, size_t *n);

#endif
