#include "graph/onnx_import.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "graph/fold.h"
#include "graph/onnx_node_priv.h"
#include "graph/pass.h"

enum {
    NODES_MAX = 1 << 17,
    TENSORS_MAX = 1 << 19,
    ARITY_MAX = 1 << 12,
    OPSET_MIN = 9,
    OPSET_MAX = 21,
};

struct importer {
    struct haq_graph *g;
    const struct haq_onnx_file *file;
    const struct haq_import_options *opt;
    struct haq_map names;   /* tensor name -> value index + 1 */
    const char *batch_name; /* dim_param of the first dimension, or NULL */
    struct haq_diag *d;
};

/* ---- names -------------------------------------------------------------- */

static int lookup(const struct importer *im, const char *name)
{
    return (int)(intptr_t)haq_map_get(&im->names, name) - 1;
}

/* A new value under a name of the file; HAQ_FORMAT when it is taken. */
static haq_status declare(struct importer *im, const char *name,
                          enum haq_dtype dtype, const struct haq_shape *shape,
                          int *out)
{
    if (!name || !haq_onnx_name_ok(name))
        return haq_fail(im->d, HAQ_FORMAT,
                        "a tensor has a name that is empty, too long or not "
                        "text");
    if (haq_map_has(&im->names, name))
        return haq_fail(im->d, HAQ_FORMAT, "two tensors are called '%.200s'",
                        name);
    if (im->g->n_values >= TENSORS_MAX)
        return haq_fail(im->d, HAQ_UNSUPPORTED, "more than %d tensors",
                        TENSORS_MAX);
    *out = haq_graph_add_value(im->g, name, dtype, shape);
    if (*out < 0 || !haq_map_put(&im->names, im->g->values[*out].name,
                                 (void *)(intptr_t)(*out + 1)))
        return haq_fail(im->d, HAQ_NOMEM, "tensor '%.200s'", name);
    return HAQ_OK;
}

static haq_status declare_tensor(struct importer *im, const char *name,
                                 const Onnx__TensorProto *t)
{
    struct haq_onnx_tensor r;
    int v = -1;
    haq_status s;

    if (!name || !haq_onnx_name_ok(name))
        return haq_fail(im->d, HAQ_FORMAT,
                        "a tensor has a name that is empty, too long or not "
                        "text");
    s = haq_onnx_tensor_read(&r, im->file, t, name, &im->g->arena, im->d);
    if (!s)
        s = declare(im, name, r.dtype, &r.shape, &v);
    if (!s)
        im->g->values[v].data = r.data;
    return s;
}

/* ---- what is refused as a whole ------------------------------------------ */

static bool own_domain(const char *domain)
{
    return !domain || !*domain || !strcmp(domain, "ai.onnx");
}

static haq_status check_opset(struct importer *im)
{
    const Onnx__ModelProto *m = im->file->model;

    for (size_t i = 0; i < m->n_opset_import; i++)
        if (own_domain(m->opset_import[i]->domain))
            im->g->opset = m->opset_import[i]->version;
    if (im->g->opset < OPSET_MIN || im->g->opset > OPSET_MAX)
        return haq_fail(im->d, HAQ_INVALID,
                        "opset %lld (opsets %d to %d can be read)",
                        (long long)im->g->opset, OPSET_MIN, OPSET_MAX);
    if (m->graph->n_sparse_initializer)
        return haq_fail(im->d, HAQ_UNSUPPORTED, "it has sparse initializers");
    if (m->graph->n_node > NODES_MAX)
        return haq_fail(im->d, HAQ_UNSUPPORTED, "more than %d nodes",
                        NODES_MAX);
    return HAQ_OK;
}

static haq_status count_unknown(struct importer *im, struct haq_map *count,
                                struct haq_arena *names)
{
    const Onnx__GraphProto *p = im->file->model->graph;

