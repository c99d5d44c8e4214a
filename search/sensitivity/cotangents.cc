#include "search/sensitivity/cotangents.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

// The names keep clear of those of a network's values.
std::string ProbabilitiesOutput(size_t head) { return absl::StrCat("halftone:p/", head); }

std::string InputName(int k, size_t head) { return absl::StrCat("halftone:u/", k, "/", head); }

static_assert(OutputCotangents::kMaxDraws <= 1 << 12);
static_assert(OutputCotangents::kMaxHeads <= 1 << 8);
uint64_t Stream(int64_t sample, int draw, size_t head) {
  return (static_cast<uint64_t>(sample) << 20) ^ (static_cast<uint64_t>(draw) << 8) ^ head;
}

// mse = |d|^2 / elements = 1/2 d' (2 / elements) d.
float MseScale(const Head& head) {
  return static_cast<float>(std::sqrt(2.0 / static_cast<double>(head.elements())));
}

void DrawSigns(const Head& head, SplitMix64& random, absl::Span<float> cotangent) {
  const float scale = MseScale(head);
  for (float& value : cotangent) value = scale * random.Sign();
}

// Per row u = sum_c e_c sqrt(p_c) (onehot(c) - p) with random signs e: E[u u'] = diag(p) - p p', as
// for one label drawn from p, u = onehot(c) - p. But where one class is nearly sure, nearly all
// drawn labels give a u near zero and a rare one a large u; the signs give every label its part in
// every draw.
void DrawLabels(const Head& head, absl::Span<const float> logits, SplitMix64& random,
                absl::Span<float> cotangent) {
  const auto width = static_cast<size_t>(head.width);
  const double scale = 1 / std::sqrt(static_cast<double>(head.rows));
  std::vector<double> parts(width);
  for (size_t begin = 0; begin < cotangent.size(); begin += width) {
    const std::vector<double> p = SoftmaxRow(logits.subspan(begin, width));
    double sum = 0;
    for (size_t c = 0; c < width; ++c) {
      parts[c] = std::sqrt(p[c]) * random.Sign();
      sum += parts[c];
    }
    for (size_t c = 0; c < width; ++c) {
      cotangent[begin + c] = static_cast<float>(scale * (parts[c] - p[c] * sum));
    }
  }
}

// `value` at each of the elements [begin, end) of a sample, 0 elsewhere.
Tensor Marked(const Shape& shape, int64_t begin, int64_t end, float value) {
  std::vector<float> values(static_cast<size_t>(shape.Elements()), 0.0f);
  std::fill(values.begin() + begin, values.begin() + end, value);
  return Tensor::Of(shape, std::move(values));
}

// The exact cotangents of one head as values of a program, each [batch, ...] or, where it is the
// same for every sample, [1, ...].
class ExactCotangents {
 public:
  ExactCotangents(ProgramBuilder& builder, const Head& head, ValueId output)
      : builder_(builder), head_(head), one_sample_(builder.shape(output)) {
    one_sample_.set_dim(0, 1);
  }

  // `probabilities`: of each row of logits; kNoValue for other heads.
  absl::StatusOr<ValueId> Append(int64_t element, ValueId probabilities) {
    if (!head_.is_kl) {
      return builder_.AddConstant(Marked(one_sample_, element, element + 1, MseScale(head_)));
    }
    const ValueId label = builder_.AddConstant(Marked(one_sample_, element, element + 1, 1));
    HT_ASSIGN_OR_RETURN(const ValueId u, ops::Sub(builder_, probabilities, label));
    if (head_.rows == 1) return u;
    const int64_t row = element / head_.width;
    const ValueId mask =
        builder_.AddConstant(Marked(one_sample_, row * head_.width, (row + 1) * head_.width, 1));
    return ops::Mul(builder_, u, mask);
  }

 private:
  ProgramBuilder& builder_;
  const Head& head_;
  Shape one_sample_;
};

}  // namespace

OutputCotangents::OutputCotangents(std::vector<Head> heads, const SensitivityOptions& options)
    : heads_(std::move(heads)), count_(options.draws) {
  int64_t elements = 0;
  bool any_kl = false;
  for (const Head& head : heads_) {
    elements += head.elements();
    any_kl |= head.is_kl;
  }
  if (elements <= options.exact_classes) {
    kind_ = Kind::kExact;
    count_ = static_cast<int>(elements);
  } else if (any_kl) {
    kind_ = Kind::kLabelDraws;
  }
}

