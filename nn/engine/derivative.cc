#include "nn/engine/derivative.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/join_slices.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

// The reverse sweep over the instructions that were there when it began.
class ReverseSweep {
 public:
  ReverseSweep(ProgramBuilder& builder, absl::Span<const ValueId> wrt)
      : builder_(builder),
        instructions_(builder.program().instructions.size()),
        depends_(builder.program().shapes.size(), false),
        diffs_(builder.program().shapes.size(), kNoValue) {
    for (ValueId value : wrt) depends_[static_cast<size_t>(value)] = true;
    for (size_t i = 0; i < instructions_; ++i) {
      const Instruction& instruction = builder.program().instructions[i];
      for (ValueId src : instruction.srcs) {
        if (!depends_[static_cast<size_t>(src)]) continue;
        for (ValueId dst : instruction.dsts) depends_[static_cast<size_t>(dst)] = true;
      }
    }
  }

  // Adds to the derivative that has arrived at `value`; nothing where no wrt can be reached.
  absl::Status Accumulate(ValueId value, ValueId diff) {
    if (diff == kNoValue || !depends_[static_cast<size_t>(value)]) return absl::OkStatus();
    ValueId& sum = diffs_[static_cast<size_t>(value)];
    if (sum == kNoValue) {
      sum = diff;
      return absl::OkStatus();
    }
    HT_ASSIGN_OR_RETURN(sum, ops::Add(builder_, sum, diff));
    return absl::OkStatus();
  }

  absl::Status Run() {
    for (size_t i = instructions_; i-- > 0;) {
      // A copy: appending moves the vector that holds it.
      const Instruction instruction = builder_.program().instructions[i];
      HT_RETURN_IF_ERROR(Step(instruction));
    }
    return absl::OkStatus();
  }

  // Of the values that were there when it began.
  DerivativeFlow TakeFlow() {
    DerivativeFlow flow{std::move(depends_), {}, std::move(passed_)};
    for (const ValueId diff : diffs_) flow.arrives.push_back(diff != kNoValue);
    return flow;
  }

  absl::StatusOr<ValueId> DiffOf(ValueId value) {
    HT_ASSIGN_OR_RETURN(const ValueId diff, ArrivedAt(value));
    if (diff != kNoValue) return diff;
    // No constant of that many zeros.
    const Shape shape = builder_.shape(value);
    return ops::BroadcastTo(builder_, builder_.AddScalar(0), shape);
  }

 private:
  // What has arrived at a value, in slices of it too; kNoValue for nothing.
  absl::StatusOr<ValueId> ArrivedAt(ValueId value) {
    if (const auto found = slices_.find(value); found != slices_.end()) {
      std::vector<SliceDiff> slices = std::move(found->second);
      slices_.erase(found);
      HT_ASSIGN_OR_RETURN(const std::vector<ValueId> diffs,
                          JoinSlices(builder_, value, std::move(slices)));
      for (const ValueId diff : diffs) {
        HT_RETURN_IF_ERROR(Accumulate(value, diff));
      }
    }
    return diffs_[static_cast<size_t>(value)];
  }

