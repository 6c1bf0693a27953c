/* train/crew.h - batches of samples, run forwards and backwards by all threads
 * of a pool: every thread has a tape, and a share of each batch. */
#ifndef HAQ_TRAIN_CREW_H
#define HAQ_TRAIN_CREW_H

#include "base/thread.h"
#include "graph/dataset.h"
#include "train/loss.h"
#include "train/net.h"

struct haq_crew {
    const struct haq_net *net;
    const struct haq_dataset *data;
    struct haq_pool *pool;
    struct haq_tape **tape; /* [threads] */
    size_t threads;
    size_t batch; /* samples of a tape */
};

/* HAQ_NOMEM.  BLAS keeps to the caller's thread while a crew is open. */
haq_status haq_crew_open(struct haq_crew *c, const struct haq_net *net,
                         const struct haq_dataset *data, struct haq_pool *pool,
                         struct haq_diag *d);
void haq_crew_close(struct haq_crew *c);

/* What a batch of a tape does once its input is in place: samples[0 .. n) are
 * in its first n rows, what lies behind them is left over. */
typedef void haq_crew_fn(void *arg, struct haq_tape *t, const size_t *samples,
                         size_t n, size_t first);

/* fn for all tapes' batches of samples[0 .. n), `first` the place of a batch in
 * that list; batches go to threads the same way every time.  `fed` false: the
 * caller's fn fills the input itself. */
void haq_crew_run(struct haq_crew *c, const size_t *samples, size_t n, bool fed,
                  haq_crew_fn *fn, void *arg);

/* Outputs in front of a last softmax for samples[0 .. n): out [n][output]. */
void haq_crew_outputs(struct haq_crew *c, const size_t *samples, size_t n,
                      float *out);

/* Mean loss of samples[0 .. n), the loss of each in each[n]; `backward`: with
 * the mean's gradients in the tapes' sums, which are cleared before. */
double haq_crew_loss(struct haq_crew *c, const struct haq_loss *loss,
                     const size_t *samples, size_t n, double *each,
                     bool backward);

#endif
