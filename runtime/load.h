/* runtime/load.h - a plan under load: several clients at once, each sending its
 * next request when the last one is answered (a closed loop).
 *
 * A client is a thread of its own on a core of its own (cores are shared when
 * there are more clients) with a context of its own; requests run on that
 * thread alone.  That is how servers use a machine whose cores are all busy.
 */
#ifndef HAQ_RUNTIME_LOAD_H
#define HAQ_RUNTIME_LOAD_H

#include "runtime/exec.h"

struct haq_load_result {
    size_t clients;
    size_t requests;                       /* answered while all clients ran */
    double seconds;                        /* that they ran */
    double per_second;                     /* requests */
    double p50_ms, p90_ms, p99_ms, max_ms; /* of one request, in the client */
};

struct haq_load;

/* Contexts for `clients` >= 1 on the plan, which must outlive it. */
haq_status haq_load_new(struct haq_load **out, const struct haq_plan *plan,
                        size_t clients, struct haq_diag *d);
void haq_load_free(struct haq_load *l);

/* Context of client i, to write its inputs. */
struct haq_exec *haq_load_exec(struct haq_load *l, size_t i);

/* Let all clients run for so long; results of several calls add up.  Stops
 * early when HAQ_LOAD_REQUESTS requests of a client have been counted. */
enum { HAQ_LOAD_REQUESTS = 200000 };
void haq_load_run(struct haq_load *l, uint64_t budget_ns);

/* Of all runs so far.  Percentiles are order statistics: the least time that
 * so many percent of the requests did not exceed. */
void haq_load_summary(const struct haq_load *l, struct haq_load_result *out);

#endif
