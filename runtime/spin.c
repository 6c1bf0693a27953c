#include "runtime/spin.h"

#include <math.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    SPINS = 4,
    CHAIN = 1 << 15,
    FAN = 1 << 15,
    HAND_OVERS = 16,
    THREADS_MAX = 256
};

/* An addition that the compiler can neither drop nor join with others. */
static inline void add(uint64_t *x, uint64_t y)
{
    *x += y;
    __asm__ volatile("" : "+r"(*x));
}

static double chain(void)
{
    uint64_t start = haq_clock_ns(), x = start, y = 3;
    __asm__ volatile("" : "+r"(y));
    for (int i = 0; i < CHAIN; i++) {
        add(&x, y);
        add(&x, y);
        add(&x, y);
        add(&x, y);
        add(&x, y);
        add(&x, y);
        add(&x, y);
        add(&x, y);
    }
    return (double)(haq_clock_ns() - start);
}

static double fan(void)
{
    uint64_t start = haq_clock_ns(), y = 3;
    uint64_t a = 0, b = 1, c = 2, d = 3, e = 4, f = 5, g = 6, h = 7;
    __asm__ volatile("" : "+r"(y));
    for (int i = 0; i < FAN; i++) {
        add(&a, y);
        add(&b, y);
        add(&c, y);
        add(&d, y);
        add(&e, y);
        add(&f, y);
        add(&g, y);
        add(&h, y);
        add(&a, y);
        add(&b, y);
        add(&c, y);
        add(&d, y);
        add(&e, y);
        add(&f, y);
        add(&g, y);
        add(&h, y);
    }
    return (double)(haq_clock_ns() - start);
}

struct haq_spin haq_spin(void)
{
    struct haq_spin best = {.chain_ns = INFINITY, .fan_ns = INFINITY};
    for (int i = 0; i < SPINS; i++) {
        best.chain_ns = fmin(best.chain_ns, chain());
        best.fan_ns = fmin(best.fan_ns, fan());
    }
    return best;
}

static void spin_share(void *arg, size_t begin, size_t end, size_t worker)
{
    struct haq_spin *out = arg;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        out[i] = haq_spin();
}

static void do_nothing(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)arg;
    (void)begin;
    (void)end;
    (void)worker;
}

/* The best of some, as above. */
static double hand_over_ns(struct haq_pool *pool, size_t threads)
{
    double best = INFINITY;
    for (int i = 0; i < SPINS; i++) {
        uint64_t start = haq_clock_ns();
        for (int k = 0; k < HAND_OVERS; k++)
            haq_pool_run(pool, threads, 1, do_nothing, NULL);
        best = fmin(best, (double)(haq_clock_ns() - start) / HAND_OVERS);
    }
    return best;
}

struct haq_spin haq_spin_pool(struct haq_pool *pool)
{
    struct haq_spin each[THREADS_MAX], worst = {0, 0, 0};
    size_t n = pool ? haq_pool_threads(pool) : 1;
    if (n == 1)
        return haq_spin();
    n = n < THREADS_MAX ? n : THREADS_MAX;
    haq_pool_run(pool, n, 1, spin_share, each);
    for (size_t i = 0; i < n; i++) {
        worst.chain_ns = fmax(worst.chain_ns, each[i].chain_ns);
        worst.fan_ns = fmax(worst.fan_ns, each[i].fan_ns);
    }
    worst.hand_over_ns = hand_over_ns(pool, n);
    return worst;
}
