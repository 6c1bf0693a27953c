/* worker/drift.h - is the device still as fast as it was?
 *
 * Every latency task times the float model, too.  Its time is learned from the
 * first tasks and then watched (base/cusum.h, on its logarithm):
 *
 *     learning (8 tasks) --> watching --alarm--> learning the new level
 *
 * The level's sd is what the tasks it was learned from show, at least 1 %: a
 * device that is slower by 3 % is noticed after three tasks.  An alarm says how
 * many of the results before it came after the last check that was surely good;
 * they are to be measured again.
 */
#ifndef HAQ_WORKER_DRIFT_H
#define HAQ_WORKER_DRIFT_H

#include "base/cusum.h"

enum { HAQ_DRIFT_LEARN = 8, HAQ_DRIFT_MEMORY = 64 };

struct haq_drift {
    double learned[HAQ_DRIFT_LEARN]; /* logarithms */
    size_t n;                        /* HAQ_DRIFT_LEARN: watching */
    struct haq_cusum cusum;
    size_t tasks;                      /* timed ones done */
    size_t checks;                     /* of the reference */
    size_t tasks_at[HAQ_DRIFT_MEMORY]; /* done before check i, modulo */
    size_t renewed, tasks_at_renewal;
};

/* Zeros are a fresh one. */

/* A timed task is done, whether it checked the reference or not. */
void haq_drift_task_done(struct haq_drift *d);

struct haq_drift_alarm {
    double expected_ms, reference_ms;
    size_t again; /* latest timed tasks, this one not counted, in doubt */
};

/* The witnesses were renewed so many times (haq_witnesses_renewed) when the
 * task at hand was done; true: once more than before, and everything since the
 * last time is in doubt.  The learning begins anew. */
bool haq_drift_renewed(struct haq_drift *d, size_t times, double ms,
                       struct haq_drift_alarm *out);

/* The reference took `ms` in the task at hand, undisturbed; true: it drifted,
 * and the learning begins anew. */
bool haq_drift_check(struct haq_drift *d, double ms,
                     struct haq_drift_alarm *out);

#endif
