/* report/chart.h - one front as an SVG scatter plot.
 *
 * Accuracy goes up, the cost to the right.  The points that nobody beats in
 * these two objectives are joined by a staircase; the others owe their place to
 * the third.  Colour and radius of a point say how large it is.
 */
#ifndef HAQ_REPORT_CHART_H
#define HAQ_REPORT_CHART_H

#include "report/view.h"

struct haq_chart {
    const char *title, *unit; /* of the horizontal axis */
    double scale;             /* units per value: 1e-3 shows bytes as KB */
    double (*cost)(const struct haq_view_point *p); /* NAN: not shown */
};

/* Append <svg>...</svg>; nothing when fewer than two points have a cost. */
void haq_chart_write(struct haq_buf *b, const struct haq_view *v,
                     const struct haq_chart *c);

/* Class of a point's colour by its compression, 0 (large) .. 4 (small). */
int haq_chart_shade(const struct haq_view_point *p);

#endif
