/* Tile registers: four products of full tiles a turn. */
#include <immintrin.h>
#include <string.h>

#include "kernels/peak_priv.h"

enum { ROWS = 16, LINE = 64, ACCUMULATORS = 4, TILES = 8 };

/* Palette 1: every tile has 16 rows of 64 bytes. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static double total(int32_t sums[ROWS][ROWS])
{
    double all = 0;
    for (int i = 0; i < ROWS * ROWS; i++)
        all += sums[i / ROWS][i % ROWS];
    return all;
}

void haq_peak_dot_avx512amx(struct haq_peak_work *done, size_t turns)
{
    char three[ROWS][LINE], minus_two[ROWS][LINE];
    int32_t sums[ACCUMULATORS][ROWS][ROWS];
    struct tile_config config = {.palette = 1};

    for (int i = 0; i < TILES; i++)
        config.row_bytes[i] = LINE, config.rows[i] = ROWS;
    memset(three, 3, sizeof three);
    memset(minus_two, -2, sizeof minus_two);
    /* The compiler thinks that 8 bytes of it are read. */
    __asm__ volatile("" : "+m"(config));
    _tile_loadconfig(&config);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, three, LINE);
    _tile_loadd(5, three, LINE);
    _tile_loadd(6, minus_two, LINE);
    _tile_loadd(7, minus_two, LINE);
    for (size_t i = 0; i < turns; i++) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_stored(0, sums[0], LINE);
    _tile_stored(1, sums[1], LINE);
    _tile_stored(2, sums[2], LINE);
    _tile_stored(3, sums[3], LINE);
    _tile_release();
    done->ops = 2.0 * ROWS * ROWS * LINE * ACCUMULATORS * (double)turns;
    done->sum = 0;
    for (int i = 0; i < ACCUMULATORS; i++)
        done->sum += total(sums[i]);
}
