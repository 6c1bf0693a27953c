/* Instruction sets that our kernels know, from the features by name.  Here the
 * program asks itself: the operating system has a word in it. */
#include <string.h>

#include "base/cpu.h"
#include "hwprofiles/source.h"

/* As base/cpu.h defines the sets; `below` are those that must be there. */
static const struct {
    unsigned set, below;
    const char *needs[5];
} sets[] = {
    {HAQ_ISA_AVX2, 0, {"avx2", "fma", "f16c"}},
    {HAQ_ISA_AVX512,
     HAQ_ISA_AVX2,
     {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
    {HAQ_ISA_VNNI, HAQ_ISA_AVX512, {"avx512_vnni"}},
    {HAQ_ISA_AMX, HAQ_ISA_VNNI, {"amx_tile", "amx_int8"}},
    {HAQ_ISA_NEON, 0, {"asimd"}},
    {HAQ_ISA_DOTPROD, 0, {"asimddp"}},
    {HAQ_ISA_I8MM, 0, {"i8mm"}},
};

static bool has(const struct haq_list *features, const char *name)
{
    const char *const *f = features->item;
    for (size_t i = 0; i < features->n; i++)
        if (!strcmp(f[i], name))
            return true;
    return false;
}

haq_status haq_source_isa(struct haq_probe *p, struct haq_diag *d)
{
    struct haq_machine *m = p->m;

    (void)d;
    if (!p->folder) {
        m->isa = haq_cpu_isa();
        return HAQ_OK;
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        size_t k = 0;
        while (sets[i].needs[k] && has(&m->features, sets[i].needs[k]))
            k++;
        if (!sets[i].needs[k] && (m->isa & sets[i].below) == sets[i].below)
            m->isa |= sets[i].set;
    }
    return HAQ_OK;
}
