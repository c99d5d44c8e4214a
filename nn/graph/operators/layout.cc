#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/strided.h"

namespace halftone {
namespace {

// The new dimensions that a Reshape asks for, with 0 and -1 resolved.
absl::StatusOr<Shape> ResolveReshape(const Shape& src, std::vector<int64_t> dims, bool allow_zero) {
  const std::string asked = absl::StrCat("[", absl::StrJoin(dims, ", "), "]");
  const auto fail = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", src.ToString(), " cannot become ", asked));
  };
  int64_t known = 1;
  auto open = dims.end();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !allow_zero) {
      if (i >= static_cast<size_t>(src.rank())) return fail();
      dims[i] = src.dim(static_cast<int>(i));
    }
    if (dims[i] == -1) {
      if (open != dims.end()) return fail();
      open = dims.begin() + static_cast<std::ptrdiff_t>(i);
      continue;
    }
    if (dims[i] < 0 || dims[i] > Shape::kMaxElements) return fail();
    if (dims[i] > 0 && known > Shape::kMaxElements / dims[i]) return fail();
    known *= dims[i];
  }
  if (open != dims.end()) {
    if (known == 0) return fail();
    if (src.Elements() % known != 0) {
      return Annotate(
          absl::InvalidArgumentError(absl::StrCat(
              "its ", src.Elements(), " elements are no multiple of ", known,
              " (samples are computed one by one: a network that joins several of them into one "
              "result needs an input of which one sample has all that it joins)")),
          fail().message());
    }
    *open = src.Elements() / known;
  } else if (known != src.Elements()) {
    return fail();
  }
  return Shape(dims);
}

absl::StatusOr<ValueInfos> InferReshape(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> dims, context.RequiredInts(1, "shape"));
  HT_ASSIGN_OR_RETURN(int64_t allow_zero, context.node.Int("allowzero", 0));
  HT_ASSIGN_OR_RETURN(Shape dst, ResolveReshape(src.shape, dims, allow_zero != 0));
  return ValueInfos{{src.type, dst}};
}

absl::StatusOr<ValueInfos> InferFlatten(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t axis, context.node.Int("axis", 1));
  const int rank = src.shape.rank();
  if (axis < -rank || axis > rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " is outside of a tensor of rank ", rank));
  }
  const int64_t split = axis < 0 ? axis + rank : axis;
  int64_t rows = 1, columns = 1;
  for (int i = 0; i < rank; ++i) (i < split ? rows : columns) *= src.shape.dim(i);
  return ValueInfos{{src.type, Shape{rows, columns}}};
}

absl::StatusOr<std::vector<int>> ResolvePermutation(const NodeContext& context, int rank) {
  std::vector<int64_t> reversed(static_cast<size_t>(rank));
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> asked, context.node.Ints("perm", reversed));
  std::vector<int64_t> sorted = asked;
  std::sort(sorted.begin(), sorted.end());
  std::reverse(reversed.begin(), reversed.end());
  if (sorted != reversed) {
    return absl::InvalidArgumentError(absl::StrCat("perm [", absl::StrJoin(asked, ", "),
                                                   "] is no permutation of ", rank, " axes"));
  }
  return std::vector<int>(asked.begin(), asked.end());
}

absl::StatusOr<ValueInfos> InferTranspose(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int> permutation, ResolvePermutation(context, src.shape.rank()));
  ValueInfo dst = src;
  for (int i = 0; i < src.shape.rank(); ++i) {
    dst.shape.set_dim(i, src.shape.dim(permutation[static_cast<size_t>(i)]));
  }
  return ValueInfos{dst};
}

// Which of `rank` axes the list names; INVALID_ARGUMENT for one outside or named twice.
absl::StatusOr<std::vector<bool>> MarkAxes(const std::vector<int64_t>& axes, int rank) {
  std::vector<bool> marked(static_cast<size_t>(rank), false);
  for (const int64_t axis : axes) {
    HT_ASSIGN_OR_RETURN(int at, NormalizeAxis(axis, rank));
    if (marked[static_cast<size_t>(at)]) {
      return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " is named twice"));
    }
    marked[static_cast<size_t>(at)] = true;
  }
  return marked;
}

absl::StatusOr<ValueInfos> InferSqueeze(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(auto axes, context.IntsFromEither("axes", 1));
  HT_ASSIGN_OR_RETURN(std::vector<bool> squeezed,
                      MarkAxes(axes.value_or(std::vector<int64_t>{}), src.shape.rank()));
  std::vector<int64_t> dims;
  for (int i = 0; i < src.shape.rank(); ++i) {
    const int64_t size = src.shape.dim(i);
    const bool removed = axes.has_value() ? squeezed[static_cast<size_t>(i)] : size == 1;
    if (removed && size != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("axis ", i, " of ", src.shape.ToString(), " is not 1"));
    }
    if (!removed) dims.push_back(size);
  }
  return ValueInfos{{src.type, Shape(dims)}};
}

