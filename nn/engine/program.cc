#include "nn/engine/program.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/op.h"

namespace halftone {
namespace {

std::string Describe(const Op& op, const std::string& label) {
  return label.empty() ? op.name() : absl::StrCat("'", label, "' (", op.name(), ")");
}

// For each value the index of the instruction that makes it; -1 for inputs and constants.
std::vector<int> FindProducers(const Program& program) {
  std::vector<int> producers(program.shapes.size(), -1);
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    for (ValueId dst : program.instructions[i].dsts) {
      producers[static_cast<size_t>(dst)] = static_cast<int>(i);
    }
  }
  return producers;
}

// The instructions that `output` needs and that are not yet `done`, appended to `order` in
// depth-first post-order. Its own stack, because networks are thousands of instructions deep.
void AppendNeeded(const Program& program, const std::vector<int>& producers, ValueId output,
                  std::vector<bool>& done, std::vector<int>& order) {
  struct Visit {
    int instruction;
    size_t next_src;
  };
  std::vector<Visit> stack;
  auto visit = [&](ValueId value) {
    const int producer = producers[static_cast<size_t>(value)];
    if (producer >= 0 && !done[static_cast<size_t>(producer)]) stack.push_back({producer, 0});
  };
  visit(output);
  while (!stack.empty()) {
    Visit& top = stack.back();
    const Instruction& instruction = program.instructions[static_cast<size_t>(top.instruction)];
    if (top.next_src < instruction.srcs.size()) {
      visit(instruction.srcs[top.next_src++]);
      continue;
    }
    if (!done[static_cast<size_t>(top.instruction)]) {
      done[static_cast<size_t>(top.instruction)] = true;
      order.push_back(top.instruction);
    }
    stack.pop_back();
  }
}

// Renumbers values so that a Program holds only those that its instructions touch.
class Renumbering {
 public:
  explicit Renumbering(const Program& from) : from_(from), ids_(from.shapes.size(), kNoValue) {}
  ValueId Keep(ValueId value) {
    ValueId& id = ids_[static_cast<size_t>(value)];
    if (id == kNoValue) {
      id = static_cast<ValueId>(shapes_.size());
      shapes_.push_back(from_.shapes[static_cast<size_t>(value)]);
    }
    return id;
  }
  std::vector<ValueId> Keep(const std::vector<ValueId>& values) {
    std::vector<ValueId> kept;
    kept.reserve(values.size());
    for (ValueId value : values) kept.push_back(Keep(value));
    return kept;
  }
  bool IsKept(ValueId value) const { return ids_[static_cast<size_t>(value)] != kNoValue; }
  std::vector<Shape> TakeShapes() { return std::move(shapes_); }

 private:
  const Program& from_;
  std::vector<ValueId> ids_;
  std::vector<Shape> shapes_;
};

}  // namespace

ValueId ProgramBuilder::AddValue(Shape shape) {
  program_.shapes.push_back(std::move(shape));
  return static_cast<ValueId>(program_.shapes.size()) - 1;
}

ValueId ProgramBuilder::AddInput(std::string name, Shape shape) {
  const ValueId value = AddValue(std::move(shape));
  program_.inputs.push_back({std::move(name), value});
  return value;
}

ValueId ProgramBuilder::AddConstant(Tensor tensor) {
  const ValueId value = AddValue(tensor.shape());
  constant_index_[value] = program_.constants.size();
  program_.constants.push_back({value, std::move(tensor)});
  return value;
}

absl::StatusOr<std::vector<ValueId>> ProgramBuilder::Apply(std::shared_ptr<const Op> op,
                                                           absl::Span<const ValueId> srcs) {
  std::vector<Shape> src_shapes;
  src_shapes.reserve(srcs.size());
  for (ValueId src : srcs) {
    if (src < 0 || static_cast<size_t>(src) >= program_.shapes.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Describe(*op, label_), ": no value numbered ", src));
    }
    src_shapes.push_back(shape(src));
  }
  absl::StatusOr<std::vector<Shape>> dst_shapes = op->InferShapes(src_shapes);
  if (!dst_shapes.ok()) return Annotate(dst_shapes.status(), Describe(*op, label_));
  for (const Shape& dst : *dst_shapes) {
    HT_RETURN_IF_ERROR(Annotate(dst.Check(), Describe(*op, label_)));
  }
  std::vector<ValueId> dsts;
  for (Shape& dst : *dst_shapes) dsts.push_back(AddValue(std::move(dst)));
  program_.instructions.push_back(
      {std::move(op), std::vector<ValueId>(srcs.begin(), srcs.end()), dsts, label_});
  return dsts;
}

absl::StatusOr<ValueId> ProgramBuilder::Apply1(std::shared_ptr<const Op> op,
                                               absl::Span<const ValueId> srcs) {
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> dsts, Apply(std::move(op), srcs));
  return dsts.front();
}

const Tensor* ProgramBuilder::FindConstant(ValueId value) const {
  const auto found = constant_index_.find(value);
  return found == constant_index_.end() ? nullptr : &program_.constants[found->second].tensor;
}

Program ProgramBuilder::Build(absl::Span<const std::pair<std::string, ValueId>> outputs) const {
  const std::vector<int> producers = FindProducers(program_);
  std::vector<bool> done(program_.instructions.size(), false);
  std::vector<int> order;
  for (const auto& [name, value] : outputs) {
    AppendNeeded(program_, producers, value, done, order);
  }

  Renumbering renumbering(program_);
  Program built;
  // Every input stays, used or not: whoever runs the program sets them all.
  for (const Program::Input& input : program_.inputs) {
    built.inputs.push_back({input.name, renumbering.Keep(input.value)});
  }
  for (int index : order) {
    const Instruction& instruction = program_.instructions[static_cast<size_t>(index)];
    std::vector<ValueId> srcs = renumbering.Keep(instruction.srcs);
    std::vector<ValueId> dsts = renumbering.Keep(instruction.dsts);
    built.instructions.push_back(
        {instruction.op, std::move(srcs), std::move(dsts), instruction.label});
  }
  for (const auto& [name, value] : outputs) {
    built.outputs.push_back({name, renumbering.Keep(value)});
  }
  for (const Program::Constant& constant : program_.constants) {
    if (!renumbering.IsKept(constant.value)) continue;
    built.constants.push_back({renumbering.Keep(constant.value), constant.tensor});
  }
  built.shapes = renumbering.TakeShapes();
  return built;
}

}  // namespace halftone
