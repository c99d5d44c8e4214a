#include "profilers/builtin.h"

#include "base/status_macros.h"
#include "profilers/onednn/cpu_profiler.h"
#include "profilers/simulated/simulated_profiler.h"

namespace halftone {

absl::Status RegisterBuiltinProfilers(ProfilerRegistry& registry, CostCache* cache) {
  ProfilerRegistry::Target cpu;
  cpu.name = "cpu";
  cpu.description = "this machine's processor, measured with oneDNN's kernels";
  cpu.create = [cache] { return MakeCpuProfiler(cache); };
  HT_RETURN_IF_ERROR(registry.Register(std::move(cpu)));
  return RegisterSimulatedProfilers(registry);
}

}  // namespace halftone
