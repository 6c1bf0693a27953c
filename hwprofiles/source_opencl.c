/* OpenCL devices of every platform that the loader knows, in its order.  None
 * (no driver installed, or built without OpenCL) is not an error. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hwprofiles/source.h"

enum { MAX_PLATFORMS = 16, MAX_DEVICES = 64 };

#ifdef HAQ_WITH_OPENCL

#include <CL/cl.h>

/* Drivers are other people's code: what they say is cut and cleaned. */
static const char *device_text(struct haq_arena *a, cl_device_id id,
                               cl_device_info what)
{
    char text[512] = "";
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        text[0] = 0;
    return haq_text_copy(a, text, strlen(text));
}

static const char *type_name(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return "gpu";
    return type & CL_DEVICE_TYPE_CPU ? "cpu" : "accelerator";
}

static bool describe(struct haq_arena *a, struct haq_cl_device *out,
                     const char *platform, cl_device_id id)
{
    cl_device_type type = 0;
    cl_uint units = 0;
    cl_ulong bytes = 0;

    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units,
                    NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    *out =
        (struct haq_cl_device){.platform = platform,
                               .name = device_text(a, id, CL_DEVICE_NAME),
                               .version = device_text(a, id, CL_DEVICE_VERSION),
                               .driver = device_text(a, id, CL_DRIVER_VERSION),
                               .type = type_name(type),
                               .compute_units = units,
                               .memory_bytes = bytes};
    return platform && out->name && out->version && out->driver;
}

/* False: no memory. */
static bool list_platform(struct haq_list *list, struct haq_arena *a,
                          cl_platform_id p)
{
    char text[256] = "";
    cl_device_id ids[MAX_DEVICES];
    cl_uint n = 0;

    clGetPlatformInfo(p, CL_PLATFORM_NAME, sizeof text - 1, text, NULL);
    if (clGetDeviceIDs(p, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n) !=
        CL_SUCCESS)
        return true;
    const char *platform = haq_text_copy(a, text, strlen(text));
    for (cl_uint i = 0; i < n && i < MAX_DEVICES && list->n < MAX_DEVICES;
         i++) {
        struct haq_cl_device *c = haq_list_add(list, sizeof *c, a);
        if (!c || !describe(a, c, platform, ids[i]))
            return false;
    }
    return true;
}

static bool list_devices(struct haq_list *list, struct haq_arena *a)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n = 0;
    bool good = true;

    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &n) != CL_SUCCESS)
        return true;
    for (cl_uint i = 0; good && i < n && i < MAX_PLATFORMS; i++)
        good = list_platform(list, a, platforms[i]);
    return good;
}

#else

static bool list_devices(struct haq_list *list, struct haq_arena *a)
{
    (void)list, (void)a;
    return true;
}

#endif

static haq_status write_devices(struct haq_buf *out, struct haq_diag *d)
{
    struct haq_list list = {0};
    struct haq_arena a;
    char *text = NULL;
    size_t len;

    haq_arena_init(&a);
    if (list_devices(&list, &a)) {
        json_t *j = haq_fields_write_list(&haq_cl_fields, &list);
        text = j ? haq_json_pretty(j, &len) : NULL;
        json_decref(j);
    }
    haq_arena_fini(&a);
    if (!text)
        return haq_fail(d, HAQ_NOMEM, "OpenCL devices: out of memory");
    haq_buf_puts(out, text);
    free(text);
    return HAQ_OK;
}

haq_status haq_source_opencl(struct haq_probe *p, struct haq_diag *d)
{
    const char *file = haq_probe_name(p, "opencl.json");
    char *text;
    size_t len;
    json_t *j;
    haq_status s =
        haq_probe_made(p, "opencl.json", write_devices, &text, &len, d);

    if (s != HAQ_OK || !text)
        return s;
    s = haq_json_parse(file, text, len, &j, d);
    if (s != HAQ_OK)
        return s;
    s = haq_fields_read_list(&haq_cl_fields, &p->m->opencl, j, file,
                             MAX_DEVICES, &p->m->arena, d);
    json_decref(j);
    return s;
}
