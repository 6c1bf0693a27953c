#include "report/chart.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 640, HEIGHT = 400, LEFT = 58, RIGHT = 18, TOP = 14, FOOT = 46 };
enum { TICKS_MAX = 12, NAMES_MAX = 12, NAME_WIDTH = 40, NAME_HEIGHT = 12 };

/* From here on an axis is logarithmic. */
static const double log_ratio = 8;

struct axis {
    double low, high; /* of values, low < high */
    double from, to;  /* pixels */
    bool log;
    double tick[TICKS_MAX];
    int n;
};

struct plot {
    const struct haq_view *view;
    const struct haq_chart *chart;
    struct axis x, y;
    size_t outside;            /* uniform widths that do not fit */
    double name[NAMES_MAX][2]; /* where names stand already */
    int names;
};

static double at(const struct axis *a, double v)
{
    double t = a->log ? log(v / a->low) / log(a->high / a->low)
                      : (v - a->low) / (a->high - a->low);
    return a->from + t * (a->to - a->from);
}

/* ---- axes -----------------------------------------------------------------*/

/* Steps of 1, 2 or 5 times a power of ten, about five of them. */
static void linear_ticks(struct axis *a)
{
    double raw = (a->high - a->low) / 5, power = pow(10, floor(log10(raw)));
    double step = raw / power < 1.5   ? power
                  : raw / power < 3.5 ? 2 * power
                  : raw / power < 7.5 ? 5 * power
                                      : 10 * power;
    double first = ceil(a->low / step), last = a->high / step + 1e-9;
    for (int i = 0; first + i <= last && a->n < TICKS_MAX; i++)
        a->tick[a->n++] = (first + i) * step;
}

static void log_ticks(struct axis *a)
{
    static const double digit[] = {1, 2, 5};
    int last = (int)floor(log10(a->high));
    for (int e = (int)floor(log10(a->low)); e <= last; e++)
        for (int i = 0; i < 3 && a->n < TICKS_MAX; i++) {
            double t = digit[i] * pow(10, e);
            if (t >= a->low && t <= a->high)
                a->tick[a->n++] = t;
        }
}

static void finish_axis(struct axis *a, bool may_log)
{
    double range = a->high - a->low;
    if (!(range > 0))
        range = fabs(a->high) > 0 ? fabs(a->high) * 0.2 : 1;
    a->log = may_log && a->low > 0 && a->high / a->low >= log_ratio;
    if (a->log) {
        double margin = pow(a->high / a->low, 0.05);
        a->low /= margin, a->high *= margin;
        log_ticks(a);
        return;
    }
    bool positive = a->low >= 0;
    a->low -= range * 0.06, a->high += range * 0.06;
    if (positive && may_log)
        a->low = fmax(a->low, 0);
    linear_ticks(a);
}

static void widen(struct axis *a, double v)
{
    a->low = fmin(a->low, v);
    a->high = fmax(a->high, v);
}

static double cost_of(const struct plot *p, const struct haq_view_point *q)
{
    return p->chart->cost(q) * p->chart->scale;
}

/* Within what axes can hold: a file may say anything. */
static bool shown(const struct plot *p, const struct haq_view_point *q)
{
    double c = cost_of(p, q);
    return c > 1e-12 && c < 1e15 && fabs(q->accuracy.value) < 1e15;
}

/* The front and float make the axes; a uniform width outside is left out, or
 * two useless bits would squeeze everything else into a corner. */
static size_t make_axes(struct plot *p)
{
    const struct haq_view *v = p->view;
    size_t n = 0;
    p->x = (struct axis){INFINITY, -INFINITY, LEFT, WIDTH - RIGHT, 0, {0}, 0};
    p->y = (struct axis){INFINITY, -INFINITY, HEIGHT - FOOT, TOP, 0, {0}, 0};
    if (!v->higher_is_better)
        p->y.from = TOP, p->y.to = HEIGHT - FOOT;
    for (size_t i = 0; i <= v->n; i++) {
        const struct haq_view_point *q = i < v->n ? &v->point[i] : &v->base;
        if (!shown(p, q))
            continue;
        widen(&p->x, cost_of(p, q));
        widen(&p->y, q->accuracy.value);
        n++;
    }
    if (n < 2)
        return n;
    finish_axis(&p->x, true);
    finish_axis(&p->y, false);
    return n;
}

