#include <algorithm>
#include <cmath>
#include <vector>

#include "base/status_macros.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/single_layer.h"

// The signal to quantization noise ratio of the network's outputs when one layer alone is computed
// otherwise (as in AIMET's per-layer analysis): 10 log10(|y|^2 / |yhat - y|^2), powers summed over
// samples and outputs. The loss is the reciprocal ratio, so that smaller is better.
namespace halftone {
namespace {

// JSON has no infinity: what identical outputs are given.
constexpr double kMaxSqnrDb = 300;

// Sums over samples of the powers of one choice, and what the error of their ratio needs.
class NoiseToSignal {
 public:
  void Add(double signal, double noise) {
    signal_ += signal;
    noise_ += noise;
    signal_signal_ += signal * signal;
    signal_noise_ += signal * noise;
    noise_noise_ += noise * noise;
    ++samples_;
  }
  double Ratio() const { return signal_ > 0 ? noise_ / signal_ : 0; }
  // Of a ratio of means, by linearization (Cochran 1977, 2.46): the residuals' spread.
  double RatioError() const {
    if (samples_ < 2 || signal_ <= 0) return 0;
    const double ratio = Ratio();
    const double residuals =
        noise_noise_ - 2 * ratio * signal_noise_ + ratio * ratio * signal_signal_;
    const auto samples = static_cast<double>(samples_);
    return std::sqrt(std::max(0.0, residuals) * samples / (samples - 1)) / signal_;
  }
  double Decibels() const {
    const double ratio = Ratio();
    return ratio > 0 ? std::min(kMaxSqnrDb, -10 * std::log10(ratio)) : kMaxSqnrDb;
  }

 private:
  double signal_ = 0, noise_ = 0;
  double signal_signal_ = 0, signal_noise_ = 0, noise_noise_ = 0;
  int64_t samples_ = 0;
};

void AddPowers(absl::Span<const absl::Span<const float>> reference,
               absl::Span<const absl::Span<const float>> changed, NoiseToSignal& ratio) {
  double signal = 0, noise = 0;
  for (size_t h = 0; h < reference.size(); ++h) {
    for (size_t i = 0; i < reference[h].size(); ++i) {
      const auto before = static_cast<double>(reference[h][i]);
      const double difference = static_cast<double>(changed[h][i]) - before;
      signal += before * before;
      noise += difference * difference;
    }
  }
  ratio.Add(signal, noise);
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureSqnr(const ChoiceRequest& request,
                                              const Progress& progress) {
  HT_ASSIGN_OR_RETURN(SingleLayerMeter meter, SingleLayerMeter::Create(request));
  SensitivityResult result = MakeResult(request);
  result.output_metric = "noise-to-signal";
  const auto layers = static_cast<double>(result.layers.size());
  for (size_t l = 0; l < result.layers.size(); ++l) {
    const auto position = static_cast<double>(l);
    const std::vector<size_t> changed = ChangedChoices(request.choices[l]);
    for (ChoiceLoss& choice : result.layers[l].choices) choice.sqnr_db = kMaxSqnrDb;
    if (changed.empty()) continue;
    std::vector<NoiseToSignal> ratios(changed.size());
    HT_RETURN_IF_ERROR(meter.Run(
        l, changed,
        [&](size_t i, absl::Span<const absl::Span<const float>> reference,
            absl::Span<const absl::Span<const float>> outputs) {
          AddPowers(reference, outputs, ratios[i]);
        },
        progress.Part(position / layers, (position + 1) / layers)));
    for (size_t i = 0; i < changed.size(); ++i) {
      ChoiceLoss& choice = result.layers[l].choices[changed[i]];
      choice.loss = ratios[i].Ratio();
      choice.loss_stderr = ratios[i].RatioError();
      choice.sqnr_db = ratios[i].Decibels();
      choice.measured = true;
    }
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
