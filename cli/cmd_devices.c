#include "base/cpu.h"
#include "cli/commands.h"
#include "hwprofiles/machine.h"

static void print_isa(unsigned isa)
{
#define X(id, name, bit)                                                       \
    if (isa & (1u << bit))                                                     \
        printf(" %s", name);
    HAQ_ISA_MAP(X)
#undef X
}

static void print_machine(const struct haq_machine *m)
{
    printf("cpu       %s\n", m->model);
    printf("          %zu package%s, %zu cores, %zu threads; %zu cores for "
           "this process\n",
           m->packages, m->packages == 1 ? "" : "s", m->cores, m->pus,
           m->allowed_cores);
    printf("          L1d %llu KiB, L2 %llu KiB, L3 %llu KiB; %zu NUMA node%s, "
           "%.1f GiB\n",
           (unsigned long long)m->l1d_bytes >> 10,
           (unsigned long long)m->l2_bytes >> 10,
           (unsigned long long)m->l3_bytes >> 10, m->numa_nodes,
           m->numa_nodes == 1 ? "" : "s",
           (double)m->memory_bytes / (1024.0 * 1024 * 1024));
    printf("          instruction sets:");
    print_isa(m->isa);
    putchar('\n');
    for (size_t i = 0; i < m->n_cl; i++) {
        const struct haq_cl_device *c = &m->cl[i];
        printf("opencl:%zu  %s (%s, %s)\n          %s, driver %s, %zu compute "
               "units, %.1f GiB\n",
               i, c->name, c->platform, c->type, c->version, c->driver,
               c->compute_units,
               (double)c->memory_bytes / (1024.0 * 1024 * 1024));
    }
    if (!m->n_cl)
        printf("opencl    no device found\n");
}

haq_status haq_cmd_devices(const struct haq_command *self, int argc,
                           char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct haq_machine m;

    haq_common_init(&common);
    haq_status s =
        haq_opts_parse(self, NULL, 0, &common, argc, argv, NULL, 0, 0, d);
    if (s != HAQ_OK || common.help)
        return s;
    s = haq_machine_probe(&m, d);
    if (s != HAQ_OK)
        return s;
    if (common.json)
        s = haq_print_json(haq_machine_to_json(&m), d);
    else
        print_machine(&m);
    haq_machine_fini(&m);
    return s;
}