    for (size_t i = 0; i < p->n_node; i++) {
        const char *type = p->node[i]->op_type, *domain = p->node[i]->domain;
        if (!type || !haq_onnx_name_ok(type))
            return haq_fail(im->d, HAQ_FORMAT, "node %zu has no operator", i);
        if (own_domain(domain) && haq_op_find(type))
            continue;
        const char *full = own_domain(domain)
                               ? type
                               : haq_arena_printf(names, "%s.%s", domain, type);
        intptr_t n = full ? (intptr_t)haq_map_get(count, full) : 0;
        if (!full || !haq_map_put(count, full, (void *)(n + 1)))
            return haq_fail(im->d, HAQ_NOMEM, "operator '%.100s'", type);
    }
    return HAQ_OK;
}

/* All operators we lack, at once. */
static haq_status check_operators(struct importer *im)
{
    struct haq_arena names;
    struct haq_map count;
    struct haq_buf list;
    haq_status s;

    haq_arena_init(&names);
    haq_map_init(&count);
    haq_buf_init(&list);
    if ((s = count_unknown(im, &count, &names)) || !count.len)
        goto done;
    for (size_t i = 0; i < count.len; i++) {
        if (list.len > 240) {
            haq_buf_printf(&list, " and %zu more", count.len - i);
            break;
        }
        haq_buf_printf(&list, "%s%.60s x%ld", i ? ", " : "",
                       count.entries[i].key,
                       (long)(intptr_t)count.entries[i].value);
    }
    s = haq_fail(im->d, HAQ_UNSUPPORTED, "unsupported operators: %s",
                 list.data ? list.data : "");
done:
    haq_buf_fini(&list);
    haq_map_fini(&count);
    haq_arena_fini(&names);
    return s;
}

/* ---- graph inputs -------------------------------------------------------- */

/* Size given for a symbolic dimension, or 0. */
static int64_t bound_size(const struct importer *im, const char *name)
{
    for (size_t i = 0; i < im->opt->n_dims && name; i++)
        if (!strcmp(im->opt->dims[i].name, name))
            return im->opt->dims[i].size;
    if (name && im->batch_name && !strcmp(name, im->batch_name))
        return im->opt->batch ? im->opt->batch : 1;
    return 0;
}

static haq_status read_dim(struct importer *im, const char *input,
                           const Onnx__Dimension *dim, int axis, int64_t *out)
{
    const char *name = dim->dim_param && haq_onnx_name_ok(dim->dim_param)
                           ? dim->dim_param
                           : NULL;

    *out = dim->has_dim_value && dim->dim_value > 0 ? dim->dim_value : 0;
    if (!*out)
        *out = bound_size(im, name);
    if (!*out && axis == 0) {
        *out = im->opt->batch ? im->opt->batch : 1;
        im->batch_name = im->batch_name ? im->batch_name : name;
    }
    if (*out < 1 && name)
        return haq_fail(im->d, HAQ_INVALID,
                        "input '%.100s': dimension %d ('%.60s') has no size; "
                        "give it with --dim %.60s=N",
                        input, axis, name, name);
    if (*out < 1)
        return haq_fail(im->d, HAQ_INVALID,
                        "input '%.100s': dimension %d has neither size nor "
                        "name",
                        input, axis);
    return HAQ_OK;
}

static haq_status read_input(struct importer *im,
                             const Onnx__ValueInfoProto *info)
{
    const Onnx__TensorTypeProto *type =
        info->type ? info->type->tensor_type : NULL;
    const char *name = info->name ? info->name : "";
    struct haq_shape shape = {0};
    size_t count;
    int v, dtype = type ? haq_onnx_dtype(type->elem_type) : -1;
    haq_status s;

    if (dtype < 0 || !type->shape || type->shape->n_dim > HAQ_MAX_RANK)
        return haq_fail(im->d, HAQ_UNSUPPORTED,
                        "input '%.100s' has no shape or a type that cannot be "
                        "fed",
                        name);
    shape.rank = (int)type->shape->n_dim;
    for (int i = 0; i < shape.rank; i++)
        if ((s = read_dim(im, name, type->shape->dim[i], i, &shape.dims[i])))
            return s;
    if (!haq_shape_count(&shape, &count))
        return haq_fail(im->d, HAQ_FORMAT, "input '%.100s' is too large", name);
    if ((s = declare(im, info->name, (enum haq_dtype)dtype, &shape, &v)))
        return s;
    im->g->inputs[im->g->n_inputs++] = v;
    return HAQ_OK;
}

