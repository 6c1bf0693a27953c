/* report/view.h - front.json as plain data, checked once, for the writers of
 * pages and tables.
 */
#ifndef HAQ_REPORT_VIEW_H
#define HAQ_REPORT_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/stats.h"
#include "base/status.h"

/* What is missing is NAN, "" or 0. */
struct haq_view_point {
    const char *id, *label; /* label: "float", "int8" ... or "" */
    struct haq_interval accuracy;
    double drop;
    struct haq_interval ms;
    double speedup, speedup_int8;
    double bytes, compression;
    double average_bits;
    const char **words;  /* [view.n_layers] "8", "4g", "f" or "" */
    const char **acts;   /* [view.n_layers] "s", "d", "f" or "" */
    const char *verdict; /* of the latency: "valid", "disturbed" ... */
    bool confirmed, knee;
};

struct haq_view_layer {
    const char *tensor, *op;
    double weights, macs; /* NAN: unknown */
};

struct haq_view {
    struct haq_arena arena;
    const char *model, *metric, *device, *error;
    const char **warning; /* [n_warnings] */
    size_t n_warnings;
    bool higher_is_better, points_unit; /* of the metric */
    bool complete, feasible;
    struct haq_view_point *point; /* [n], most accurate first */
    size_t n;
    struct haq_view_point *uniform; /* [n_uniform] int8 first */
    size_t n_uniform;
    struct haq_view_point base; /* float */
    struct haq_view_layer *layer;
    size_t n_layers;
    double volume, uniform_volume;
    double curse; /* points that the front loses on samples that did not choose
                     it beyond what it loses on those that did */
    const char *curse_method; /* "disjoint", "cross-fitted" or "" */
    double race_saved;        /* times fewer samples */
    double seconds;
    double evaluations, seed;
};

/* Strings are copied.  HAQ_FORMAT: not a front; HAQ_NOMEM. */
haq_status haq_view_make(struct haq_view *v, const json_t *front,
                         const json_t *layers, struct haq_diag *d);
void haq_view_fini(struct haq_view *v);

/* The point that the front recommends; NULL when there is none. */
const struct haq_view_point *haq_view_knee(const struct haq_view *v);

/* Is a uniform width one of the points? */
bool haq_view_on_front(const struct haq_view *v,
                       const struct haq_view_point *uniform);

/* Was its latency measured on a machine that was not itself? */
bool haq_view_doubtful(const struct haq_view_point *p);

/* Text with &, <, >, " and ' made harmless for HTML. */
void haq_html_escape(struct haq_buf *b, const char *text);

/* "1.5 MB", "830 B"; "-" for NAN. */
enum { HAQ_VIEW_TEXT = 32 };
void haq_view_bytes(char out[HAQ_VIEW_TEXT], double bytes);

#endif
