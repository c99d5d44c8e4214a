#include "search/sensitivity/data_checks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

constexpr size_t kMostNamed = 8;
// Of the samples: more are no exception.
constexpr double kMostFar = 0.1;
// By how much the others have to be better off.
constexpr double kStandardErrors = 2, kShare = 0.1;

// The float array of that input, or nullptr.
const Tensor* FloatArrayOf(const Dataset& data, const std::string& input) {
  const auto found = data.inputs().find(input);
  if (found == data.inputs().end() || found->second.type() != DataType::kFloat32) return nullptr;
  return &found->second;
}

absl::Span<const float> SampleOf(const Tensor& array, int64_t sample) {
  const absl::Span<const float> values = array.data<float>();
  const auto size = values.size() / static_cast<size_t>(array.shape().dim(0));
  return values.subspan(static_cast<size_t>(sample) * size, size);
}

double LargestOf(absl::Span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return static_cast<double>(largest);
}

// Whether all samples are the same.
bool IsConstant(const Tensor& array) {
  const int64_t samples = array.shape().dim(0);
  const absl::Span<const float> first = SampleOf(array, 0);
  for (int64_t n = 1; n < samples; ++n) {
    if (!absl::c_equal(first, SampleOf(array, n))) return false;
  }
  return samples > 1;
}

std::string Some(const std::vector<int64_t>& numbers) {
  const auto shown = std::min(numbers.size(), kMostNamed);
  return absl::StrCat(
      absl::StrJoin(numbers.begin(), numbers.begin() + shown, ", "),
      numbers.size() > shown ? absl::StrCat(" and ", numbers.size() - shown, " more") : "");
}

std::optional<std::string> LabelWarning(const Dataset& data, int64_t classes) {
  if (data.samples() < classes) {
    return absl::StrCat(data.samples(), " samples are few for ", classes,
                        " classes: accuracies and losses of so few say little");
  }
  const std::set<int64_t> seen(data.labels().begin(), data.labels().end());
  std::vector<int64_t> missing;
  for (int64_t c = 0; c < classes; ++c) {
    if (seen.count(c) == 0) missing.push_back(c);
  }
  if (missing.empty()) return std::nullopt;
  return absl::StrCat("no sample has label ", Some(missing), ", of ", classes, " classes");
}

// What all layers in w8a8 do to each of the samples; nothing where calibrating on `ranges` fails.
absl::StatusOr<std::vector<double>> DivergencesOf(const PreparedNetwork& network,
                                                  const Dataset& ranges, const Dataset& samples,
                                                  const QuantizationOptions& options,
                                                  const Progress& progress) {
  const Precision precision = Precision::Int(8, 8);
  HT_ASSIGN_OR_RETURN(const Calibration calibration,
                      Calibrate(network, ranges, {precision}, options, progress.Part(0, 0.7)));
  HT_ASSIGN_OR_RETURN(
      const auto evaluator,
      AssignmentEvaluator::Create(network, samples, calibration, progress.Part(0.7, 0.8),
                                  SampleValues::kDivergences, /*kept_bytes=*/0));
  std::map<std::string, Precision> assignment;
  for (const Layer& layer : network.layers.layers) assignment[layer.name] = precision;
  HT_ASSIGN_OR_RETURN(Evaluation evaluation,
                      evaluator->Evaluate(assignment, progress.Part(0.8, 1)));
  return std::move(evaluation.sample_values);
}

// What w8a8 does to the usual samples.
struct BothWays {
  double with = 0, without = 0;  // mean divergences
  bool helps = false;
};

absl::StatusOr<BothWays> MeasureBothWays(const PreparedNetwork& network, const Dataset& all,
                                         const Dataset& rest, const QuantizationOptions& options,
                                         const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const std::vector<double> without,
                      DivergencesOf(network, rest, rest, options, progress.Part(0, 0.5)));
  HT_ASSIGN_OR_RETURN(const std::vector<double> with,
                      DivergencesOf(network, all, rest, options, progress.Part(0.5, 1)));
  MeanEstimate difference, before, after;
  for (size_t n = 0; n < with.size(); ++n) {
    difference.Add(with[n] - without[n]);
    before.Add(with[n]);
    after.Add(without[n]);
  }
  BothWays both{before.mean(), after.mean()};
  both.helps = difference.mean() > kStandardErrors * difference.standard_error() &&
               difference.mean() > kShare * before.mean();
  return both;
}

