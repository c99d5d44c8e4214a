#include "nn/graph/operators/value_sized.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/strided.h"

// Operators the size of whose results depends on values: they are computed of constants, while the
// graph is bound, and cannot run.
namespace halftone {

absl::StatusOr<const Tensor*> SizingConstant(const NodeContext& context, size_t index) {
  HT_RETURN_IF_ERROR(context.Input(index).status());
  if (context.Constant(index) != nullptr) return context.Constant(index);
  return absl::UnimplementedError(absl::StrCat(
      "the size of its result depends on the values of '", context.node.Input(index),
      "', which the network computes while it runs: end the model before this node (for instance "
      "with onnx.utils.extract_model)"));
}

namespace {

// The positions of what is not 0, one row for each axis: [rank, N], as numpy has them.
absl::StatusOr<Tensors> ComputeNonZero(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const Tensor* src, SizingConstant(context, 0));
  std::vector<bool> is_set(static_cast<size_t>(src->elements()));
  if (IsFloat(src->type())) {
    HT_ASSIGN_OR_RETURN(const std::vector<double> values, src->ToDoubles());
    for (size_t i = 0; i < values.size(); ++i) is_set[i] = values[i] != 0;
  } else {
    HT_ASSIGN_OR_RETURN(const std::vector<int64_t> values, src->ToInts());
    for (size_t i = 0; i < values.size(); ++i) is_set[i] = values[i] != 0;
  }
  const auto count = std::count(is_set.begin(), is_set.end(), true);
  const std::vector<int64_t> strides = DenseStrides(src->shape());
  const int rank = std::max(src->shape().rank(), 1);
  std::vector<int64_t> positions(static_cast<size_t>(rank * count), 0);
  size_t next = 0;
  for (size_t i = 0; i < is_set.size(); ++i) {
    if (!is_set[i]) continue;
    auto rest = static_cast<int64_t>(i);
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      positions[axis * static_cast<size_t>(count) + next] = rest / strides[axis];
      rest %= strides[axis];
    }
    ++next;
  }
  return Tensors{Tensor::Of(Shape{rank, count}, std::move(positions))};
}

struct Box {
  double top, left, bottom, right;
  double Area() const { return (bottom - top) * (right - left); }
};

Box BoxOf(const double* numbers, bool by_center) {
  if (by_center) {
    const double x = numbers[0], y = numbers[1], w = numbers[2] / 2, h = numbers[3] / 2;
    return {y - h, x - w, y + h, x + w};
  }
  return {std::min(numbers[0], numbers[2]), std::min(numbers[1], numbers[3]),
          std::max(numbers[0], numbers[2]), std::max(numbers[1], numbers[3])};
}

// The area of the intersection over that of the union.
double Overlap(const Box& a, const Box& b) {
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (height <= 0 || width <= 0) return 0;
  const double common = height * width;
  return common / (a.Area() + b.Area() - common);
}

struct Suppression {
  int64_t most = 0;  // of a class
  double most_overlap = 0;
  std::optional<double> least_score;  // which itself does not suffice
};

absl::StatusOr<Suppression> ReadSuppression(const NodeContext& context) {
  Suppression suppression;
  HT_ASSIGN_OR_RETURN(const auto most, context.ConstantInts(2, "max_output_boxes_per_class"));
  if (most.has_value() && !most->empty()) suppression.most = most->front();
  for (const size_t index : {size_t{3}, size_t{4}}) {
    if (!context.HasInput(index)) continue;
    HT_ASSIGN_OR_RETURN(const Tensor* threshold, SizingConstant(context, index));
    HT_ASSIGN_OR_RETURN(const std::vector<double> values, threshold->ToDoubles());
    if (values.size() != 1) return absl::InvalidArgumentError("a threshold is not one number");
    if (index == 3) suppression.most_overlap = values[0];
    if (index == 4) suppression.least_score = values[0];
  }
  return suppression;
}

// The boxes of one class that stay, the best first.
std::vector<int64_t> SelectBoxes(const std::vector<Box>& boxes, const double* scores,
                                 const Suppression& suppression) {
  std::vector<int64_t> order, selected;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const bool suffices = !suppression.least_score || scores[i] > *suppression.least_score;
    if (suffices && !std::isnan(scores[i])) order.push_back(static_cast<int64_t>(i));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  for (const int64_t candidate : order) {
    if (static_cast<int64_t>(selected.size()) >= suppression.most) break;
    const bool is_covered = std::any_of(selected.begin(), selected.end(), [&](int64_t other) {
      return Overlap(boxes[static_cast<size_t>(candidate)], boxes[static_cast<size_t>(other)]) >
             suppression.most_overlap;
    });
    if (!is_covered) selected.push_back(candidate);
  }
  return selected;
}

