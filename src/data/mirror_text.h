/* Captions of mirrored motion. */
#ifndef VMG_SRC_DATA_MIRROR_TEXT_H
#define VMG_SRC_DATA_MIRROR_TEXT_H

/* The text with left and right exchanged, also inside words ("leftward", "right-hand", "lefty"),
 * and with clockwise and counterclockwise (anticlockwise) exchanged; case is kept. "right" in "right
 * away", "upright", "bright" and the like is no side and stays. Fresh memory, NULL on exhaustion. */
char *vmg_mirror_text(const char *text);

#endif
