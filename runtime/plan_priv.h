/* runtime/plan_priv.h - what plans, steps and contexts are made of.
 *
 *     value (graph)  ->  slots: the forms in which the value exists at run time
 *     node  (graph)  ->  steps: functions with their packed data
 *
 * A slot is memory: a piece of the arena, another slot's memory (views), or a
 * constant.  Planning goes once through the nodes in order; a node's `prepare`
 * asks for its inputs in the forms that it reads (which may add a conversion
 * step), for its outputs, and adds a step.  Nothing is placed until all steps
 * are known (runtime/memplan.h).
 */
#ifndef HAQ_RUNTIME_PLAN_PRIV_H
#define HAQ_RUNTIME_PLAN_PRIV_H

#include "base/arena.h"
#include "base/thread.h"
#include "graph/op.h"
#include "kernels/elementwise.h"
#include "runtime/plan.h"

/* Every slot may be read this far beyond its end (kernels load whole groups of
 * elements), and starts at a multiple of it. */
enum { HAQ_SLOT_SLACK = 64 };

enum haq_form_kind {
    HAQ_FORM_PLAIN,    /* the value's own type */
    HAQ_FORM_CODES,    /* uint8 codes, one scale and zero point */
    HAQ_FORM_ROWS,     /* uint8 codes, a scale and zero point per row, made at
                          run time */
    HAQ_FORM_FAKE,     /* simulation: float, through codes and back */
    HAQ_FORM_CENTERED, /* simulation: code - zero point, as float */
    HAQ_FORM_CENTERED_ROWS /* the same with the parameters of each row, made at
                              run time */
};

struct haq_form {
    enum haq_form_kind kind;
    struct haq_act_params params;    /* CODES, FAKE, CENTERED */
    const struct haq_format *format; /* ROWS, CENTERED_ROWS */
    size_t row; /* ROWS, CENTERED_ROWS: elements of one row */
    size_t pad; /* ROWS: elements of the row of zero points that padded taps
                   read, 0 = none */
};

struct haq_slot {
    int value; /* graph value it holds */
    struct haq_form form;
    int next;         /* next slot of the same value, or -1 */
    int of;           /* slot whose memory this is, or -1 */
    bool over;        /* it is written over that slot, which nobody reads then;
                         else it is a view */
    const void *data; /* constant; NULL = in the arena */
    size_t count;     /* elements */
    size_t bytes;     /* in the arena, slack included */
    size_t offset;    /* from the arena's start */
    int first, last;  /* steps that write it first and read it last; -1: before
                         the first step */
    /* ROWS: offsets inside the slot of float scale[rows], int32 zero[rows], and
     * pads uint8 [rows][pad_stride].  CENTERED_ROWS: zero[] is 0, no pads. */
    size_t rows, scale_at, zero_at, pad_at, pad_stride;
};

struct haq_exec;
struct haq_step;

typedef void haq_step_run_fn(const struct haq_exec *e,
                             const struct haq_step *s);
/* Fill the step's part of the context's pointer table. */
typedef void haq_step_bind_fn(const struct haq_exec *e,
                              const struct haq_step *s, const void **table);

struct haq_step {
    const char *name, *layer, *kernel; /* as haq_step_info */
    haq_step_run_fn *run;
    haq_step_bind_fn *bind; /* NULL: no pointers */
    const void *data;       /* the family's own, in the plan's memory */
    size_t weight_bytes;    /* packed for it; haq_plan_add fills it in */
    int node;               /* graph node, or -1 for a conversion */
    int n_in, n_out;
    int *in, *out;   /* slots; HAQ_NO_VALUE for omitted inputs */
    size_t scratch;  /* bytes per thread */
    size_t pointers; /* entries of the pointer table */
    size_t table;    /* first of them */
    bool serial;     /* too little work to wake a thread for */
    unsigned over;   /* bit k: output 0 may lie over input k, of which it reads
                        an element before it writes the same one */
};

