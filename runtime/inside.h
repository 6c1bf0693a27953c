/* runtime/inside.h - kernel rows that lie outside of the image.
 *
 * In small images a good part of all taps is padding: a ninth of a 3x3 window
 * over 7x7 pixels is above or below.  When a tile is a line of output pixels,
 * they all miss the same kernel rows, which then need not be multiplied: the
 * product takes fewer segments, and what the zero points in their place would
 * have added is left out of the correction, too.
 */
#ifndef HAQ_RUNTIME_INSIDE_H
#define HAQ_RUNTIME_INSIDE_H

#include "runtime/rows.h"

struct haq_inside_line {
    size_t first, count; /* kernel rows inside */
    const int32_t *corr; /* [columns] for these; NULL: that of all rows */
};

/* NULL line: nothing is left out. */
struct haq_inside {
    size_t lines;                 /* of output pixels in an image */
    struct haq_inside_line *line; /* [lines] */
};

/* Retile rows to lines and fill `in`, if that saves enough; at most mr rows a
 * tile.  Integer inputs: codes [n][channels][taps] of the weights, without zero
 * points, and corr [n] with all taps in it; else codes is NULL.
 * HAQ_NOMEM. */
haq_status haq_inside_make(struct haq_inside *in, struct haq_plan *p,
                           struct haq_rows *r, size_t mr, const int8_t *codes,
                           size_t n, size_t k, const int32_t *corr,
                           struct haq_diag *d);

#endif
