/* report/curves.h - quantities that grow with a count, as lines with the band
 * of their interval, as SVG.
 */
#ifndef HAQ_REPORT_CURVES_H
#define HAQ_REPORT_CURVES_H

#include "base/buf.h"
#include "base/stats.h"

struct haq_curve {
    const char *name;             /* escaped here */
    const struct haq_interval *y; /* [n] of all curves' counts */
};

struct haq_curves {
    const char *title, *x_name, *y_name; /* escaped here */
    const size_t *x;                     /* [n] ascending, >= 1 */
    size_t n;                            /* >= 2 */
    const struct haq_curve *curve;       /* [curves] */
    size_t curves;
};

/* Append a whole <svg> document: counts to the right on a logarithmic axis. */
void haq_curves_write(struct haq_buf *b, const struct haq_curves *c);

#endif
