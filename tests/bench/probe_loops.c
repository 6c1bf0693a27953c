#include "tests/bench/probe_loops.h"

#include <stdint.h>
#include <string.h>

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHAINS = 14, TURNS = 20000, TILE_TURNS = 2000 };
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/* Keep a value, and the chain that made it, alive. */
#define KEEP(v) __asm__ volatile("" : "+v"(v))

__attribute__((target("avx512f"))) static double fma_avx512(void)
{
    __m512 sum[CHAINS], x = _mm512_set1_ps(0.5f);
    for (int c = 0; c < CHAINS; c++)
        sum[c] = _mm512_set1_ps((float)c);
    for (int i = 0; i < TURNS; i++)
        for (int c = 0; c < CHAINS; c++)
            sum[c] = _mm512_fmadd_ps(sum[c], x, x);
    for (int c = 0; c < CHAINS; c++)
        KEEP(sum[c]);
    return 2.0 * 16 * CHAINS * TURNS;
}

__attribute__((target("avx2,fma"))) static double fma_avx2(void)
{
    __m256 sum[CHAINS], x = _mm256_set1_ps(0.5f);
    for (int c = 0; c < CHAINS; c++)
        sum[c] = _mm256_set1_ps((float)c);
    for (int i = 0; i < TURNS; i++)
        for (int c = 0; c < CHAINS; c++)
            sum[c] = _mm256_fmadd_ps(sum[c], x, x);
    for (int c = 0; c < CHAINS; c++)
        KEEP(sum[c]);
    return 2.0 * 8 * CHAINS * TURNS;
}

double bench_loop_fma(void)
{
    return __builtin_cpu_supports("avx512f") ? fma_avx512()
           : __builtin_cpu_supports("avx2")  ? fma_avx2()
                                             : 0;
}

__attribute__((target("avx512f,avx512vnni"))) static double dot_avx512(void)
{
    __m512i sum[CHAINS], x = _mm512_set1_epi8(3), w = _mm512_set1_epi8(-2);
    for (int c = 0; c < CHAINS; c++)
        sum[c] = _mm512_set1_epi32(c);
    for (int i = 0; i < TURNS; i++) {
        KEEP(x);
        for (int c = 0; c < CHAINS; c++)
            sum[c] = _mm512_dpbusd_epi32(sum[c], x, w);
    }
    for (int c = 0; c < CHAINS; c++)
        KEEP(sum[c]);
    return 2.0 * 64 * CHAINS * TURNS;
}

double bench_loop_dot(void)
{
    return __builtin_cpu_supports("avx512vnni") ? dot_avx512() : 0;
}

bool bench_tiles_allowed(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 25 & 1))
        return false;
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

/* Palette 1: every tile has 16 rows of 64 bytes. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

__attribute__((target("amx-tile,amx-int8"))) static double tiles(void)
{
    static const uint8_t zeros[16 * 64];
    struct tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++)
        config.row_bytes[i] = 64, config.rows[i] = 16;
    /* The compiler thinks that 8 bytes of it are read. */
    __asm__ volatile("" : "+m"(config));
    _tile_loadconfig(&config);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, zeros, 64);
    _tile_loadd(5, zeros, 64);
    _tile_loadd(6, zeros, 64);
    _tile_loadd(7, zeros, 64);
    for (int i = 0; i < TILE_TURNS; i++) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_release();
    return 2.0 * 16 * 16 * 64 * 4 * TILE_TURNS;
}

double bench_loop_tiles(void)
{
    return bench_tiles_allowed() ? tiles() : 0;
}
#else
double bench_loop_fma(void)
{
    return 0;
}
double bench_loop_dot(void)
{
    return 0;
}
double bench_loop_tiles(void)
{
    return 0;
}
bool bench_tiles_allowed(void)
{
    return false;
}
#endif

/* Vectors of the compiler, of the size of a cache line. */
typedef uint64_t line __attribute__((vector_size(64)));

static inline void read_streams(const void *data, size_t bytes, size_t streams)
{
    size_t part = bytes / streams / sizeof(line);
    const line *from = data;
    line sum[4] = {{0}};

    if (streams == 4)
        for (size_t i = 0; i < part; i++)
            for (size_t s = 0; s < 4; s++)
                sum[s] ^= from[s * part + i];
    else
        for (size_t i = 0; i + 4 <= part; i += 4)
            for (size_t s = 0; s < 4; s++)
                sum[s] ^= from[i + s];
    sum[0] ^= sum[1] ^ sum[2] ^ sum[3];
    __asm__ volatile("" : : "m"(sum[0]));
}

#if defined __x86_64__
__attribute__((target("avx512f"))) static void
read_avx512(const void *data, size_t bytes, size_t streams)
{
    read_streams(data, bytes, streams);
}

__attribute__((target("avx2"))) static void
read_avx2(const void *data, size_t bytes, size_t streams)
{
    read_streams(data, bytes, streams);
}

void bench_loop_read(const void *data, size_t bytes, size_t streams)
{
    if (__builtin_cpu_supports("avx512f"))
        read_avx512(data, bytes, streams);
    else if (__builtin_cpu_supports("avx2"))
        read_avx2(data, bytes, streams);
    else
        read_streams(data, bytes, streams);
}
#else
void bench_loop_read(const void *data, size_t bytes, size_t streams)
{
    read_streams(data, bytes, streams);
}
#endif
