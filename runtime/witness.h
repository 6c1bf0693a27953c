/* runtime/witness.h - what else went on while something was timed.
 *
 * A witness is one row of a table: its name, how it is read, how much of what
 * it counts went by between two readings, and how much of that is too much.
 * All witnesses are read before the first round and after every round:
 *
 *     reading 0   round 0   reading 1   round 1   reading 2  ...
 *
 * and a round is judged by the readings on both sides of it.
 *
 * A witness that cannot be read (no such file on this machine, no permission)
 * is missing: that is recorded under its name and never taken for silence.
 * Files are hostile: of bounded size, and numbers or nothing.
 */
#ifndef HAQ_RUNTIME_WITNESS_H
#define HAQ_RUNTIME_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "runtime/spin.h"

enum { HAQ_WITNESSES = 15 };

enum haq_disturbance {
    HAQ_DISTURBED, /* somebody or something took part of the machine */
    HAQ_THROTTLED  /* the machine itself gives less */
};

/* All witnesses at one moment, in the order of the table. */
struct haq_reading {
    uint64_t at_ns;
    double value[HAQ_WITNESSES]; /* NAN: could not be read */
};

/* What is asked of the world.  Zeros are the machine that this runs on. */
struct haq_witness_config {
    const char
        *root; /* folder that holds proc/ and sys/; NULL: the real ones */
    const pid_t *thread; /* [threads] the ones that will be timed */
    size_t threads;
    struct haq_pool *pool; /* on which spins run; NULL: the calling thread */
    /* The rest is for tests. */
    struct haq_spin (*spin)(void *arg);
    int64_t (*wall_minus_raw_ns)(void *arg);
    uint64_t (*clock_ns)(void *arg);
    void *arg;
};

struct haq_witnesses;

/* Find out which CPUs the threads may run on (with the other hardware threads
 * of the same cores: those are the reserved ones), in which cgroup they are,
 * and take the first reading: what lasts is compared with it ever after.  The
 * config is copied, not what it points to but for `thread` and `root`.
 * HAQ_NOMEM; what cannot be read is no failure. */
haq_status haq_witnesses_new(struct haq_witnesses **out,
                             const struct haq_witness_config *config,
                             struct haq_diag *d);
void haq_witnesses_free(struct haq_witnesses *w);

/* Some 0.5 ms: mostly spinning. */
void haq_witnesses_read(struct haq_witnesses *w, struct haq_reading *out);

/* Mask (bit i: row i) of the witnesses that call what lies between the two
 * readings disturbed.  Spins and frequencies are compared with the best that
 * this object has read so far. */
uint32_t haq_witnesses_judge(const struct haq_witnesses *w,
                             const struct haq_reading *before,
                             const struct haq_reading *after);

/* What a witness has to say about two readings: "the measuring threads waited
 * 1.3 ms for a CPU".  `out` is cut to `size`. */
void haq_witness_say(const struct haq_witnesses *w, size_t i,
                     const struct haq_reading *before,
                     const struct haq_reading *after, char *out, size_t size);

/* The first witness that calls all rounds together disturbed, with its words,
 * or HAQ_WITNESSES; only those are asked that are too coarse for a single round
 * (clock ticks).  reading is [rounds + 1]; rounds without kept[r] are left out.
 */
size_t haq_witnesses_judge_all(const struct haq_witnesses *w,
                               const struct haq_reading *reading,
                               const bool *kept, size_t rounds, char *out,
                               size_t size);

/* Was any reading of it refused? */
bool haq_witness_missing(const struct haq_witnesses *w, size_t i);

/* Do all that may pass again, if any, keep silent about the two readings?  What
 * has changed for good (a smaller cgroup) is none of them. */
bool haq_witnesses_calm(const struct haq_witnesses *w,
                        const struct haq_reading *before,
                        const struct haq_reading *after);

/* How often the machine turned out to be another than it was taken for: what
 * was read before would be called disturbed by what was read since. */
size_t haq_witnesses_renewed(const struct haq_witnesses *w);

/* What is best begins anew with the next reading. */
void haq_witnesses_forget(struct haq_witnesses *w);

const char *haq_witness_name(size_t i); /* static: "preempted", ... */
enum haq_disturbance haq_witness_kind(size_t i);

#endif
