#include "cli/this_target.h"

#include <string.h>

#include "runtime/capabilities.h"

haq_status haq_this_target(struct haq_target *p, const char *folder,
                           const char *record, unsigned isa, struct haq_diag *d)
{
    haq_status s = haq_target_probe(p, folder, record, d);
    if (s != HAQ_OK)
        return s;
    /* Kernels of another architecture are not in this program's tables. */
    if (strcmp(p->machine.arch, haq_cpu_arch()) != 0)
        return HAQ_OK;
    struct haq_target_device *cpu = haq_target_find(p, "cpu");
    s = haq_cpu_capabilities(&cpu->capabilities, &p->arena,
                             folder ? p->machine.isa : isa, d);
    if (s != HAQ_OK)
        haq_target_fini(p);
    return s;
}