static haq_status read_inputs(struct importer *im)
{
    const Onnx__GraphProto *p = im->file->model->graph;
    struct haq_graph *g = im->g;
    haq_status s = HAQ_OK;

    g->inputs = haq_arena_array(&g->arena, p->n_input, sizeof *g->inputs);
    if (!g->inputs)
        return haq_fail(im->d, HAQ_NOMEM, "%zu inputs", p->n_input);
    for (size_t i = 0; i < p->n_initializer && !s; i++)
        s = declare_tensor(im, p->initializer[i]->name, p->initializer[i]);
    for (size_t i = 0; i < p->n_input && !s; i++) {
        /* Before IR version 4 initializers are listed as inputs too. */
        const char *name = p->input[i]->name;
        int v = name ? lookup(im, name) : -1;
        if (v < 0 || !g->values[v].data)
            s = read_input(im, p->input[i]);
    }
    if (!s && !g->n_inputs)
        s = haq_fail(im->d, HAQ_INVALID, "it has no inputs");
    if (s)
        return s;
    const struct haq_shape *first = &g->values[g->inputs[0]].shape;
    g->batch = first->rank ? first->dims[0] : 1;
    return HAQ_OK;
}

/* ---- nodes --------------------------------------------------------------- */

static haq_status link_inputs(struct importer *im, const Onnx__NodeProto *p,
                              struct haq_node *n)
{
    for (int k = 0; k < n->n_in; k++) {
        const char *name = p->input[k];
        if (!*name)
            continue;
        n->in[k] = lookup(im, name);
        if (n->in[k] < 0)
            return haq_fail(im->d, HAQ_FORMAT,
                            "node '%.120s' reads '%.120s', which nothing "
                            "before it makes",
                            n->name, name);
    }
    /* Optional inputs at the end may be spelled or left out. */
    while (n->n_in && n->in[n->n_in - 1] == HAQ_NO_VALUE)
        n->n_in--;
    return HAQ_OK;
}

static haq_status link_outputs(struct importer *im, const Onnx__NodeProto *p,
                               int index)
{
    for (int k = 0; k < im->g->nodes[index].n_out; k++) {
        int v = -1;
        haq_status s = declare(im, p->output[k], HAQ_F32, NULL, &v);
        if (s)
            return s;
        im->g->nodes[index].out[k] = v;
        im->g->values[v].producer = index;
    }
    return HAQ_OK;
}

/* Outputs behind the first are statistics, masks and indices for training. */
static haq_status check_outputs(struct importer *im, const Onnx__NodeProto *p,
                                const struct haq_op *op, const char *name)
{
    size_t want = op->n_out == HAQ_OP_ANY ? p->n_output : (size_t)op->n_out;

    if (!p->n_output || p->n_output > ARITY_MAX || p->n_input > ARITY_MAX)
        return haq_fail(im->d, HAQ_FORMAT,
                        "node '%.120s': %s with %zu inputs and %zu outputs",
                        name, op->name, p->n_input, p->n_output);
    for (size_t k = want; k < p->n_output; k++)
        if (*p->output[k] && op->code != HAQ_OP_DROPOUT)
            return haq_fail(im->d, HAQ_UNSUPPORTED,
                            "node '%.120s': output %zu of %s", name, k,
                            op->name);
    return HAQ_OK;
}

