#include "search/sensitivity/cotangents.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "search/sensitivity/head_hessian.h"

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

// factor * mse = factor * |d|^2 / elements = 1/2 d' (2 factor / elements) d.
float MseScale(const Head& head) {
  return static_cast<float>(std::sqrt(2.0 * head.factor / static_cast<double>(head.elements())));
}

// Whether the exact cotangents can be made in the program.
bool IsSimple(const Head& head) {
  return head.kind == HeadKind::kMse || (head.is_kl() && head.stride == 1);
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
    if (!head_.is_kl()) {
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
  for (const Head& head : heads_) elements += head.elements();
  if (elements <= options.exact_classes) {
    kind_ = std::all_of(heads_.begin(), heads_.end(), IsSimple) ? Kind::kExact : Kind::kExactInputs;
    count_ = static_cast<int>(elements);
  } else if (std::any_of(heads_.begin(), heads_.end(),
                         [](const Head& head) { return head.kind != HeadKind::kMse; })) {
    kind_ = Kind::kDraws;
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
    if (heads_[h].is_kl()) {
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
  if (kind_ == Kind::kExact) return AppendExact(lowered, outputs);
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

std::vector<float> OutputCotangents::InputOf(size_t h, int k, int64_t begin, int64_t batch,
                                             uint64_t seed, absl::Span<const float> outputs) const {
  const Head& head = heads_[h];
  const auto size = static_cast<size_t>(head.elements());
  // Of exact ones, which of this head's elements it is.
  int64_t marked = k;
  for (size_t before = 0; before < h; ++before) marked -= heads_[before].elements();
  std::vector<float> values(size * static_cast<size_t>(batch)), signs(size, 0.0f);
  if (IsExact() && marked >= 0 && marked < head.elements()) {
    signs[static_cast<size_t>(marked)] = 1;
  }
  for (int64_t n = 0; n < batch; ++n) {
    const size_t offset = static_cast<size_t>(n) * size;
    SplitMix64 random(seed, Stream(begin + n, k, h));
    for (size_t i = 0; i < size && !IsExact(); ++i) signs[i] = random.Sign();
    ApplyHessianRoot(head, outputs.empty() ? outputs : outputs.subspan(offset, size), signs,
                     absl::MakeSpan(values).subspan(offset, size));
  }
  return values;
}

absl::Status OutputCotangents::SetInputs(int64_t begin, int64_t batch, uint64_t seed,
                                         const BatchRunner* forward, BatchRunner& runner) const {
  if (kind_ == Kind::kExact) return absl::OkStatus();
  if (heads_.size() > kMaxHeads) {
    return absl::UnimplementedError(absl::StrCat("cotangents are drawn for ", kMaxHeads,
                                                 " outputs at most, not for ", heads_.size()));
  }
  for (size_t h = 0; h < heads_.size(); ++h) {
    absl::Span<const float> outputs;
    if (NeedsForward()) {
      HT_ASSIGN_OR_RETURN(outputs, forward->Output(heads_[h].value));
    }
    for (int k = 0; k < count_; ++k) {
      HT_RETURN_IF_ERROR(
          runner.SetInput(InputName(k, h), InputOf(h, k, begin, batch, seed, outputs)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> OutputCotangents::Weights(const BatchRunner& runner,
                                                              int64_t sample) const {
  if (kind_ != Kind::kExact) {
    const double weight = IsExact() ? 1.0 : 1.0 / static_cast<double>(count_);
    return std::vector<double>(static_cast<size_t>(count_), weight);
  }
  std::vector<double> weights;
  for (size_t h = 0; h < heads_.size(); ++h) {
    const auto size = static_cast<size_t>(heads_[h].elements());
    if (!heads_[h].is_kl()) {
      weights.resize(weights.size() + size, 1.0);
      continue;
    }
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> p, runner.Output(ProbabilitiesOutput(h)));
    for (const float probability : p.subspan(static_cast<size_t>(sample) * size, size)) {
      weights.push_back(heads_[h].factor * static_cast<double>(probability) /
                        static_cast<double>(heads_[h].rows));
    }
  }
  return weights;
}

}  // namespace halftone
