#ifndef HALFTONE_SEARCH_SENSITIVITY_DERIVATIVE_PASS_H_
#define HALFTONE_SEARCH_SENSITIVITY_DERIVATIVE_PASS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// One pass of the float network over the data, forward and backward: the derivatives of its output
// along one random cotangent (OutputCotangents), whose squares are in expectation what small errors
// of a value do to the output. Deterministic, whatever the batch. Not thread-safe.
class DerivativePass {
 public:
  using Outputs = std::vector<std::pair<std::string, ValueId>>;
  // Adds what is to be read to the outputs of the program, given the derivatives with respect to
  // `values`, in their order.
  using Append = std::function<absl::Status(
      LoweredGraph& lowered, const std::vector<ValueId>& derivatives, Outputs& outputs)>;

  // `values`: their names in the graphs that Bind makes. Borrows network and data.
  DerivativePass(const PreparedNetwork& network, const Dataset& data,
                 std::vector<std::string> values, Append append);
  // What it holds with batches of that size at most, in bytes.
  struct Memory {
    double constants = 0, activations = 0;
  };
  absl::StatusOr<Memory> Estimate(int64_t batch);
  // Before Run: the samples that it computes at once. Errors name what has no derivative.
  absl::StatusOr<int64_t> Compile();
  // `visit` reads the outputs of each batch, of which the first `valid` samples count.
  using Visit = std::function<absl::Status(BatchRunner& runner, int64_t valid)>;
  absl::Status Run(const Progress& progress, const Visit& visit);

 private:
  absl::StatusOr<Program> Build(int64_t batch);

  const PreparedNetwork& network_;
  const Dataset& data_;
  const std::vector<std::string> values_;
  const Append append_;
  Graph graph_;
  std::optional<OutputCotangents> cotangents_;
  FittedProgram fitted_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_DERIVATIVE_PASS_H_
