#ifndef HALFTONE_NN_ENGINE_PROGRAM_H_
#define HALFTONE_NN_ENGINE_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nn/graph/shape.h"
#include "nn/graph/tensor.h"

namespace halftone {

class Op;

// A value of a Program: an index into its values.
using ValueId = int32_t;
constexpr ValueId kNoValue = -1;

// One application of an op.
struct Instruction {
  std::shared_ptr<const Op> op;
  std::vector<ValueId> srcs;
  std::vector<ValueId> dsts;
  std::string label;  // the layer or node that it computes, for errors; may be empty
};

// A straight-line float32 computation in single-assignment form, with static shapes. Immutable
// once built (ProgramBuilder::Build); thread-safe.
struct Program {
  struct Input {
    std::string name;
    ValueId value;
  };
  struct Constant {
    ValueId value;
    Tensor tensor;  // float32
  };
  std::vector<Shape> shapes;  // of every value
  std::vector<Input> inputs;
  std::vector<Constant> constants;
  std::vector<Instruction> instructions;  // in the order of execution
  std::vector<Input> outputs;             // named results
};

// Appends instructions. Every value is an input, a constant, or the result of Apply. Not
// thread-safe; copyable, so that several programs can grow from one forward pass.
class ProgramBuilder {
 public:
  ValueId AddInput(std::string name, Shape shape);
  ValueId AddConstant(Tensor tensor);  // float32
  ValueId AddScalar(float value) { return AddConstant(Tensor::Scalar(value)); }

  // Infers shapes and appends. INVALID_ARGUMENT names op and label when the shapes do not fit.
  absl::StatusOr<std::vector<ValueId>> Apply(std::shared_ptr<const Op> op,
                                             absl::Span<const ValueId> srcs);
  // The same for an op with one result.
  absl::StatusOr<ValueId> Apply1(std::shared_ptr<const Op> op, absl::Span<const ValueId> srcs);

  // The label of the instructions appended from now on.
  void SetLabel(std::string label) { label_ = std::move(label); }

  const Shape& shape(ValueId value) const { return program_.shapes[static_cast<size_t>(value)]; }
  const Program& program() const { return program_; }
  // The tensor if `value` is a constant, else nullptr.
  const Tensor* FindConstant(ValueId value) const;

  // The program that computes `outputs`. Instructions are put in the order in which a depth-first
  // walk from the outputs, in the order given, needs them, and those that no output needs are
  // dropped: values die early, and what an output alone needs is computed just before it. Values
  // are numbered anew; inputs all stay, constants only where used. An output may be an input or a
  // constant.
  Program Build(absl::Span<const std::pair<std::string, ValueId>> outputs) const;

 private:
  ValueId AddValue(Shape shape);

  Program program_;
  absl::flat_hash_map<ValueId, size_t> constant_index_;  // into program_.constants
  std::string label_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_PROGRAM_H_
