/* vimogen-cl: text to 3D human motion through OpenCL. The public interface. */
#ifndef VIMOGEN_H
#define VIMOGEN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "MAJOR.MINOR.PATCH". */
const char *vimogen_version(void);

/* The calling thread's last error: one sentence, "" if none. Valid until its next failure. */
const char *vimogen_error(void);

/* Features per frame, and frames per second, of a motion (the layout is in the README). */
enum { VIMOGEN_FEATURES = 276, VIMOGEN_FPS = 20 };

/* Status codes: VIMOGEN_OK, or a negative number with a sentence in vimogen_error(). */
enum { VIMOGEN_OK = 0, VIMOGEN_INTERRUPTED = -7 };

/* Told what is going on: what ("loading", "encoding", "sampling"), done and total. Return 0 to go on, anything else to stop (the call
 * then gives VIMOGEN_INTERRUPTED). */
typedef int vimogen_progress(void *user, const char *what, int64_t done, int64_t total);

/* How to open a session; zero or NULL members take the default. */
typedef struct vimogen_session_options {
    const char *model;         /* a .gguf, or a folder with config.json and weights; default $VMG_MODEL */
    const char *encoder;       /* text encoder for prompts; default $VMG_ENCODER, else inside the model */
    const char *device;        /* number, PLATFORM:DEVICE or part of a name; default the best GPU, else the CPU */
    const char *dtype;         /* keep the motion network's weights as "f32", "f16", "bf16", "q8_0", "q4_0"; default as stored */
    uint64_t max_memory_bytes; /* of the device; default all of it */
    uint64_t cache_bytes;      /* embeddings of prompts kept in the user's cache folder; default 1 GiB, as the program */
    int no_cache;              /* 1: neither read nor keep embeddings there */
    vimogen_progress *progress;
    void *progress_user;
    const char *activations;   /* store them inside the network's blocks as "f32", "f16", "bf16"; default f32 */
} vimogen_session_options;

/* An open model on one device. One thread at a time. */
typedef struct vimogen_session vimogen_session;

/* options may be NULL. On failure *out is NULL. */
int vimogen_open(const vimogen_session_options *options, vimogen_session **out);
void vimogen_close(vimogen_session *s); /* accepts NULL */

/* What to make. Start from vimogen_request_default(); exactly one of prompt, embedding and reference. */
typedef struct vimogen_request {
    const char *prompt;
    const float *embedding;   /* (n_embedding_rows, text width) of the model's text encoder */
    int64_t n_embedding_rows;
    const float *reference;   /* (n_reference_frames, VIMOGEN_FEATURES) in metres: a motion to follow */
    int64_t n_reference_frames;
    int64_t n_frames;         /* 0 = the reference's, or what the model makes best (100) */
    uint64_t seed;
    int64_t steps;            /* 0 = the model's own (50) */
    double guidance;          /* negative = the model's own (5) */
} vimogen_request;
vimogen_request vimogen_request_default(void);

/*
 * Make one motion: *features is (*n_frames, VIMOGEN_FEATURES) in fresh memory (free()), z up, metres, 20 frames a second. The model's
 * weights are loaded for the call and released after it.
 */
int vimogen_generate(vimogen_session *s, const vimogen_request *request, float **features, int64_t *n_frames);

/* Write features to a file whose ending is .npy, .pt, .npz, .bvh, .glb or .csv. */
int vimogen_write(const char *path, const float *features, int64_t n_frames);

#ifdef __cplusplus
}
#endif

#endif
