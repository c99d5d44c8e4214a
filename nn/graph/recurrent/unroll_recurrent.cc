#include "nn/graph/recurrent/unroll_recurrent.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "nn/graph/recurrent/recurrent_cell.h"

namespace halftone {
namespace {

constexpr int kRank = 3;  // of the src and of states

// What a direction computes: a state after each step, in the order of time, and the last one.
struct DirectionResult {
  std::vector<std::string> y;
  CellState last;
};

// Unrolls one node.
class NodeUnroller {
 public:
  // Borrows all.
  NodeUnroller(const NodeContext& context, const RecurrentSpec& spec,
               const SharedConstants& constants, NodeWriter& writer)
      : context_(context), spec_(spec), constants_(constants), writer_(writer) {}

  void Run() {
    const std::vector<CellState> initial = InitialStates();
    std::vector<DirectionResult> results;
    for (size_t d = 0; d < spec_.directions.size(); ++d) {
      results.push_back(RunDirection(d, initial[d]));
    }
    writer_.SetScope("");
    WriteY(results);
    WriteLast(1, results, &CellState::h, "last_h");
    if (spec_.kind == RecurrentSpec::Kind::kLstm) WriteLast(2, results, &CellState::c, "last_c");
  }

 private:
  // A state before the first step.
  struct Initial {
    std::string value;               // "" for zeros
    std::optional<Tensor> constant;  // where it is one, for one sample
  };

  std::vector<CellState> InitialStates() {
    const std::vector<Initial> h = InitialOf(RecurrentSpec::kInitialH, "initial_h");
    const std::vector<Initial> c = spec_.kind == RecurrentSpec::Kind::kLstm
                                       ? InitialOf(RecurrentSpec::kInitialC, "initial_c")
                                       : std::vector<Initial>(h.size());
    std::vector<CellState> states;
    for (size_t d = 0; d < h.size(); ++d) states.push_back({h[d].value, c[d].value, h[d].constant});
    return states;
  }

  std::vector<Initial> InitialOf(RecurrentSpec::Input input, absl::string_view role) {
    std::vector<Initial> states(spec_.directions.size());
    if (!context_.HasInput(input)) return states;
    if (const Tensor* constant = context_.Constant(input); constant != nullptr) {
      for (size_t d = 0; d < states.size(); ++d) states[d] = ConstantState(input, *constant, d);
      return states;
    }
    const std::vector<std::string> parts = writer_.Split(
        context_.node.inputs[input], spec_.time_axis, std::vector<int64_t>(states.size(), 1), role);
    for (size_t d = 0; d < states.size(); ++d) states[d].value = parts[d];
    return states;
  }

  // The state of one sample.
  absl::Span<const float> RowOf(const Tensor& states, size_t direction, size_t sample) const {
    const auto hidden = static_cast<size_t>(spec_.hidden), batch = static_cast<size_t>(spec_.batch);
    const size_t row = spec_.time_axis == 0 ? direction * batch + sample
                                            : sample * spec_.directions.size() + direction;
    return states.data<float>().subspan(row * hidden, hidden);
  }

  // A state that is the same for all samples is kept for one, whatever the batch.
  Initial ConstantState(RecurrentSpec::Input input, const Tensor& states, size_t direction) {
    const absl::Span<const float> first = RowOf(states, direction, 0);
    const auto batch = static_cast<size_t>(spec_.batch);
    const std::string part =
        absl::StrCat(spec_.time_axis == 0 ? "state_" : "batch_first_state_", direction);
    for (size_t n = 1; n < batch; ++n) {
      if (RowOf(states, direction, n) == first) continue;
      return {constants_(input, part, [&] { return StatesOf(states, direction); }), {}};
    }
    if (absl::c_all_of(first, [](float value) { return value == 0; })) return {};
    Tensor one =
        Tensor::Of(Shape{1, 1, spec_.hidden}, std::vector<float>(first.begin(), first.end()));
    return {constants_(input, part, [&] { return one; }), one};
  }

