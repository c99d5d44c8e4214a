#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/cancellation.h"
#include "base/progress.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

// A scale is no more than a unit.
constexpr int64_t kMostSamples = 64;
constexpr int64_t kWantedBatch = 8;

// The sums of an output's values and of their squares, by sample.
struct SampleSums {
  std::vector<double> sums, squares;
};

// Squared errors are held against how far values usually lie from the usual one, in medians over
// samples, so that one that is far from the others changes nothing: of a constant against its
// square.
double UsualSpread(const SampleSums& samples, double elements) {
  const double mean = Median(samples.sums) / elements;
  std::vector<double> spreads;
  for (size_t n = 0; n < samples.sums.size(); ++n) {
    const double spread =
        samples.squares[n] / elements - 2 * mean * samples.sums[n] / elements + mean * mean;
    spreads.push_back(std::max(0.0, spread));
  }
  const double spread = Median(spreads), power = Median(samples.squares) / elements;
  constexpr double kRounding = 1e-12;
  if (spread > kRounding * power) return spread;
  return power > 0 ? power : 1;
}

double ScaleOf(const Head& head, const SampleSums& samples) {
  const auto elements = static_cast<double>(head.elements());
  if (head.kind == HeadKind::kMse) return UsualSpread(samples, elements);
  if (head.kind == HeadKind::kRelative) return Median(samples.squares);
  return 1;
}

}  // namespace

bool NeedsScales(const PreparedNetwork& network) {
  const std::vector<OutputHead>& heads = network.heads;
  return heads.size() > 1 || std::any_of(heads.begin(), heads.end(), [](const OutputHead& head) {
           return head.kind == HeadKind::kRelative;
         });
}

absl::Status MeasureScales(const Dataset& data, const Cancellation& cancellation,
                           PreparedNetwork& network) {
  HT_ASSIGN_OR_RETURN(const Graph first, network.Bind(network.BatchFor(1, data.samples())));
  HT_RETURN_IF_ERROR(CheckData(network, first, data, /*needs_labels=*/false));
  const int64_t samples = std::min(data.samples(), kMostSamples);
  std::vector<Head> heads;
  HT_ASSIGN_OR_RETURN(
      const FittedProgram fitted,
      FitBatch(network, kWantedBatch, samples, [&](int64_t batch) -> absl::StatusOr<Program> {
        HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
        HT_ASSIGN_OR_RETURN(heads, ResolveHeads(network, graph, LossKind::kAuto));
        return BuildForwardProgram(graph, heads);
      }));
  HT_ASSIGN_OR_RETURN(const auto runner,
                      BatchRunner::Create(fitted.executable, data, fitted.batch));
  std::vector<SampleSums> sums(heads.size());
  const auto add = [&](int64_t begin, int64_t valid) -> absl::Status {
    HT_RETURN_IF_ERROR(runner->Run(begin, cancellation));
    for (size_t h = 0; h < heads.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner->Output(heads[h].value));
      const auto size = static_cast<size_t>(heads[h].elements());
      for (size_t n = 0; n < static_cast<size_t>(valid); ++n) {
        double sum = 0, squares = 0;
        for (const float value : values.subspan(n * size, size)) {
          sum += static_cast<double>(value);
          squares += static_cast<double>(value) * static_cast<double>(value);
        }
        sums[h].sums.push_back(sum);
        sums[h].squares.push_back(squares);
      }
    }
    return absl::OkStatus();
  };
  Progress silent;
  silent.cancellation = cancellation;
  HT_RETURN_IF_ERROR(ForEachBatch(samples, fitted.batch, silent, add));
  for (size_t h = 0; h < heads.size(); ++h) network.heads[h].scale = ScaleOf(heads[h], sums[h]);
  return absl::OkStatus();
}

}  // namespace halftone