struct haq_plan {
    struct haq_arena arena;
    const struct haq_graph *g;
    const struct haq_qgraph *q;
    struct haq_pack_cache *cache, *own_cache;
    const struct haq_elementwise *ew;
    unsigned isa;
    bool simulate;
    struct haq_slot *slot;
    int n_slots, cap_slots;
    const struct haq_form *stored; /* [n_values] what the producer writes */
    int *first_slot; /* [n_values] first of the value's slots, the one that its
                        producer writes; -1: none yet */
    struct haq_step *step;
    int n_steps, cap_steps;
    size_t arena_bytes, weight_bytes, scratch_bytes, pointers;
    size_t owned_bytes; /* of weight_bytes: those that belong to a step */
};

struct haq_exec {
    const struct haq_plan *plan;
    struct haq_pool *pool;
    size_t threads;
    char *arena;
    char *scratch; /* [threads][scratch_stride] */
    size_t scratch_stride;
    const void **table;
    void **at; /* [n_slots] where each slot is */
};

/* ---- planning (runtime/plan.c) ------------------------------------------ */

/* The form in which input i of the node is to be read: what the recipe says,
 * or PLAIN; `row` and `pad` are used when parameters are made per row. */
struct haq_form haq_plan_input_form(const struct haq_plan *p, int node, int i,
                                    size_t row, size_t pad);

/* The slot that holds `value` in `form`; a conversion step is added when there
 * is none yet. */
haq_status haq_plan_read(struct haq_plan *p, int value,
                         const struct haq_form *form, int *slot,
                         struct haq_diag *d);
haq_status haq_plan_read_plain(struct haq_plan *p, int value, int *slot,
                               struct haq_diag *d);

/* Slot that the producer of `value` writes; its form was decided before
 * (runtime/storage.h). */
haq_status haq_plan_write(struct haq_plan *p, int value, int *slot,
                          struct haq_diag *d);

/* Say that `value` is the memory of `slot` under another name. */
haq_status haq_plan_view(struct haq_plan *p, int value, int slot,
                         struct haq_diag *d);

/* Append a step; *out is valid until the next call.  in, out: slots, copied. */
haq_status haq_plan_add(struct haq_plan *p, const struct haq_step *step,
                        const int *in, int n_in, const int *out, int n_out,
                        struct haq_diag *d);

static inline const struct haq_node *haq_plan_node(const struct haq_plan *p,
                                                   int node)
{
    return &p->g->nodes[node];
}
static inline const struct haq_value *haq_plan_value(const struct haq_plan *p,
                                                     int value)
{
    return &p->g->values[value];
}
static inline const struct haq_qnode *haq_plan_qnode(const struct haq_plan *p,
                                                     int node)
{
    return p->q ? &p->q->node[node] : NULL;
}

/* A step for `node` with its name and layer filled in. */
struct haq_step haq_plan_node_step(const struct haq_plan *p, int node);

/* Name a node that no implementation accepts. */
haq_status haq_plan_unsupported(const struct haq_plan *p, int node,
                                const char *why, struct haq_diag *d);

/* What products read in a simulation: the centered form of FAKE. */
static inline struct haq_form haq_form_center(struct haq_form f)
{
    if (f.kind == HAQ_FORM_FAKE)
        f.kind = HAQ_FORM_CENTERED;
    return f;
}

bool haq_form_equal(const struct haq_form *a, const struct haq_form *b);

/* ---- running (runtime/exec.c) ------------------------------------------- */

static inline void *haq_exec_slot(const struct haq_exec *e, int slot)
{
    return e->at[slot];
}
static inline void *haq_exec_scratch(const struct haq_exec *e, size_t worker)
{
    return e->scratch + worker * e->scratch_stride;
}

/* What the parts of a split step get. */
struct haq_part {
    const struct haq_exec *e;
    const struct haq_step *s;
};

/* Run fn over 0..n, on the pool unless the step is serial; its argument is a
 * struct haq_part. */
void haq_exec_split(const struct haq_exec *e, const struct haq_step *s,
                    size_t n, size_t grain, haq_pool_fn *fn);

/* ---- packed weights (runtime/pack_cache.c) ------------------------------ */

/* Makes `bytes` bytes at dst. */
typedef haq_status haq_pack_fn(void *arg, void *dst, struct haq_diag *d);

/* The bytes stored under `key`, made by fn when they are not there. */
haq_status haq_pack_get(struct haq_pack_cache *c, const char *key, size_t bytes,
                        haq_pack_fn *fn, void *arg, const void **out,
                        struct haq_diag *d);

static inline size_t haq_round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}
static inline size_t haq_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
