#include "search/sensitivity/sample_independence.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "nn/graph/passes.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

constexpr int64_t kTogether = 2;
constexpr double kTolerance = 1e-4;

using Outputs = std::map<std::string, std::vector<float>>;

// The network for batches of `batch`.
class Runner {
 public:
  static absl::StatusOr<Runner> Create(const PreparedNetwork& network, int64_t batch) {
    Runner runner;
    runner.batch_ = batch;
    HT_ASSIGN_OR_RETURN(runner.graph_, BindBatch(network.graph, batch));
    for (const Port& output : runner.graph_.outputs) {
      if (runner.graph_.initializers.count(output.name) > 0) continue;
      runner.outputs_.push_back({.value = output.name});
    }
    return runner;
  }

  // The outputs of sample `index` of a batch, which is all of the data; data that ends is filled up
  // with its last sample.
  absl::StatusOr<Outputs> Run(const Dataset& data, size_t index,
                              const Cancellation& cancellation) const {
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph_, outputs_));
    HT_ASSIGN_OR_RETURN(const std::unique_ptr<BatchRunner> runner,
                        BatchRunner::Create(std::move(forward), data, batch_));
    HT_RETURN_IF_ERROR(runner->Run(0, cancellation));
    Outputs results;
    for (const Head& output : outputs_) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> all, runner->Output(output.value));
      const size_t size = all.size() / static_cast<size_t>(batch_);
      const absl::Span<const float> own = all.subspan(index * size, size);
      results[output.value].assign(own.begin(), own.end());
    }
    return results;
  }

 private:
  int64_t batch_ = 0;
  Graph graph_;
  std::vector<Head> outputs_;
};

// max |a - b| / max(|a|, |b|), of elements that are finite in both.
double RelativeDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(
        {largest, std::abs(static_cast<double>(a[i])), std::abs(static_cast<double>(b[i]))});
  }
  return largest > 0 ? difference / largest : 0;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> WarnOfMixedSamples(const PreparedNetwork& network,
                                                              const Dataset& data,
                                                              const Cancellation& cancellation) {
  const int64_t batch = network.BatchFor(kTogether, data.samples());
  if (batch < kTogether || data.samples() < kTogether) return std::nullopt;
  HT_ASSIGN_OR_RETURN(const Runner runner, Runner::Create(network, batch));
  const Dataset beside = data.Take(batch);
  for (const size_t sample : {size_t{0}, size_t{1}}) {
    const Dataset alone = sample == 0 ? data.Take(1) : data.Take(2).Without({0});
    HT_ASSIGN_OR_RETURN(const Outputs apart, runner.Run(alone, 0, cancellation));
    HT_ASSIGN_OR_RETURN(const Outputs together, runner.Run(beside, sample, cancellation));
    for (const auto& [output, values] : apart) {
      const double difference = RelativeDifference(together.at(output), values);
      if (difference <= kTolerance) continue;
      return absl::StrFormat(
          "samples that run together influence each other: output '%s' of sample %d changes by "
          "%.3g of its largest element when others run beside it; what is measured holds for "
          "batches like those it is measured in. Export the model for one sample, with a fixed "
          "batch of 1, or, where samples lie along another axis, name that with --batch-axis, or "
          "give each sample a whole value of the input, along one axis more",
          output, sample, difference);
    }
  }
  return std::nullopt;
}

}  // namespace halftone
