/* Every row of every kernel table that this machine can run, against the scalar
 * row: test_selfcheck [--isa NAME]. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "tests/kernels/selfcheck/selfcheck.h"

static const struct {
    const char *name;
    selfcheck_table_fn *run;
} tables[] = {
    {"gemm", check_gemm},
    {"gemm_group", check_gemm_group},
    {"panel", check_panel},
    {"dwconv", check_dwconv},
    {"dwconv_f32", check_dwconv_f32},
    {"dwconv_rows", check_dwconv_rows},
    {"epilogue", check_epilogue},
    {"elementwise", check_elementwise},
    {"codewise", check_codewise},
    {"peak", check_peak},
    {"pool", check_pool},
    {"rowsum", check_rowsum},
};

static struct selfcheck check = {.seed = 1};

static void put(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(2);
}

/* A guard page was touched, or the row has an instruction of another set. */
static void on_fault(int signal)
{
    put("  ");
    put(check.row);
    put(": ");
    put(check.where);
    put(signal == SIGILL ? ": not an instruction of this machine\n"
                         : ": touched memory outside of a buffer\n");
    _exit(1);
}

static int usage(void)
{
    fprintf(stderr, "usage: test_selfcheck [--isa NAME]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct haq_diag d;

    check.isa = haq_cpu_isa();
    if (argc != 1 && (argc != 3 || strcmp(argv[1], "--isa")))
        return usage();
    if (argc == 3 && haq_cpu_isa_parse(argv[2], &check.isa, &d)) {
        fprintf(stderr, "%s\n", d.text);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    signal(SIGILL, on_fault);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        printf("%s\n", tables[i].name);
        tables[i].run(&check);
    }
    guard_free(&check.guard);
    printf("%s: %zu rows right, %zu failed, %zu left out\n",
           haq_cpu_isa_name(check.isa), check.rows - check.failed, check.failed,
           check.left_out);
    return check.failed != 0;
}
