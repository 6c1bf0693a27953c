#include <stdio.h>

#include "tests/bench/libraries.h"
#include "tests/bench/ours.h"

/* To add a competitor: its file, its declaration, a row here. */
bench_make_fn *const bench_makers[] = {
    bench_ours_plan,
#ifdef HAQ_BENCH_DNNL
    bench_dnnl_matmul,
    bench_dnnl_scaled,
    bench_dnnl_product,
    bench_dnnl_gemm,
    bench_dnnl_gemm_t,
    bench_dnnl_conv,
    bench_dnnl_conv_signed,
#endif
#ifdef HAQ_BENCH_OPENBLAS
    bench_openblas,
#endif
#ifdef HAQ_BENCH_XNNPACK
    bench_xnnpack,
#endif
    NULL,
};

bool bench_spec(char out[HAQ_SPEC_TEXT], const struct bench_work *w)
{
    if (!w->format->spec)
        snprintf(out, HAQ_SPEC_TEXT, "float");
    else if (w->group)
        snprintf(out, HAQ_SPEC_TEXT, "%s:group%zu", w->format->spec, w->group);
    else
        snprintf(out, HAQ_SPEC_TEXT, "%s:channel", w->format->spec);
    return w->format->spec;
}
