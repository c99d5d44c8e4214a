#ifndef HALFTONE_SEARCH_SENSITIVITY_NETWORK_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_NETWORK_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/engine/executor.h"
#include "nn/engine/lower.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "nn/quant/layer_quantizers.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// The tensor as it is stored in `format`: rounded to bfloat16 (RoundToBFloat16), or to the grid of
// `quantizer`; itself for f32, or where there is no quantizer.
absl::StatusOr<Tensor> RoundTensor(const Tensor& tensor, const NumberFormat& format,
                                   const UniformQuantizer* quantizer);

// Quantizes what layers read, as values of one program. Constants are rounded here and now,
// activations by ops; equal work is appended once. Belongs to one ProgramBuilder. Not thread-safe.
class SourceQuantizer {
 public:
  absl::StatusOr<LayerSources> Apply(ProgramBuilder& builder, const LayerSources& sources,
                                     const LayerQuantizers& quantizers);
  // One value, as RoundTensor rounds.
  absl::StatusOr<ValueId> Round(ProgramBuilder& builder, ValueId value, const NumberFormat& format,
                                const UniformQuantizer* quantizer);

 private:
  std::map<std::tuple<ValueId, NumberFormat, const UniformQuantizer*>, ValueId> done_;
};

// A value that takes the place of another one.
struct Replacement {
  ValueId old_value = kNoValue, new_value = kNoValue;
  ValueId reader = kNoValue;  // a result of the only instruction that reads the new one, or of all
};

// Appends everything that depends on the replacements up to `targets`: the values that the targets
// have then.
absl::StatusOr<std::vector<ValueId>> ReplayWith(ProgramBuilder& builder,
                                                absl::Span<const Replacement> replacements,
                                                absl::Span<const ValueId> targets);

// The value of the program that holds the network's value `name`. INTERNAL names what is missing.
absl::StatusOr<ValueId> FindValue(const LoweredGraph& lowered, absl::string_view name);

// Runs a program over a dataset, batch by batch. One thread at a time.
class BatchRunner {
 public:
  // `data` must outlive the runner.
  static absl::StatusOr<std::unique_ptr<BatchRunner>> Create(Program program, const Dataset& data,
                                                             int64_t batch);
  static absl::StatusOr<std::unique_ptr<BatchRunner>> Create(
      std::shared_ptr<const Executable> executable, const Dataset& data, int64_t batch);

  // Sets an input that is not the data's.
  absl::Status SetInput(absl::string_view name, absl::Span<const float> values);
  // Sets the inputs to the samples from `begin` and runs. Past the end of the data the last sample
  // is repeated: rows of the outputs beyond the data are to be ignored.
  absl::Status Run(int64_t begin, const Cancellation& cancellation);
  absl::StatusOr<absl::Span<const float>> Output(absl::string_view name) const;

 private:
  BatchRunner(const Dataset& data, int64_t batch) : data_(data), batch_(batch) {}

  const Dataset& data_;
  int64_t batch_;
  std::shared_ptr<const Executable> executable_;
  std::unique_ptr<Session> session_;
};

// Calls `run(begin, valid)` for every batch of `samples`, reporting progress before and after.
absl::Status ForEachBatch(int64_t samples, int64_t batch, const Progress& progress,
                          const std::function<absl::Status(int64_t begin, int64_t valid)>& run);

// OK if the data fits the network: inputs, and labels where they are needed. The number of classes
// is that of the first head of logits.
absl::Status CheckData(const PreparedNetwork& network, const Graph& bound, const Dataset& data,
                       bool needs_labels);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_NETWORK_PROGRAM_H_
