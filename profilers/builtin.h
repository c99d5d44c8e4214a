#ifndef HALFTONE_PROFILERS_BUILTIN_H_
#define HALFTONE_PROFILERS_BUILTIN_H_

#include "absl/status/status.h"
#include "profilers/cost_profiler.h"

namespace halftone {

// `cpu`, the accelerators of the catalogue, and .json files that describe others. `cache` keeps what
// was measured on the CPU; it may be null and must outlive the registry.
absl::Status RegisterBuiltinProfilers(ProfilerRegistry& registry, CostCache* cache);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_BUILTIN_H_
