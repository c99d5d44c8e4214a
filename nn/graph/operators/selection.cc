#include <array>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/slice.h"
#include "nn/graph/operators/strided.h"

namespace halftone {
namespace {

absl::StatusOr<ValueInfos> InferSlice(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ResolvedSlice slice, ResolveSlice(context));
  return ValueInfos{{src.type, slice.dst}};
}

absl::StatusOr<Tensors> EvaluateSlice(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  HT_ASSIGN_OR_RETURN(ResolvedSlice slice, ResolveSlice(context));
  const std::vector<int64_t> dense = DenseStrides(src.shape());
  std::vector<int64_t> strides(dense.size());
  int64_t offset = 0;
  for (size_t axis = 0; axis < dense.size(); ++axis) {
    offset += slice.begins[axis] * dense[axis];
    strides[axis] = slice.steps[axis] * dense[axis];
  }
  return Tensors{CopyStrided(src, infos[0].shape, offset, strides)};
}

absl::StatusOr<ValueInfos> InferGather(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo indices, context.Input(1));
  if (indices.type != DataType::kInt32 && indices.type != DataType::kInt64) {
    return absl::InvalidArgumentError(absl::StrCat("indices of type ", DataTypeName(indices.type)));
  }
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, src.shape.rank()));
  std::vector<int64_t> dims = src.shape.dims();
  const auto at = dims.begin() + axis;
  dims.insert(dims.erase(at), indices.shape.dims().begin(), indices.shape.dims().end());
  return ValueInfos{{src.type, Shape(dims)}};
}

absl::StatusOr<Tensors> EvaluateGather(const NodeContext& context,
                                       absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> indices, context.constants[1]->ToInts());
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, src.shape().rank()));
  const int64_t size = src.shape().dim(axis);
  for (int64_t& index : indices) {
    if (index < -size || index >= size) {
      return absl::InvalidArgumentError(
          absl::StrCat("index ", index, " is outside of an axis of size ", size));
    }
    if (index < 0) index += size;
  }
  int64_t outer = 1;
  for (int i = 0; i < axis; ++i) outer *= src.shape().dim(i);
  const int64_t inner = DenseStrides(src.shape())[static_cast<size_t>(axis)];
  const size_t chunk = static_cast<size_t>(inner) * SizeOf(src.type());
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(infos[0].shape.Elements()) * SizeOf(src.type()));
  for (int64_t row = 0; row < outer; ++row) {
    for (const int64_t index : indices) {
      const std::byte* from = src.bytes().data() + static_cast<size_t>(row * size + index) * chunk;
      bytes.insert(bytes.end(), from, from + chunk);
    }
  }
  return Tensors{Tensor::FromBytes(src.type(), infos[0].shape, std::move(bytes))};
}

// The sizes of the parts: given, or equal with a smaller last one.
absl::StatusOr<std::vector<int64_t>> ResolveParts(const NodeContext& context, int64_t size) {
  HT_ASSIGN_OR_RETURN(auto given, context.IntsFromEither("split", 1));
  const auto outputs = static_cast<int64_t>(context.node.outputs.size());
  std::vector<int64_t> parts;
  if (given.has_value()) {
    parts = *std::move(given);
  } else {
    const int64_t part = (size + outputs - 1) / outputs;
    for (int64_t left = size, i = 0; i < outputs; ++i, left -= parts.back()) {
      parts.push_back(std::min(part, left));
    }
  }
  int64_t sum = 0;
  for (const int64_t part : parts) {
    if (part < 0 || part > size)
      return absl::InvalidArgumentError(absl::StrCat("a part of ", part));
    sum += part;
  }
  if (static_cast<int64_t>(parts.size()) != outputs || sum != size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "an axis of size ", size, " does not split into ", outputs, " parts as asked"));
  }
  return parts;
}

absl::StatusOr<ValueInfos> InferSplit(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, src.shape.rank()));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> parts, ResolveParts(context, src.shape.dim(axis)));
  ValueInfos infos;
  for (const int64_t part : parts) {
    infos.push_back(src);
    infos.back().shape.set_dim(axis, part);
  }
  return infos;
}

absl::StatusOr<Tensors> EvaluateSplit(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, src.shape().rank()));
  const std::vector<int64_t> strides = DenseStrides(src.shape());
  Tensors parts;
  int64_t offset = 0;
  for (const ValueInfo& info : infos) {
    parts.push_back(CopyStrided(src, info.shape, offset, strides));
    offset += info.shape.dim(axis) * strides[static_cast<size_t>(axis)];
  }
  return parts;
}

// Padding before and after, by axis of src: the attribute up to opset 10, then an input, with the
// axes that it speaks of from opset 18 on.
absl::Status AddPads(const NodeContext& context, Shape& shape) {
  HT_ASSIGN_OR_RETURN(auto pads, context.IntsFromEither("pads", 1));
  if (!pads.has_value()) return absl::InvalidArgumentError("'pads' are missing");
  HT_ASSIGN_OR_RETURN(auto axes, context.ConstantInts(3, "axes"));
  const size_t count = axes.has_value() ? axes->size() : static_cast<size_t>(shape.rank());
  if (pads->size() != 2 * count) {
    return absl::InvalidArgumentError(
        absl::StrCat(pads->size(), " pads for a tensor of rank ", shape.rank()));
  }
  for (size_t i = 0; i < count; ++i) {
    HT_ASSIGN_OR_RETURN(
        int axis,
        NormalizeAxis(axes.has_value() ? (*axes)[i] : static_cast<int64_t>(i), shape.rank()));
    int64_t size = shape.dim(axis);
    for (const int64_t pad : {(*pads)[i], (*pads)[i + count]}) {
      if (pad > Shape::kMaxElements || pad < -size) {
        return absl::InvalidArgumentError(
            absl::StrCat("a padding of ", pad, " on axis ", axis, " of size ", size));
      }
      size += pad;
    }
    shape.set_dim(axis, size);
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueInfos> InferPad(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(0));
  HT_ASSIGN_OR_RETURN(std::string mode, context.node.String("mode", "constant"));
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") {
    return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
  }
  if (context.HasInput(2) && context.Constant(2) == nullptr) {
    return absl::UnimplementedError("its value is not constant");
  }
  HT_RETURN_IF_ERROR(AddPads(context, info.shape));
  return ValueInfos{info};
}

// To the sizes that its second input says, of the axes that it names (of all, else).
absl::StatusOr<ValueInfos> InferCenterCropPad(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(0));
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, context.RequiredInts(1, "shape"));
  std::vector<int64_t> axes(static_cast<size_t>(info.shape.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  HT_ASSIGN_OR_RETURN(axes, context.node.Ints("axes", axes));
  if (axes.size() != sizes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("its shape has ", sizes.size(), " sizes for ", axes.size(), " axes"));
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(axes[i], info.shape.rank()));
    if (sizes[i] < 0 || sizes[i] > Shape::kMaxElements) {
      return absl::InvalidArgumentError(absl::StrCat("a size of ", sizes[i]));
    }
    info.shape.set_dim(axis, sizes[i]);
  }
  return ValueInfos{info};
}

constexpr std::array kSelectionOperators = {
    Operator{"Slice", InferSlice, EvaluateSlice, Runs::kAnything},
    Operator{"Gather", InferGather, EvaluateGather, Runs::kAnything},
    Operator{"Split", InferSplit, EvaluateSplit, Runs::kAnything},
    Operator{"Pad", InferPad, nullptr, Runs::kAnything},
    Operator{"CenterCropPad", InferCenterCropPad, nullptr, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> SelectionOperators() { return kSelectionOperators; }

}  // namespace halftone