/* The rule of haq_node.layer, and finite weights where there are some. */
static haq_status mark_layer(struct importer *im, struct haq_node *n)
{
    const struct haq_graph *g = im->g;
    bool weighted = n->op->flags & HAQ_OP_WEIGHTED;

    if (!weighted && n->op->code != HAQ_OP_BATCH_NORM)
        return HAQ_OK;
    for (int k = 1; k < n->n_in; k++) {
        const struct haq_value *v =
            n->in[k] == HAQ_NO_VALUE ? NULL : &g->values[n->in[k]];
        if (!v || !v->data || v->dtype != HAQ_F32)
            continue;
        haq_status s =
            haq_onnx_check_finite(v->name, v->data, v->count, true, im->d);
        if (s)
            return s;
    }
    const struct haq_value *w = &g->values[n->in[1]];
    if (weighted && w->data &&
        (n->op->code != HAQ_OP_MATMUL || w->shape.rank == 2))
        n->layer = g->values[n->out[0]].name;
    return HAQ_OK;
}

/* Constant nodes never become nodes. */
static haq_status read_constant(struct importer *im, const Onnx__NodeProto *p)
{
    const Onnx__AttributeProto *a =
        p->n_attribute == 1 ? p->attribute[0] : NULL;
    Onnx__TensorProto t = ONNX__TENSOR_PROTO__INIT;
    const char *key = a && a->name ? a->name : "";
    int64_t length, number = a ? a->i : 0;
    float real = a ? a->f : 0;

    if (!strcmp(key, "value") && a->t)
        return declare_tensor(im, p->output[0], a->t);
    if (!strcmp(key, "value_int")) {
        t.data_type = 7, t.int64_data = &number, t.n_int64_data = 1;
    } else if (!strcmp(key, "value_float")) {
        t.data_type = 1, t.float_data = &real, t.n_float_data = 1;
    } else if (!strcmp(key, "value_ints")) {
        t.data_type = 7, t.int64_data = a->ints, t.n_int64_data = a->n_ints;
        t.dims = &length, t.n_dims = 1, length = (int64_t)a->n_ints;
    } else if (!strcmp(key, "value_floats")) {
        t.data_type = 1, t.float_data = a->floats, t.n_float_data = a->n_floats;
        t.dims = &length, t.n_dims = 1, length = (int64_t)a->n_floats;
    } else {
        return haq_fail(im->d, HAQ_UNSUPPORTED,
                        "node '%.120s': Constant without a plain value",
                        p->output[0]);
    }
    return declare_tensor(im, p->output[0], &t);
}

static haq_status read_node(struct importer *im, const Onnx__NodeProto *p)
{
    const struct haq_op *op = haq_op_find(p->op_type);
    const char *name = p->name && haq_onnx_name_ok(p->name) ? p->name
                       : p->n_output                        ? p->output[0]
                                                            : "";
    struct haq_graph *g = im->g;
    bool folded = false;
    haq_status s = check_outputs(im, p, op, name);

    if (s)
        return s;
    if (op->code == HAQ_OP_CONSTANT)
        return read_constant(im, p);
    int i = haq_graph_add_node(g, op, name, (int)p->n_input,
                               op->n_out == HAQ_OP_ANY ? (int)p->n_output
                                                       : op->n_out);
    if (i < 0)
        return haq_fail(im->d, HAQ_NOMEM, "node '%.120s'", name);
    if ((s = link_inputs(im, p, &g->nodes[i])) || (s = link_outputs(im, p, i)))
        return s;
    struct haq_onnx_node c = {
        .g = g, .file = im->file, .proto = p, .index = i, .diag = im->d};
    if ((s = haq_onnx_normalize(&c)) ||
        (s = haq_fold_node(g, i, &folded, im->d)) || folded)
        return s;
    /* Reading may have made it another operator, or several. */
    if ((s = g->nodes[i].op->infer(g, &g->nodes[i], im->d)))
        return s;
    return mark_layer(im, &g->nodes[i]);
}

