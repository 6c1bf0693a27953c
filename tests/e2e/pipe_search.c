/* What search/ computes, for checks in Python against other implementations.
 *
 *     pipe_search ask ALGORITHM OBJECTIVES POPULATION SEED CARDINALITY...
 *         prints "ID GENE..." per vector, then "wait"; reads
 *         "ID OBJECTIVE... VIOLATION" for each of them; ends at end of input
 *     pipe_search hypervolume|igd+ OBJECTIVES N NUMBER...
 *         N points, then the reference point, or the reference front
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/algo.h"
#include "search/algo/hypervolume.h"
#include "search/indicator.h"

enum { NUMBERS_MAX = 100000 };

static int usage(void)
{
    fputs("see the head of tests/e2e/pipe_search.c\n", stderr);
    return 2;
}

/* Print one generation; how many vectors it has. */
static size_t print_generation(const struct haq_algo *algo,
                               struct haq_algo_run *run, size_t genes)
{
    size_t n = 0, id;
    const int *vector;
    for (; n < 10000 && algo->ask(run, &id, &vector) == HAQ_ASK_GIVEN; n++) {
        printf("%zu", id);
        for (size_t g = 0; g < genes; g++)
            printf(" %d", vector[g]);
        putchar('\n');
    }
    puts(n ? "wait" : "end");
    fflush(stdout);
    return n;
}

static bool read_results(const struct haq_algo *algo, struct haq_algo_run *run,
                         size_t objectives, size_t n)
{
    for (; n; n--) {
        double f[HAQ_MAX_OBJECTIVES], violation;
        size_t id;
        if (scanf("%zu", &id) != 1)
            return false;
        for (size_t k = 0; k < objectives; k++)
            if (scanf("%lf", &f[k]) != 1)
                return false;
        if (scanf("%lf", &violation) != 1)
            return false;
        algo->tell(run, id, f, violation);
    }
    return true;
}

static int ask(int argc, char **argv)
{
    if (argc < 5 || argc > 1000)
        return usage();
    int cardinality[1000];
    struct haq_diag d = {0};
    const struct haq_algo *algo;
    struct haq_algo_run *run = NULL;
    struct haq_algo_config c = {
        .genes = (size_t)(argc - 4),
        .cardinality = cardinality,
        .objectives = strtoul(argv[1], NULL, 10),
        .population = strtoul(argv[2], NULL, 10),
        .seed = strtoul(argv[3], NULL, 10),
    };
    for (size_t g = 0; g < c.genes; g++)
        cardinality[g] = atoi(argv[4 + g]);
    if (haq_algo_find(&algo, argv[0], &d) || algo->start(&run, &c, &d)) {
        fprintf(stderr, "%s\n", d.text);
        return 2;
    }
    size_t n;
    while ((n = print_generation(algo, run, c.genes)) &&
           read_results(algo, run, c.objectives, n))
        ;
    algo->end(run);
    return 0;
}

static int indicate(int argc, char **argv)
{
    static double number[NUMBERS_MAX];
    if (argc < 4 || argc - 3 > NUMBERS_MAX)
        return usage();
    size_t m = strtoul(argv[1], NULL, 10), n = strtoul(argv[2], NULL, 10);
    size_t count = (size_t)argc - 3;
    for (size_t i = 0; i < count; i++)
        number[i] = strtod(argv[3 + i], NULL);
    if (!m || m > HAQ_MAX_OBJECTIVES || count % m || count < (n + 1) * m)
        return usage();
    bool volume = !strcmp(argv[0], "hypervolume");
    printf("%.17g\n",
           volume ? haq_hypervolume(number, n, m, number + n * m)
                  : haq_igd_plus(number, n, number + n * m, count / m - n, m));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage();
    return strcmp(argv[1], "ask") ? indicate(argc - 1, argv + 1)
                                  : ask(argc - 2, argv + 2);
}
