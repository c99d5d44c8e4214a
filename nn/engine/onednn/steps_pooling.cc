#include <utility>
#include <vector>

#include "nn/engine/onednn/kernels/max_pool_kernels.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

struct WindowDims {
  memory::dims kernel, strides, dilations, pads_begin, pads_end;

  explicit WindowDims(const PoolWindow& window)
      : kernel(window.kernel),
        strides(window.strides),
        dilations(window.dilations),
        pads_begin(window.pads_begin),
        pads_end(window.pads_end) {
    for (auto& dilation : dilations) --dilation;
  }
};

double Taps(const PoolWindow& window, const Shape& dst) {
  auto taps = static_cast<double>(dst.Elements());
  for (const int64_t size : window.kernel) taps *= static_cast<double>(size);
  return taps;
}

algorithm AverageAlgorithm(bool count_padding) {
  return count_padding ? algorithm::pooling_avg_include_padding
                       : algorithm::pooling_avg_exclude_padding;
}

dnnl::pooling_forward::primitive_desc AverageDescriptor(const dnnl::engine& engine,
                                                        const PoolWindow& window,
                                                        bool count_padding, const Layout& src,
                                                        const Layout& dst) {
  const WindowDims dims(window);
  return {engine,
          prop_kind::forward_training,
          AverageAlgorithm(count_padding),
          src,
          dst,
          dims.strides,
          dims.kernel,
          dims.dilations,
          dims.pads_begin,
          dims.pads_end,
          PrimitiveAttributes()};
}

// How the tensors of a max pooling lie: in C order, or with channels behind the spatial axes.
class PoolLayouts {
 public:
  // As `value` lies; C order if it lies otherwise.
  PoolLayouts(const StepBuilder& steps, ValueId value) {
    const Layout layout = LayoutWithAxes(steps, value);
    const int64_t channels = steps.shape(value).dim(1);
    if (IsPlain(layout)) return;
    for (const auto& [tag, lanes] : Candidates(layout.get_ndims(), channels)) {
      if (!SameLayout(layout, Layout(layout.get_dims(), memory::data_type::f32, tag))) continue;
      tag_ = tag;
      lanes_ = lanes;
    }
  }

  Layout Of(const Shape& shape) const {
    if (tag_ == memory::format_tag::undef) return PlainLayout(shape);
    return Layout(DnnlDims(shape), memory::data_type::f32, tag_);
  }
  PoolGeometry Geometry(const Shape& src, const Shape& dst, const PoolWindow& window) const {
    const int64_t channels = Of(src).get_padded_dims()[1];
    return PoolGeometry(src, dst, window, channels, lanes_);
  }

 private:
  using Tag = memory::format_tag;
  static std::vector<std::pair<Tag, int64_t>> Candidates(int rank, int64_t channels) {
    switch (rank) {
      case 3:
        return {{Tag::nCw16c, 16}, {Tag::nCw8c, 8}, {Tag::nwc, channels}};
      case 4:
        return {{Tag::nChw16c, 16}, {Tag::nChw8c, 8}, {Tag::nhwc, channels}};
      default:
        return {{Tag::nCdhw16c, 16}, {Tag::nCdhw8c, 8}, {Tag::ndhwc, channels}};
    }
  }

  Tag tag_ = Tag::undef;
  int64_t lanes_ = 1;
};

}  // namespace

void AddSteps(StepBuilder& steps, const AveragePoolOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  const Layout src_layout = LayoutWithAxes(steps, src);
  const auto descriptor = AverageDescriptor(steps.engine(), op.window, op.count_padding, src_layout,
                                            AnyLayout(steps.shape(dst)));
  const BufferId src_buffer = steps.Source(src, src_layout);
  const BufferId dst_buffer = steps.Define(dst, descriptor.dst_desc());
  steps.AddPrimitive(
      dnnl::pooling_forward(descriptor), descriptor.scratchpad_desc(),
      {{DNNL_ARG_SRC, src_layout, src_buffer}, {DNNL_ARG_DST, descriptor.dst_desc(), dst_buffer}},
      WorkOf(descriptor, Taps(op.window, steps.shape(dst))));
}

