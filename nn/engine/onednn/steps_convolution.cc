#include <utility>
#include <vector>

#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

memory::dims ToDims(const std::vector<int64_t>& values) {
  return memory::dims(values.begin(), values.end());
}

memory::dims DnnlDilations(const std::vector<int64_t>& dilations) {
  memory::dims dims = ToDims(dilations);
  for (auto& dilation : dims) --dilation;
  return dims;
}

// [O, C / g, ...] as oneDNN's grouped weights [g, O / g, C / g, ...].
memory::dims WeightsDims(const Shape& weights, int64_t groups) {
  memory::dims dims = DnnlDims(weights);
  if (groups == 1) return dims;
  dims[0] /= groups;
  dims.insert(dims.begin(), groups);
  return dims;
}

// Descriptors of the three passes of one convolution; layouts are left to oneDNN.
struct Descriptors {
  Descriptors(const dnnl::engine& engine, const ConvolutionAttributes& attributes, const Shape& src,
              const Shape& weights, const Shape& dst)
      : engine(engine),
        src(AnyLayout(src)),
        weights(AnyLayout(WeightsDims(weights, attributes.groups))),
        dst(AnyLayout(dst)),
        strides(ToDims(attributes.strides)),
        dilations(DnnlDilations(attributes.dilations)),
        pads_begin(ToDims(attributes.pads_begin)),
        pads_end(ToDims(attributes.pads_end)) {}

  dnnl::convolution_forward::primitive_desc Forward(
      const Layout& bias = Layout(),
      const dnnl::primitive_attr& attributes = PrimitiveAttributes()) const {
    return {engine,
            prop_kind::forward_training,
            algorithm::convolution_direct,
            src,
            weights,
            bias,
            dst,
            strides,
            dilations,
            pads_begin,
            pads_end,
            attributes};
  }
  dnnl::convolution_backward_data::primitive_desc BackwardData() const {
    return {engine,
            algorithm::convolution_direct,
            src,
            weights,
            dst,
            strides,
            dilations,
            pads_begin,
            pads_end,
            Forward(),
            PrimitiveAttributes()};
  }
  dnnl::convolution_backward_weights::primitive_desc BackwardWeights() const {
    return {engine,
            algorithm::convolution_direct,
            src,
            weights,
            dst,
            strides,
            dilations,
            pads_begin,
            pads_end,
            Forward(),
            PrimitiveAttributes()};
  }

  const dnnl::engine& engine;
  Layout src, weights, dst;
  memory::dims strides, dilations, pads_begin, pads_end;
};

double MultiplyAdds(const Shape& weights, const Shape& dst) {
  const double taps = static_cast<double>(weights.Elements()) / static_cast<double>(weights.dim(0));
  return taps * static_cast<double>(dst.Elements());
}

dnnl::primitive_attr ConvolutionAttributesWith(const UnaryOp* activation) {
  dnnl::primitive_attr attributes = PrimitiveAttributes();
  if (activation == nullptr) return attributes;
  dnnl::post_ops post_ops;
  if (activation->function == UnaryFunction::kClip) {
    post_ops.append_eltwise(algorithm::eltwise_clip, activation->alpha, activation->beta);
  } else {
    const bool leaky = activation->function == UnaryFunction::kLeakyRelu;
    post_ops.append_eltwise(algorithm::eltwise_relu, leaky ? activation->alpha : 0.0f, 0.0f);
  }
  attributes.set_post_ops(post_ops);
  return attributes;
}

}  // namespace

void AddSteps(StepBuilder& steps, const ConvolutionOp& op, const FusedInstruction& fused) {
  const Instruction& instruction = fused.instruction;
  const ValueId src = instruction.srcs[0], weights = instruction.srcs[1];
  const ValueId dst = instruction.dsts[0];
  const bool has_bias = instruction.srcs.size() > 2;
  const Descriptors descriptors(steps.engine(), op.attributes, steps.shape(src),
                                steps.shape(weights), steps.shape(dst));
  const auto descriptor =
      descriptors.Forward(has_bias ? PlainLayout(steps.shape(instruction.srcs[2])) : Layout(),
                          ConvolutionAttributesWith(fused.activation.get()));
  std::vector<StepArgument> arguments = {
      {DNNL_ARG_SRC, descriptor.src_desc(), steps.Source(src, descriptor.src_desc())},
      {DNNL_ARG_WEIGHTS, descriptor.weights_desc(),
       steps.Source(weights, descriptor.weights_desc())}};
  if (has_bias) {
    arguments.push_back(
        {DNNL_ARG_BIAS, descriptor.bias_desc(), steps.PlainSource(instruction.srcs[2])});
  }
  arguments.push_back(
      {DNNL_ARG_DST, descriptor.dst_desc(), steps.Define(dst, descriptor.dst_desc())});
  steps.AddPrimitive(dnnl::convolution_forward(descriptor), descriptor.scratchpad_desc(),
                     std::move(arguments),
                     WorkOf(descriptor, MultiplyAdds(steps.shape(weights), steps.shape(dst))));
}

void AddSteps(StepBuilder& steps, const ConvolutionBackwardDataOp& op,
              const Instruction& instruction) {
  const ValueId diff_dst = instruction.srcs[0], weights = instruction.srcs[1];
  const ValueId diff_src = instruction.dsts[0];
  const auto descriptor = Descriptors(steps.engine(), op.attributes, steps.shape(diff_src),
                                      steps.shape(weights), steps.shape(diff_dst))
                              .BackwardData();
  const BufferId diff_dst_buffer = steps.Source(diff_dst, descriptor.diff_dst_desc());
  const BufferId weights_buffer = steps.Source(weights, descriptor.weights_desc());
  const BufferId diff_src_buffer = steps.Define(diff_src, descriptor.diff_src_desc());
  steps.AddPrimitive(dnnl::convolution_backward_data(descriptor), descriptor.scratchpad_desc(),
                     {{DNNL_ARG_DIFF_DST, descriptor.diff_dst_desc(), diff_dst_buffer},
                      {DNNL_ARG_WEIGHTS, descriptor.weights_desc(), weights_buffer},
                      {DNNL_ARG_DIFF_SRC, descriptor.diff_src_desc(), diff_src_buffer}},
                     WorkOf(descriptor, MultiplyAdds(steps.shape(weights), steps.shape(diff_dst))));
}

void AddSteps(StepBuilder& steps, const ConvolutionBackwardWeightsOp& op,
              const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], diff_dst = instruction.srcs[1];
  const ValueId diff_weights = instruction.dsts[0];
  const auto descriptor = Descriptors(steps.engine(), op.attributes, steps.shape(src),
                                      steps.shape(diff_weights), steps.shape(diff_dst))
                              .BackwardWeights();
  const BufferId src_buffer = steps.Source(src, descriptor.src_desc());
  const BufferId diff_dst_buffer = steps.Source(diff_dst, descriptor.diff_dst_desc());
  const BufferId weights_buffer = steps.Define(diff_weights, descriptor.diff_weights_desc());
  steps.AddPrimitive(
      dnnl::convolution_backward_weights(descriptor), descriptor.scratchpad_desc(),
      {{DNNL_ARG_SRC, descriptor.src_desc(), src_buffer},
       {DNNL_ARG_DIFF_DST, descriptor.diff_dst_desc(), diff_dst_buffer},
       {DNNL_ARG_DIFF_WEIGHTS, descriptor.diff_weights_desc(), weights_buffer}},
      WorkOf(descriptor, MultiplyAdds(steps.shape(diff_weights), steps.shape(diff_dst))));
}

}  // namespace halftone
