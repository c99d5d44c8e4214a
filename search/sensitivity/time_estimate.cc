#include "search/sensitivity/time_estimate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "nn/quant/result_error.h"
#include "nn/quant/source_moments.h"
#include "search/sensitivity/corrected_groups.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

// What a trial computes, in multiply-adds: a tenth of a second of one core, more or less.
constexpr double kTrialCost = 4e9;
constexpr int64_t kMostTrialSamples = 32;
// A program of one layer's choices has, on average, half of the network.
constexpr double kCompiledPart = 0.5;
// Calibration differentiates twice, forward and backward, and counts what it sees.
constexpr double kCalibrationPasses = 8;
// Scales of a channel that are weighed by products with the covariances (calibrate_by_result.cc).
constexpr double kWeighedScales = 36;
constexpr int kTrials = 3;

double MacsOf(const PreparedNetwork& network) {
  double macs = 0;
  for (const Layer& layer : network.layers.layers) macs += static_cast<double>(layer.macs);
  return std::max(macs, 1.0);
}

// Multiply-adds that finding the scales of all weights takes.
double WeighingMacs(const PreparedNetwork& network, const std::vector<Precision>& precisions) {
  std::set<int> bits;
  for (const Precision& precision : precisions) {
    if (precision.weights.IsInteger()) bits.insert(precision.weights.bits);
  }
  double macs = 0;
  for (const Layer& layer : network.layers.layers) {
    const Shape& shape = layer.weights_shape;
    if (layer.weights.empty() || layer.channel_axis >= shape.rank()) continue;
    const int64_t channels = std::max<int64_t>(layer.Channels(), 1);
    const int64_t block = std::min(shape.Elements() / channels, SourceMoments::kBlock);
    macs += static_cast<double>(shape.Elements()) * static_cast<double>(block);
  }
  return kWeighedScales * macs * static_cast<double>(bits.size());
}

bool MeasuresAll(SensitivityMethod method) {
  return method == SensitivityMethod::kOutput || method == SensitivityMethod::kSqnr;
}

absl::StatusOr<int> CountCotangents(const PreparedNetwork& network,
                                    const SensitivityOptions& options) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.BatchFor(1, 1)));
  HT_ASSIGN_OR_RETURN(std::vector<Head> heads, ResolveHeads(network, graph, options.loss));
  return OutputCotangents(std::move(heads), options).count();
}

std::string DurationText(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 1) return "a second";
  if (seconds < 100) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 600) return absl::StrFormat("%.1f min", seconds / 60);
  return absl::StrFormat("%.0f min", seconds / 60);
}

std::string RangeText(absl::Duration least, absl::Duration most) {
  const std::string from = DurationText(least), to = DurationText(most);
  return from == to ? absl::StrCat("about ", to) : absl::StrCat(from, " to ", to);
}

}  // namespace

absl::StatusOr<SensitivityWork> SensitivityWorkOf(const PreparedNetwork& network,
                                                  const std::vector<Precision>& precisions,
                                                  const SensitivityOptions& options) {
  const double macs = MacsOf(network);
  SensitivityWork work;
  work.calibration = kCalibrationPasses;
  work.weighing = WeighingMacs(network, precisions);
  if (KnowsWeightsOnly(options.method)) return work;
  const bool measures_all = MeasuresAll(options.method);
  const auto changed = static_cast<size_t>(
      absl::c_count_if(precisions, [](const Precision& p) { return !p.IsFloat32(); }));
  const auto choices = static_cast<double>(changed);
  if (!measures_all) {
    HT_ASSIGN_OR_RETURN(const int cotangents, CountCotangents(network, options));
    // Forward for the labels, forward, backward, and each layer as each choice has it.
    work.first = 2 + cotangents + choices;
  }
  if (!measures_all && options.method != SensitivityMethod::kFisherCorrected) return work;
  const size_t together = measures_all ? changed : std::min(MeasuredTogether(changed), changed);
  double after = macs;  // of layers from this one on
  for (const Layer& layer : network.layers.layers) {
    if (changed == 0) break;
    work.least_after += static_cast<double>(together) * after / macs;
    work.most_after += choices * after / macs;
    work.least_compiled += kCompiledPart;
    work.most_compiled += kCompiledPart * std::ceil(choices / static_cast<double>(together));
    after -= static_cast<double>(layer.macs);
  }
  if (!measures_all && network.heads.size() == 1) {
    for (double* const passes :
         {&work.least_after, &work.most_after, &work.least_compiled, &work.most_compiled}) {
      *passes += options.joint_assignments;
    }
  }
  return work;
}

