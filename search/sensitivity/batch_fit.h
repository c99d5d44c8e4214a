#ifndef HALFTONE_SEARCH_SENSITIVITY_BATCH_FIT_H_
#define HALFTONE_SEARCH_SENSITIVITY_BATCH_FIT_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "nn/engine/executor.h"
#include "nn/engine/program.h"
#include "search/sensitivity/methods.h"

namespace halftone {

struct FittedProgram {
  int64_t batch = 1;
  std::shared_ptr<const Executable> executable;
};

// Compiles what `build` makes for a batch: for as many samples as the request asks for, and for
// fewer where a session would hold more than 768 MiB (unless the file fixes the batch). `build` is
// called last with the batch that is returned.
absl::StatusOr<FittedProgram> FitBatch(
    const SensitivityRequest& request,
    const std::function<absl::StatusOr<Program>(int64_t batch)>& build);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_BATCH_FIT_H_
