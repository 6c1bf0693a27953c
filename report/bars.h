/* report/bars.h - a list of names with a bar each, as SVG.
 */
#ifndef HAQ_REPORT_BARS_H
#define HAQ_REPORT_BARS_H

#include "base/buf.h"

struct haq_bar {
    const char *name; /* escaped here */
    double value;     /* >= 0; NAN: no bar */
    char note[80];    /* behind the bar; escaped here */
};

/* Append a whole <svg> document: n bars in their order, the largest value as
 * wide as there is room. */
void haq_bars_write(struct haq_buf *b, const char *title,
                    const struct haq_bar *bars, size_t n);

#endif
