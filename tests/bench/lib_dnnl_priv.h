/* tests/bench/lib_dnnl_priv.h - what oneDNN's competitors share (v2 C API). */
#ifndef HAQ_TESTS_BENCH_LIB_DNNL_PRIV_H
#define HAQ_TESTS_BENCH_LIB_DNNL_PRIV_H

#include <oneapi/dnnl/dnnl.h>

#include "tests/bench/libraries.h"

enum { DNNL_ARGS = 4 };

/* A primitive with its memory; the weights there are in many copies. */
struct dnnl_use {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[DNNL_ARGS];
    int n_args;
    void *data[DNNL_ARGS];
    dnnl_memory_t *weights; /* [copies] */
    size_t copies, next;
};

/* Arguments: what they are to the primitive, their plain type. */
struct dnnl_role {
    int arg;            /* DNNL_ARG_SRC, ... */
    dnnl_query_t query; /* of the primitive descriptor */
};

/* Make an entry of a primitive descriptor, which is used up (NULL: false).
 * Arguments other than the weights get random bytes or floats. */
bool bench_dnnl_use(struct bench_entry *e, const char *who,
                    dnnl_primitive_desc_t pd, struct dnnl_use *u, bool bias,
                    const struct bench_env *env);

struct dnnl_use *bench_dnnl_new(void);
void bench_dnnl_free(void *self);

#endif
