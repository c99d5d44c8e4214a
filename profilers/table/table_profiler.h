#ifndef HALFTONE_PROFILERS_TABLE_TABLE_PROFILER_H_
#define HALFTONE_PROFILERS_TABLE_TABLE_PROFILER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "profilers/cost_profiler.h"
#include "profilers/target_file.h"

namespace halftone {

// A profiler whose costs are those of a file: CSV, or JSON as `halftone profile --json` prints it
// (docs/targets.md). It is named for the file. It supports the precisions that occur in the file;
// a network must be covered: a (layer, precision) without a row is an error that names it, and so
// are rows of layers that the network does not have, and another batch than the file's. A change
// of precision without a row costs nothing. INVALID_ARGUMENT names the file and the place in it.
absl::StatusOr<std::unique_ptr<CostProfiler>> MakeTableProfiler(const TargetFile& file);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_TABLE_TABLE_PROFILER_H_
