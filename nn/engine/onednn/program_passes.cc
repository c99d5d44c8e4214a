#include "nn/engine/onednn/program_passes.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/op.h"
#include "nn/engine/ops/reduction.h"

namespace halftone {
namespace {

// Folding may keep up to this many elements per element that it reads.
constexpr int64_t kFoldedGrowth = 2;

int64_t Elements(const Program& program, const std::vector<ValueId>& values) {
  int64_t elements = 0;
  for (ValueId value : values) {
    elements += program.shapes[static_cast<size_t>(value)].Elements();
  }
  return elements;
}

// For each value whether it is constant once the marked instructions have run.
struct Foldable {
  std::vector<bool> instructions;
  std::vector<bool> results;  // values that marked instructions write
};

Foldable FindFoldable(const Program& program) {
  std::vector<bool> constant(program.shapes.size(), false);
  for (const Program::Constant& c : program.constants)
    constant[static_cast<size_t>(c.value)] = true;
  Foldable foldable;
  foldable.results.assign(program.shapes.size(), false);
  for (const Instruction& instruction : program.instructions) {
    const bool folds =
        std::all_of(instruction.srcs.begin(), instruction.srcs.end(),
                    [&](ValueId src) { return constant[static_cast<size_t>(src)]; }) &&
        Elements(program, instruction.dsts) <= kFoldedGrowth * Elements(program, instruction.srcs);
    foldable.instructions.push_back(folds);
    if (!folds) continue;
    for (ValueId dst : instruction.dsts) {
      constant[static_cast<size_t>(dst)] = true;
      foldable.results[static_cast<size_t>(dst)] = true;
    }
  }
  return foldable;
}

// The folded values that other instructions, or the caller, read.
std::vector<ValueId> FindNeeded(const Program& program, const Foldable& foldable) {
  std::vector<bool> needed(program.shapes.size(), false);
  const auto need = [&](ValueId value) {
    if (foldable.results[static_cast<size_t>(value)]) needed[static_cast<size_t>(value)] = true;
  };
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    if (foldable.instructions[i]) continue;
    for (ValueId src : program.instructions[i].srcs) need(src);
  }
  for (const Program::Input& output : program.outputs) need(output.value);
  std::vector<ValueId> values;
  for (size_t value = 0; value < needed.size(); ++value) {
    if (needed[value]) values.push_back(static_cast<ValueId>(value));
  }
  return values;
}

std::vector<int> CountUses(const Program& program) {
  std::vector<int> uses(program.shapes.size(), 0);
  for (const Instruction& instruction : program.instructions) {
    for (ValueId src : instruction.srcs) ++uses[static_cast<size_t>(src)];
  }
  for (const Program::Input& output : program.outputs) ++uses[static_cast<size_t>(output.value)];
  return uses;
}

// Piecewise-linear functions that oneDNN applies at the end of a convolution.
std::shared_ptr<const UnaryOp> AsActivation(const Instruction& instruction) {
  if (instruction.op->kind() != OpKind::kUnary) return nullptr;
  auto op = std::static_pointer_cast<const UnaryOp>(instruction.op);
  const bool joins = op->function == UnaryFunction::kRelu ||
                     op->function == UnaryFunction::kLeakyRelu ||
                     op->function == UnaryFunction::kClip;
  return joins ? op : nullptr;
}

bool IsProduct(const Instruction& instruction, const Program& program) {
  if (instruction.op->kind() != OpKind::kBinary) return false;
  const auto& op = static_cast<const BinaryOp&>(*instruction.op);
  return op.function == BinaryFunction::kMul &&
         program.shapes[static_cast<size_t>(instruction.srcs[0])] ==
             program.shapes[static_cast<size_t>(instruction.srcs[1])];
}

// Whether it sums over every axis but the first.
bool SumsPerSample(const Instruction& instruction, const Program& program) {
  if (instruction.op->kind() != OpKind::kReduce) return false;
  const auto& op = static_cast<const ReduceOp&>(*instruction.op);
  const int rank = program.shapes[static_cast<size_t>(instruction.srcs[0])].rank();
  return op.function == ReduceFunction::kSum && rank > 1 &&
         static_cast<int>(op.axes.size()) == rank - 1 && op.axes.front() == 1;
}

// Joins an instruction with the one before it, where that is known how. The pair stands in the
// place of the first, where its sources are alive.
bool JoinInto(FusedInstruction& before, const Instruction& instruction, const Program& program) {
  const auto activation = AsActivation(instruction);
  if (activation != nullptr && before.activation == nullptr &&
      before.instruction.op->kind() == OpKind::kConvolution) {
    before.activation = activation;
  } else if (SumsPerSample(instruction, program) && IsProduct(before.instruction, program)) {
    before.instruction.op = instruction.op;
    before.sums_product = true;
  } else {
    return false;
  }
  before.instruction.dsts = instruction.dsts;
  return true;
}

}  // namespace

absl::StatusOr<Program> FoldConstants(Program program, const ConstantRunner& run) {
  const Foldable foldable = FindFoldable(program);
  const std::vector<ValueId> needed = FindNeeded(program, foldable);
  if (needed.empty()) return program;
  Program constants;
  constants.shapes = program.shapes;
  constants.constants = program.constants;
  std::vector<Instruction> remaining;
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    (foldable.instructions[i] ? constants.instructions : remaining)
        .push_back(program.instructions[i]);
  }
  for (ValueId value : needed) constants.outputs.push_back({absl::StrCat(value), value});
  HT_ASSIGN_OR_RETURN(auto results, run(constants));
  program.instructions = std::move(remaining);
  for (const Program::Input& output : constants.outputs) {
    const Shape& shape = program.shapes[static_cast<size_t>(output.value)];
    program.constants.push_back(
        {output.value, Tensor::Of<float>(shape, std::move(results[output.name]))});
  }
  return program;
}

std::vector<FusedInstruction> FuseInstructions(const Program& program) {
  const std::vector<int> uses = CountUses(program);
  const StackProducts stacks = FindStackProducts(program);
  std::vector<FusedInstruction> fused;
  absl::flat_hash_map<ValueId, size_t> producers;  // indices into `fused`
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    if (stacks.absorbed[i]) continue;
    const Instruction& instruction = program.instructions[i];
    if (const auto product = stacks.products.find(i); product != stacks.products.end()) {
      FusedInstruction& joined = fused.emplace_back();
      joined.instruction = instruction;
      joined.instruction.srcs = product->second->Sources();
      joined.stack_product = product->second;
      continue;
    }
    const auto producer = producers.find(instruction.srcs[0]);
    const bool alone =
        producer != producers.end() && uses[static_cast<size_t>(instruction.srcs[0])] == 1;
    if (alone && JoinInto(fused[producer->second], instruction, program)) {
      producers[instruction.dsts[0]] = producer->second;
      continue;
    }
    for (ValueId dst : instruction.dsts) producers[dst] = fused.size();
    fused.emplace_back().instruction = instruction;
  }
  return fused;
}

}  // namespace halftone
