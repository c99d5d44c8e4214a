#include <array>
#include <memory>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/convolution.h"
#include "nn/graph/window.h"

namespace halftone {
namespace {

// A transposed convolution is a convolution's derivative in its source, and so are its own
// derivatives convolutions.
Values LowerConvTranspose(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId weights, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(const Shape dst_shape, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  const Shape kernel = builder.shape(weights);
  HT_ASSIGN_OR_RETURN(const Window window,
                      ResolveTransposedWindow(lowering.node(), builder.shape(src),
                                              absl::MakeConstSpan(kernel.dims()).subspan(2)));
  HT_ASSIGN_OR_RETURN(const int64_t groups, lowering.node().Int("group", 1));
  const ConvolutionAttributes attributes = {window.strides, window.dilations, window.pads_begin,
                                            window.pads_end, groups};
  HT_ASSIGN_OR_RETURN(ValueId dst, builder.Apply1(std::make_shared<ConvolutionBackwardDataOp>(
                                                      attributes, dst_shape),
                                                  {src, weights}));
  if (!lowering.HasInput(2)) return std::vector<ValueId>{dst};
  HT_ASSIGN_OR_RETURN(ValueId bias, lowering.Input(2));
  std::vector<int64_t> dims(kernel.dims().size() - 1, 1);
  dims[0] = dst_shape.dim(1);
  HT_ASSIGN_OR_RETURN(bias, ops::Reshape(builder, bias, Shape(dims)));
  return Single(ops::Add(builder, dst, bias));
}

constexpr std::array kTransposedLowerings = {Lowering{"ConvTranspose", LowerConvTranspose}};

}  // namespace

absl::Span<const Lowering> TransposedLowerings() { return kTransposedLowerings; }

}  // namespace halftone
