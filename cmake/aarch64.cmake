# Cross build for 64-bit Arm with Debian's gcc-aarch64-linux-gnu.  Programs are
# static and run under qemu-user, which has every extension of its "max" CPU;
# HAQ_QEMU_CPU chooses a lesser one.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(HAQ_QEMU_CPU max CACHE STRING "CPU that qemu-aarch64 plays in tests")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HAQ_QEMU_CPU)
find_program(HAQ_QEMU qemu-aarch64)
if(HAQ_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${HAQ_QEMU};-cpu;${HAQ_QEMU_CPU}")
endif()