static haq_status read_outputs(struct importer *im)
{
    const Onnx__GraphProto *p = im->file->model->graph;
    struct haq_graph *g = im->g;

    g->outputs = haq_arena_array(&g->arena, p->n_output, sizeof *g->outputs);
    if (!g->outputs)
        return haq_fail(im->d, HAQ_NOMEM, "%zu outputs", p->n_output);
    for (size_t i = 0; i < p->n_output; i++) {
        const char *name = p->output[i]->name ? p->output[i]->name : "";
        int v = lookup(im, name);
        if (v < 0)
            return haq_fail(im->d, HAQ_FORMAT,
                            "output '%.120s' is made by no node", name);
        if (g->values[v].producer < 0)
            return haq_fail(im->d, HAQ_UNSUPPORTED,
                            "output '%.120s' does not depend on an operator "
                            "and an input",
                            name);
        for (int k = 0; k < g->n_outputs; k++)
            if (g->outputs[k] == v)
                return haq_fail(im->d, HAQ_FORMAT,
                                "output '%.120s' is listed twice", name);
        g->outputs[g->n_outputs++] = v;
    }
    return p->n_output ? HAQ_OK
                       : haq_fail(im->d, HAQ_FORMAT, "it has no outputs");
}

static haq_status read_graph(struct importer *im)
{
    const Onnx__GraphProto *p = im->file->model->graph;
    haq_status s;

    if ((s = check_opset(im)) || (s = check_operators(im)) ||
        (s = read_inputs(im)))
        return s;
    for (size_t i = 0; i < p->n_node && !s; i++)
        s = read_node(im, p->node[i]);
    if (!s && !(s = read_outputs(im)))
        s = haq_graph_rebuild(im->g, im->d);
    return s;
}

static haq_status import(struct haq_graph **out,
                         const struct haq_onnx_file *file,
                         const struct haq_import_options *opt,
                         struct haq_diag *d)
{
    static const struct haq_import_options defaults = {0};
    struct importer im = {.file = file, .opt = opt ? opt : &defaults, .d = d};
    haq_status s;

    haq_map_init(&im.names);
    im.g = haq_graph_new();
    if (!im.g) {
        s = haq_fail(d, HAQ_NOMEM, "a graph");
        goto done;
    }
    memcpy(im.g->model_hash, file->hash, sizeof file->hash);
    if ((s = read_graph(&im)))
        goto done;
    s = im.opt->raw ? haq_graph_verify(im.g, d)
                    : haq_graph_optimize(im.g, !im.opt->keep_nchw, d);
    if (s)
        goto done;
    *out = im.g;
    im.g = NULL; /* now the caller's */
done:
    haq_map_fini(&im.names);
    haq_graph_free(im.g);
    return s;
}

haq_status haq_onnx_load(struct haq_graph **out, const char *path,
                         const struct haq_import_options *opt,
                         struct haq_diag *d)
{
    struct haq_onnx_file file;
    haq_status s = haq_onnx_file_open(&file, path, d);

    if (!s && (s = import(out, &file, opt, d)))
        haq_fail_in(d, s, path);
    haq_onnx_file_fini(&file);
    return s;
}

haq_status haq_onnx_parse(struct haq_graph **out, const char *name,
                          const void *data, size_t len,
                          const struct haq_import_options *opt,
                          struct haq_diag *d)
{
    struct haq_onnx_file file;
    haq_status s = haq_onnx_file_parse(&file, data, len, d);

    if (!s)
        s = import(out, &file, opt, d);
    if (s)
        haq_fail_in(d, s, name);
    haq_onnx_file_fini(&file);
    return s;
}

haq_status haq_onnx_hash(char out[HAQ_HASH_HEX], const char *path,
                         struct haq_diag *d)
{
    struct haq_onnx_file file;
    haq_status s = haq_onnx_file_open(&file, path, d);

    if (!s)
        memcpy(out, file.hash, HAQ_HASH_HEX);
    haq_onnx_file_fini(&file);
    return s;
}