void AddSteps(StepBuilder& steps, const AveragePoolBackwardOp& op, const Instruction& instruction) {
  const ValueId diff_dst = instruction.srcs[0], diff_src = instruction.dsts[0];
  const Layout diff_dst_layout = LayoutWithAxes(steps, diff_dst);
  const Layout any_src = AnyLayout(op.src_shape);
  const auto hint = AverageDescriptor(steps.engine(), op.window, op.count_padding,
                                      PlainLayout(op.src_shape), AnyLayout(steps.shape(diff_dst)));
  const WindowDims dims(op.window);
  const dnnl::pooling_backward::primitive_desc descriptor(
      steps.engine(), AverageAlgorithm(op.count_padding), any_src, diff_dst_layout, dims.strides,
      dims.kernel, dims.dilations, dims.pads_begin, dims.pads_end, hint, PrimitiveAttributes());
  const BufferId diff_dst_buffer = steps.Source(diff_dst, diff_dst_layout);
  const BufferId diff_src_buffer = steps.Define(diff_src, descriptor.diff_src_desc());
  steps.AddPrimitive(dnnl::pooling_backward(descriptor), descriptor.scratchpad_desc(),
                     {{DNNL_ARG_DIFF_DST, diff_dst_layout, diff_dst_buffer},
                      {DNNL_ARG_DIFF_SRC, descriptor.diff_src_desc(), diff_src_buffer}},
                     WorkOf(descriptor, Taps(op.window, steps.shape(diff_dst))));
}

void AddSteps(StepBuilder& steps, const MaxPoolOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  const PoolLayouts layouts(steps, src);
  const PoolGeometry pool = layouts.Geometry(steps.shape(src), steps.shape(dst), op.window);
  const BufferId src_buffer = steps.Source(src, layouts.Of(steps.shape(src)));
  steps.AddKernel([=](absl::Span<float* const> b) { MaxPoolKernel(pool, b[0], b[1]); },
                  {src_buffer, steps.Define(dst, layouts.Of(steps.shape(dst)))},
                  {Taps(op.window, steps.shape(dst)), false});
}

void AddSteps(StepBuilder& steps, const MaxPoolScatterOp& op, const Instruction& instruction) {
  const ValueId diff_dst = instruction.srcs[0], src = instruction.srcs[1];
  const PoolLayouts layouts(steps, src);
  const Layout src_layout = layouts.Of(steps.shape(src));
  const PoolGeometry pool = layouts.Geometry(steps.shape(src), steps.shape(diff_dst), op.window);
  const BufferId diff_dst_buffer = steps.Source(diff_dst, layouts.Of(steps.shape(diff_dst)));
  const BufferId src_buffer = steps.Source(src, src_layout);
  steps.AddKernel([=](absl::Span<float* const> b) { MaxPoolScatterKernel(pool, b[0], b[1], b[2]); },
                  {diff_dst_buffer, src_buffer, steps.Define(instruction.dsts[0], src_layout)},
                  {Taps(op.window, steps.shape(diff_dst)), false});
}

void AddSteps(StepBuilder& steps, const MaxPoolGatherOp& op, const Instruction& instruction) {
  const ValueId tensor = instruction.srcs[0], src = instruction.srcs[1];
  const ValueId dst = instruction.dsts[0];
  const PoolLayouts layouts(steps, src);
  const Layout src_layout = layouts.Of(steps.shape(src));
  const PoolGeometry pool = layouts.Geometry(steps.shape(src), steps.shape(dst), op.window);
  const BufferId tensor_buffer = steps.Source(tensor, src_layout);
  const BufferId src_buffer = steps.Source(src, src_layout);
  steps.AddKernel([=](absl::Span<float* const> b) { MaxPoolGatherKernel(pool, b[0], b[1], b[2]); },
                  {tensor_buffer, src_buffer, steps.Define(dst, layouts.Of(steps.shape(dst)))},
                  {Taps(op.window, steps.shape(dst)), false});
}

}  // namespace halftone
