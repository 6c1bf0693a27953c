#include "wire/taskkind.h"

#include <stddef.h>
#include <string.h>

const struct haq_task_kind haq_task_kinds[] = {
    {"inspect", HAQ_TASK_NO_DATA, false},
    {"evaluate", HAQ_TASK_EVAL, false},
    {"sensitivity", HAQ_TASK_CALIB, false},
    {"profile-layer", HAQ_TASK_NO_DATA, true},
    {"measure-latency", HAQ_TASK_NO_DATA, true},
    {NULL, HAQ_TASK_NO_DATA, false},
};

const struct haq_task_kind *haq_task_kind_find(const char *name)
{
    for (const struct haq_task_kind *k = haq_task_kinds; k->name; k++)
        if (!strcmp(k->name, name))
            return k;
    return NULL;
}
