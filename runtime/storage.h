/* runtime/storage.h - the form in which every value is kept.
 *
 * A float value is stored as codes when its producer can write codes and every
 * reader wants the same static format; the wish travels backwards through data
 * movement and MaxPool.  Everything else is kept in its own type, and readers
 * that want codes get a conversion.
 */
#ifndef HAQ_RUNTIME_STORAGE_H
#define HAQ_RUNTIME_STORAGE_H

#include "runtime/plan_priv.h"

/* Fills stored[n_values].  p->g, p->q and p->simulate are set. HAQ_NOMEM. */
haq_status haq_storage_decide(const struct haq_plan *p, struct haq_form *stored,
                              struct haq_diag *d);

#endif
