/* Moving pictures in .mp4 and .gif files, through FFmpeg's libraries. */
#ifndef VMG_SRC_RENDER_FILM_H
#define VMG_SRC_RENDER_FILM_H

#include <stdint.h>

typedef struct vmg_film vmg_film;

/*
 * Begin a film; it appears under its name only when closed well. .mp4 holds H.264 (MPEG-4 where
 * FFmpeg has no encoder for it) and needs even sides; .gif 256 colours chosen from the first
 * picture. Errors: VMG_E_UNSUPPORTED (another ending, a build without libav*), VMG_E_ARG, VMG_E_IO,
 * VMG_E_NOMEM.
 */
int vmg_film_open(const char *path, int64_t width, int64_t height, double fps, vmg_film **out);

/* The next picture, (height,width,4). */
int vmg_film_add(vmg_film *film, const uint8_t *rgba);

/* Complete the file and put it in place. */
int vmg_film_commit(vmg_film *film);

/* Frees; an uncommitted film is gone. Accepts NULL. */
void vmg_film_free(vmg_film *film);

#endif
