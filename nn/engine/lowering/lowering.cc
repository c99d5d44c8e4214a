#include "nn/engine/lowering/lowering.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/graph/float32.h"

namespace halftone {
namespace {

using Table = absl::flat_hash_map<std::string, LowerFunction>;

Table MakeTable() {
  Table table;
  for (absl::Span<const Lowering> family :
       {LayerLowerings(),         TransposedLowerings(),  EinsumLowerings(),
        ActivationLowerings(),    ElementwiseLowerings(), LogicLowerings(),
        PoolingLowerings(),       ReductionLowerings(),   RunningSumLowerings(),
        NormalizationLowerings(), LayoutLowerings(),      BlockLowerings(),
        SelectionLowerings(),     IndexingLowerings(),    SortingLowerings(),
        GridLowerings(),          RoiLowerings(),         SignalLowerings(),
        UnpoolingLowerings(),     ResizeLowerings(),      QuantizationLowerings()}) {
    for (const Lowering& lowering : family) table.emplace(lowering.op, lowering.lower);
  }
  return table;
}

// A padded src may have so many times the elements of what a convolution reads and writes.
constexpr int64_t kMaxPadded = 4;

// The src of a convolution with the padding that is as wide as its kernel.
struct FarPadding {
  Shape padded;
  std::vector<int64_t> starts;  // of the src in it
};

// Takes such padding out of `attributes`.
FarPadding TakeFarPadding(const Shape& src, const Shape& weights,
                          ConvolutionAttributes& attributes) {
  FarPadding far = {src, std::vector<int64_t>(src.dims().size(), 0)};
  for (size_t i = 0; i + 2 < far.starts.size(); ++i) {
    const int axis = static_cast<int>(i) + 2;
    const int64_t extent = (weights.dim(axis) - 1) * attributes.dilations[i] + 1;
    const auto take = [extent](int64_t& pad) { return pad < extent ? 0 : std::exchange(pad, 0); };
    far.starts[i + 2] = take(attributes.pads_begin[i]);
    far.padded.set_dim(axis, src.dim(axis) + far.starts[i + 2] + take(attributes.pads_end[i]));
  }
  return far;
}

bool IsAffordable(const Shape& padded, const Shape& src, const Shape& dst) {
  return padded.Check().ok() && dst.Check().ok() &&
         padded.Elements() / kMaxPadded <= src.Elements() + dst.Elements();
}

// `src` with the padding that then `attributes` no longer have.
absl::StatusOr<ValueId> PadFar(ProgramBuilder& builder, ValueId src, const Shape& weights,
                               const Shape& dst, ConvolutionAttributes& attributes) {
  const Shape shape = builder.shape(src);
  ConvolutionAttributes near = attributes;
  const FarPadding far = TakeFarPadding(shape, weights, near);
  if (far.padded == shape || !IsAffordable(far.padded, shape, dst)) return src;
  attributes = std::move(near);
  const std::vector<int64_t> steps(far.starts.size(), 1);
  return builder.Apply1(std::make_shared<SliceScatterOp>(far.starts, steps, far.padded), {src});
}

}  // namespace

absl::StatusOr<ValueId> ValueTable::Get(const std::string& name) {
  if (const auto found = values_.find(name); found != values_.end()) return found->second;
  const auto initializer = graph_.initializers.find(name);
  if (initializer == graph_.initializers.end()) {
    return absl::UnimplementedError(absl::StrCat("value '", name, "' is not computed in float32"));
  }
  const absl::StatusOr<Tensor> tensor = ToFloat32(initializer->second);
  if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("value '", name, "'"));
  const ValueId value = builder_.AddConstant(*tensor);
  values_.emplace(name, value);
  return value;
}

absl::StatusOr<ValueId> NodeLowering::Input(size_t index) const {
  HT_RETURN_IF_ERROR(context.Input(index).status());
  const std::string& name = node().inputs[index];
  HT_ASSIGN_OR_RETURN(const ValueId value, values.Get(name));
  if (options.read_input == nullptr) return value;
  return options.read_input(builder, node(), name, value);
}

absl::StatusOr<float> NodeLowering::ConstantScalar(size_t index, float fallback) const {
  if (!HasInput(index)) return fallback;
  const Tensor* constant = context.Constant(index);
  if (constant == nullptr || constant->elements() != 1) {
    return absl::UnimplementedError(
        absl::StrCat("input '", node().inputs[index], "' is not a constant scalar"));
  }
  HT_ASSIGN_OR_RETURN(Tensor scalar, ToFloat32(*constant));
  return scalar.data<float>()[0];
}

absl::StatusOr<Shape> NodeLowering::DstShape(size_t index) const {
  const auto found = graph.values.find(node().outputs[index]);
  if (found == graph.values.end()) {
    return absl::InternalError(
        absl::StrCat("the shape of '", node().outputs[index], "' was not inferred"));
  }
  return found->second.shape;
}

absl::StatusOr<DataType> NodeLowering::DstType(size_t index) const {
  HT_RETURN_IF_ERROR(DstShape(index).status());
  return graph.values.at(node().outputs[index]).type;
}

LowerFunction FindLowering(absl::string_view domain, absl::string_view op) {
  static const auto* const kTable = new Table(MakeTable());
  if (!domain.empty()) return nullptr;
  const auto found = kTable->find(op);
  return found == kTable->end() ? nullptr : found->second;
}

absl::StatusOr<ValueId> Convolve(ProgramBuilder& builder, ConvolutionAttributes attributes,
                                 ValueId src, ValueId weights, ValueId bias) {
  const Shape kernel = builder.shape(weights);
  const absl::StatusOr<std::vector<Shape>> dsts =
      ConvolutionOp(attributes).InferShapes({builder.shape(src), kernel});
  // What does not fit is refused below.
  if (dsts.ok()) {
    HT_ASSIGN_OR_RETURN(src, PadFar(builder, src, kernel, dsts->front(), attributes));
  }
  auto op = std::make_shared<ConvolutionOp>(std::move(attributes));
  if (bias == kNoValue) return builder.Apply1(std::move(op), {src, weights});
  return builder.Apply1(std::move(op), {src, weights, bias});
}

Values Single(absl::StatusOr<ValueId> value) {
  HT_RETURN_IF_ERROR(value.status());
  return std::vector<ValueId>{*value};
}

}  // namespace halftone