constexpr int64_t kMaxOverlaps = int64_t{1} << 28;  // that are computed

// (boxes [B, N, 4], scores [B, C, N], ...) -> [selected, 3]: batch, class and box.
absl::StatusOr<Tensors> ComputeNonMaxSuppression(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const Tensor* given_boxes, SizingConstant(context, 0));
  HT_ASSIGN_OR_RETURN(const Tensor* given_scores, SizingConstant(context, 1));
  HT_ASSIGN_OR_RETURN(const Suppression suppression, ReadSuppression(context));
  HT_ASSIGN_OR_RETURN(const int64_t by_center, context.node.Int("center_point_box", 0));
  const Shape &shape = given_boxes->shape(), &scored = given_scores->shape();
  if (shape.rank() != 3 || scored.rank() != 3 || shape.dim(2) != 4 ||
      shape.dim(0) != scored.dim(0) || shape.dim(1) != scored.dim(2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("scores ", scored.ToString(), " for boxes ", shape.ToString()));
  }
  const int64_t count = shape.dim(1), classes = scored.dim(1);
  const int64_t rounds = std::max<int64_t>(shape.dim(0) * classes, 1);
  if (count > 0 && std::min(count, suppression.most) > kMaxOverlaps / count / rounds) {
    return absl::UnimplementedError(absl::StrCat("of ", count, " boxes in ", rounds, " classes"));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<double> numbers, given_boxes->ToDoubles());
  HT_ASSIGN_OR_RETURN(const std::vector<double> scores, given_scores->ToDoubles());
  std::vector<int64_t> selected;
  for (int64_t sample = 0; sample < shape.dim(0); ++sample) {
    std::vector<Box> boxes;
    for (int64_t i = 0; i < count; ++i) {
      boxes.push_back(BoxOf(numbers.data() + (sample * count + i) * 4, by_center != 0));
    }
    for (int64_t label = 0; label < classes; ++label) {
      const double* of_class = scores.data() + (sample * classes + label) * count;
      for (const int64_t box : SelectBoxes(boxes, of_class, suppression)) {
        selected.insert(selected.end(), {sample, label, box});
      }
    }
  }
  const auto rows = static_cast<int64_t>(selected.size() / 3);
  return Tensors{Tensor::Of(Shape{rows, 3}, std::move(selected))};
}

// Which rows of a matrix are distinct.
struct Distinct {
  std::vector<int64_t> first;    // of each distinct row, where it comes first
  std::vector<int64_t> inverse;  // of each row, which of the distinct ones it is
  std::vector<int64_t> counts;
};

template <typename T>
Distinct FindDistinct(const std::vector<T>& values, size_t rows, size_t width, bool sorted) {
  const auto row = [&](int64_t i) {
    return values.begin() + static_cast<std::ptrdiff_t>(width) * i;
  };
  const auto end = static_cast<std::ptrdiff_t>(width);
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::lexicographical_compare(row(a), row(a) + end, row(b), row(b) + end);
  });
  Distinct distinct;
  distinct.inverse.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    const bool is_new =
        i == 0 || !std::equal(row(order[i]), row(order[i]) + end, row(order[i - 1]));
    if (is_new) {
      distinct.first.push_back(order[i]);
      distinct.counts.push_back(0);
    }
    ++distinct.counts.back();
    distinct.inverse[static_cast<size_t>(order[i])] =
        static_cast<int64_t>(distinct.first.size()) - 1;
  }
  if (sorted) return distinct;
  // From the order of values to that of first occurrence.
  std::vector<int64_t> ranks(distinct.first.size()), place(distinct.first.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  std::sort(ranks.begin(), ranks.end(), [&](int64_t a, int64_t b) {
    return distinct.first[static_cast<size_t>(a)] < distinct.first[static_cast<size_t>(b)];
  });
  Distinct occurring;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const auto from = static_cast<size_t>(ranks[i]);
    place[from] = static_cast<int64_t>(i);
    occurring.first.push_back(distinct.first[from]);
    occurring.counts.push_back(distinct.counts[from]);
  }
  for (const int64_t which : distinct.inverse) {
    occurring.inverse.push_back(place[static_cast<size_t>(which)]);
  }
  return occurring;
}

