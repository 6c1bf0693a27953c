/* runtime/meter.h - what one device is measured with: the witnesses of a pool's
 * threads, a clock, an energy counter, and what empties the caches.
 *
 * One meter lasts as long as the pool: what has changed since it was made (a
 * smaller cgroup, a core that went offline) spoils everything measured after.
 */
#ifndef HAQ_RUNTIME_METER_H
#define HAQ_RUNTIME_METER_H

#include <stdbool.h>

#include "runtime/energy.h"
#include "runtime/sweep.h"
#include "runtime/witness.h"

struct haq_meter {
    struct haq_witness_config config; /* thread, threads: as found */
    struct haq_witnesses *witnesses;
    struct haq_energy energy;
    struct haq_sweep *sweep; /* made when it is needed first */
    uint64_t restless_ns;    /* waited in vain since it was calm */
};

/* config->pool NULL: the calling thread is what is timed.  Without
 * config->thread the threads of the pool are asked who they are.  Called by the
 * pool's owner thread.  HAQ_NOMEM. */
haq_status haq_meter_new(struct haq_meter **out,
                         const struct haq_witness_config *config,
                         struct haq_diag *d);
void haq_meter_free(struct haq_meter *m);

uint64_t haq_meter_now_ns(const struct haq_meter *m);

/* Wait, `patience_ns` at most, until no witness complains for some looks in a
 * row: neighbours go away, and hosts bring CPUs together again.  False: it did
 * not come to that.  After a minute of waiting in vain the machine is taken for
 * what it is now: the next looks are compared with each other only.  For the
 * pool's owner thread. */
bool haq_meter_wait(struct haq_meter *m, uint64_t patience_ns);

/* Have a sweep.  HAQ_NOMEM. */
haq_status haq_meter_make_sweep(struct haq_meter *m, struct haq_diag *d);

#endif
