/* cli/contest.h - search algorithms against each other on a table of results.
 */
#ifndef HAQ_CLI_CONTEST_H
#define HAQ_CLI_CONTEST_H

#include "base/stats.h"
#include "cli/bench_table.h"
#include "cli/cli.h"

enum { HAQ_CONTEST_ALGOS_MAX = 16, HAQ_CONTEST_RUNS_MAX = 1000 };
enum { HAQ_CONTEST_GOALS = 2 };

/* Parts of the table's hypervolume whose price in evaluations is told. */
extern const double haq_contest_goal[HAQ_CONTEST_GOALS];

/* As on the command line. */
struct haq_contest_rules {
    struct haq_opt_list algorithms, limits; /* "NAME"; "OBJECTIVE=NUMBER" */
    const char *objectives;                 /* "A,B", or NULL */
    size_t evaluations, runs, population;
    uint64_t seed;
};

struct haq_contest {
    const struct haq_contest_rules *rules;
    struct haq_arena arena;
    struct haq_replay_table table;
    const char *name[HAQ_MAX_OBJECTIVES]; /* of the objectives */
    struct haq_replay replay;
    const struct haq_algo *algo[HAQ_CONTEST_ALGOS_MAX];
    size_t algos, evaluations;
    struct haq_replay_run *run; /* [algos][runs] */
    size_t *mark, marks;        /* evaluations at which they are compared */
    /* Medians over the runs with their intervals: */
    struct haq_interval *share; /* [algos][marks] % of the hypervolume */
    struct haq_interval price[HAQ_CONTEST_ALGOS_MAX]
                             [HAQ_CONTEST_GOALS]; /* INFINITY: not reached */
    struct haq_interval igd_plus[HAQ_CONTEST_ALGOS_MAX];
};

/* Let all searches run; both arguments must stay.  quiet: no progress on
 * standard error.
 * HAQ_USAGE    rules that name what there is not, or ask for too much
 * HAQ_INVALID  no point of the table is within the limits
 * HAQ_NOMEM
 * haq_contest_fini is due in any case. */
haq_status haq_contest_hold(struct haq_contest *c,
                            const struct haq_contest_rules *rules,
                            const struct haq_bench_table *file, bool quiet,
                            struct haq_diag *d);
void haq_contest_fini(struct haq_contest *c);

#endif
