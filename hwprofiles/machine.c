#include "hwprofiles/machine.h"

#include <hwloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/json.h"
#include "base/thread.h"
#include "hwprofiles/opencl.h"

static size_t count_type(hwloc_topology_t t, hwloc_obj_type_t type)
{
    int n = hwloc_get_nbobjs_by_type(t, type);
    return n > 0 ? (size_t)n : 0;
}

static uint64_t cache_bytes(hwloc_topology_t t, hwloc_obj_type_t type)
{
    hwloc_obj_t o = hwloc_get_obj_by_type(t, type, 0);
    return o && o->attr ? o->attr->cache.size : 0;
}

static haq_status probe_topology(struct haq_machine *m, struct haq_diag *d)
{
    hwloc_topology_t t;

    if (hwloc_topology_init(&t))
        return haq_fail(d, HAQ_FAILED, "hwloc cannot start");
    hwloc_topology_set_flags(t, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    if (hwloc_topology_load(t)) {
        hwloc_topology_destroy(t);
        return haq_fail(d, HAQ_FAILED, "hwloc cannot read the topology");
    }
    m->packages = count_type(t, HWLOC_OBJ_PACKAGE);
    m->cores = count_type(t, HWLOC_OBJ_CORE);
    m->pus = count_type(t, HWLOC_OBJ_PU);
    m->numa_nodes = count_type(t, HWLOC_OBJ_NUMANODE);
    m->l1d_bytes = cache_bytes(t, HWLOC_OBJ_L1CACHE);
    m->l2_bytes = cache_bytes(t, HWLOC_OBJ_L2CACHE);
    m->l3_bytes = cache_bytes(t, HWLOC_OBJ_L3CACHE);
    m->memory_bytes = hwloc_get_root_obj(t)->total_memory;
    hwloc_topology_destroy(t);
    return HAQ_OK;
}

haq_status haq_machine_probe(struct haq_machine *m, struct haq_diag *d)
{
    char text[256];
    haq_status s;

    *m = (struct haq_machine){.isa = haq_cpu_isa()};
    haq_arena_init(&m->arena);
    s = probe_topology(m, d);
    if (s != HAQ_OK)
        goto done;
    m->allowed_cores = haq_cores_allowed();
    haq_cpu_model(text, sizeof text);
    m->model = haq_arena_strdup(&m->arena, text);
    if (gethostname(text, sizeof text))
        strcpy(text, "localhost");
    text[sizeof text - 1] = 0;
    m->host = haq_arena_strdup(&m->arena, text);
    if (!m->model || !m->host) {
        s = haq_fail(d, HAQ_NOMEM, "probing the machine");
        goto done;
    }
    s = haq_opencl_probe(m, d);
done:
    if (s != HAQ_OK)
        haq_machine_fini(m);
    return s;
}

void haq_machine_fini(struct haq_machine *m)
{
    haq_arena_fini(&m->arena);
}

static json_t *cl_to_json(const struct haq_cl_device *c, size_t index)
{
    char id[32];
    snprintf(id, sizeof id, "opencl:%zu", index);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "device", id,
                     "platform", c->platform, "name", c->name, "version",
                     c->version, "driver", c->driver, "type", c->type,
                     "compute_units", (json_int_t)c->compute_units,
                     "memory_bytes", (json_int_t)c->memory_bytes);
}

static json_t *cpu_to_json(const struct haq_machine *m)
{
    json_t *isa = json_array();
#define X(id, name, bit)                                                       \
    if (m->isa & (1u << bit))                                                  \
        json_array_append_new(isa, json_string(name));
    HAQ_ISA_MAP(X)
#undef X
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
        "device", "cpu", "model", m->model, "packages", (json_int_t)m->packages,
        "cores", (json_int_t)m->cores, "pus", (json_int_t)m->pus,
        "allowed_cores", (json_int_t)m->allowed_cores, "numa_nodes",
        (json_int_t)m->numa_nodes, "l1d_bytes", (json_int_t)m->l1d_bytes,
        "l2_bytes", (json_int_t)m->l2_bytes, "l3_bytes",
        (json_int_t)m->l3_bytes, "memory_bytes", (json_int_t)m->memory_bytes,
        "isa", isa);
}

json_t *haq_machine_to_json(const struct haq_machine *m)
{
    json_t *devices = json_array();
    char print[HAQ_HASH_HEX];

    json_array_append_new(devices, cpu_to_json(m));
    for (size_t i = 0; i < m->n_cl; i++)
        json_array_append_new(devices, cl_to_json(&m->cl[i], i));
    if (haq_machine_fingerprint(m, m->isa, 0, print, NULL) != HAQ_OK) {
        json_decref(devices);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:o}", "host", m->host, "fingerprint", print,
                     "devices", devices);
}

haq_status haq_machine_fingerprint(const struct haq_machine *m, unsigned isa,
                                   size_t threads, char out[HAQ_HASH_HEX],
                                   struct haq_diag *d)
{
    json_t *j =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "model", m->model,
                  "cores", (json_int_t)m->allowed_cores, "l1d",
                  (json_int_t)m->l1d_bytes, "l2", (json_int_t)m->l2_bytes, "l3",
                  (json_int_t)m->l3_bytes, "isa", (json_int_t)isa, "threads",
                  (json_int_t)(threads ? threads : m->allowed_cores));
    size_t len;
    char *text = j ? haq_json_canonical(j, &len) : NULL;

    json_decref(j);
    if (!text)
        return haq_fail(d, HAQ_NOMEM, "fingerprint of the machine");
    haq_hash(out, text, len);
    free(text);
    return HAQ_OK;
}
