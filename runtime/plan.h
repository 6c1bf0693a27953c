/* runtime/plan.h - a graph, perhaps quantized, ready to run on the CPU.
 *
 * A plan is immutable after haq_plan_new: packed weights, chosen kernels,
 * indirection tables, and a memory plan (every tensor has an offset in one
 * arena, by lifetime).  Any number of contexts (runtime/exec.h) run it at the
 * same time; each has its own arena and scratch.
 *
 * Where a tensor is wanted as codes by all its readers in one format, its
 * producer writes codes directly (requantization fused); otherwise it is kept
 * as float and quantized once per (tensor, format).
 */
#ifndef HAQ_RUNTIME_PLAN_H
#define HAQ_RUNTIME_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph/ir.h"
#include "quant/apply.h"

/* Packed weights by content key + kernel name, shared between plans. */
struct haq_pack_cache;
struct haq_pack_cache *haq_pack_cache_new(void); /* NULL: no memory */
void haq_pack_cache_free(struct haq_pack_cache *c);

struct haq_plan_options {
    unsigned isa;  /* HAQ_ISA_* mask kernels may use */
    bool simulate; /* fake-quantized float execution through float kernels
                      (runtime/simulate.h) */
    struct haq_pack_cache *cache; /* NULL: the plan packs for itself */
};

struct haq_plan;

/* `g` must be optimized with nhwc and outlive the plan; so must `q` (NULL:
 * float).
 * HAQ_UNSUPPORTED  a node that no kernel accepts, by name
 * HAQ_INVALID      sizes that overflow; a bias that does not fit int32 */
haq_status haq_plan_new(struct haq_plan **out, const struct haq_graph *g,
                        const struct haq_qgraph *q,
                        const struct haq_plan_options *opt, struct haq_diag *d);
void haq_plan_free(struct haq_plan *p);

const struct haq_graph *haq_plan_graph(const struct haq_plan *p);

/* Bytes of one context's arena; of all packed weights. */
size_t haq_plan_arena_bytes(const struct haq_plan *p);
size_t haq_plan_weight_bytes(const struct haq_plan *p);

/* The steps in execution order, for tables and profiles: one per node that
 * does work, plus the conversions the plan had to add. */
struct haq_step_info {
    const char *name;    /* node name, or "quantize TENSOR" */
    const char *layer;   /* recipe name of the layer, or NULL */
    const char *kernel;  /* table row that runs it */
    size_t weight_bytes; /* packed weights that it reads */
    bool layout; /* it only brings a tensor into another layout: a transpose of
                    the model, or one that a pass put there */
};
size_t haq_plan_steps(const struct haq_plan *p);
struct haq_step_info haq_plan_step(const struct haq_plan *p, size_t i);

#endif
