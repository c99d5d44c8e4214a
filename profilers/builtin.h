#ifndef HALFTONE_PROFILERS_BUILTIN_H_
#define HALFTONE_PROFILERS_BUILTIN_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "profilers/cost_profiler.h"
#include "profilers/target_file.h"

namespace halftone {

// The target that is measured here, on this processor.
inline constexpr char kCpuTarget[] = "cpu";

// `cpu` and the accelerators of the catalogue. `cache` keeps what was measured on the CPU; it may
// be null and must outlive the registry.
absl::Status RegisterBuiltinProfilers(ProfilerRegistry& registry, CostCache* cache);

// The target that a file describes: a cost table where it is CSV or JSON with "layers", else an
// accelerator, which alone may have parameters ("rows=16"). INVALID_ARGUMENT names the file and
// what is wrong in it.
absl::StatusOr<std::unique_ptr<CostProfiler>> MakeDescribedProfiler(
    const TargetFile& file, absl::string_view parameters = "");

// Makes files of this machine targets by their paths, .json and .csv. Not for servers: what their
// clients name must not be read from their disks.
absl::Status RegisterTargetFiles(ProfilerRegistry& registry);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_BUILTIN_H_
