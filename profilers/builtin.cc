#include "profilers/builtin.h"

#include "profilers/simulated/simulated_profiler.h"

namespace halftone {

absl::Status RegisterBuiltinProfilers(ProfilerRegistry& registry, CostCache* cache) {
  return RegisterSimulatedProfilers(registry);
}

}  // namespace halftone
