#include "search/sensitivity/second_derivatives.h"

#include <algorithm>
#include <memory>

#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

bool IsView(const Op& op) {
  if (op.kind() == OpKind::kReshape || op.kind() == OpKind::kTranspose) return true;
  if (op.kind() != OpKind::kUnary) return false;
  const auto& unary = static_cast<const UnaryOp&>(op);
  return unary.function == UnaryFunction::kLinear && unary.beta == 0.0f;
}

// Whether the op is a product of its first two sources, of which `source` is one.
bool IsProduct(const Op& op, size_t source) {
  switch (op.kind()) {
    case OpKind::kMatMul:
      return source <= 1;
    case OpKind::kConvolution:
    case OpKind::kConvolutionBackwardData:
      return source == 1;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<SecondDerivatives> SecondDerivatives::Create(ProgramBuilder& builder, ValueId loss,
                                                            std::vector<ValueId> weights) {
  SecondDerivatives derivatives(builder, std::move(weights));
  HT_RETURN_IF_ERROR(derivatives.AppendGradient(loss));
  return derivatives;
}

absl::Status SecondDerivatives::AppendGradient(ValueId loss) {
  one_ = builder_.AddScalar(1);
  for (size_t t = 0; t < weights_.size(); ++t) tensor_of_[weights_[t]] = t;
  is_linear_ = FindReaders(0, forward_);
  std::vector<ValueId> wrt = weights_;
  for (const Reader& reader : forward_) wrt.push_back(reader.dst());
  const size_t first = builder_.program().instructions.size();
  HT_ASSIGN_OR_RETURN(gradient_, AppendVjp(builder_, {loss}, {one_}, wrt));
  dst_gradient_.assign(gradient_.begin() + static_cast<std::ptrdiff_t>(weights_.size()),
                       gradient_.end());
  gradient_.resize(weights_.size());
  is_linear_ = is_linear_ && FindReaders(first, backward_);
  return absl::OkStatus();
}

bool SecondDerivatives::FindReaders(size_t first, std::vector<Reader>& readers) {
  const std::vector<Instruction>& instructions = builder_.program().instructions;
  for (size_t i = first; i < instructions.size(); ++i) {
    const Instruction& instruction = instructions[i];
    for (size_t s = 0; s < instruction.srcs.size(); ++s) {
      const auto found = tensor_of_.find(instruction.srcs[s]);
      if (found == tensor_of_.end()) continue;
      const size_t tensor = found->second;
      if (IsView(*instruction.op)) {
        tensor_of_[instruction.dsts[0]] = tensor;
        view_instructions_.push_back(instruction);
        continue;
      }
      if (!IsProduct(*instruction.op, s) || tensor_of_.contains(instruction.srcs[1 - s])) {
        return false;
      }
      readers.push_back({tensor, s, instruction});
    }
  }
  return true;
}

absl::StatusOr<SecondDerivatives::Views> SecondDerivatives::AppendViews(
    absl::Span<const ValueId> vectors) {
  Views views;
  for (size_t t = 0; t < weights_.size(); ++t) views[weights_[t]] = vectors[t];
  for (const Instruction& view : view_instructions_) {
    HT_ASSIGN_OR_RETURN(const ValueId value, builder_.Apply1(view.op, {views.at(view.srcs[0])}));
    views[view.dsts[0]] = value;
  }
  return views;
}

// The readers applied to the vectors. A bias does not change with the weights.
absl::StatusOr<std::vector<ValueId>> SecondDerivatives::AppendTangents(
    const std::vector<Reader>& readers, const Views& views) {
  std::vector<ValueId> tangents;
  for (const Reader& reader : readers) {
    std::vector<ValueId> srcs = {reader.instruction.srcs[0], reader.instruction.srcs[1]};
    srcs[reader.source] = views.at(reader.weights());
    builder_.SetLabel(reader.instruction.label);
    HT_ASSIGN_OR_RETURN(const ValueId tangent, builder_.Apply1(reader.instruction.op, srcs));
    tangents.push_back(tangent);
  }
  return tangents;
}

// d < gradient, tangent > / d other by the tangent's own dependence on it. A convolution's backward
// pass has computed just that, as the tangent of the pass by the weights.
absl::StatusOr<ValueId> SecondDerivatives::AppendSourceAdjoint(
    size_t reader, const Views& views, ValueId tangent,
    absl::Span<const ValueId> backward_tangents) {
  const Reader& forward = forward_[reader];
  const ValueId gradient = dst_gradient_[reader];
  for (size_t j = 0; j < backward_.size(); ++j) {
    if (backward_[j].other() == gradient && backward_[j].weights() == forward.weights() &&
        builder_.shape(backward_[j].dst()) == builder_.shape(forward.other())) {
      return backward_tangents[j];
    }
  }
  std::vector<ValueId> srcs = {forward.instruction.srcs[0], forward.instruction.srcs[1]};
  srcs[forward.source] = views.at(forward.weights());
  const bool needed[2] = {forward.source != 0, forward.source != 1};
  builder_.SetLabel(forward.instruction.label);
  HT_ASSIGN_OR_RETURN(
      const std::vector<ValueId> diffs,
      forward.instruction.op->Vjp(
          builder_, {srcs, {&tangent, 1}, {&gradient, 1}, absl::MakeConstSpan(needed, 2)}));
  return diffs[1 - forward.source];
}

// The derivatives of < v, gradient > = sum of < gradient of dst, tangent > over the forward readers
// by what all readers compute.
absl::StatusOr<std::vector<ValueId>> SecondDerivatives::AppendAdjoints(
    const Views& views, absl::Span<const ValueId> tangents,
    absl::Span<const ValueId> backward_tangents) {
  std::vector<ValueId> dsts, diffs, wrt;
  for (size_t i = 0; i < forward_.size(); ++i) {
    dsts.push_back(dst_gradient_[i]);
    diffs.push_back(tangents[i]);
    HT_ASSIGN_OR_RETURN(const ValueId adjoint,
                        AppendSourceAdjoint(i, views, tangents[i], backward_tangents));
    if (adjoint == kNoValue) continue;
    dsts.push_back(forward_[i].other());
    diffs.push_back(adjoint);
  }
  for (const Reader& reader : forward_) wrt.push_back(reader.dst());
  for (const Reader& reader : backward_) wrt.push_back(reader.dst());
  return AppendVjp(builder_, dsts, diffs, wrt);
}

absl::StatusOr<std::vector<std::vector<ValueId>>> SecondDerivatives::AppendForms(
    absl::Span<const ValueId> vectors) {
  if (!is_linear_) return AppendFormsOfProducts(vectors);
  HT_ASSIGN_OR_RETURN(const Views views, AppendViews(vectors));
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> tangents, AppendTangents(forward_, views));
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> backward_tangents,
                      AppendTangents(backward_, views));
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> adjoints,
                      AppendAdjoints(views, tangents, backward_tangents));
  tangents.insert(tangents.end(), backward_tangents.begin(), backward_tangents.end());
  std::vector<std::vector<ValueId>> forms(weights_.size());
  for (size_t i = 0; i < tangents.size(); ++i) {
    const Reader& reader = i < forward_.size() ? forward_[i] : backward_[i - forward_.size()];
    HT_ASSIGN_OR_RETURN(const ValueId form,
                        ops::InnerProductPerSample(builder_, adjoints[i], tangents[i]));
    forms[reader.tensor].push_back(form);
  }
  return forms;
}

absl::StatusOr<std::vector<std::vector<ValueId>>> SecondDerivatives::AppendFormsOfProducts(
    absl::Span<const ValueId> vectors) {
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> products, AppendProducts(vectors));
  std::vector<std::vector<ValueId>> forms(weights_.size());
  for (size_t t = 0; t < weights_.size(); ++t) {
    HT_ASSIGN_OR_RETURN(const ValueId product, ops::Mul(builder_, products[t], vectors[t]));
    HT_ASSIGN_OR_RETURN(const ValueId form, ops::SumAll(builder_, product));
    forms[t].push_back(form);
  }
  return forms;
}

absl::StatusOr<std::vector<ValueId>> SecondDerivatives::AppendProducts(
    absl::Span<const ValueId> vectors) {
  return AppendVjp(builder_, gradient_, vectors, weights_);
}

absl::StatusOr<ValueId> SecondDerivatives::AppendBlockProduct(size_t tensor, ValueId vector) {
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> product,
                      AppendVjp(builder_, {gradient_[tensor]}, {vector}, {weights_[tensor]}));
  return product[0];
}

}  // namespace halftone
