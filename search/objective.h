/* search/objective.h - what a search may look for: the one list.
 */
#ifndef HAQ_SEARCH_OBJECTIVE_H
#define HAQ_SEARCH_OBJECTIVE_H

#include <stddef.h>

#include "base/status.h"

/* Bits of a mask, in the order of the list. */
enum haq_objective {
    HAQ_OBJ_ACCURACY = 1 << 0,
    HAQ_OBJ_LATENCY = 1 << 1,
    HAQ_OBJ_SIZE = 1 << 2,
    HAQ_OBJ_BOPS = 1 << 3,
    HAQ_OBJ_ALL = (1 << 4) - 1
};

/* Figures of a candidate, less is better in all, or of what it is compared
 * with. */
struct haq_figures {
    double drop;  /* against float: points, or percent of the float value */
    double ms;    /* latency */
    double bytes; /* stored */
    double bops;  /* bit operations of one sample: multiply-adds times the bits
                     of weight and activation (32 for float) */
};

struct haq_objective_row {
    const char *name; /* as on the command line */
    unsigned bit;
    size_t at; /* of its figure in struct haq_figures */
};
extern const struct haq_objective_row haq_objective_rows[]; /* ends with NULL */

/* "accuracy,latency" to a mask; HAQ_USAGE names the word that it does not know
 * and lists those that there are. */
haq_status haq_objectives_parse(unsigned *mask, const char *list,
                                struct haq_diag *d);

/* The figures that count, in the order of the list: f[n]; returns n. */
size_t haq_objectives_pick(unsigned mask, const struct haq_figures *x,
                           double *f);

#endif
