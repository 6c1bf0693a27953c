/* Best times of the best libraries with low-bit weights, which no distribution
 * packages, in us: part 2 of the project's anchors (Cascade Lake, two cores).
 * What is quoted against them is scaled by what limits the work: the rate of
 * int8 dot products, or of reads from memory, there and here. */
#include <string.h>

#include "tests/bench/figures.h"

static const struct {
    const char *shape, *format;
    double us[2]; /* one thread, two */
} anchors[] = {
    {"1x4096x4096", "W4", {665.4, 347.1}},
    {"1x4096x4096", "W2", {531.6, 281.5}},
    {"1x4096x4096", "ternary", {447.6, 309.8}},
    {"1x4096x4096", "binary", {1021.1, 635.8}},
    {"1x4096x4096 cold", "W4", {1103.6, 614.9}},
    {"1x4096x4096 cold", "W2", {717.6, 386.7}},
    {"1x4096x4096 cold", "ternary", {643.4, 347.3}},
    {"1x4096x4096 cold", "binary", {1031.6, 556.9}},
    {"1x11008x4096 cold", "W4", {2966.6, 1670.7}},
    {"1x11008x4096 cold", "W2", {1898.6, 996.3}},
    {"1x11008x4096 cold", "ternary", {1705.7, 1028.8}},
    {"1x11008x4096 cold", "binary", {2791.2, 1812.4}},
    {"1x1024x1024", "W4", {35.9, 27.7}},
    {"1x1024x1024", "W2", {44.9, 22.3}},
    {"1x1024x1024", "ternary", {27.6, 24.2}},
    {"1x1024x1024", "binary", {75.4, 41.6}},
    {"128x768x768", "W4", {1113.6, 775}},
    {"128x768x768", "W2", {1122.8, 949.4}},
    {"128x768x768", "ternary", {876.8, 1632.3}},
    {"128x768x768", "binary", {5770.9, 3002.6}},
    {"128x3072x768", "W4", {4367.9, 2985.8}},
    {"128x3072x768", "W2", {4511.6, 3739.3}},
    {"128x3072x768", "ternary", {3484, 5956.2}},
    {"128x3072x768", "binary", {22847.9, 11587}},
    {"512x512x512", "W4", {1725.8, 1506.8}},
    {"512x512x512", "W2", {1732.4, 1804.8}},
    {"512x512x512", "ternary", {1820.5, 3356.3}},
    {"512x512x512", "binary", {11322.4, 5936.5}},
    {"1024x1024x1024", "W4", {13078.7, 11300.4}},
    {"1024x1024x1024", "W2", {13018.9, 13868.1}},
    {"1024x1024x1024", "ternary", {12278.6, 21748.8}},
    {"1024x1024x1024", "binary", {76007.8, 40070.9}},
};

/* GOP/s of vpdpbusd and GB/s of four streams, on that machine. */
static const double dot_there[2] = {606.6, 1210};
static const double dram_there[2] = {13.0, 25.0};

double bench_anchor_us(const struct bench_work *w, size_t threads,
                       const double limit[BENCH_LIMITS])
{
    if (threads < 1 || threads > 2)
        return 0;
    double scale = w->shape->cold ? dram_there[threads - 1] / limit[BENCH_DRAM4]
                                  : dot_there[threads - 1] / limit[BENCH_DOT];
    for (size_t i = 0; i < sizeof anchors / sizeof *anchors; i++)
        if (!strcmp(anchors[i].shape, w->shape->name) &&
            !strcmp(anchors[i].format, w->format->name))
            return anchors[i].us[threads - 1] * scale;
    return 0;
}
