/* cli/allocation_file.h - a table of sensitivities and costs of one's own, as
 * docs/allocate.md describes it.
 */
#ifndef HAQ_CLI_ALLOCATION_FILE_H
#define HAQ_CLI_ALLOCATION_FILE_H

#include <jansson.h>

#include "base/arena.h"
#include "search/allocate.h"

struct haq_allocation_file {
    struct haq_arena arena;
    size_t layers, options, costs;
    const char **option;     /* [options] their keys, by number or as written */
    const char **layer_name; /* [layers], or NULL */
    const char **cost_name;  /* [costs] */
    const double *damage;    /* [layers][options]; INFINITY: null in the file */
    const double *cost;      /* [costs][layers][options] */
    const size_t *group;     /* [layers] by the ties */
};

/* HAQ_FORMAT names the file, the place and the reason. */
haq_status haq_allocation_file_read(struct haq_allocation_file *f,
                                    const char *path, struct haq_diag *d);
void haq_allocation_file_fini(struct haq_allocation_file *f);

/* Least and largest sum of cost `m` over all choices. */
void haq_allocation_range(const struct haq_allocation_file *f, size_t m,
                          double *low, double *high);

#endif