// `src` with `axis` in front, or back from there.
Tensor MoveAxis(const Tensor& src, int axis, bool to_front) {
  std::vector<int> order(static_cast<size_t>(src.shape().rank()));
  std::iota(order.begin(), order.end(), 0);
  if (to_front) std::rotate(order.begin(), order.begin() + axis, order.begin() + axis + 1);
  if (!to_front) std::rotate(order.begin(), order.begin() + 1, order.begin() + axis + 1);
  const std::vector<int64_t> dense = DenseStrides(src.shape());
  std::vector<int64_t> strides, dims;
  for (const int from : order) {
    strides.push_back(dense[static_cast<size_t>(from)]);
    dims.push_back(src.shape().dim(from));
  }
  return CopyStrided(src, Shape(dims), 0, strides);
}

Tensor ListOf(std::vector<int64_t> values) {
  const Shape shape{static_cast<int64_t>(values.size())};
  return Tensor::Of(shape, std::move(values));
}

// Distinct elements, or slices along an axis; where each comes first, which each one is, counts.
absl::StatusOr<Tensors> ComputeUnique(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const Tensor* src, SizingConstant(context, 0));
  HT_ASSIGN_OR_RETURN(const int64_t sorted, context.node.Int("sorted", 1));
  const bool flattens = !context.node.Has("axis");
  int axis = 0;
  if (!flattens) {
    HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("axis", 0));
    HT_ASSIGN_OR_RETURN(axis, NormalizeAxis(asked, src->shape().rank()));
  }
  const Tensor slices =
      flattens ? src->Reshaped(Shape{src->elements()}) : MoveAxis(*src, axis, true);
  const auto rows = static_cast<size_t>(slices.shape().dim(0));
  const size_t width = rows == 0 ? 0 : static_cast<size_t>(slices.elements()) / rows;
  Distinct distinct;
  if (IsFloat(src->type())) {
    HT_ASSIGN_OR_RETURN(const std::vector<double> values, slices.ToDoubles());
    if (std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); })) {
      return absl::UnimplementedError("of elements that are not numbers");
    }
    distinct = FindDistinct(values, rows, width, sorted != 0);
  } else {
    HT_ASSIGN_OR_RETURN(const std::vector<int64_t> values, slices.ToInts());
    distinct = FindDistinct(values, rows, width, sorted != 0);
  }
  const size_t chunk = width * SizeOf(src->type());
  std::vector<std::byte> bytes;
  for (const int64_t first : distinct.first) {
    const std::byte* from = slices.bytes().data() + static_cast<size_t>(first) * chunk;
    bytes.insert(bytes.end(), from, from + chunk);
  }
  Shape kept = slices.shape();
  kept.set_dim(0, static_cast<int64_t>(distinct.first.size()));
  const Tensor chosen = Tensor::FromBytes(src->type(), kept, std::move(bytes));
  return Tensors{flattens ? chosen : MoveAxis(chosen, axis, false), ListOf(distinct.first),
                 ListOf(distinct.inverse), ListOf(distinct.counts)};
}

using ComputeFunction = absl::StatusOr<Tensors> (*)(const NodeContext& context);

template <ComputeFunction compute>
absl::StatusOr<ValueInfos> Infer(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const Tensors results, compute(context));
  ValueInfos infos;
  for (const Tensor& result : results) infos.push_back({result.type(), result.shape()});
  return infos;
}

template <ComputeFunction compute>
absl::StatusOr<Tensors> Evaluate(const NodeContext& context, absl::Span<const ValueInfo>) {
  return compute(context);
}

template <ComputeFunction compute>
constexpr Operator MakeOperator(absl::string_view name) {
  return {name, Infer<compute>, Evaluate<compute>, Runs::kNever};
}

constexpr std::array kValueSizedOperators = {
    MakeOperator<ComputeNonZero>("NonZero"),
    MakeOperator<ComputeNonMaxSuppression>("NonMaxSuppression"),
    MakeOperator<ComputeUnique>("Unique"),
};

}  // namespace

absl::Span<const Operator> ValueSizedOperators() { return kValueSizedOperators; }

}  // namespace halftone
