#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/bench/lib_dnnl_priv.h"

void bench_dnnl_configure(const char *isa, size_t threads)
{
    static const struct {
        const char *name;
        dnnl_cpu_isa_t isa;
    } bounds[] = {{"avx2", dnnl_cpu_isa_avx2},
                  {"avx512", dnnl_cpu_isa_avx512_core},
                  {"avx512vnni", dnnl_cpu_isa_avx512_core_vnni}};

    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (!strcmp(isa, bounds[i].name))
            dnnl_set_max_cpu_isa(bounds[i].isa);
    omp_set_num_threads((int)threads);
}

struct dnnl_use *bench_dnnl_new(void)
{
    struct dnnl_use *u = calloc(1, sizeof *u);
    if (!u || dnnl_engine_create(&u->engine, dnnl_cpu, 0) ||
        dnnl_stream_create(&u->stream, u->engine, dnnl_stream_default_flags))
        abort();
    return u;
}

void bench_dnnl_free(void *self)
{
    struct dnnl_use *u = self;
    for (int i = 0; i < u->n_args; i++) {
        if (u->arg[i].arg != DNNL_ARG_WEIGHTS)
            dnnl_memory_destroy(u->arg[i].memory);
        free(u->data[i]);
    }
    for (size_t i = 0; i < u->copies; i++)
        dnnl_memory_destroy(u->weights[i]);
    free(u->weights);
    dnnl_primitive_destroy(u->primitive);
    dnnl_stream_destroy(u->stream);
    dnnl_engine_destroy(u->engine);
    free(u);
}

static uint64_t run_dnnl(void *self, size_t calls)
{
    struct dnnl_use *u = self;
    uint64_t before = haq_clock_ns();
    for (size_t i = 0; i < calls; i++) {
        for (int a = 0; a < u->n_args; a++)
            if (u->arg[a].arg == DNNL_ARG_WEIGHTS)
                u->arg[a].memory = u->weights[u->next];
        dnnl_primitive_execute(u->primitive, u->stream, u->n_args, u->arg);
        u->next = u->next + 1 < u->copies ? u->next + 1 : 0;
    }
    dnnl_stream_wait(u->stream);
    return haq_clock_ns() - before;
}

static void fill(void *data, const dnnl_memory_desc_t *md, size_t bytes)
{
    if (md->data_type == dnnl_f32)
        bench_fill_floats(data, bytes / sizeof(float), 4);
    else
        bench_fill_bytes(data, bytes, 4);
}

/* One argument; random numbers in whatever layout the primitive asks for are
 * random numbers in any. */
static bool add_arg(struct dnnl_use *u, dnnl_primitive_desc_t pd, int arg,
                    dnnl_query_t query, size_t copies)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, query, 0);
    size_t bytes = (dnnl_memory_desc_get_size(md) + 63) / 64 * 64;
    int i = u->n_args++;

    u->arg[i] = (dnnl_exec_arg_t){.arg = arg};
    u->data[i] = bench_alloc(bytes * copies);
    fill(u->data[i], md, bytes);
    if (arg != DNNL_ARG_WEIGHTS)
        return !dnnl_memory_create(&u->arg[i].memory, md, u->engine,
                                   u->data[i]);
    bench_repeat(u->data[i], bytes, copies);
    u->weights = calloc(copies, sizeof *u->weights);
    for (; u->weights && u->copies < copies; u->copies++)
        if (dnnl_memory_create(&u->weights[u->copies], md, u->engine,
                               (char *)u->data[i] + u->copies * bytes))
            return false;
    return u->weights;
}

bool bench_dnnl_use(struct bench_entry *e, const char *who,
                    dnnl_primitive_desc_t pd, struct dnnl_use *u, bool bias,
                    const struct bench_env *env)
{
    size_t bytes = dnnl_memory_desc_get_size(
        dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    size_t copies = bench_copies(e->work.shape, bytes, env);
    const char *info = NULL;
    bool good =
        !dnnl_primitive_create(&u->primitive, pd) &&
        add_arg(u, pd, DNNL_ARG_SRC, dnnl_query_src_md, 1) &&
        add_arg(u, pd, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, copies) &&
        add_arg(u, pd, DNNL_ARG_DST, dnnl_query_dst_md, 1);

    if (good && bias) {
        const dnnl_memory_desc_t *md =
            dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1);
        int i = u->n_args++;
        u->arg[i] = (dnnl_exec_arg_t){.arg = DNNL_ARG_BIAS};
        u->data[i] = bench_alloc(dnnl_memory_desc_get_size(md));
        good =
            !dnnl_memory_create(&u->arg[i].memory, md, u->engine, u->data[i]);
    }
    if (good && !dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0,
                                           (void *)&info))
        snprintf(e->detail, sizeof e->detail, "%s", info);
    dnnl_primitive_desc_destroy(pd);
    e->who = who;
    e->weight_bytes = (double)bytes;
    e->rest_ms = 10;
    e->run = run_dnnl;
    e->free = bench_dnnl_free;
    e->self = u;
    if (!good)
        bench_dnnl_free(u);
    return good;
}
