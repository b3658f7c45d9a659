/* vimogen-cl: text to 3D human motion through OpenCL. The public interface. */
#ifndef VIMOGEN_H
#define VIMOGEN_H

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "MAJOR.MINOR.PATCH". */
const char *vimogen_version(void);

/* The calling thread's last error: one sentence, "" if none. Valid until its next failure. */
const char *vimogen_error(void);

#ifdef __cplusplus
}
#endif

#endif
