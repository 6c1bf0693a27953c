#include "search/algo/algo.h"

#include <stdio.h>
#include <string.h>

#include "search/algo/algo_priv.h"

/* Name and line of help, prefix of the functions, flags. */
#define ROW(name, about, fn, ...)                                              \
    {                                                                          \
        name, about, haq_##fn##_start, haq_##fn##_ask, haq_##fn##_tell,        \
            haq_##fn##_end, __VA_ARGS__                                        \
    }

const struct haq_algo haq_algos[] = {
    ROW("auto", "exact solutions of an additive model, then surrogate", auto,
        false, false),
    ROW("nsga2", "NSGA-II: evolution by domination and crowding", nsga2, false,
        false),
    ROW("surrogate", "NSGA-II on a model that learns from every result",
        surrogate, false, false),
    ROW("annealing", "simulated annealing, one chain per mix of objectives",
        annealing, false, false),
    ROW("greedy", "from the widest down, what loses least first", greedy, false,
        false),
    ROW("ddpg", "HAQ's agent with its budget rewind; thinks long", ddpg, true,
        true),
    ROW("random", "the seeds, then uniformly random vectors", random, false,
        false),
    {0},
};

haq_status haq_algo_find(const struct haq_algo **out, const char *name,
                         struct haq_diag *d)
{
    char known[120] = "";
    size_t len = 0;
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        if (!strcmp(a->name, name)) {
            *out = a;
            return HAQ_OK;
        }
        if (len < sizeof known)
            len += (size_t)snprintf(known + len, sizeof known - len, " %s",
                                    a->name);
    }
    return haq_fail(d, HAQ_USAGE,
                    "unknown search algorithm \"%s\"; there are:%s", name,
                    known);
}
