# Kernels of one instruction set are compiled with a floor (what they may use)
# and a ceiling (what they must not), so that a build with -march=native cannot
# put AVX-512 into a row that the table calls AVX2.  Everything else in kernels/
# is compiled with the flags of the whole tree.
# Traps are not used; without this flag the compiler may not choose by mask.
set(HAQ_OPT -O3 -fopenmp-simd -fno-trapping-math)
if(HAQ_SANITIZE) # with checks, -O3 takes minutes for a file of kernels
    set(HAQ_OPT -O1 -fopenmp-simd -fno-trapping-math)
endif()
set(HAQ_AVX2 ${HAQ_OPT} -mavx2 -mfma -mf16c -mno-avx512f)
set(HAQ_AVX512 ${HAQ_OPT} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
    -mf16c -mprefer-vector-width=512)
# -march is floor and ceiling at once: the last one on a command line counts.
# Scheduling before registers are handed out spills accumulators.
set(HAQ_ARM ${HAQ_OPT} $<$<C_COMPILER_ID:GNU>:-fno-schedule-insns>)
set(HAQ_NEON ${HAQ_ARM} -march=armv8-a)
set(HAQ_DOTPROD ${HAQ_ARM} -march=armv8.2-a+dotprod)
set(HAQ_I8MM ${HAQ_ARM} -march=armv8.2-a+i8mm)

# Bodies shared by several files (*.inc) ask for vectors by OpenMP's simd
# pragma; no OpenMP runtime is linked.
get_target_property(haq_kernels_type haq_kernels TYPE)
if(NOT haq_kernels_type STREQUAL "INTERFACE_LIBRARY")
    # A loop that a compiler cannot turn into vectors is slower, not wrong.
    target_compile_options(haq_kernels PRIVATE -fopenmp-simd
        $<$<C_COMPILER_ID:Clang>:-Wno-pass-failed>)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
        target_compile_definitions(haq_kernels PRIVATE HAQ_ARCH_X86)
        foreach(isa avx2 avx512 avx512vnni avx512amx)
            file(GLOB haq_rows_${isa} CONFIGURE_DEPENDS
                ${CMAKE_CURRENT_LIST_DIR}/x86/*_${isa}.c)
        endforeach()
        haq_isa_sources(haq_kernels "${HAQ_AVX2}" ${haq_rows_avx2})
        haq_isa_sources(haq_kernels "${HAQ_AVX512};-mno-avx512vnni"
            ${haq_rows_avx512})
        haq_isa_sources(haq_kernels "${HAQ_AVX512};-mavx512vnni"
            ${haq_rows_avx512vnni})
        haq_isa_sources(haq_kernels
            "${HAQ_AVX512};-mavx512vnni;-mamx-tile;-mamx-int8"
            ${haq_rows_avx512amx})
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        target_compile_definitions(haq_kernels PRIVATE HAQ_ARCH_ARM)
        foreach(isa neon dotprod i8mm)
            file(GLOB haq_rows_${isa} CONFIGURE_DEPENDS
                ${CMAKE_CURRENT_LIST_DIR}/arm/*_${isa}.c)
        endforeach()
        haq_isa_sources(haq_kernels "${HAQ_NEON}" ${haq_rows_neon})
        haq_isa_sources(haq_kernels "${HAQ_DOTPROD}" ${haq_rows_dotprod})
        haq_isa_sources(haq_kernels "${HAQ_I8MM}" ${haq_rows_i8mm})
    endif()
endif()
