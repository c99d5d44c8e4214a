#ifndef HALFTONE_BASE_TARGET_CLONES_H_
#define HALFTONE_BASE_TARGET_CLONES_H_

// Compiles a function of plain loops once more for processors with AVX2 and with AVX-512 (the
// levels of the x86-64 ABI: a model such as "haswell" would leave other makers out), chosen when
// the program is loaded. Sanitizers do not support the resolver functions that this makes.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HT_TARGET_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define HT_TARGET_CLONES
#endif

#endif  // HALFTONE_BASE_TARGET_CLONES_H_
