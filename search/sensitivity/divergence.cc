#include "search/sensitivity/divergence.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

// log(sum(exp(x))) with the maximum taken off first.
double LogSumExp(absl::Span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

}  // namespace

absl::StatusOr<std::vector<Head>> ResolveHeads(const PreparedNetwork& network, const Graph& bound,
                                               LossKind loss) {
  std::vector<Head> heads;
  for (size_t i = 0; i < network.heads.size(); ++i) {
    const OutputHead& output = network.heads[i];
    const auto info = bound.values.find(output.value);
    if (info == bound.values.end()) {
      return absl::InternalError(absl::StrCat("output '", output.value, "' has no shape"));
    }
    const Shape& shape = info->second.shape;
    const int64_t batch = bound.inputs.empty() ? 1 : bound.inputs[0].info.shape.dim(0);
    if (shape.rank() == 0 || shape.dim(0) != batch || shape.Elements() == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "output '", output.value, "' of shape ", shape.ToString(), " has no batch axis of ",
          batch, batch == 1 ? " sample" : " samples", " before all others"));
    }
    const bool is_logits = output.kind == OutputHead::Kind::kLogits && shape.rank() >= 2;
    if (loss == LossKind::kKl && !is_logits) {
      return absl::InvalidArgumentError(
          absl::StrCat("output '", output.value, "' is no row of logits: the loss kl needs some"));
    }
    Head head;
    head.value = output.value;
    head.is_kl = is_logits && loss != LossKind::kMse;
    head.width = head.is_kl ? shape.dim(shape.rank() - 1) : shape.Elements() / shape.dim(0);
    head.rows = shape.Elements() / shape.dim(0) / head.width;
    heads.push_back(head);
  }
  if (heads.empty()) return absl::InvalidArgumentError("the network has no outputs");
  return heads;
}

std::string OutputMetricOf(const std::vector<Head>& heads) {
  const bool any = std::any_of(heads.begin(), heads.end(), [](const Head& h) { return h.is_kl; });
  return any ? "kl" : "mse";
}

std::vector<double> SoftmaxRow(absl::Span<const float> logits) {
  const double normalizer = LogSumExp(logits);
  std::vector<double> probabilities;
  probabilities.reserve(logits.size());
  for (const float logit : logits) {
    probabilities.push_back(std::exp(static_cast<double>(logit) - normalizer));
  }
  return probabilities;
}

double KlOfRow(absl::Span<const float> reference, absl::Span<const float> changed) {
  const double reference_normalizer = LogSumExp(reference);
  const double changed_normalizer = LogSumExp(changed);
  double divergence = 0;
  for (size_t c = 0; c < reference.size(); ++c) {
    const double log_p = static_cast<double>(reference[c]) - reference_normalizer;
    const double log_q = static_cast<double>(changed[c]) - changed_normalizer;
    divergence += std::exp(log_p) * (log_p - log_q);
  }
  return divergence;
}

double DivergenceOfSample(const Head& head, absl::Span<const float> reference,
                          absl::Span<const float> changed) {
  double sum = 0;
  if (head.is_kl) {
    const auto width = static_cast<size_t>(head.width);
    for (size_t begin = 0; begin < reference.size(); begin += width) {
      sum += KlOfRow(reference.subspan(begin, width), changed.subspan(begin, width));
    }
    return sum / static_cast<double>(head.rows);
  }
  for (size_t i = 0; i < reference.size(); ++i) {
    const double difference = static_cast<double>(changed[i]) - static_cast<double>(reference[i]);
    sum += difference * difference;
  }
  return sum / static_cast<double>(head.elements());
}

void MeanEstimate::Add(double value) {
  ++count_;
  const double distance = value - mean_;
  mean_ += distance / static_cast<double>(count_);
  squares_ += distance * (value - mean_);
}

double MeanEstimate::standard_error() const {
  if (count_ < 2) return 0;
  const auto count = static_cast<double>(count_);
  return std::sqrt(squares_ / (count - 1) / count);
}

}  // namespace halftone
