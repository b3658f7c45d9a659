/* A training run: from a configuration and a data set to checkpoints in a folder. */
#ifndef VMG_SRC_TRAIN_TRAINER_H
#define VMG_SRC_TRAIN_TRAINER_H

#include "host/base/comm.h"
#include "src/train/checkpoint.h"
#include "src/train/feed.h"
#include "src/train/journal.h"

/* What a run reports after an update. */
typedef struct vmg_trainer_news {
    vmg_journal_line line; /* means since the last report; held_out_loss when it was just measured */
    int64_t steps;         /* of the whole run */
    double left_s;         /* estimated */
    bool saved;            /* a checkpoint was just written */
    double flops_per_s;    /* that forward and backward passes needed */
} vmg_trainer_news;

/* Returning true ends the run after a checkpoint; the run then gives VMG_E_INTERRUPTED. */
typedef bool vmg_trainer_report(void *user, const vmg_trainer_news *news);

typedef struct vmg_trainer_options {
    const char *config;     /* JSON of the networks (and "training"); not read when resuming */
    const char *data;       /* data set folder */
    const char *out;        /* the run's folder, made if missing: checkpoint.safetensors, log.jsonl, lock */
    bool resume;            /* go on from the checkpoint there */
    vmg_recipe recipe;      /* of a resumed run too: the caller starts from the checkpoint's (vmg_trainer_recipe) */
    const char *vocabulary; /* a spiece.model for joint training; NULL: that of warm_start, else made from the captions */
    bool new_vocabulary;    /* made from the captions, whatever warm_start has */
    const char *warm_start; /* model or checkpoint whose tensors are taken (src/train/warm_start.h); NULL: none */
    vmg_text_source texts;  /* of a frozen text encoder; get NULL: joint training */
    const vmg_comm *comm;   /* NULL: alone */
    int n_threads;          /* that make batches; 0 = 1 */
    size_t cache_bytes;     /* trials kept in memory */
    double report_s;        /* seconds between reports, about; reports also follow evaluations and checkpoints */
    vmg_trainer_report *report;
    void *user;
    vmg_log log;
} vmg_trainer_options;

/* The recipe that a run starts from: defaults and the configuration's, or the checkpoint's in `out` when resuming. */
int vmg_trainer_recipe(const char *config, const char *out, bool resume, vmg_recipe *recipe);

/*
 * Run until recipe.steps. The update number k, its batch and the rates depend on the options alone, so that a resumed
 * run ends with the same bits on the same device. A loss or gradient that is not finite ends the run with VMG_E_FORMAT: the message
 * names step, tensor and samples, and OUT/failed-batch.txt lists all of the batch. Errors of the data set, files, device.
 * With several processes rank 0 writes. VMG_E_IO when another process is training in the same folder.
 */
int vmg_trainer_run(vmg_ctx *ctx, const vmg_trainer_options *o);

#endif
