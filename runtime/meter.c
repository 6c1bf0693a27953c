#include "runtime/meter.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { CALM_LOOKS = 4, PAUSE_NS = 5000000 };
static const uint64_t MINUTE_NS = UINT64_C(60000000000);

static void note_thread(void *arg, size_t begin, size_t end, size_t worker)
{
    pid_t *thread = arg;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        thread[i] = (pid_t)syscall(SYS_gettid);
}

/* Every worker gets one share of a loop as long as there are workers. */
static pid_t *find_threads(struct haq_pool *pool, size_t n)
{
    pid_t *thread = calloc(n, sizeof *thread);
    if (thread && pool)
        haq_pool_run(pool, n, 1, note_thread, thread);
    else if (thread)
        note_thread(thread, 0, 1, 0);
    return thread;
}

haq_status haq_meter_new(struct haq_meter **out,
                         const struct haq_witness_config *config,
                         struct haq_diag *d)
{
    struct haq_meter *m = calloc(1, sizeof *m);
    pid_t *found = NULL;
    haq_status s = m ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "meter");

    if (s == HAQ_OK)
        m->config = *config;
    if (s == HAQ_OK && !config->thread) {
        size_t n = config->pool ? haq_pool_threads(config->pool) : 1;
        found = find_threads(config->pool, n);
        if (!found)
            s = haq_fail(d, HAQ_NOMEM, "meter");
        m->config.thread = found;
        m->config.threads = n;
    }
    if (s == HAQ_OK)
        s = haq_witnesses_new(&m->witnesses, &m->config, d);
    free(found);
    if (s != HAQ_OK) {
        haq_meter_free(m);
        return s;
    }
    m->config.thread = NULL;
    haq_energy_open(&m->energy, config->root);
    *out = m;
    return HAQ_OK;
}

void haq_meter_free(struct haq_meter *m)
{
    if (!m)
        return;
    haq_witnesses_free(m->witnesses);
    haq_sweep_free(m->sweep);
    free(m);
}

uint64_t haq_meter_now_ns(const struct haq_meter *m)
{
    return m->config.clock_ns ? m->config.clock_ns(m->config.arg)
                              : haq_clock_ns();
}

bool haq_meter_wait(struct haq_meter *m, uint64_t patience_ns)
{
    struct haq_reading last, now;
    uint64_t start = haq_meter_now_ns(m);
    int calm = 0;

    haq_witnesses_read(m->witnesses, &last);
    while (calm < CALM_LOOKS) {
        haq_witnesses_read(m->witnesses, &now);
        calm = haq_witnesses_calm(m->witnesses, &last, &now) ? calm + 1 : 0;
        last = now;
        if (!calm) {
            if (haq_meter_now_ns(m) - start > patience_ns)
                break;
            nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
            haq_witnesses_read(m->witnesses, &last);
        }
    }
    m->restless_ns = calm ? 0 : m->restless_ns + patience_ns;
    if (m->restless_ns > MINUTE_NS) {
        haq_witnesses_forget(m->witnesses);
        m->restless_ns = 0;
    }
    return calm;
}

haq_status haq_meter_make_sweep(struct haq_meter *m, struct haq_diag *d)
{
    return m->sweep
               ? HAQ_OK
               : haq_sweep_new(&m->sweep, m->config.pool, m->config.root, d);
}
