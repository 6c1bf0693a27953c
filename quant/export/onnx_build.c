#include "quant/export/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/file.h"

/* AttributeProto.AttributeType */
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_INTS = 7 };

enum { MAX_ATTRIBUTES = 8 };

void haq_build_init(struct haq_build *b)
{
    *b = (struct haq_build){0};
    haq_arena_init(&b->arena);
    haq_map_init(&b->names);
}

void haq_build_fini(struct haq_build *b)
{
    haq_map_fini(&b->names);
    haq_arena_fini(&b->arena);
    *b = (struct haq_build){0};
}

static void *take(struct haq_build *b, void *p)
{
    b->failed = b->failed || !p;
    return p;
}

static char *text(struct haq_build *b, const char *s)
{
    return take(b, haq_arena_strdup(&b->arena, s));
}

/* Room for one more pointer in an array that lives in the arena. */
static void *grow(struct haq_build *b, void *array, size_t n, size_t *cap)
{
    if (n < *cap)
        return array;
    size_t more = *cap ? *cap * 2 : 64;
    void **grown = take(b, haq_arena_array(&b->arena, more, sizeof(void *)));
    if (!grown)
        return NULL;
    if (n)
        memcpy(grown, array, n * sizeof(void *));
    *cap = more;
    return grown;
}

void haq_build_reserve(struct haq_build *b, const char *name)
{
    if (!haq_map_put(&b->names, name, NULL))
        b->failed = true;
}

const char *haq_build_name(struct haq_build *b, const char *stem,
                           const char *suffix)
{
    char *name = take(b, haq_arena_printf(&b->arena, "%s%s", stem, suffix));
    for (int i = 2; name && haq_map_has(&b->names, name); i++)
        name = take(b, haq_arena_printf(&b->arena, "%s%s_%d", stem, suffix, i));
    if (name)
        haq_build_reserve(b, name);
    return name;
}

Onnx__NodeProto *haq_build_node(struct haq_build *b, const char *op_type,
                                size_t n_in, size_t n_out)
{
    Onnx__NodeProto *n = take(b, haq_arena_alloc(&b->arena, sizeof *n));
    Onnx__NodeProto **list = grow(b, b->node, b->n_nodes, &b->cap_nodes);
    if (b->failed)
        return NULL;
    b->node = list;
    onnx__node_proto__init(n);
    n->op_type = text(b, op_type);
    n->n_input = n_in;
    n->n_output = n_out;
    n->input = take(b, haq_arena_array(&b->arena, n_in, sizeof *n->input));
    n->output = take(b, haq_arena_array(&b->arena, n_out, sizeof *n->output));
    n->attribute = take(b, haq_arena_array(&b->arena, MAX_ATTRIBUTES,
                                           sizeof(Onnx__AttributeProto *)));
    if (b->failed)
        return NULL;
    for (size_t i = 0; i < n_in; i++)
        n->input[i] = text(b, "");
    b->node[b->n_nodes++] = n;
    return n;
}

void haq_build_in(struct haq_build *b, Onnx__NodeProto *n, size_t i,
                  const char *name)
{
    if (!b->failed && name)
        n->input[i] = text(b, name);
}

void haq_build_out(struct haq_build *b, Onnx__NodeProto *n, size_t i,
                   const char *name)
{
    if (b->failed)
        return;
    n->output[i] = text(b, name);
    if (!n->name)
        n->name = n->output[i];
}

static Onnx__AttributeProto *attribute(struct haq_build *b, Onnx__NodeProto *n,
                                       const char *name, int type)
{
    Onnx__AttributeProto *a =
        b->failed ? NULL : take(b, haq_arena_alloc(&b->arena, sizeof *a));
    if (!a)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = text(b, name);
    a->has_type = 1;
    a->type = type;
    n->attribute[n->n_attribute++] = a;
    return a;
}

void haq_build_int(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                   int64_t v)
{
    Onnx__AttributeProto *a = attribute(b, n, name, TYPE_INT);
    if (a) {
        a->has_i = 1;
        a->i = v;
    }
}

void haq_build_float(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                     float v)
{
    Onnx__AttributeProto *a = attribute(b, n, name, TYPE_FLOAT);
    if (a) {
        a->has_f = 1;
        a->f = v;
    }
}

void haq_build_str(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                   const char *v)
{
    Onnx__AttributeProto *a = attribute(b, n, name, TYPE_STRING);
    if (a) {
        a->has_s = 1;
        a->s.len = strlen(v);
        a->s.data = (uint8_t *)text(b, v);
    }
}

void haq_build_ints(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                    const int64_t *v, size_t count)
{
    Onnx__AttributeProto *a = attribute(b, n, name, TYPE_INTS);
    if (a) {
        a->n_ints = count;
        a->ints = take(b, haq_arena_copy(&b->arena, v, count * sizeof *v));
    }
}

