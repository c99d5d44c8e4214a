#include "search/sensitivity/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// log(sum(exp(x))) with the maximum taken off first.
double LogSumExp(absl::Span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

// log(1 + exp(x)) without overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// KL of one label that holds with probability sigmoid(before), and then sigmoid(after).
double KlOfLabel(double before, double after) {
  const double p = 1 / (1 + std::exp(-before));
  return p * (before - after) + Softplus(after) - Softplus(before);
}

double SquaredNorm(absl::Span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

double SquaredDistance(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(b[i]) - static_cast<double>(a[i]);
    sum += difference * difference;
  }
  return sum;
}

// Of one row. A row of zeros has no direction: 0 where both are one, 1 where one is.
double CosineDistance(absl::Span<const float> reference, absl::Span<const float> changed) {
  const double before = SquaredNorm(reference), after = SquaredNorm(changed);
  if (before == 0 || after == 0) return before == after ? 0 : 1;
  // |a/|a| - b/|b||^2 / 2 = 1 - cos, without the cancellation of that.
  double sum = 0;
  const double a = 1 / std::sqrt(before), b = 1 / std::sqrt(after);
  for (size_t i = 0; i < reference.size(); ++i) {
    const double difference =
        a * static_cast<double>(reference[i]) - b * static_cast<double>(changed[i]);
    sum += difference * difference;
  }
  return sum / 2;
}

double DivergenceOfRow(HeadKind kind, absl::Span<const float> reference,
                       absl::Span<const float> changed) {
  if (kind == HeadKind::kKl) return KlOfRow(reference, changed);
  if (kind == HeadKind::kCosine) return CosineDistance(reference, changed);
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) sum += KlOfLabel(reference[i], changed[i]);
  return sum;
}

bool HasRows(HeadKind kind) {
  return kind == HeadKind::kKl || kind == HeadKind::kBernoulli || kind == HeadKind::kCosine;
}

absl::StatusOr<Head> ResolveHead(const OutputHead& output, const Shape& shape, LossKind loss) {
  if (loss == LossKind::kKl && output.kind != HeadKind::kKl) {
    return absl::InvalidArgumentError(
        absl::StrCat("output '", output.value, "' is no row of logits: the loss kl needs some"));
  }
  Head head;
  head.value = output.value;
  head.kind = loss == LossKind::kMse ? HeadKind::kMse : output.kind;
  const int64_t elements = shape.Elements() / shape.dim(0);
  if (!HasRows(head.kind)) {
    head.width = elements;
  } else {
    for (int axis = output.class_axis; axis < output.class_axis_end; ++axis) {
      head.width *= shape.dim(axis);
    }
    for (int axis = output.class_axis_end; axis > 0 && axis < shape.rank(); ++axis) {
      head.stride *= shape.dim(axis);
    }
  }
  head.rows = elements / head.width;
  // A row that is all of a sample has its elements one after the other.
  if (head.rows == 1) head.stride = 1;
  constexpr double kLeastShare = 1e-3;  // of the usual |y|^2
  if (head.kind == HeadKind::kRelative) head.least_power = kLeastShare * output.scale;
  return head;
}

// What makes divergences of outputs comparable: those in nats, and ratios, are so as they are.
double ScaleOf(const OutputHead& output, HeadKind kind) {
  return kind == HeadKind::kMse ? output.scale : 1;
}

}  // namespace

absl::StatusOr<std::vector<Head>> ResolveHeads(const PreparedNetwork& network, const Graph& bound,
                                               LossKind loss) {
  std::vector<Head> heads;
  for (const OutputHead& output : network.heads) {
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
    HT_ASSIGN_OR_RETURN(heads.emplace_back(), ResolveHead(output, shape, loss));
    const bool is_one = network.heads.size() == 1;
    heads.back().factor = output.weight / (is_one ? 1 : ScaleOf(output, heads.back().kind));
  }
  if (heads.empty()) return absl::InvalidArgumentError("the network has no outputs");
  return heads;
}

std::string OutputMetricOf(const std::vector<Head>& heads) {
  const HeadKind kind = heads.front().kind;
  const bool is_mixed =
      std::any_of(heads.begin(), heads.end(), [&](const Head& h) { return h.kind != kind; }) ||
      (kind == HeadKind::kMse && heads.size() > 1);
  return is_mixed ? "mixed" : std::string(HeadKindName(kind));
}

const Head* FindClassHead(const std::vector<Head>& heads) {
  const auto found = std::find_if(heads.begin(), heads.end(),
                                  [](const Head& head) { return head.is_kl() && head.rows == 1; });
  return found == heads.end() ? nullptr : &*found;
}

absl::Span<const float> RowOf(const Head& head, absl::Span<const float> sample, int64_t row,
                              std::vector<float>& buffer) {
  const auto begin = static_cast<size_t>(head.Offset(row)), width = static_cast<size_t>(head.width);
  if (head.stride == 1) return sample.subspan(begin, width);
  const auto stride = static_cast<size_t>(head.stride);
  buffer.resize(width);
  for (size_t c = 0; c < width; ++c) buffer[c] = sample[begin + c * stride];
  return buffer;
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
  if (head.kind == HeadKind::kMse) {
    return SquaredDistance(reference, changed) / static_cast<double>(head.elements());
  }
  if (head.kind == HeadKind::kRelative) {
    const double power = std::max(SquaredNorm(reference), head.least_power);
    const double distance = SquaredDistance(reference, changed);
    return distance == 0 ? 0 : distance / std::max(power, std::numeric_limits<double>::min());
  }
  double sum = 0;
  std::vector<float> before, after;
  for (int64_t row = 0; row < head.rows; ++row) {
    sum += DivergenceOfRow(head.kind, RowOf(head, reference, row, before),
                           RowOf(head, changed, row, after));
  }
  return sum / static_cast<double>(head.rows);
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
