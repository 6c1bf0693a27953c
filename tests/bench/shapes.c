#include "tests/bench/bench.h"

#define PRODUCT(M, N, K, c)                                                    \
    {                                                                          \
        .name = #M "x" #N "x" #K, .m = M, .n = N, .k = K, .cold = c            \
    }
#define CONV(text, hw, ci, co, kern, str, dw)                                  \
    {                                                                          \
        .name = text, .m = (((hw)-1) / (str) + 1) * (((hw)-1) / (str) + 1),    \
        .n = co, .k = (kern) * (kern) * ((dw) ? 1 : (ci)), .is_conv = true,    \
        .conv = {                                                              \
            hw,                                                                \
            ci,                                                                \
            co,                                                                \
            kern,                                                              \
            str,                                                               \
            (kern) / 2,                                                        \
            dw                                                                 \
        }                                                                      \
    }

static const struct bench_shape shapes[] = {
    PRODUCT(128, 768, 768, false),
    PRODUCT(128, 3072, 768, false),
    PRODUCT(512, 512, 512, false),
    PRODUCT(1024, 1024, 1024, false),
    PRODUCT(1, 1024, 1024, false),
    PRODUCT(1, 4096, 4096, false),
    {.name = "1x4096x4096 cold", .m = 1, .n = 4096, .k = 4096, .cold = true},
    {.name = "1x11008x4096 cold", .m = 1, .n = 11008, .k = 4096, .cold = true},
    CONV("conv1 7x7s2 3->64 @224", 224, 3, 64, 7, 2, false),
    CONV("3x3 56x56x64->64", 56, 64, 64, 3, 1, false),
    CONV("3x3 28x28x128->128", 28, 128, 128, 3, 1, false),
    CONV("3x3 14x14x256->256", 14, 256, 256, 3, 1, false),
    CONV("3x3 7x7x512->512", 7, 512, 512, 3, 1, false),
    CONV("1x1 56x56x64->256", 56, 64, 256, 1, 1, false),
    CONV("1x1 14x14x1024->256", 14, 1024, 256, 1, 1, false),
    CONV("1x1 14x14x384->64", 14, 384, 64, 1, 1, false),
    CONV("dw3x3 112x112x32", 112, 32, 32, 3, 1, true),
    CONV("dw3x3 14x14x384", 14, 384, 384, 3, 1, true),
    CONV("dw3x3s2 112x112x96", 112, 96, 96, 3, 2, true),
    CONV("3x3 32x32x16->16", 32, 16, 16, 3, 1, false),
    CONV("3x3 8x8x64->64", 8, 64, 64, 3, 1, false),
};

const struct bench_format bench_formats[] = {
    {"fp32", NULL, true, true},        {"int8", "int8", true, true},
    {"W6", "int6", false, true},       {"W5", "int5", false, false},
    {"W4", "int4", true, true},        {"W3", "int3", false, true},
    {"W2", "int2", true, true},        {"ternary", "ternary", false, true},
    {"binary", "binary", false, true}, {0},
};

const struct bench_shape *bench_shapes(size_t *count)
{
    *count = sizeof shapes / sizeof *shapes;
    return shapes;
}

double bench_ops(const struct bench_shape *s)
{
    return 2.0 * (double)s->m * (double)s->n * (double)s->k;
}