std::string Describe(const std::vector<FarSample>& far) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(far.size(), kMostNamed); ++i) {
    texts.push_back(absl::StrFormat(
        "sample %d of input '%s' (up to %.3g, %.3g times the usual %.3g)", far[i].sample,
        far[i].input, far[i].largest, far[i].largest / far[i].usual, far[i].usual));
  }
  return absl::StrCat(
      absl::StrJoin(texts, ", "),
      far.size() > kMostNamed ? absl::StrCat(" and ", far.size() - kMostNamed, " more") : "");
}

}  // namespace

std::vector<FarSample> FindFarSamples(const Graph& bound, const Dataset& data) {
  std::vector<FarSample> far;
  for (const Port& port : bound.inputs) {
    const Tensor* array = FloatArrayOf(data, port.name);
    if (array == nullptr || data.samples() < 3) continue;
    std::vector<double> largest;
    for (int64_t n = 0; n < data.samples(); ++n) largest.push_back(LargestOf(SampleOf(*array, n)));
    const double usual = Median(largest);
    if (usual == 0) continue;
    for (int64_t n = 0; n < data.samples(); ++n) {
      const double of_sample = largest[static_cast<size_t>(n)];
      if (of_sample > kFarTimes * usual) far.push_back({port.name, n, of_sample, usual});
    }
  }
  return far;
}

absl::StatusOr<std::vector<std::string>> DataWarnings(const PreparedNetwork& network,
                                                      const Graph& bound, const Dataset& data) {
  std::vector<std::string> warnings;
  for (const Port& port : bound.inputs) {
    const Tensor* array = FloatArrayOf(data, port.name);
    if (array == nullptr || !IsConstant(*array)) continue;
    warnings.push_back(absl::StrCat("input '", port.name, "' is the same in all ", data.samples(),
                                    " samples: ranges and losses hold for that alone"));
  }
  for (const auto& [name, array] : data.inputs()) {
    const bool is_read =
        network.file.initializers.count(name) > 0 ||
        std::any_of(network.file.inputs.begin(), network.file.inputs.end(),
                    [name = &name](const Port& port) { return port.name == *name; });
    if (is_read) continue;
    warnings.push_back(absl::StrCat("array '", name,
                                    "' of the data is no input of the model, and is not read; the "
                                    "classes of samples are called 'labels'"));
  }
  if (!data.has_labels()) return warnings;
  HT_ASSIGN_OR_RETURN(const std::vector<Head> heads, ResolveHeads(network, bound, LossKind::kAuto));
  const Head* labelled = FindClassHead(heads);
  if (labelled == nullptr) return warnings;
  const std::optional<std::string> warning = LabelWarning(data, labelled->width);
  if (warning.has_value()) warnings.push_back(*warning);
  return warnings;
}

absl::StatusOr<CalibrationSamples> ChooseCalibrationSamples(const PreparedNetwork& network,
                                                            const Dataset& data,
                                                            const QuantizationOptions& options,
                                                            const Progress& progress) {
  CalibrationSamples chosen{data, {}};
  HT_ASSIGN_OR_RETURN(const Graph bound, network.Bind(network.BatchFor(1, data.samples())));
  HT_RETURN_IF_ERROR(CheckData(network, bound, data, /*needs_labels=*/false));
  const std::vector<FarSample> far = FindFarSamples(bound, data);
  if (far.empty()) return chosen;
  std::set<int64_t> samples;
  for (const FarSample& sample : far) samples.insert(sample.sample);
  std::string warning = absl::StrCat("far from the rest: ", Describe(far));
  if (static_cast<double>(samples.size()) > kMostFar * static_cast<double>(data.samples())) {
    chosen.warnings.push_back(absl::StrCat(warning, "; so many are no exception, and count"));
    return chosen;
  }
  const Dataset rest = data.Without(samples);
  HT_ASSIGN_OR_RETURN(const BothWays both, MeasureBothWays(network, data, rest, options, progress));
  const std::string figures =
      absl::StrFormat("w8a8 does %.3g to the others where calibrated with, %.3g where without",
                      both.with, both.without);
  chosen.warnings.push_back(absl::StrCat(
      warning, both.helps ? "; left out of ranges and losses, for " : "; counted, for ", figures));
  if (both.helps) chosen.data = rest;
  return chosen;
}

}  // namespace halftone
