/* runtime/step_codes.h - steps of elementwise operators from codes. */
#ifndef HAQ_RUNTIME_STEP_CODES_H
#define HAQ_RUNTIME_STEP_CODES_H

#include "runtime/plan_priv.h"
#include "runtime/walk.h"

/* f(codes of slot `in`) into slot `out`, codes or floats: every result is made
 * here, by the scalar row.  alpha, beta as haq_unary_fn has them.  HAQ_NOMEM.
 */
haq_status haq_add_unary_codes(struct haq_plan *p, int node, int in, int out,
                               enum haq_unary op, float alpha, float beta,
                               struct haq_diag *d);

/* op of the codes of two slots into slot `out`, codes or floats; the walk's
 * operands are the inputs.  HAQ_UNSUPPORTED: no kernel does that. */
haq_status haq_add_binary_codes(struct haq_plan *p, int node, const int in[2],
                                int out, enum haq_binary op,
                                const struct haq_walk *walk,
                                struct haq_diag *d);

#endif
