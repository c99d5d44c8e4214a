#include "search/sensitivity/sample_independence.h"

#include <algorithm>
#include <array>
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

// The network on some samples, in batches that are filled up with the last of them.
class Runner {
 public:
  // Borrows the data. `graph` is bound to `batch`.
  static absl::StatusOr<Runner> Create(const Graph& graph, const Dataset& data, int64_t batch) {
    Runner runner;
    runner.batch_ = batch;
    for (const Port& output : graph.outputs) {
      if (graph.initializers.count(output.name) > 0) continue;
      runner.outputs_.push_back({.value = output.name});
    }
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, runner.outputs_));
    HT_ASSIGN_OR_RETURN(runner.runner_, BatchRunner::Create(std::move(forward), data, batch));
    return runner;
  }

  // The batch from sample `begin` on.
  absl::Status Run(int64_t begin, const Cancellation& cancellation) {
    return runner_->Run(begin, cancellation);
  }

  // What the batch that ran last gave for one of its samples.
  absl::StatusOr<Outputs> OutputsOf(size_t place) const {
    Outputs results;
    for (const Head& output : outputs_) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> all, runner_->Output(output.value));
      const size_t size = all.size() / static_cast<size_t>(batch_);
      const absl::Span<const float> own = all.subspan(place * size, size);
      results[output.value].assign(own.begin(), own.end());
    }
    return results;
  }

 private:
  int64_t batch_ = 0;
  std::vector<Head> outputs_;
  std::unique_ptr<BatchRunner> runner_;
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
  HT_ASSIGN_OR_RETURN(const Graph graph, BindBatch(network.graph, batch));
  const Dataset one = data.Take(1), two = data.Take(2);
  HT_ASSIGN_OR_RETURN(Runner first, Runner::Create(graph, one, batch));
  HT_ASSIGN_OR_RETURN(Runner both, Runner::Create(graph, two, batch));
  std::array<Outputs, 2> beside, alone;
  HT_RETURN_IF_ERROR(both.Run(0, cancellation));
  HT_ASSIGN_OR_RETURN(beside[0], both.OutputsOf(0));
  HT_ASSIGN_OR_RETURN(beside[1], both.OutputsOf(1));
  HT_RETURN_IF_ERROR(both.Run(1, cancellation));
  HT_ASSIGN_OR_RETURN(alone[1], both.OutputsOf(0));
  HT_RETURN_IF_ERROR(first.Run(0, cancellation));
  HT_ASSIGN_OR_RETURN(alone[0], first.OutputsOf(0));
  for (const size_t sample : {size_t{0}, size_t{1}}) {
    for (const auto& [output, values] : alone[sample]) {
      const double difference = RelativeDifference(beside[sample].at(output), values);
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