namespace {

// The fastest of some runs.
template <typename Run>
absl::StatusOr<absl::Duration> Fastest(const SteadyClock& clock, const Run& run) {
  absl::Duration fastest = absl::InfiniteDuration();
  for (int trial = 0; trial < kTrials; ++trial) {
    const SteadyTime begin = clock.Now();
    HT_RETURN_IF_ERROR(run());
    fastest = std::min(fastest, clock.Now() - begin);
  }
  return fastest;
}

// Of 10^9 multiply-adds, by some with covariances of one full block.
absl::StatusOr<absl::Duration> MeasureWeighing(const SteadyClock& clock) {
  constexpr auto kSize = static_cast<size_t>(SourceMoments::kBlock);
  SourceMoments moments;
  moments.size = SourceMoments::kBlock;
  moments.means.assign(kSize, 0);
  moments.covariances.assign(kSize * kSize, 1);
  const ResultError result(moments, /*group=*/0, /*keeps_mean=*/false);
  const std::vector<float> error(kSize, 0.5f);
  const std::vector<absl::Span<const float>> errors(ResultError::kAtOnce, error);
  HT_ASSIGN_OR_RETURN(const absl::Duration fastest, Fastest(clock, [&] {
                        return result.Times(errors).empty() ? absl::InternalError("no products")
                                                            : absl::OkStatus();
                      }));
  return fastest * (1e9 / static_cast<double>(ResultError::kAtOnce * kSize * kSize));
}

}  // namespace

absl::StatusOr<MachineSpeed> MeasureSpeed(const PreparedNetwork& network, const Dataset& data,
                                          const Cancellation& cancellation) {
  const double wanted =
      std::clamp(kTrialCost / MacsOf(network), 1.0, static_cast<double>(kMostTrialSamples));
  const int64_t batch = network.BatchFor(static_cast<int64_t>(wanted), data.samples());
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  HT_ASSIGN_OR_RETURN(const std::vector<Head> heads, ResolveHeads(network, graph, LossKind::kAuto));
  HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, heads));
  const SteadyClock& clock = cancellation.clock();
  const SteadyTime begin = clock.Now();
  HT_ASSIGN_OR_RETURN(const auto runner, BatchRunner::Create(std::move(forward), data, batch));
  MachineSpeed speed;
  speed.compile = clock.Now() - begin;
  HT_RETURN_IF_ERROR(runner->Run(0, cancellation));
  HT_ASSIGN_OR_RETURN(speed.pass, Fastest(clock, [&] { return runner->Run(0, cancellation); }));
  speed.pass *= static_cast<double>(data.samples()) / static_cast<double>(batch);
  HT_ASSIGN_OR_RETURN(speed.weighing, MeasureWeighing(clock));
  return speed;
}

absl::StatusOr<std::string> EstimateSensitivityTime(const PreparedNetwork& network,
                                                    const Dataset& data,
                                                    const std::vector<Precision>& precisions,
                                                    const SensitivityOptions& options,
                                                    const Cancellation& cancellation) {
  if (KnowsWeightsOnly(options.method)) return std::string();
  HT_ASSIGN_OR_RETURN(const SensitivityWork work, SensitivityWorkOf(network, precisions, options));
  HT_ASSIGN_OR_RETURN(const MachineSpeed speed, MeasureSpeed(network, data, cancellation));
  const absl::Duration first = work.first * speed.pass;
  const absl::Duration least =
      first + work.least_after * speed.pass + work.least_compiled * speed.compile;
  const absl::Duration most =
      first + work.most_after * speed.pass + work.most_compiled * speed.compile;
  const absl::Duration calibration =
      work.calibration * speed.pass + work.weighing / 1e9 * speed.weighing;
  std::string text = absl::StrCat("estimate: calibration ", DurationText(calibration), ", ");
  if (work.first > 0 && work.most_after > 0) {
    absl::StrAppend(&text, "losses to second order ", DurationText(first), ", all of it ");
  } else {
    absl::StrAppend(&text, "losses ");
  }
  return absl::StrCat(text, RangeText(least, most));
}

}  // namespace halftone
