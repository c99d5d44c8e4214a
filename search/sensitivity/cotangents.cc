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
constexpr char kProbabilities[] = "halftone:p";

std::string InputName(int k, size_t head) { return absl::StrCat("halftone:u/", k, "/", head); }

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

// One label per row.
void DrawLabels(const Head& head, absl::Span<const float> logits, SplitMix64& random,
                absl::Span<float> cotangent) {
  const auto width = static_cast<size_t>(head.width);
  const double scale = 1 / std::sqrt(static_cast<double>(head.rows));
  for (size_t begin = 0; begin < cotangent.size(); begin += width) {
    const std::vector<double> p = SoftmaxRow(logits.subspan(begin, width));
    double rest = random.Uniform();
    size_t label = 0;
    while (label + 1 < width && rest >= p[label]) rest -= p[label++];
    for (size_t c = 0; c < width; ++c) {
      cotangent[begin + c] = static_cast<float>(scale * (p[c] - (c == label ? 1.0 : 0.0)));
    }
  }
}

Tensor UnitVector(const Shape& shape, int64_t element, float value) {
  std::vector<float> values(static_cast<size_t>(shape.Elements()), 0.0f);
  values[static_cast<size_t>(element)] = value;
  return Tensor::Of(shape, std::move(values));
}

}  // namespace

OutputCotangents::OutputCotangents(std::vector<Head> heads, const SensitivityOptions& options)
    : heads_(std::move(heads)), count_(options.draws) {
  int64_t elements = 0;
  bool any_kl = false;
  for (const Head& head : heads_) {
    elements += head.elements();
    any_kl |= head.is_kl;
  }
  if (any_kl && heads_.size() == 1 && heads_[0].rows == 1 && elements <= options.exact_classes) {
    kind_ = Kind::kEveryClass;
    count_ = static_cast<int>(elements);
  } else if (any_kl) {
    kind_ = Kind::kLabelDraws;
  } else if (elements <= options.exact_classes) {
    kind_ = Kind::kEveryElement;
    count_ = static_cast<int>(elements);
  }
}

absl::StatusOr<std::vector<std::vector<ValueId>>> OutputCotangents::AppendEveryClass(
    LoweredGraph& lowered, std::vector<std::pair<std::string, ValueId>>& outputs) const {
  ProgramBuilder& builder = lowered.builder;
  HT_ASSIGN_OR_RETURN(const ValueId logits, FindValue(lowered, heads_[0].value));
  const Shape shape = builder.shape(logits);
  HT_ASSIGN_OR_RETURN(const ValueId p, ops::Softmax(builder, logits, shape.rank() - 1));
  outputs.emplace_back(kProbabilities, p);
  Shape one_sample = shape;
  one_sample.set_dim(0, 1);
  std::vector<std::vector<ValueId>> cotangents;
  for (int k = 0; k < count_; ++k) {
    const ValueId label = builder.AddConstant(UnitVector(one_sample, k, 1));
    HT_ASSIGN_OR_RETURN(const ValueId u, ops::Sub(builder, p, label));
    cotangents.push_back({u});
  }
  return cotangents;
}

absl::StatusOr<std::vector<std::vector<ValueId>>> OutputCotangents::AppendEveryElement(
    LoweredGraph& lowered) const {
  ProgramBuilder& builder = lowered.builder;
  std::vector<std::vector<ValueId>> cotangents;
  for (size_t h = 0; h < heads_.size(); ++h) {
    for (int64_t element = 0; element < heads_[h].elements(); ++element) {
      std::vector<ValueId>& cotangent = cotangents.emplace_back();
      for (size_t other = 0; other < heads_.size(); ++other) {
        HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, heads_[other].value));
        const Shape shape = builder.shape(value);
        Shape one_sample = shape;
        one_sample.set_dim(0, 1);
        const float scale = other == h ? MseScale(heads_[h]) : 0.0f;
        const ValueId unit =
            builder.AddConstant(UnitVector(one_sample, other == h ? element : 0, scale));
        HT_ASSIGN_OR_RETURN(const ValueId repeated, ops::BroadcastTo(builder, unit, shape));
        cotangent.push_back(repeated);
      }
    }
  }
  return cotangents;
}

absl::StatusOr<std::vector<std::vector<ValueId>>> OutputCotangents::AppendTo(
    LoweredGraph& lowered, std::vector<std::pair<std::string, ValueId>>& outputs) const {
  if (kind_ == Kind::kEveryClass) return AppendEveryClass(lowered, outputs);
  if (kind_ == Kind::kEveryElement) return AppendEveryElement(lowered);
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
  const auto count = static_cast<size_t>(count_);
  if (kind_ == Kind::kEveryElement) return std::vector<double>(count, 1.0);
  if (kind_ != Kind::kEveryClass) {
    return std::vector<double>(count, 1.0 / static_cast<double>(count));
  }
  HT_ASSIGN_OR_RETURN(const absl::Span<const float> p, runner.Output(kProbabilities));
  const absl::Span<const float> row = p.subspan(static_cast<size_t>(sample) * count, count);
  return std::vector<double>(row.begin(), row.end());
}

}  // namespace halftone
