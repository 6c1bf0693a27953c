/* A recorded machine's topology and a target's JSON, by the first byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hwprofiles/target.h"
#include "hwprofiles/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_topology(char *text, size_t len)
{
    struct haq_machine m;
    struct haq_arena scratch;
    struct haq_cpuset *allowed = malloc(sizeof *allowed);

    haq_machine_init(&m);
    haq_arena_init(&scratch);
    if (allowed) {
        haq_cpuset_all(allowed);
        m.model = "model";
        haq_topology_read(&m, "fuzz.xml", text, len, allowed, NULL, &scratch,
                          NULL);
    }
    free(allowed);
    haq_arena_fini(&scratch);
    haq_machine_fini(&m);
}

static void read_target(const char *text, size_t len)
{
    struct haq_target p;
    json_t *j;
    if (haq_json_parse("fuzz", text, len, &j, NULL) != HAQ_OK)
        return;
    if (haq_target_from_json(&p, j, "fuzz", NULL) == HAQ_OK)
        haq_target_fini(&p);
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy;
    if (!size)
        return 0;
    copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    copy[size - 1] = 0;
    if (*data & 1)
        read_topology(copy, size - 1);
    else
        read_target(copy, size - 1);
    free(copy);
    return 0;
}
