#include "runtime/load.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

enum { WARM_UP = 3 };

struct client {
    struct haq_exec *exec;
    float *ms; /* [HAQ_LOAD_REQUESTS] */
    size_t n;
    uint64_t end_ns; /* of its last request in this run */
};

struct haq_load {
    struct haq_pool *pool; /* a thread per client */
    struct client *client; /* [clients] */
    size_t clients;
    uint64_t budget_ns, ns; /* of this run; of all so far */
    /* Clients that are warm: the clock starts when all are. */
    atomic_size_t warm;
    atomic_ullong start_ns;
    float *sorted; /* all requests, for the summary */
};

haq_status haq_load_new(struct haq_load **out, const struct haq_plan *plan,
                        size_t clients, struct haq_diag *d)
{
    struct haq_load *l = calloc(1, sizeof *l);
    haq_status s = HAQ_OK;
    *out = NULL;
    if (!l)
        return haq_fail(d, HAQ_NOMEM, "%zu clients", clients);
    l->client = calloc(clients, sizeof *l->client);
    l->sorted = calloc(clients, HAQ_LOAD_REQUESTS * sizeof *l->sorted);
    if (!l->client || !l->sorted)
        s = haq_fail(d, HAQ_NOMEM, "%zu clients", clients);
    else
        s = haq_pool_new(&l->pool, clients, d);
    for (; s == HAQ_OK && l->clients < clients; l->clients++) {
        struct client *c = &l->client[l->clients];
        c->ms = calloc(HAQ_LOAD_REQUESTS, sizeof *c->ms);
        s = c->ms ? haq_exec_new(&c->exec, plan, NULL, d)
                  : haq_fail(d, HAQ_NOMEM, "%zu clients", clients);
    }
    if (s == HAQ_OK)
        *out = l;
    else
        haq_load_free(l);
    return s;
}

void haq_load_free(struct haq_load *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->clients; i++) {
        haq_exec_free(l->client[i].exec);
        free(l->client[i].ms);
    }
    haq_pool_free(l->pool);
    free(l->client);
    free(l->sorted);
    free(l);
}

struct haq_exec *haq_load_exec(struct haq_load *l, size_t i)
{
    return l->client[i].exec;
}

/* The last one to get warm starts the clock. */
static uint64_t start_together(struct haq_load *l)
{
    uint64_t start;
    if (atomic_fetch_add(&l->warm, 1) + 1 == l->clients)
        atomic_store(&l->start_ns, haq_clock_ns());
    while (!(start = atomic_load(&l->start_ns)))
        sched_yield();
    return start;
}

/* Requests that began in time count, however long they take. */
static void run_client(void *arg, size_t begin, size_t end, size_t worker)
{
    struct haq_load *l = arg;
    struct client *c = &l->client[begin];
    (void)end, (void)worker;
    for (int i = 0; i < WARM_UP; i++)
        haq_exec_run(c->exec);
    uint64_t until = start_together(l) + l->budget_ns, now = haq_clock_ns();
    do {
        haq_exec_run(c->exec);
        c->end_ns = haq_clock_ns();
        c->ms[c->n++] = (float)((double)(c->end_ns - now) * 1e-6);
        now = c->end_ns;
    } while (now < until && c->n < HAQ_LOAD_REQUESTS);
}

void haq_load_run(struct haq_load *l, uint64_t budget_ns)
{
    uint64_t end = 0;
    for (size_t i = 0; i < l->clients; i++)
        if (l->client[i].n == HAQ_LOAD_REQUESTS)
            return;
    l->budget_ns = budget_ns;
    atomic_store(&l->warm, 0);
    atomic_store(&l->start_ns, 0);
    haq_pool_pin_caller(l->pool);
    haq_pool_run(l->pool, l->clients, 1, run_client, l);
    haq_pool_unpin_caller(l->pool);
    for (size_t i = 0; i < l->clients; i++)
        end = l->client[i].end_ns > end ? l->client[i].end_ns : end;
    l->ns += end - atomic_load(&l->start_ns);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(const float *sorted, size_t n, double percent)
{
    double rank = ceil(percent / 100 * (double)n);
    return n ? (double)sorted[rank < 1 ? 0 : (size_t)rank - 1] : 0;
}

void haq_load_summary(const struct haq_load *l, struct haq_load_result *out)
{
    size_t n = 0;
    for (size_t i = 0; i < l->clients; i++)
        for (size_t k = 0; k < l->client[i].n; k++)
            l->sorted[n++] = l->client[i].ms[k];
    qsort(l->sorted, n, sizeof *l->sorted, by_value);
    double seconds = (double)l->ns * 1e-9;
    *out = (struct haq_load_result){.clients = l->clients,
                                    .requests = n,
                                    .seconds = seconds,
                                    .per_second =
                                        seconds > 0 ? (double)n / seconds : 0,
                                    .p50_ms = percentile(l->sorted, n, 50),
                                    .p90_ms = percentile(l->sorted, n, 90),
                                    .p99_ms = percentile(l->sorted, n, 99),
                                    .max_ms = percentile(l->sorted, n, 100)};
}