absl::StatusOr<std::vector<std::vector<ValueId>>> OutputCotangents::AppendExact(
    LoweredGraph& lowered, std::vector<std::pair<std::string, ValueId>>& outputs) const {
  ProgramBuilder& builder = lowered.builder;
  std::vector<ValueId> zeros;
  for (const Head& head : heads_) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, head.value));
    const ValueId zero = builder.AddScalar(0);
    HT_ASSIGN_OR_RETURN(const ValueId repeated,
                        ops::BroadcastTo(builder, zero, Shape(builder.shape(value))));
    zeros.push_back(repeated);
  }
  std::vector<std::vector<ValueId>> cotangents;
  for (size_t h = 0; h < heads_.size(); ++h) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, heads_[h].value));
    const Shape shape = builder.shape(value);
    ValueId probabilities = kNoValue;
    if (heads_[h].is_kl) {
      HT_ASSIGN_OR_RETURN(probabilities, ops::Softmax(builder, value, shape.rank() - 1));
      outputs.emplace_back(ProbabilitiesOutput(h), probabilities);
    }
    ExactCotangents exact(builder, heads_[h], value);
    for (int64_t element = 0; element < heads_[h].elements(); ++element) {
      HT_ASSIGN_OR_RETURN(const ValueId u, exact.Append(element, probabilities));
      std::vector<ValueId>& cotangent = cotangents.emplace_back(zeros);
      HT_ASSIGN_OR_RETURN(cotangent[h], ops::BroadcastTo(builder, u, shape));
    }
  }
  return cotangents;
}

absl::StatusOr<std::vector<std::vector<ValueId>>> OutputCotangents::AppendTo(
    LoweredGraph& lowered, std::vector<std::pair<std::string, ValueId>>& outputs) const {
  if (IsExact()) return AppendExact(lowered, outputs);
  std::vector<std::vector<ValueId>> cotangents;
  for (int k = 0; k < count_; ++k) {
    std::vector<ValueId>& cotangent = cotangents.emplace_back();
    for (size_t h = 0; h < heads_.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, heads_[h].value));
      cotangent.push_back(
          lowered.builder.AddInput(InputName(k, h), Shape(lowered.builder.shape(value))));
    }
  }
  return cotangents;
}

absl::Status OutputCotangents::SetInputs(int64_t begin, int64_t batch, uint64_t seed,
                                         const BatchRunner* forward, BatchRunner& runner) const {
  if (IsExact()) return absl::OkStatus();
  if (heads_.size() > kMaxHeads) {
    return absl::UnimplementedError(absl::StrCat("cotangents are drawn for ", kMaxHeads,
                                                 " outputs at most, not for ", heads_.size()));
  }
  for (size_t h = 0; h < heads_.size(); ++h) {
    const Head& head = heads_[h];
    const auto size = static_cast<size_t>(head.elements());
    absl::Span<const float> logits;
    if (head.is_kl) {
      HT_ASSIGN_OR_RETURN(logits, forward->Output(head.value));
    }
    std::vector<float> values(size * static_cast<size_t>(batch));
    for (int k = 0; k < count_; ++k) {
      for (int64_t n = 0; n < batch; ++n) {
        const size_t offset = static_cast<size_t>(n) * size;
        const absl::Span<float> cotangent = absl::MakeSpan(values).subspan(offset, size);
        SplitMix64 random(seed, Stream(begin + n, k, h));
        if (head.is_kl) {
          DrawLabels(head, logits.subspan(offset, size), random, cotangent);
        } else {
          DrawSigns(head, random, cotangent);
        }
      }
      HT_RETURN_IF_ERROR(runner.SetInput(InputName(k, h), values));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> OutputCotangents::Weights(const BatchRunner& runner,
                                                              int64_t sample) const {
  if (!IsExact()) {
    return std::vector<double>(static_cast<size_t>(count_), 1.0 / static_cast<double>(count_));
  }
  std::vector<double> weights;
  for (size_t h = 0; h < heads_.size(); ++h) {
    const auto size = static_cast<size_t>(heads_[h].elements());
    if (!heads_[h].is_kl) {
      weights.resize(weights.size() + size, 1.0);
      continue;
    }
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> p, runner.Output(ProbabilitiesOutput(h)));
    for (const float probability : p.subspan(static_cast<size_t>(sample) * size, size)) {
      weights.push_back(static_cast<double>(probability) / static_cast<double>(heads_[h].rows));
    }
  }
  return weights;
}

}  // namespace halftone
