#include "nn/engine/onednn/stack_products.h"

#include <optional>
#include <utility>

#include "nn/engine/op.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {
namespace {

class Finder {
 public:
  explicit Finder(const Program& program)
      : program_(program),
        uses_(program.shapes.size(), 0),
        producers_(program.shapes.size(), kNone) {
    for (size_t i = 0; i < program.instructions.size(); ++i) {
      for (ValueId src : program.instructions[i].srcs) ++uses_[static_cast<size_t>(src)];
      for (ValueId dst : program.instructions[i].dsts) producers_[static_cast<size_t>(dst)] = i;
    }
    for (const Program::Input& output : program.outputs) ++uses_[static_cast<size_t>(output.value)];
    found_.absorbed.assign(program.instructions.size(), false);
  }

  StackProducts Find() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      std::vector<size_t> absorbed;
      std::optional<StackProduct> product = AsProduct(program_.instructions[i], absorbed);
      if (!product.has_value()) continue;
      found_.products[i] = std::make_shared<const StackProduct>(*std::move(product));
      for (size_t index : absorbed) found_.absorbed[index] = true;
    }
    return std::move(found_);
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  const Shape& shape(ValueId value) const { return program_.shapes[static_cast<size_t>(value)]; }

  // The index of the instruction of that kind that makes `value` for one reader; kNone otherwise.
  size_t OnlyFor(ValueId value, OpKind kind) const {
    const size_t producer = producers_[static_cast<size_t>(value)];
    if (producer == kNone || uses_[static_cast<size_t>(value)] != 1) return kNone;
    return program_.instructions[producer].op->kind() == kind ? producer : kNone;
  }

  std::optional<StackProduct> AsProduct(const Instruction& instruction,
                                        std::vector<size_t>& absorbed) const {
    if (instruction.op->kind() != OpKind::kMatMul) return std::nullopt;
    const auto& op = static_cast<const MatMulOp&>(*instruction.op);
    if (op.transpose_a || !op.transpose_b) return std::nullopt;
    StackProduct product;
    if (!AddStack(instruction.srcs[0], product.rows, absorbed)) return std::nullopt;
    if (!AddStack(instruction.srcs[1], product.columns, absorbed)) return std::nullopt;
    const Shape& dst = shape(instruction.dsts[0]);
    const Shape expected{shape(instruction.srcs[0]).dim(0),
                         static_cast<int64_t>(product.rows.size()),
                         static_cast<int64_t>(product.columns.size())};
    if (dst != expected) return std::nullopt;
    return product;
  }

  bool AddStack(ValueId value, std::vector<StackPart>& parts, std::vector<size_t>& absorbed) const {
    if (shape(value).rank() != 3) return false;
    const size_t concat = OnlyFor(value, OpKind::kConcat);
    if (concat == kNone) return AddRow(value, parts, absorbed);
    const Instruction& instruction = program_.instructions[concat];
    if (static_cast<const ConcatOp&>(*instruction.op).axis != 1) return false;
    absorbed.push_back(concat);
    for (ValueId src : instruction.srcs) {
      if (!AddRow(src, parts, absorbed)) return false;
    }
    return true;
  }

  // `value` is [samples, 1, elements].
  bool AddRow(ValueId value, std::vector<StackPart>& parts, std::vector<size_t>& absorbed) const {
    const size_t reshape = OnlyFor(value, OpKind::kReshape);
    if (reshape == kNone || shape(value).dim(1) != 1) return false;
    const ValueId src = program_.instructions[reshape].srcs[0];
    if (shape(src).rank() == 0 || shape(src).dim(0) != shape(value).dim(0)) return false;
    absorbed.push_back(reshape);
    parts.push_back({src, kNoValue});
    const size_t binary = OnlyFor(src, OpKind::kBinary);
    if (binary == kNone) return true;
    const Instruction& difference = program_.instructions[binary];
    const auto function = static_cast<const BinaryOp&>(*difference.op).function;
    const ValueId a = difference.srcs[0], b = difference.srcs[1];
    if (function == BinaryFunction::kSub && shape(a) == shape(b)) {
      absorbed.push_back(binary);
      parts.back() = {a, b};
    }
    return true;
  }

  const Program& program_;
  std::vector<int> uses_;
  std::vector<size_t> producers_;
  StackProducts found_;
};

}  // namespace

std::vector<ValueId> StackProduct::Sources() const {
  std::vector<ValueId> sources;
  for (const auto* parts : {&rows, &columns}) {
    for (const StackPart& part : *parts) {
      sources.push_back(part.value);
      if (part.subtracted != kNoValue) sources.push_back(part.subtracted);
    }
  }
  return sources;
}

StackProducts FindStackProducts(const Program& program) { return Finder(program).Find(); }

}  // namespace halftone
