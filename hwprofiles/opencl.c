#include "hwprofiles/opencl.h"

#ifdef HAQ_WITH_OPENCL

#include <CL/cl.h>
#include <stdbool.h>

enum { MAX_PLATFORMS = 16, MAX_DEVICES = 64 };

static const char *device_text(struct haq_arena *a, cl_device_id id,
                               cl_device_info what)
{
    char text[512] = "";
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        text[0] = 0;
    return haq_arena_strdup(a, text);
}

static const char *type_name(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return "gpu";
    return type & CL_DEVICE_TYPE_CPU ? "cpu" : "accelerator";
}

static bool describe(struct haq_machine *m, struct haq_cl_device *out,
                     const char *platform, cl_device_id id)
{
    cl_device_type type = 0;
    cl_uint units = 0;
    cl_ulong bytes = 0;

    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units,
                    NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    *out = (struct haq_cl_device){
        .platform = platform,
        .name = device_text(&m->arena, id, CL_DEVICE_NAME),
        .version = device_text(&m->arena, id, CL_DEVICE_VERSION),
        .driver = device_text(&m->arena, id, CL_DRIVER_VERSION),
        .type = type_name(type),
        .compute_units = units,
        .memory_bytes = bytes};
    return out->name && out->version && out->driver;
}

static haq_status probe_platform(struct haq_machine *m, cl_platform_id p,
                                 struct haq_diag *d)
{
    char text[256] = "";
    cl_device_id ids[MAX_DEVICES];
    cl_uint n = 0;

    clGetPlatformInfo(p, CL_PLATFORM_NAME, sizeof text - 1, text, NULL);
    if (clGetDeviceIDs(p, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n) !=
        CL_SUCCESS)
        return HAQ_OK;
    const char *platform = haq_arena_strdup(&m->arena, text);
    for (cl_uint i = 0; i < n && i < MAX_DEVICES && m->n_cl < MAX_DEVICES; i++)
        if (!platform || !describe(m, &m->cl[m->n_cl++], platform, ids[i]))
            return haq_fail(d, HAQ_NOMEM, "listing OpenCL devices");
    return HAQ_OK;
}

haq_status haq_opencl_probe(struct haq_machine *m, struct haq_diag *d)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n = 0;

    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &n) != CL_SUCCESS)
        return HAQ_OK;
    m->cl = haq_arena_array(&m->arena, MAX_DEVICES, sizeof *m->cl);
    if (!m->cl)
        return haq_fail(d, HAQ_NOMEM, "listing OpenCL devices");
    for (cl_uint i = 0; i < n && i < MAX_PLATFORMS; i++) {
        haq_status s = probe_platform(m, platforms[i], d);
        if (s != HAQ_OK)
            return s;
    }
    return HAQ_OK;
}

#else

haq_status haq_opencl_probe(struct haq_machine *m, struct haq_diag *d)
{
    (void)m, (void)d;
    return HAQ_OK;
}

#endif
