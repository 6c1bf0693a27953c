#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/view.h"

enum { COLUMNS = 9, CELL = 40, DOUBTS = 4 };

static const char *const heads[COLUMNS] = {
    "#",          "point",     "",     "change", "latency ms",
    "over float", "over int8", "size", "bits",
};

/* The table before its columns have a width. */
struct grid {
    char (*cell)[COLUMNS][CELL];
    const char **mark; /* [rows] behind the line */
    size_t rows;
    int width[COLUMNS];
};

static void put(char *cell, const char *format, double v)
{
    if (isfinite(v))
        snprintf(cell, CELL, "%.*f%s", format[0] - '0', v, format + 1);
    else
        snprintf(cell, CELL, "-");
}

/* 92.31 +0.20/-0.25: the interval as distances, which is what one compares. */
static void put_interval(char *cell, struct haq_interval v, int places,
                         bool unicode)
{
    double half = fmax(v.high - v.value, v.value - v.low);
    if (!isfinite(v.value))
        snprintf(cell, CELL, "-");
    else if (isfinite(half))
        snprintf(cell, CELL, "%.*f %s %.*f", places, v.value,
                 unicode ? "\u00b1" : "+-", places, half);
    else
        snprintf(cell, CELL, "%.*f", places, v.value);
}

/* Names come from a file: nothing but printable ASCII reaches the terminal. */
static void put_name(char *cell, const char *name)
{
    size_t n = 0;
    for (; *name && n < 20; name++)
        cell[n++] = *name >= ' ' && *name <= '~' ? *name : '?';
    cell[n] = 0;
}

static void add_row(struct grid *g, const struct haq_view *v,
                    const struct haq_view_point *p, size_t number, bool unicode)
{
    char(*c)[CELL] = g->cell[g->rows];
    g->mark[g->rows++] = p->knee                   ? "  knee"
                         : number && !p->confirmed ? "  not confirmed"
                                                   : "";
    if (number)
        snprintf(c[0], CELL, "%s%zu",
                 !p->knee  ? ""
                 : unicode ? "\u25c6 "
                           : "* ",
                 number);
    put_name(c[1], *p->label ? p->label : p->id);
    put_interval(c[2], p->accuracy, 2, unicode);
    double change = v->points_unit ? -p->drop : p->drop;
    if (isfinite(change))
        snprintf(c[3], CELL, "%+.2f%s", change == 0 ? 0 : change,
                 v->points_unit ? "" : " %");
    put_interval(c[4], p->ms, 3, unicode);
    put(c[5], "2x", p->speedup);
    put(c[6], "2x", p->speedup_int8);
    haq_view_bytes(c[7], p->bytes);
    put(c[8], "1", p->average_bits);
}

