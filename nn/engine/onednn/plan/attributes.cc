#include "nn/engine/onednn/plan/attributes.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone::plan {
namespace {

using dnnl::algorithm;

// Writes the attributes of one layer.
class AttributeWriter {
 public:
  AttributeWriter(PlanBuilder& builder, const LoweringContext& context, const Instance& src,
                  const LayerGeometry& geometry)
      : builder_(builder), context_(context), src_(src), geometry_(geometry) {
    result_.attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  }

  absl::StatusOr<LayerAttributes> Write(const std::vector<float>& weight_scales) {
    if (src_.form.IsInteger()) {
      AddQuantizer(DNNL_ARG_SRC, src_.form);
      AddWeightScales(weight_scales);
      AddZeroPoint(DNNL_ARG_WEIGHTS, geometry_.weights_zero_point);
      if (geometry_.weights_zero_point != 0) result_.key = " weights+zp";
    }
    if (IsDecompression(context_.precision.arithmetic)) DecompressWeights(weight_scales);
    for (const PostOp& post_op : context_.op->post_ops) HT_RETURN_IF_ERROR(AddPostOp(post_op));
    AddClipToGrid();
    if (context_.dst_form.IsInteger()) AddQuantizer(DNNL_ARG_DST, context_.dst_form);
    result_.attr.set_post_ops(post_ops_);
    // Reading float32 on a grid is reading float32.
    absl::StrAppend(&result_.key, " src ", src_.form.IsRounded() ? "f32" : FormName(src_.form),
                    " dst ", FormName(context_.dst_form));
    return std::move(result_);
  }

 private:
  void AddWeightScales(const std::vector<float>& scales) {
    result_.attr.set_scales_mask(DNNL_ARG_WEIGHTS, geometry_.weights_scale_mask);
    result_.arguments.push_back(
        PlanBuilder::Constant(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, FloatConstant(scales)));
  }

  void DecompressWeights(const std::vector<float>& scales) {
    AddWeightScales(scales);
    result_.attr.set_fpmath_mode(dnnl::fpmath_mode::bf16, /*apply_to_int=*/true);
    const bool four = context_.precision.arithmetic == Arithmetic::kDecompress4;
    result_.key = four ? " weights s4" : " weights s8";
  }

  void AddQuantizer(int role, const Form& form) {
    result_.attr.set_scales_mask(role, 0);
    result_.arguments.push_back(
        PlanBuilder::Constant(DNNL_ARG_ATTR_SCALES | role, FloatConstant({form.scale})));
    AddZeroPoint(role, form.zero_point);
  }

  void AddZeroPoint(int role, int32_t zero_point) {
    if (zero_point == 0) return;
    result_.attr.set_zero_points_mask(role, 0);
    result_.arguments.push_back(
        PlanBuilder::Constant(DNNL_ARG_ATTR_ZERO_POINTS | role, IntConstant({zero_point})));
  }

  absl::Status AddPostOp(const PostOp& post_op) {
    if (post_op.kind == PostOp::Kind::kResidual) return AddResidual(post_op.residual);
    post_ops_.append_eltwise(post_op.algorithm, post_op.alpha, post_op.beta);
    absl::StrAppend(&result_.key, " eltwise", static_cast<int>(post_op.algorithm));
    return absl::OkStatus();
  }

  absl::Status AddResidual(const std::string& value) {
    HT_ASSIGN_OR_RETURN(result_.residual,
                        builder_.Need(value, context_.shortcut_form, geometry_.arrangement,
                                      context_.op->node->name));
    const Form& form = result_.residual.form;
    const bool same_buffer = result_.residual.buffer == builder_.Stored(value).buffer;
    const bool same_type = form.type == context_.dst_form.type;
    // A kernel may write before it has read all of its sources.
    const bool is_src = result_.residual.buffer == src_.buffer ||
                        result_.residual.buffer == geometry_.second_buffer;
    result_.in_place = same_buffer && same_type && !is_src && builder_.DiesHere(value);
    if (result_.in_place) {
      if (form.IsInteger()) {
        post_ops_.append_sum(form.scale, form.zero_point);
      } else {
        post_ops_.append_sum();
      }
      absl::StrAppend(&result_.key, " sum ", FormName(form));
    } else {
      AddBinary(form);
    }
    return absl::OkStatus();
  }

  // y + scale (q - zero_point) = scale ((y / scale - zero_point) + q): binary operations take no
  // quantizer of their own.
  void AddBinary(const Form& form) {
    const MemoryDesc desc =
        result_.residual.desc.get_ndims() == static_cast<int>(geometry_.dst_dims.size())
            ? result_.residual.desc
            : result_.residual.desc.reshape(geometry_.dst_dims);
    if (form.IsInteger()) {
      post_ops_.append_eltwise(algorithm::eltwise_linear, 1 / form.scale,
                               static_cast<float>(-form.zero_point));
    }
    const int index = post_ops_.len();
    post_ops_.append_binary(algorithm::binary_add, desc);
    Argument argument =
        PlanBuilder::Use(DNNL_ARG_ATTR_MULTIPLE_POST_OP(index) | DNNL_ARG_SRC_1, result_.residual);
    argument.desc = desc;
    result_.arguments.push_back(std::move(argument));
    if (form.IsInteger()) post_ops_.append_eltwise(algorithm::eltwise_linear, form.scale, 0);
    absl::StrAppend(&result_.key, " add ", FormName(form));
  }

  // Kernels round and saturate to the type; a smaller grid needs a clip before, and float32 all of
  // it.
  void AddClipToGrid() {
    const Form& form = context_.dst_form;
    if (form.FillsType()) return;
    post_ops_.append_eltwise(algorithm::eltwise_clip,
                             form.scale * static_cast<float>(form.qmin - form.zero_point),
                             form.scale * static_cast<float>(form.qmax - form.zero_point));
    if (!form.IsRounded()) return;
    post_ops_.append_eltwise(algorithm::eltwise_linear, 1 / form.scale, 0);
    post_ops_.append_eltwise(algorithm::eltwise_round, 0, 0);
    post_ops_.append_eltwise(algorithm::eltwise_linear, form.scale, 0);
  }

  PlanBuilder& builder_;
  const LoweringContext& context_;
  const Instance& src_;
  const LayerGeometry& geometry_;
  dnnl::post_ops post_ops_;
  LayerAttributes result_;
};

}  // namespace

absl::StatusOr<LayerAttributes> MakeAttributes(PlanBuilder& builder, const LoweringContext& context,
                                               const Instance& src, const LayerGeometry& geometry,
                                               const std::vector<float>& weight_scales) {
  return AttributeWriter(builder, context, src, geometry).Write(weight_scales);
}

}  // namespace halftone::plan
