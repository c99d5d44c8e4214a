#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/sensitivity/fisher_meter.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/single_layer.h"

// The estimator of docs/methods.md, "Where second order ends": losses of single choices from the
// Fisher matrix where they are small and really measured where they are not, correlations between
// layers from the Fisher matrix throughout.
namespace halftone {
namespace {

// Second order is believed where it is this close to what was measured, beside sampling errors.
constexpr double kTolerance = 0.1;
constexpr double kStandardErrors = 2;
// How many choices of a layer are measured in one program, before the next are looked at.
constexpr size_t kMeasuredTogether = 4;

bool Agree(const ChoiceLoss& predicted, const MeanEstimate& measured) {
  const double error = std::hypot(predicted.loss_stderr, measured.standard_error());
  return std::abs(predicted.loss - measured.mean()) <=
         kTolerance * measured.mean() + kStandardErrors * error;
}

// Measures a layer's choices from the most damaging downward, until what is measured agrees with
// the losses that are there; sets those that it measured.
absl::Status CorrectLayer(const SingleLayerMeter& meter, size_t layer,
                          const std::vector<size_t>& changed, std::vector<ChoiceLoss>& choices,
                          const Progress& progress) {
  std::vector<size_t> order = changed;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return choices[a].loss > choices[b].loss; });
  const auto total = static_cast<double>(std::max<size_t>(order.size(), 1));
  for (size_t begin = 0; begin < order.size(); begin += kMeasuredTogether) {
    const size_t end = std::min(begin + kMeasuredTogether, order.size());
    const absl::Span<const size_t> chunk = absl::MakeSpan(order).subspan(begin, end - begin);
    HT_ASSIGN_OR_RETURN(const std::vector<MeanEstimate> measured,
                        meter.Measure(layer, chunk,
                                      progress.Part(static_cast<double>(begin) / total,
                                                    static_cast<double>(end) / total)));
    bool agree = true;
    for (size_t i = 0; i < chunk.size(); ++i) {
      ChoiceLoss& choice = choices[chunk[i]];
      agree = agree && Agree(choice, measured[i]);
      choice.loss = measured[i].mean();
      choice.loss_stderr = measured[i].standard_error();
      choice.measured = true;
    }
    if (agree) break;
  }
  return absl::OkStatus();
}

// G'_ab = G_ab sqrt(G'_aa / G_aa) sqrt(G'_bb / G_bb): rows of S scaled, still positive
// semi-definite.
std::vector<double> RescaleMatrix(std::vector<double> matrix, const std::vector<double>& losses) {
  const size_t size = losses.size();
  std::vector<double> scale(size, 0.0);
  for (size_t a = 0; a < size; ++a) {
    const double diagonal = matrix[a * size + a];
    if (diagonal > 0) scale[a] = std::sqrt(std::max(0.0, 2 * losses[a]) / diagonal);
  }
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) matrix[a * size + b] *= scale[a] * scale[b];
    matrix[a * size + a] = 2 * losses[a];
  }
  return matrix;
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureFisherCorrected(const ChoiceRequest& request,
                                                         const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const SingleLayerMeter meter, SingleLayerMeter::Create(request));
  HT_ASSIGN_OR_RETURN(const FisherMeasurement fisher,
                      MeasureFisherMatrix(request, /*keep_matrix=*/true, progress.Part(0, 0.5)));
  SensitivityResult result = MakeResult(request);
  result.output_metric = fisher.output_metric;
  const Progress rest = progress.Part(0.5, 1);
  const auto layers = static_cast<double>(result.layers.size());
  std::vector<double> losses;
  for (size_t l = 0; l < result.layers.size(); ++l) {
    std::vector<ChoiceLoss>& choices = result.layers[l].choices;
    for (ChoiceLoss& choice : choices) {
      choice.loss = fisher.matrix.Loss(losses.size());
      choice.loss_stderr = fisher.matrix.LossError(losses.size());
      losses.push_back(choice.loss);
    }
    const auto position = static_cast<double>(l);
    HT_RETURN_IF_ERROR(CorrectLayer(meter, l, ChangedChoices(request.choices[l]), choices,
                                    rest.Part(position / layers, (position + 1) / layers)));
    const size_t begin = losses.size() - choices.size();
    for (size_t o = 0; o < choices.size(); ++o) losses[begin + o] = choices[o].loss;
  }
  result.interactions = RescaleMatrix(fisher.matrix.Matrix(), losses);
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
