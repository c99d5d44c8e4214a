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

// The outputs of the first of the samples, which run in one batch.
absl::StatusOr<std::map<std::string, std::vector<float>>> FirstOutputs(
    const Graph& graph, const Dataset& data, int64_t batch, const Cancellation& cancellation) {
  std::vector<Head> outputs;
  for (const Port& output : graph.outputs) {
    if (graph.initializers.count(output.name) == 0) outputs.push_back({.value = output.name});
  }
  HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, outputs));
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<BatchRunner> runner,
                      BatchRunner::Create(std::move(forward), data, batch));
  HT_RETURN_IF_ERROR(runner->Run(0, cancellation));
  std::map<std::string, std::vector<float>> first;
  for (const Head& output : outputs) {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> all, runner->Output(output.value));
    const absl::Span<const float> own = all.first(all.size() / static_cast<size_t>(batch));
    first[output.value].assign(own.begin(), own.end());
  }
  return first;
}

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
  // Data that ends is filled up with its last sample.
  HT_ASSIGN_OR_RETURN(const auto alone, FirstOutputs(graph, data.Take(1), batch, cancellation));
  HT_ASSIGN_OR_RETURN(const auto beside,
                      FirstOutputs(graph, data.Take(batch), batch, cancellation));
  for (const auto& [output, values] : alone) {
    const double difference = RelativeDifference(beside.at(output), values);
    if (difference <= kTolerance) continue;
    return absl::StrFormat(
        "samples that run together influence each other: output '%s' of the first one changes by "
        "%.3g of its largest element when others run beside it; what is measured holds for batches "
        "like those it is measured in: export the model for one sample, with a fixed batch of 1",
        output, difference);
  }
  return std::nullopt;
}

}  // namespace halftone
