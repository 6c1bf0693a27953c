#include "tests/bench/neighbour.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"

const struct bench_neighbour bench_neighbours[] = {
    {"always busy, one process", 10, 0, 1},
    {"always busy, two processes", 10, 0, 2},
    {"busy 5 ms of 20", 5, 15, 1},
    {"busy 50 ms of 500", 50, 450, 1},
    {"busy 1 ms of 3, two processes", 1, 2, 2},
    {NULL, 0, 0, 0},
};

enum { BLOCK = 64 << 20, LINE = 64 };

/* Half of the time arithmetic, half of it memory. */
static void be_busy(unsigned char *block, double ms, struct haq_rng *r)
{
    uint64_t end = haq_clock_ns() + (uint64_t)(ms * 1e6);
    size_t at = haq_rng_below(r, BLOCK - LINE);
    volatile uint64_t x = 1;
    int memory = haq_rng_below(r, 2) == 0;
    while (haq_clock_ns() < end)
        for (int i = 0; i < 1000; i++) {
            x = x * 6364136223846793005u + 1;
            if (memory)
                block[at = (at + LINE) % BLOCK]++;
        }
}

static void rest(double ms)
{
    uint64_t ns = (uint64_t)(ms * 1e6);
    nanosleep(
        &(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)},
        NULL);
}

static _Noreturn void disturb(const struct bench_neighbour *n, uint64_t seed)
{
    struct haq_rng r;
    cpu_set_t all;
    unsigned char *block = calloc(1, BLOCK);
    /* The starter is pinned; we are not. */
    CPU_ZERO(&all);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        CPU_SET(i, &all);
    sched_setaffinity(0, sizeof all, &all);
    haq_rng_seed(&r, seed);
    while (block) {
        be_busy(block, n->busy_ms * (0.5 + haq_rng_unit(&r)), &r);
        if (n->rest_ms > 0)
            rest(n->rest_ms * (0.5 + haq_rng_unit(&r)));
    }
    _exit(1);
}

void bench_neighbour_start(const struct bench_neighbour *n, pid_t *pid)
{
    for (int i = 0; i < n->processes; i++) {
        pid[i] = fork();
        if (pid[i])
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        disturb(n, (uint64_t)i + 1);
    }
}

void bench_neighbour_stop(const struct bench_neighbour *n, const pid_t *pid)
{
    for (int i = 0; i < n->processes; i++) {
        if (pid[i] < 1)
            continue;
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }
}