void haq_build_tensor(struct haq_build *b, const char *name,
                      enum haq_dtype dtype, const struct haq_shape *shape,
                      const void *data)
{
    Onnx__TensorProto *t = take(b, haq_arena_alloc(&b->arena, sizeof *t));
    Onnx__TensorProto **list =
        grow(b, b->tensor, b->n_tensors, &b->cap_tensors);
    size_t count, rank = (size_t)shape->rank;
    if (b->failed || !haq_shape_count(shape, &count)) {
        b->failed = true;
        return;
    }
    b->tensor = list;
    onnx__tensor_proto__init(t);
    t->name = text(b, name);
    t->n_dims = rank;
    t->dims = take(
        b, haq_arena_copy(&b->arena, shape->dims, rank * sizeof *shape->dims));
    t->has_data_type = 1;
    t->data_type = haq_dtype_info(dtype)->onnx;
    t->has_raw_data = 1;
    t->raw_data.len = count * haq_dtype_info(dtype)->bytes;
    t->raw_data.data =
        take(b, haq_arena_copy(&b->arena, data, t->raw_data.len));
    b->tensor[b->n_tensors++] = t;
}

const char *haq_build_scalar(struct haq_build *b, const char *stem,
                             enum haq_dtype dtype, const void *value)
{
    const char *name = haq_build_name(b, stem, "");
    if (!b->failed)
        haq_build_tensor(b, name, dtype, &(struct haq_shape){0}, value);
    return name;
}

const char *haq_build_list(struct haq_build *b, const char *stem,
                           const int64_t *v, size_t count)
{
    const char *name = haq_build_name(b, stem, "");
    struct haq_shape shape = {1, {(int64_t)count}};
    if (!b->failed)
        haq_build_tensor(b, name, HAQ_I64, &shape, v);
    return name;
}

static Onnx__TensorShapeProto *shape_proto(struct haq_build *b,
                                           const struct haq_shape *shape)
{
    size_t rank = (size_t)shape->rank;
    Onnx__TensorShapeProto *s = take(b, haq_arena_alloc(&b->arena, sizeof *s));
    Onnx__Dimension *dims =
        take(b, haq_arena_array(&b->arena, rank, sizeof *dims));
    Onnx__Dimension **list =
        take(b, haq_arena_array(&b->arena, rank, sizeof(void *)));
    if (b->failed)
        return NULL;
    onnx__tensor_shape_proto__init(s);
    s->n_dim = rank;
    s->dim = list;
    for (size_t i = 0; i < rank; i++) {
        onnx__dimension__init(&dims[i]);
        list[i] = &dims[i];
        dims[i].has_dim_value = shape->dims[i] >= 0;
        dims[i].dim_value = shape->dims[i];
        if (shape->dims[i] == -1)
            dims[i].dim_param = text(b, "N");
    }
    return s;
}

void haq_build_value(struct haq_build *b, bool output, const char *name,
                     enum haq_dtype dtype, const struct haq_shape *shape)
{
    struct {
        Onnx__ValueInfoProto info;
        Onnx__TypeProto type;
        Onnx__TensorTypeProto tensor;
    } *v = take(b, haq_arena_alloc(&b->arena, sizeof *v));
    size_t *n = output ? &b->n_out : &b->n_in;
    Onnx__ValueInfoProto ***list = output ? &b->out : &b->in;
    size_t cap = *n;
    void *grown = grow(b, *list, *n, &cap);
    if (b->failed)
        return;
    *list = grown;
    onnx__value_info_proto__init(&v->info);
    onnx__type_proto__init(&v->type);
    onnx__tensor_type_proto__init(&v->tensor);
    v->tensor.has_elem_type = 1;
    v->tensor.elem_type = haq_dtype_info(dtype)->onnx;
    v->tensor.shape = shape_proto(b, shape);
    v->type.tensor_type = &v->tensor;
    v->info.type = &v->type;
    v->info.name = text(b, name);
    (*list)[(*n)++] = &v->info;
}

/* IR version that came with an opset: readers refuse what is newer. */
static int64_t ir_version(int64_t opset)
{
    return opset < 15 ? 7 : opset < 19 ? 8 : opset < 21 ? 9 : 10;
}

haq_status haq_build_write(struct haq_build *b, const char *path,
                           struct haq_diag *d)
{
    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *sets[] = {&set};
    char empty[] = "", name[] = "haqfleet", version[] = HAQ_VERSION;
    uint8_t *bytes = NULL;
    haq_status s;

    if (b->failed)
        return haq_fail(d, HAQ_NOMEM, "model for %s", path);
    set.domain = empty;
    set.has_version = 1;
    set.version = b->opset;
    g.name = name;
    g.n_node = b->n_nodes, g.node = b->node;
    g.n_initializer = b->n_tensors, g.initializer = b->tensor;
    g.n_input = b->n_in, g.input = b->in;
    g.n_output = b->n_out, g.output = b->out;
    m.has_ir_version = 1;
    m.ir_version = ir_version(b->opset);
    m.producer_name = name;
    m.producer_version = version;
    m.graph = &g;
    m.n_opset_import = 1;
    m.opset_import = sets;

    size_t len = onnx__model_proto__get_packed_size(&m);
    bytes = malloc(len);
    if (!bytes)
        return haq_fail(d, HAQ_NOMEM, "%zu bytes for %s", len, path);
    onnx__model_proto__pack(&m, bytes);
    s = haq_file_write(path, bytes, len, d);
    free(bytes);
    return s;
}
