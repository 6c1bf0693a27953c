/* worker/groups.h - accuracy by group of samples: few bits can hurt a small
 * group more than the average shows.
 */
#ifndef HAQ_WORKER_GROUPS_H
#define HAQ_WORKER_GROUPS_H

#include "base/stats.h"
#include "quant/recipe.h"
#include "worker/task.h"

struct haq_group_result {
    int64_t id;
    size_t n;                  /* samples */
    struct haq_interval value; /* of the recipe (of float without one), in the
                                  metric's unit */
    struct haq_interval base;  /* of the float model on the same samples */
    /* Points lost against float, paired, 95 %; NANs without a recipe. */
    struct haq_interval drop;
};

struct haq_groups {
    struct haq_group_result *group; /* [n] by id */
    size_t n;
    size_t worst; /* the largest drop (without a recipe: the least value) */
    /* Its interval with all groups counted (Bonferroni): it was picked. */
    struct haq_interval worst_drop;
};

/* Where the groups come from. */
enum haq_group_source {
    HAQ_GROUPS_DATA,   /* `group` of the evaluation data */
    HAQ_GROUPS_LABELS, /* its labels: a group per class */
    HAQ_GROUPS_FILE    /* an array of integers, one per sample */
};

/* Counting metrics with one position only: HAQ_UNSUPPORTED otherwise.
 * HAQ_INVALID: no such array, or not one integer per sample; more than 4096
 * groups.  fini what succeeded. */
haq_status haq_session_groups(struct haq_session *s,
                              const struct haq_recipe *recipe,
                              enum haq_group_source source, const char *path,
                              struct haq_groups *out, struct haq_diag *d);
void haq_groups_fini(struct haq_groups *g);

#endif
