#include "hwprofiles/arm_cores.h"

enum {
    ARM = 0x41,
    CAVIUM = 0x43,
    AMPERE = 0xc0,
    QUALCOMM = 0x51,
    APPLE = 0x61
};

/* Main ID Register, implementer and part number; the numbers stand in each
 * core's technical reference manual and in Linux, arch/arm64/include/asm/
 * cputype.h. */
static const struct {
    unsigned implementer, part;
    const char *name;
} cores[] = {
    {ARM, 0xd03, "Cortex-A53"},        {ARM, 0xd04, "Cortex-A35"},
    {ARM, 0xd05, "Cortex-A55"},        {ARM, 0xd07, "Cortex-A57"},
    {ARM, 0xd08, "Cortex-A72"},        {ARM, 0xd09, "Cortex-A73"},
    {ARM, 0xd0a, "Cortex-A75"},        {ARM, 0xd0b, "Cortex-A76"},
    {ARM, 0xd0c, "Neoverse-N1"},       {ARM, 0xd0d, "Cortex-A77"},
    {ARM, 0xd40, "Neoverse-V1"},       {ARM, 0xd41, "Cortex-A78"},
    {ARM, 0xd44, "Cortex-X1"},         {ARM, 0xd46, "Cortex-A510"},
    {ARM, 0xd47, "Cortex-A710"},       {ARM, 0xd48, "Cortex-X2"},
    {ARM, 0xd49, "Neoverse-N2"},       {ARM, 0xd4d, "Cortex-A715"},
    {ARM, 0xd4e, "Cortex-X3"},         {ARM, 0xd4f, "Neoverse-V2"},
    {ARM, 0xd80, "Cortex-A520"},       {ARM, 0xd81, "Cortex-A720"},
    {CAVIUM, 0x0af, "ThunderX2"},      {AMPERE, 0xac3, "Ampere-1"},
    {QUALCOMM, 0x001, "Oryon"},        {APPLE, 0x022, "Apple Icestorm"},
    {APPLE, 0x023, "Apple Firestorm"},
};

const char *haq_arm_core_name(unsigned implementer, unsigned part,
                              struct haq_arena *a)
{
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
        if (cores[i].implementer == implementer && cores[i].part == part)
            return cores[i].name;
    return haq_arena_printf(a, "Arm part 0x%02x:0x%03x", implementer, part);
}
