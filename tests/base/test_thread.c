#include "base/thread.h"

#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "tests/suite.h"

enum { N_MAX = 1000, WORKERS_MAX = 8 };

struct seen {
    unsigned char hits[N_MAX];
    size_t grain;
    size_t calls[WORKERS_MAX];
};

static void mark(void *arg, size_t begin, size_t end, size_t worker)
{
    struct seen *s = arg;
    CU_ASSERT(begin < end && begin % s->grain == 0);
    s->calls[worker]++;
    for (size_t i = begin; i < end; i++)
        s->hits[i]++;
}

static void expect_each_once(struct haq_pool *p, size_t n, size_t grain,
                             int dynamic)
{
    struct seen s = {.grain = grain};
    if (dynamic)
        haq_pool_run_dynamic(p, n, grain, mark, &s);
    else
        haq_pool_run(p, n, grain, mark, &s);
    int bad = 0;
    for (size_t i = 0; i < N_MAX; i++)
        bad += s.hits[i] != (i < n);
    if (bad)
        printf("\n  n %zu grain %zu dynamic %d\n", n, grain, dynamic);
    CU_ASSERT_EQUAL(bad, 0);
    for (size_t w = 0; w < WORKERS_MAX && !dynamic; w++)
        CU_ASSERT(s.calls[w] <= 1);
}

static void every_index_is_visited_once(void)
{
    static const size_t ns[] = {0, 1, 2, 3, 7, 64, 65, 999, N_MAX};
    static const size_t grains[] = {1, 2, 16, 1000, 5000};
    for (size_t threads = 1; threads <= WORKERS_MAX; threads += 1 + threads) {
        struct haq_pool *p;
        CU_ASSERT_FATAL(!haq_pool_new(&p, threads, NULL));
        CU_ASSERT_EQUAL(haq_pool_threads(p), threads);
        for (size_t i = 0; i < sizeof ns / sizeof *ns; i++)
            for (size_t k = 0; k < sizeof grains / sizeof *grains; k++)
                for (int dynamic = 0; dynamic < 2; dynamic++)
                    expect_each_once(p, ns[i], grains[k], dynamic);
        haq_pool_free(p);
    }
}

static void add_all(void *arg, size_t begin, size_t end, size_t worker)
{
    size_t *sums = arg;
    for (size_t i = begin; i < end; i++)
        sums[worker * 8] += i;
}

/* Short loops one after the other, now and then a pause that lets the workers
 * fall asleep. */
static void loops_follow_each_other_without_mixing(void)
{
    struct haq_pool *p;
    CU_ASSERT_FATAL(!haq_pool_new(&p, 3, NULL));
    for (int round = 0; round < 3000; round++) {
        size_t sums[3 * 8] = {0};
        if (round % 100 == 0)
            usleep(500);
        haq_pool_run(p, 30, 1, add_all, sums);
        CU_ASSERT_EQUAL(sums[0] + sums[8] + sums[16], 435);
    }
    haq_pool_free(p);
}

static void note_cpu(void *arg, size_t begin, size_t end, size_t worker)
{
    cpu_set_t *set = arg;
    (void)begin, (void)end;
    sched_getaffinity(0, sizeof set[worker], &set[worker]);
}

static void workers_sit_on_distinct_allowed_cores(void)
{
    cpu_set_t own, set[64], together;
    struct haq_pool *p;

    sched_getaffinity(0, sizeof own, &own);
    CU_ASSERT_FATAL(!haq_pool_new(&p, 0, NULL));
    size_t n = haq_pool_threads(p);
    CU_ASSERT_EQUAL(n, haq_cores_allowed());
    CU_ASSERT(n >= 1 && n <= (size_t)CPU_COUNT(&own));
    if (n > 64)
        n = 64;
    haq_pool_pin_caller(p);
    haq_pool_run(p, n, 1, note_cpu, set);
    CPU_ZERO(&together);
    for (size_t i = 0; i < n; i++) {
        cpu_set_t inside;
        CPU_AND(&inside, &set[i], &own);
        CU_ASSERT_EQUAL(CPU_COUNT(&set[i]), 1);
        CU_ASSERT(CPU_EQUAL(&inside, &set[i]));
        CPU_OR(&together, &together, &set[i]);
    }
    CU_ASSERT_EQUAL((size_t)CPU_COUNT(&together), n);
    haq_pool_free(p);
    sched_getaffinity(0, sizeof together, &together);
    CU_ASSERT(CPU_EQUAL(&together, &own));
}

static void an_affinity_mask_of_one_gives_one_thread(void)
{
    cpu_set_t own, one;
    struct haq_pool *p;
    size_t cpu = 0;

    sched_getaffinity(0, sizeof own, &own);
    while (!CPU_ISSET(cpu, &own))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    CU_ASSERT_EQUAL(haq_cores_allowed(), 1);
    CU_ASSERT_FATAL(!haq_pool_new(&p, 0, NULL));
    CU_ASSERT_EQUAL(haq_pool_threads(p), 1);
    expect_each_once(p, 10, 1, 0);
    haq_pool_free(p);
    sched_setaffinity(0, sizeof own, &own);
}

static void absurd_sizes_are_refused(void)
{
    struct haq_pool *p;
    struct haq_diag d;
    CU_ASSERT_EQUAL(haq_pool_new(&p, 1 << 20, &d), HAQ_INVALID);
    haq_pool_free(NULL);
}

static void clocks_go_forward(void)
{
    char text[HAQ_CLOCK_TEXT];
    uint64_t a = haq_clock_ns();
    usleep(2000);
    CU_ASSERT(haq_clock_ns() - a >= 2000000);
    haq_clock_text(text);
    CU_ASSERT_EQUAL(strlen(text), 20);
    CU_ASSERT_EQUAL(text[10], 'T');
    CU_ASSERT_EQUAL(text[19], 'Z');
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(every_index_is_visited_once),
                           HAQ_TEST(loops_follow_each_other_without_mixing),
                           HAQ_TEST(workers_sit_on_distinct_allowed_cores),
                           HAQ_TEST(an_affinity_mask_of_one_gives_one_thread),
                           HAQ_TEST(absurd_sizes_are_refused),
                           HAQ_TEST(clocks_go_forward),
                           CU_TEST_INFO_NULL};
    return run_suite("thread", tests);
}
