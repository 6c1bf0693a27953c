#include "runtime/meter.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

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

haq_status haq_meter_make_sweep(struct haq_meter *m, struct haq_diag *d)
{
    return m->sweep
               ? HAQ_OK
               : haq_sweep_new(&m->sweep, m->config.pool, m->config.root, d);
}