/* Characters on the screen: bytes that do not continue a UTF-8 sequence. */
static int screen_width(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void measure(struct grid *g)
{
    for (size_t r = 0; r < g->rows; r++)
        for (int c = 0; c < COLUMNS; c++) {
            int w = screen_width(g->cell[r][c]);
            if (w > g->width[c])
                g->width[c] = w;
        }
}

static void write_grid(struct haq_buf *b, const struct grid *g)
{
    for (size_t r = 0; r < g->rows; r++) {
        for (int c = 0; c < COLUMNS; c++) {
            const char *s = g->cell[r][c];
            int pad = g->width[c] - screen_width(s);
            bool left = c == 1;
            haq_buf_printf(b, "%s%*s%s%*s", c ? "  " : "", left ? 0 : pad, "",
                           s, left ? pad : 0, "");
        }
        haq_buf_puts(b, g->mark[r]);
        haq_buf_puts(b, "\n");
    }
}

/* Names of the first few points whose latency is not to be believed. */
static void doubt(struct haq_buf *b, const struct haq_view_point *p,
                  size_t *doubtful)
{
    char name[CELL];
    if (!haq_view_doubtful(p) || ++*doubtful > DOUBTS)
        return;
    put_name(name, *p->label ? p->label : p->id);
    haq_buf_printf(b, "%s%s (%s)",
                   *doubtful == 1
                       ? "do not believe these latencies, the machine was "
                         "busy or slow: "
                       : ", ",
                   name, p->verdict);
}

static void write_doubts(struct haq_buf *b, const struct haq_view *v)
{
    size_t n = 0;
    doubt(b, &v->base, &n);
    for (size_t i = 0; i < v->n; i++)
        doubt(b, &v->point[i], &n);
    for (size_t i = 0; i < v->n_uniform; i++)
        if (!haq_view_on_front(v, &v->uniform[i]))
            doubt(b, &v->uniform[i], &n);
    if (n > DOUBTS)
        haq_buf_printf(b, " and %zu more", n - DOUBTS);
    if (n)
        haq_buf_puts(b, "\n");
}

/* Of a saving, as a factor. */
static const double WORTH_SAYING = 1.05;

/* How lucky the front is, and what races saved. */
static void write_honesty(struct haq_buf *b, const struct haq_view *v)
{
    if (isfinite(v->curse))
        haq_buf_printf(b,
                       "on samples that did not choose it the front loses "
                       "%.2f points %s (%s)\n",
                       fabs(v->curse), v->curse < 0 ? "less" : "more",
                       strcmp(v->curse_method, "disjoint")
                           ? "cross-fitted: each half chose, the other judged"
                           : "samples that chose nothing");
    if (isfinite(v->race_saved) && v->race_saved >= WORTH_SAYING)
        haq_buf_printf(b, "races took %.2f times fewer samples\n",
                       v->race_saved);
}

static void write_summary(struct haq_buf *b, const struct haq_view *v)
{
    char error[CELL];
    if (isfinite(v->volume) && isfinite(v->uniform_volume))
        haq_buf_printf(b,
                       "hypervolume %.4f, of float and the uniform widths "
                       "%.4f\n",
                       v->volume, v->uniform_volume);
    if (v->n && !v->feasible)
        haq_buf_puts(b, "nothing keeps to all limits: shown is the nearest\n");
    if (!v->complete)
        haq_buf_puts(b, "the search was not finished\n");
    if (*v->error) {
        put_name(error, v->error);
        haq_buf_printf(b, "error: %s\n", error);
    }
}

static bool make_grid(struct grid *g, const struct haq_view *v, bool unicode)
{
    size_t room = v->n + v->n_uniform + 2;
    *g = (struct grid){.cell = calloc(room, sizeof *g->cell),
                       .mark = calloc(room, sizeof(const char *))};
    if (!g->cell || !g->mark)
        return false;
    for (int c = 0; c < COLUMNS; c++)
        snprintf(g->cell[0][c], CELL, "%s", heads[c]);
    put_name(g->cell[0][2], v->metric);
    g->mark[g->rows++] = "";
    for (size_t i = 0; i < v->n; i++)
        add_row(g, v, &v->point[i], i + 1, unicode);
    add_row(g, v, &v->base, 0, unicode);
    for (size_t i = 0; i < v->n_uniform; i++)
        if (!haq_view_on_front(v, &v->uniform[i]))
            add_row(g, v, &v->uniform[i], 0, unicode);
    measure(g);
    return true;
}

haq_status haq_report_text(const json_t *front, bool unicode, char **out,
                           size_t *len, struct haq_diag *d)
{
    struct haq_view v;
    struct haq_buf b;
    struct grid g = {0};
    haq_status s = haq_view_make(&v, front, NULL, d);
    if (s)
        return s;
    haq_buf_init(&b);
    bool ok = make_grid(&g, &v, unicode);
    if (ok) {
        write_grid(&b, &g);
        write_doubts(&b, &v);
        write_honesty(&b, &v);
        write_summary(&b, &v);
    }
    *len = b.len;
    *out = ok ? haq_buf_take(&b) : NULL;
    if (!*out)
        s = haq_fail(d, HAQ_NOMEM, "table of %zu points", v.n);
    free(g.cell);
    free(g.mark);
    haq_buf_fini(&b);
    haq_view_fini(&v);
    return s;
}