  Tensor StatesOf(const Tensor& states, size_t direction) const {
    Shape shape = spec_.StateShape();
    shape.set_dim(static_cast<int>(spec_.time_axis), 1);
    std::vector<float> rows;
    for (size_t n = 0; n < static_cast<size_t>(spec_.batch); ++n) {
      const absl::Span<const float> row = RowOf(states, direction, n);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    return Tensor::Of(shape, std::move(rows));
  }

  // What each step has of the input, up to the longest sequence.
  std::vector<std::string> InputSteps(const RecurrentCell& cell) {
    std::string product =
        writer_.Op("MatMul", {context_.node.inputs[0], cell.input_weights()}, "input");
    if (!cell.input_bias().empty()) {
      product = writer_.Op("Add", {product, cell.input_bias()}, "input_biased");
    }
    std::vector<int64_t> sizes(static_cast<size_t>(spec_.longest), 1);
    if (spec_.longest < spec_.steps) sizes.push_back(spec_.steps - spec_.longest);
    return writer_.Split(product, spec_.time_axis, sizes, "input_step");
  }

  DirectionResult RunDirection(size_t d, CellState state) {
    const RecurrentSpec::Direction& direction = spec_.directions[d];
    const std::unique_ptr<RecurrentCell> cell =
        RecurrentCell::Create(spec_, d, constants_, writer_);
    writer_.SetScope(direction.name);
    const std::vector<std::string> xs = InputSteps(*cell);
    const std::string prefix = direction.name.empty() ? "" : absl::StrCat(direction.name, "/");
    DirectionResult result;
    result.y.resize(static_cast<size_t>(spec_.longest));
    for (int64_t i = 0; i < spec_.longest; ++i) {
      const int64_t t = direction.is_reverse ? spec_.longest - 1 - i : i;
      writer_.SetScope(absl::StrCat(prefix, "step", t));
      const CellState after = cell->Step(xs[static_cast<size_t>(t)], state);
      std::string& y = result.y[static_cast<size_t>(t)];
      y = after.h;
      if (t < spec_.shortest) {
        state = after;
        continue;
      }
      y = writer_.Op("Mul", {after.h, MaskOf(t).factors}, "y");
      state = Kept(t, state, after, y);
    }
    result.last = state;
    return result;
  }

  // Which samples have a step, as constants that stand beside states.
  struct Mask {
    std::string factors;     // 1 or 0
    std::string conditions;  // bool
  };

  const Mask& MaskOf(int64_t t) {
    Mask& mask = masks_[t];
    if (!mask.factors.empty()) return mask;
    std::vector<int64_t> has_step;
    for (const int64_t length : spec_.lengths) has_step.push_back(t < length ? 1 : 0);
    const Shape shape = spec_.time_axis == 0 ? Shape{1, spec_.batch, 1} : Shape{spec_.batch, 1, 1};
    const std::vector<double> factors(has_step.begin(), has_step.end());
    mask.factors =
        writer_.Constant("has_step", Tensor::FromDoubles(DataType::kFloat32, shape, factors));
    mask.conditions =
        writer_.Constant("if_step", Tensor::FromInts(DataType::kBool, shape, has_step));
    return mask;
  }

  // The state after step t, at which samples without that step keep theirs. `y`: h where there is a
  // step, and zeros.
  CellState Kept(int64_t t, const CellState& before, const CellState& after, const std::string& y) {
    const Mask& mask = MaskOf(t);
    CellState kept = {y, "", {}};
    if (!before.h.empty()) {
      kept.h = writer_.Op("Where", {mask.conditions, after.h, before.h}, "h_kept");
    }
    if (after.c.empty()) return kept;
    kept.c = before.c.empty()
                 ? writer_.Op("Mul", {after.c, mask.factors}, "c_kept_back")
                 : writer_.Op("Where", {mask.conditions, after.c, before.c}, "c_kept_back");
    return kept;
  }

  // The result of that number, if the node has it.
  const std::string* ResultName(size_t index) const {
    const std::vector<std::string>& names = context_.node.outputs;
    return index < names.size() && !names[index].empty() ? &names[index] : nullptr;
  }

  void WriteY(const std::vector<DirectionResult>& results) {
    const std::string* dst = ResultName(0);
    if (dst == nullptr) return;
    const int64_t axis = spec_.time_axis == 0 ? 1 : 2;  // of directions
    std::vector<std::string> values;
    for (const DirectionResult& result : results) {
      std::string value = writer_.Concat(result.y, spec_.time_axis, "y_steps");
      if (spec_.longest < spec_.steps) {
        value = writer_.PadBehind(value, kRank, spec_.time_axis, spec_.steps - spec_.longest,
                                  "y_padded");
      }
      values.push_back(writer_.Unsqueeze(value, axis, "y_direction"));
    }
    writer_.Write("Identity", {writer_.Concat(values, axis, "y_directions")}, *dst, "y");
  }

  void WriteLast(size_t index, const std::vector<DirectionResult>& results,
                 std::string CellState::*part, absl::string_view role) {
    const std::string* dst = ResultName(index);
    if (dst == nullptr) return;
    std::vector<std::string> values;
    for (const DirectionResult& result : results) values.push_back(result.last.*part);
    const std::string all =
        writer_.Concat(values, spec_.time_axis, absl::StrCat(role, "_directions"));
    writer_.Write("Identity", {all}, *dst, role);
  }

  const NodeContext& context_;
  const RecurrentSpec& spec_;
  const SharedConstants& constants_;
  NodeWriter& writer_;
  std::map<int64_t, Mask> masks_;  // by step
};

}  // namespace

absl::StatusOr<Parts> RecurrentUnroller::Unroll(const NodeContext& context, UniqueNames& names) {
  HT_ASSIGN_OR_RETURN(const RecurrentSpec spec, ReadRecurrent(context));
  const int64_t steps = spec.steps * static_cast<int64_t>(spec.directions.size());
  if (steps > kMaxSteps - steps_) {
    return absl::UnimplementedError(absl::StrCat("its ", steps, " steps make ", steps_ + steps,
                                                 " in all; networks of more than ", kMaxSteps,
                                                 " are not unrolled"));
  }
  steps_ += steps;
  NodeWriter writer(context.node.name, context.opset, names);
  std::map<std::string, Tensor> made;
  const SharedConstants constants = [&](RecurrentSpec::Input source, const std::string& part,
                                        const std::function<Tensor()>& make) {
    const std::string wanted = absl::StrCat(context.node.Input(source), "/", part);
    std::string& name = shared_[wanted];
    if (!name.empty()) return name;
    name = names.Make(wanted);
    made.emplace(name, make());
    return name;
  };
  NodeUnroller(context, spec, constants, writer).Run();
  Parts result = writer.Take();
  result.constants.merge(made);
  return result;
}

}  // namespace halftone