static void write_axes(struct haq_buf *b, const struct plot *p)
{
    for (int i = 0; i < p->x.n; i++) {
        double x = at(&p->x, p->x.tick[i]);
        haq_buf_printf(b,
                       "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" "
                       "x2=\"%.1f\" y2=\"%d\"/><text class=\"tick\" "
                       "x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                       x, TOP, x, HEIGHT - FOOT, x, HEIGHT - FOOT + 17,
                       p->x.tick[i]);
    }
    for (int i = 0; i < p->y.n; i++) {
        double y = at(&p->y, p->y.tick[i]);
        haq_buf_printf(b,
                       "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" "
                       "x2=\"%d\" y2=\"%.1f\"/><text class=\"tick\" "
                       "x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                       LEFT, y, WIDTH - RIGHT, y, LEFT - 7, y + 4,
                       fabs(p->y.tick[i]) < 1e-12 ? 0 : p->y.tick[i]);
    }
    haq_buf_printf(b,
                   "<text class=\"axis\" x=\"%d\" y=\"%d\" "
                   "text-anchor=\"middle\">",
                   (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
    haq_html_escape(b, p->chart->unit);
    haq_buf_printf(b,
                   "</text>\n<text class=\"axis\" text-anchor=\"middle\" "
                   "transform=\"translate(14 %d) rotate(-90)\">",
                   (TOP + HEIGHT - FOOT) / 2);
    haq_html_escape(b, p->view->metric);
    haq_buf_puts(b, "</text>\n");
}

/* ---- points ---------------------------------------------------------------*/

int haq_chart_shade(const struct haq_view_point *p)
{
    static const double edge[] = {3, 5, 7, 9};
    int shade = 0;
    while (shade < 4 && p->compression >= edge[shade])
        shade++;
    return shade;
}

static void write_title(struct haq_buf *b, const struct haq_view_point *q,
                        size_t number)
{
    char bytes[HAQ_VIEW_TEXT];
    haq_view_bytes(bytes, q->bytes);
    haq_buf_puts(b, "<title>");
    if (number)
        haq_buf_printf(b, "#%zu  ", number);
    if (*q->label)
        haq_html_escape(b, q->label);
    else
        haq_html_escape(b, q->id);
    haq_buf_printf(b, "\naccuracy %.4g  (%.4g .. %.4g)\n", q->accuracy.value,
                   q->accuracy.low, q->accuracy.high);
    if (isfinite(q->ms.value))
        haq_buf_printf(b, "latency %.4g ms  (%.4g .. %.4g)\n", q->ms.value,
                       q->ms.low, q->ms.high);
    if (isfinite(q->speedup))
        haq_buf_printf(b, "%.2fx faster than float\n", q->speedup);
    haq_buf_printf(b, "%s", bytes);
    if (isfinite(q->compression))
        haq_buf_printf(b, ", %.1fx smaller", q->compression);
    haq_buf_puts(b, "</title>");
}

/* A name that would cover another is left to the title of its point. */
static void write_name(struct haq_buf *b, struct plot *p, const char *name,
                       double x, double y)
{
    bool flip = x > WIDTH - RIGHT - NAME_WIDTH - 9;
    x += flip ? -9 : 9;
    for (int i = 0; i < p->names; i++)
        if (fabs(p->name[i][0] - x) < NAME_WIDTH &&
            fabs(p->name[i][1] - y) < NAME_HEIGHT)
            return;
    if (p->names == NAMES_MAX)
        return;
    p->name[p->names][0] = x;
    p->name[p->names++][1] = y;
    haq_buf_printf(b,
                   "<text class=\"name\" x=\"%.1f\" y=\"%.1f\" "
                   "text-anchor=\"%s\">",
                   x, y, flip ? "end" : "start");
    haq_html_escape(b, name);
    haq_buf_puts(b, "</text>");
}

static void write_dot(struct haq_buf *b, struct plot *p,
                      const struct haq_view_point *q, size_t number)
{
    double x = at(&p->x, cost_of(p, q)), y = at(&p->y, q->accuracy.value);
    double r = 8.0 - haq_chart_shade(q);
    haq_buf_puts(b, "<g class=\"dot\">");
    write_title(b, q, number);
    if (isfinite(q->accuracy.low) && isfinite(q->accuracy.high))
        haq_buf_printf(
            b,
            "<line class=\"ci\" x1=\"%.1f\" y1=\"%.1f\" "
            "x2=\"%.1f\" y2=\"%.1f\"/>",
            x, fmax(fmin(at(&p->y, q->accuracy.low), HEIGHT - FOOT), TOP), x,
            fmax(fmin(at(&p->y, q->accuracy.high), HEIGHT - FOOT), TOP));
    haq_buf_printf(b,
                   "<circle class=\"s%d\" cx=\"%.1f\" cy=\"%.1f\" "
                   "r=\"%.1f\"/>",
                   haq_chart_shade(q), x, y, r);
    if (q->knee)
        haq_buf_printf(b,
                       "<circle class=\"knee\" cx=\"%.1f\" cy=\"%.1f\" "
                       "r=\"%.1f\"/>",
                       x, y, r + 5);
    haq_buf_puts(b, "</g>\n");
}

/* Before all other names: this one is never left out. */
static void write_knee_name(struct haq_buf *b, struct plot *p)
{
    const struct haq_view_point *q = haq_view_knee(p->view);
    if (!q || !shown(p, q))
        return;
    haq_buf_puts(b, "<g class=\"dot\">");
    write_name(b, p, "knee", at(&p->x, cost_of(p, q)) + 6,
               at(&p->y, q->accuracy.value) + 18);
    haq_buf_puts(b, "</g>\n");
}

/* Baselines are diamonds with a name beside them. */
static void write_baseline(struct haq_buf *b, struct plot *p,
                           const struct haq_view_point *q)
{
    if (!shown(p, q))
        return;
    double c = cost_of(p, q), a = q->accuracy.value;
    if (c < p->x.low || c > p->x.high || a < p->y.low || a > p->y.high) {
        p->outside++;
        return;
    }
    double x = at(&p->x, c), y = at(&p->y, a);
    haq_buf_puts(b, "<g class=\"base\">");
    write_title(b, q, 0);
    haq_buf_printf(b, "<path d=\"M%.1f %.1fl6 6-6 6-6-6z\"/>", x, y - 6);
    write_name(b, p, q->label, x, y - 6);
    haq_buf_puts(b, "</g>\n");
}

static int by_x(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return p[0] != q[0] ? (p[0] > q[0]) - (p[0] < q[0])
                        : (p[1] > q[1]) - (p[1] < q[1]);
}

/* Steps through the points that are best in these two objectives: from the
 * cheapest on, whatever rises. */
static void write_stairs(struct haq_buf *b, const struct plot *p)
{
    const struct haq_view *v = p->view;
    double(*xy)[2] = calloc(v->n + 1, sizeof *xy), best = INFINITY;
    size_t n = 0;
    if (!xy) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < v->n; i++)
        if (shown(p, &v->point[i])) {
            xy[n][0] = at(&p->x, cost_of(p, &v->point[i]));
            xy[n++][1] = at(&p->y, v->point[i].accuracy.value);
        }
    qsort(xy, n, sizeof *xy, by_x);
    haq_buf_puts(b, "<path class=\"stairs\" d=\"");
    for (size_t i = 0; i < n; i++) {
        if (xy[i][1] >= best)
            continue;
        if (isinf(best))
            haq_buf_printf(b, "M%.1f %.1f", xy[i][0], xy[i][1]);
        else
            haq_buf_printf(b, "H%.1fV%.1f", xy[i][0], xy[i][1]);
        best = xy[i][1];
    }
    haq_buf_puts(b, "\"/>\n");
    free(xy);
}

void haq_chart_write(struct haq_buf *b, const struct haq_view *v,
                     const struct haq_chart *c)
{
    struct plot p = {.view = v, .chart = c};
    if (make_axes(&p) < 2)
        return;
    haq_buf_puts(b, "<figure><figcaption>");
    haq_html_escape(b, c->title);
    haq_buf_printf(b,
                   "</figcaption>\n<svg viewBox=\"0 0 %d %d\" "
                   "role=\"img\" aria-label=\"",
                   WIDTH, HEIGHT);
    haq_html_escape(b, c->title);
    haq_buf_puts(b, "\">\n");
    write_axes(b, &p);
    write_stairs(b, &p);
    for (size_t i = 0; i < v->n; i++)
        if (shown(&p, &v->point[i]) && !v->point[i].knee)
            write_dot(b, &p, &v->point[i], i + 1);
    write_knee_name(b, &p);
    write_baseline(b, &p, &v->base);
    for (size_t i = 0; i < v->n_uniform; i++)
        write_baseline(b, &p, &v->uniform[i]);
    for (size_t i = 0; i < v->n; i++) /* the knee on top of all */
        if (shown(&p, &v->point[i]) && v->point[i].knee)
            write_dot(b, &p, &v->point[i], i + 1);
    haq_buf_puts(b, "</svg>\n");
    if (p.outside)
        haq_buf_printf(b,
                       "<p class=\"note\">%zu uniform width%s outside the "
                       "chart (too inaccurate).</p>\n",
                       p.outside, p.outside == 1 ? " is" : "s are");
    haq_buf_puts(b, "</figure>\n");
}