absl::StatusOr<ValueInfos> InferUnsqueeze(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(auto axes, context.IntsFromEither("axes", 1));
  if (!axes.has_value()) return absl::InvalidArgumentError("'axes' are missing");
  if (axes->size() > static_cast<size_t>(Shape::kMaxRank)) {
    return absl::InvalidArgumentError(absl::StrCat(axes->size(), " new axes"));
  }
  const int rank = src.shape.rank() + static_cast<int>(axes->size());
  HT_ASSIGN_OR_RETURN(std::vector<bool> added, MarkAxes(*axes, rank));
  std::vector<int64_t> dims;
  int next = 0;
  for (const bool is_new : added) dims.push_back(is_new ? 1 : src.shape.dim(next++));
  return ValueInfos{{src.type, Shape(dims)}};
}

absl::StatusOr<ValueInfos> InferConcat(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo dst, context.Input(0));
  if (!context.node.Has("axis")) return absl::InvalidArgumentError("attribute 'axis' is missing");
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, dst.shape.rank()));
  for (size_t i = 1; i < context.infos.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(i));
    Shape same = dst.shape;
    if (src.shape.rank() == same.rank()) same.set_dim(axis, src.shape.dim(axis));
    if (src.type != dst.type || src.shape != same) {
      return absl::InvalidArgumentError(absl::StrCat(
          "sources ", DataTypeName(dst.type), " ", dst.shape.ToString(), " and ",
          DataTypeName(src.type), " ", src.shape.ToString(), " do not concatenate on axis ", axis));
    }
    dst.shape.set_dim(axis, dst.shape.dim(axis) + src.shape.dim(axis));
    HT_RETURN_IF_ERROR(dst.shape.Check());
  }
  return ValueInfos{dst};
}

absl::StatusOr<ValueInfos> InferExpand(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> dims, context.RequiredInts(1, "shape"));
  const Shape asked(dims);
  HT_RETURN_IF_ERROR(asked.Check());
  HT_ASSIGN_OR_RETURN(Shape dst, BroadcastShapes(src.shape, asked));
  return ValueInfos{{src.type, dst}};
}

absl::StatusOr<ValueInfos> InferIdentity(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  return ValueInfos{src};
}

// Reshape, Flatten, Squeeze, Unsqueeze, Identity: the elements stay where they are.
absl::StatusOr<Tensors> EvaluateReshaped(const NodeContext& context,
                                         absl::Span<const ValueInfo> infos) {
  return Tensors{context.constants[0]->Reshaped(infos[0].shape)};
}

absl::StatusOr<Tensors> EvaluateTranspose(const NodeContext& context,
                                          absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  HT_ASSIGN_OR_RETURN(std::vector<int> permutation,
                      ResolvePermutation(context, src.shape().rank()));
  const std::vector<int64_t> dense = DenseStrides(src.shape());
  std::vector<int64_t> strides;
  for (const int axis : permutation) strides.push_back(dense[static_cast<size_t>(axis)]);
  return Tensors{CopyStrided(src, infos[0].shape, 0, strides)};
}

absl::StatusOr<Tensors> EvaluateExpand(const NodeContext& context,
                                       absl::Span<const ValueInfo> infos) {
  return Tensors{BroadcastTo(*context.constants[0], infos[0].shape)};
}

absl::StatusOr<Tensors> EvaluateConcat(const NodeContext& context,
                                       absl::Span<const ValueInfo> infos) {
  const ValueInfo& dst = infos[0];
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, dst.shape.rank()));
  int64_t outer = 1;
  for (int i = 0; i < axis; ++i) outer *= dst.shape.dim(i);
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(dst.shape.Elements()) * SizeOf(dst.type));
  for (int64_t row = 0; row < outer; ++row) {
    for (const Tensor* src : context.constants) {
      const size_t chunk = src->size_bytes() / static_cast<size_t>(outer);
      const std::byte* from = src->bytes().data() + static_cast<size_t>(row) * chunk;
      bytes.insert(bytes.end(), from, from + chunk);
    }
  }
  return Tensors{Tensor::FromBytes(dst.type, dst.shape, std::move(bytes))};
}

constexpr std::array kLayoutOperators = {
    Operator{"Reshape", InferReshape, EvaluateReshaped, Runs::kAnything},
    Operator{"Flatten", InferFlatten, EvaluateReshaped, Runs::kAnything},
    Operator{"Squeeze", InferSqueeze, EvaluateReshaped, Runs::kAnything},
    Operator{"Unsqueeze", InferUnsqueeze, EvaluateReshaped, Runs::kAnything},
    Operator{"Identity", InferIdentity, EvaluateReshaped, Runs::kAnything},
    Operator{"Transpose", InferTranspose, EvaluateTranspose, Runs::kAnything},
    Operator{"Concat", InferConcat, EvaluateConcat, Runs::kAnything},
    Operator{"Expand", InferExpand, EvaluateExpand, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> LayoutOperators() { return kLayoutOperators; }

}  // namespace halftone
