/* hwloc's view of this machine, taken as the XML that it exports, so that this
 * machine and a recorded one are read by the same code. */
#include <hwloc.h>
#include <string.h>

#include "hwprofiles/source.h"
#include "hwprofiles/topology.h"

static haq_status write_topology(struct haq_buf *out, struct haq_diag *d)
{
    hwloc_topology_t t;
    char *xml = NULL;
    int len = 0;
    haq_status s = HAQ_OK;

    if (hwloc_topology_init(&t))
        return haq_fail(d, HAQ_FAILED, "hwloc cannot start");
    hwloc_topology_set_flags(t, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    hwloc_topology_set_io_types_filter(t, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    if (hwloc_topology_load(t))
        s = haq_fail(d, HAQ_FAILED, "hwloc cannot read the topology");
    else if (hwloc_topology_export_xmlbuffer(t, &xml, &len, 0))
        s = haq_fail(d, HAQ_FAILED, "hwloc cannot export the topology");
    if (xml)
        haq_buf_puts(out, xml);
    hwloc_free_xmlbuffer(t, xml);
    hwloc_topology_destroy(t);
    return s;
}

haq_status haq_source_hwloc(struct haq_probe *p, struct haq_diag *d)
{
    const char *file = haq_probe_name(p, "topology.xml");
    char *text;
    size_t len;
    haq_status s =
        haq_probe_made(p, "topology.xml", write_topology, &text, &len, d);

    if (s != HAQ_OK)
        return s;
    if (!text)
        return haq_fail(d, HAQ_INVALID,
                        "%s is missing; it is no recorded machine (haq devices "
                        "--record)",
                        file);
    return haq_topology_read(p->m, file, text, len, &p->allowed, p->cpu_name,
                             &p->arena, d);
}
