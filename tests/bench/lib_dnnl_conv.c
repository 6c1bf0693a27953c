#include <stdlib.h>

#include "tests/bench/lib_dnnl_priv.h"

static void any_layout(dnnl_memory_desc_t *md, int rank, const dnnl_dims_t dims,
                       dnnl_data_type_t type)
{
    dnnl_memory_desc_init_by_tag(md, rank, dims, type, dnnl_format_tag_any);
}

/* Relu behind; a scale per output channel when the types are integers. */
static dnnl_primitive_attr_t attributes(size_t channels, bool integer)
{
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    float *scale = malloc(channels * sizeof *scale);

    if (!scale || dnnl_primitive_attr_create(&attr) ||
        dnnl_post_ops_create(&ops))
        abort();
    for (size_t i = 0; i < channels; i++)
        scale[i] = 1e-3f + 1e-6f * (float)i;
    if (integer)
        dnnl_primitive_attr_set_output_scales(attr, (dnnl_dim_t)channels, 2,
                                              scale);
    dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
    dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    free(scale);
    return attr;
}

static bool conv(struct bench_entry *e, const char *who,
                 const struct bench_work *w, const struct bench_env *env,
                 dnnl_data_type_t type)
{
    const struct bench_conv *c = &w->shape->conv;
    bool integer = type != dnnl_f32;
    dnnl_dim_t in = (dnnl_dim_t)c->c, out = (dnnl_dim_t)c->o;
    dnnl_dim_t size = (dnnl_dim_t)c->size, kernel = (dnnl_dim_t)c->kernel;
    dnnl_dim_t stride = (dnnl_dim_t)c->stride, pad = (dnnl_dim_t)c->pad;
    dnnl_dim_t to = (size + 2 * pad - kernel) / stride + 1;
    dnnl_dims_t x = {1, in, size, size}, y = {1, out, to, to}, b = {out};
    dnnl_dims_t dense = {out, in, kernel, kernel};
    dnnl_dims_t depthwise = {out, 1, 1, kernel, kernel};
    dnnl_dims_t strides = {stride, stride}, pads = {pad, pad};
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    struct dnnl_use *u = bench_dnnl_new();
    dnnl_primitive_attr_t attr = attributes(c->o, integer);

    any_layout(&src, 4, x, type);
    any_layout(&weights, c->depthwise ? 5 : 4, c->depthwise ? depthwise : dense,
               integer ? dnnl_s8 : dnnl_f32);
    any_layout(&bias, 1, b, integer ? dnnl_s32 : dnnl_f32);
    any_layout(&dst, 4, y, type);
    bool good = !dnnl_convolution_forward_desc_init(
                    &desc, dnnl_forward_inference, dnnl_convolution_direct,
                    &src, &weights, &bias, &dst, strides, pads, pads) &&
                !dnnl_primitive_desc_create(&pd, &desc, attr, u->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (!good) {
        bench_dnnl_free(u);
        return false;
    }
    return bench_dnnl_use(e, who, pd, u, true, env);
}

bool bench_dnnl_conv(struct bench_entry *e, const struct bench_work *w,
                     const struct bench_env *env)
{
    bool integer = w->format->spec;
    if (!w->shape->is_conv || w->group ||
        (integer && w->format != &bench_formats[1]))
        return false;
    return conv(e, integer ? "oneDNN u8s8" : "oneDNN", w, env,
                integer ? dnnl_u8 : dnnl_f32);
}

bool bench_dnnl_conv_signed(struct bench_entry *e, const struct bench_work *w,
                            const struct bench_env *env)
{
    if (!w->shape->is_conv || w->group || w->format != &bench_formats[1])
        return false;
    return conv(e, "oneDNN s8s8", w, env, dnnl_s8);
}
