/* cli/bench_table.h - a table of results of a whole space, as
 * docs/bench-search.md describes it.
 */
#ifndef HAQ_CLI_BENCH_TABLE_H
#define HAQ_CLI_BENCH_TABLE_H

#include "base/arena.h"
#include "search/replay.h"

enum { HAQ_BENCH_COLUMNS_MAX = 16 };

struct haq_bench_table {
    struct haq_arena arena;
    size_t genes, columns, points;
    int *cardinality;                          /* [genes] */
    const char *column[HAQ_BENCH_COLUMNS_MAX]; /* names */
    double *value[HAQ_BENCH_COLUMNS_MAX];      /* [points]; NAN: null */
};

/* HAQ_FORMAT names the file, the place and the reason. */
haq_status haq_bench_table_read(struct haq_bench_table *t, const char *path,
                                struct haq_diag *d);
void haq_bench_table_fini(struct haq_bench_table *t);

/* Number of the column `name` (of `len` bytes).  HAQ_USAGE lists the names. */
haq_status haq_bench_table_column(const struct haq_bench_table *t,
                                  const char *name, size_t len, size_t *out,
                                  struct haq_diag *d);

#endif