  absl::Status Step(const Instruction& instruction) {
    const size_t sources = instruction.srcs.size();
    // vector<bool> cannot be viewed as a span.
    const auto needed = std::make_unique<bool[]>(sources);
    bool any_needed = false;
    for (size_t i = 0; i < sources; ++i) {
      needed[i] = depends_[static_cast<size_t>(instruction.srcs[i])];
      any_needed |= needed[i];
    }
    std::vector<ValueId> diff_dsts;
    bool any_diff = false;
    builder_.SetLabel(instruction.label);
    for (ValueId dst : instruction.dsts) {
      HT_ASSIGN_OR_RETURN(diff_dsts.emplace_back(), ArrivedAt(dst));
      any_diff |= diff_dsts.back() != kNoValue;
    }
    if (!any_needed || !any_diff) return absl::OkStatus();
    if (const auto slice = AsSliceDiff(builder_, instruction, diff_dsts[0]); slice.has_value()) {
      slices_[instruction.srcs[0]].push_back(*slice);
      passed_.emplace(instruction.label, instruction.srcs[0]);
      return absl::OkStatus();
    }
    const Op::VjpRequest request = {instruction.srcs, instruction.dsts, diff_dsts,
                                    absl::MakeConstSpan(needed.get(), sources)};
    HT_ASSIGN_OR_RETURN(std::vector<ValueId> diff_srcs, instruction.op->Vjp(builder_, request));
    for (size_t i = 0; i < sources; ++i) {
      HT_RETURN_IF_ERROR(Accumulate(instruction.srcs[i], diff_srcs[i]));
      if (diff_srcs[i] != kNoValue) passed_.emplace(instruction.label, instruction.srcs[i]);
    }
    return absl::OkStatus();
  }

  ProgramBuilder& builder_;
  const size_t instructions_;
  std::vector<bool> depends_;                                    // on some wrt
  std::vector<ValueId> diffs_;                                   // what has arrived so far, but for
  absl::flat_hash_map<ValueId, std::vector<SliceDiff>> slices_;  // what has in slices of values
  absl::flat_hash_set<std::pair<std::string, ValueId>> passed_;  // see DerivativeFlow
};

absl::Status CheckValues(const ProgramBuilder& builder, absl::Span<const ValueId> values) {
  for (ValueId value : values) {
    if (value < 0 || static_cast<size_t>(value) >= builder.program().shapes.size()) {
      return absl::InvalidArgumentError(absl::StrCat("derivative: no value numbered ", value));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ValueId>> AppendVjp(ProgramBuilder& builder,
                                               absl::Span<const ValueId> dsts,
                                               absl::Span<const ValueId> diff_dsts,
                                               absl::Span<const ValueId> wrt) {
  for (absl::Span<const ValueId> values : {dsts, diff_dsts, wrt}) {
    HT_RETURN_IF_ERROR(CheckValues(builder, values));
  }
  if (dsts.size() != diff_dsts.size()) {
    return absl::InvalidArgumentError(absl::StrCat("derivative: ", dsts.size(), " results but ",
                                                   diff_dsts.size(), " cotangents"));
  }
  ReverseSweep sweep(builder, wrt);
  for (size_t i = 0; i < dsts.size(); ++i) {
    if (builder.shape(dsts[i]) != builder.shape(diff_dsts[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("derivative: cotangent ", builder.shape(diff_dsts[i]).ToString(),
                       " for a result ", builder.shape(dsts[i]).ToString()));
    }
    HT_RETURN_IF_ERROR(sweep.Accumulate(dsts[i], diff_dsts[i]));
  }
  HT_RETURN_IF_ERROR(sweep.Run());
  std::vector<ValueId> diffs;
  for (ValueId value : wrt) {
    HT_ASSIGN_OR_RETURN(ValueId diff, sweep.DiffOf(value));
    diffs.push_back(diff);
  }
  return diffs;
}

absl::StatusOr<DerivativeFlow> TraceDerivative(const ProgramBuilder& builder,
                                               absl::Span<const ValueId> dsts,
                                               absl::Span<const ValueId> wrt) {
  for (absl::Span<const ValueId> values : {dsts, wrt}) {
    HT_RETURN_IF_ERROR(CheckValues(builder, values));
  }
  ProgramBuilder grown = builder;
  ReverseSweep sweep(grown, wrt);
  for (const ValueId dst : dsts) {
    const Shape shape = grown.shape(dst);
    HT_ASSIGN_OR_RETURN(const ValueId cotangent,
                        ops::BroadcastTo(grown, grown.AddScalar(1.0f), shape));
    HT_RETURN_IF_ERROR(sweep.Accumulate(dst, cotangent));
  }
  HT_RETURN_IF_ERROR(sweep.Run());
  return sweep.TakeFlow();
}

}  // namespace halftone
