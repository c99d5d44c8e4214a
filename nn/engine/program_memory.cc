#include "nn/engine/program_memory.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "nn/engine/large_pages.h"
#include "nn/engine/op.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float);
constexpr int kForever = std::numeric_limits<int>::max();
// Channels that kernels take together at most: there are zeros behind the last ones.
constexpr int64_t kChannelBlock = 16;
// So few channels a convolution reads in C order.
constexpr int64_t kFewChannels = 3;

// In C order, or as convolutions want it.
enum class Form : uint8_t { kPlain, kBlocked };

double PlainBytes(const Shape& shape) {
  return kFloatBytes * static_cast<double>(shape.Elements());
}

double BytesOf(const Shape& shape, Form form) {
  if (form == Form::kPlain || shape.rank() < 3 || shape.dim(1) == 0) return PlainBytes(shape);
  const int64_t blocks = (shape.dim(1) + kChannelBlock - 1) / kChannelBlock;
  return PlainBytes(shape) / static_cast<double>(shape.dim(1)) *
         static_cast<double>(blocks * kChannelBlock);
}

// For each value whether it depends on constants alone.
std::vector<bool> FindConstant(const Program& program) {
  std::vector<bool> constant(program.shapes.size(), false);
  for (const Program::Constant& one : program.constants) {
    constant[static_cast<size_t>(one.value)] = true;
  }
  for (const Instruction& instruction : program.instructions) {
    const bool all = std::all_of(instruction.srcs.begin(), instruction.srcs.end(),
                                 [&](ValueId src) { return constant[static_cast<size_t>(src)]; });
    for (const ValueId dst : instruction.dsts) constant[static_cast<size_t>(dst)] = all;
  }
  return constant;
}

// Whether it only gives its source another shape.
bool IsReshape(const Program& program, const Instruction& instruction) {
  const auto bytes = [&](ValueId value) {
    return PlainBytes(program.shapes[static_cast<size_t>(value)]);
  };
  const OpKind kind = instruction.op->kind();
  const bool keeps = kind == OpKind::kReshape || kind == OpKind::kBroadcastTo;
  return keeps && bytes(instruction.srcs[0]) == bytes(instruction.dsts[0]);
}

// Goes through the steps that an executable takes: one for each instruction, and one for each copy
// in another form.
class Walk {
 public:
  explicit Walk(const Program& program)
      : program_(program), constant_(FindConstant(program)), values_(program.shapes.size()) {}

  ProgramMemory Run() {
    FindUses();
    AddGiven();
    for (const Instruction& instruction : program_.instructions) {
      if (!IsConstant(instruction.dsts[0])) {
        Add(instruction);
        EndStep();
        for (const ValueId dst : instruction.dsts) KeepOutput(dst);
      }
      ++now_;
    }
    for (const Program::Input& output : program_.outputs) {
      if (IsConstant(output.value)) ReadConstant(output.value, Form::kPlain);
    }
    return {InLargePages(PeakBytes()), constant_bytes_};
  }

 private:
  struct Value {
    int last_use = -1;          // the last instruction that reads it; inputs and outputs never die
    bool is_counted = false;    // a constant: once it is read
    bool is_reordered = false;  // a constant: once a convolution reads it
    Form form = Form::kPlain;   // in which it was written
    std::array<int, 2> buffers{-1, -1};  // by form
  };
  struct Buffer {
    double bytes = 0;
    int last_use = -1;                // as that of the values in it
    int first = kForever, last = -1;  // the steps that touch it
  };

  Value& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  const Shape& shape(ValueId id) const { return program_.shapes[static_cast<size_t>(id)]; }
  Buffer& buffer(int index) { return buffers_[static_cast<size_t>(index)]; }
  int& BufferOf(ValueId id, Form form) { return value(id).buffers[static_cast<size_t>(form)]; }
  bool IsConstant(ValueId id) const { return constant_[static_cast<size_t>(id)]; }

  void FindUses() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      for (const ValueId src : program_.instructions[i].srcs) {
        value(src).last_use = static_cast<int>(i);
      }
    }
    for (const Program::Input& input : program_.inputs) value(input.value).last_use = kForever;
    for (const Program::Input& output : program_.outputs) value(output.value).last_use = kForever;
  }

  void AddGiven() {
    for (const auto& [id, tensor] : program_.constants) value(id).is_counted = true;
    for (const auto& [name, id] : program_.inputs) {
      BufferOf(id, Form::kPlain) = NewBuffer(id, Form::kPlain);
      Buffer& given = buffer(BufferOf(id, Form::kPlain));
      given.first = 0;
      given.last = kForever;
    }
  }

  int NewBuffer(ValueId id, Form form) {
    buffers_.push_back({BytesOf(shape(id), form), value(id).last_use});
    return static_cast<int>(buffers_.size()) - 1;
  }

  void Touch(int index) {
    buffer(index).first = std::min(buffer(index).first, step_);
    buffer(index).last = std::max(buffer(index).last, step_);
  }

  void EndStep() {
    for (const int index : touched_) Touch(index);
    touched_.clear();
    ++step_;
  }

  // What the present instruction reads; a copy in another form lives as long as the value.
  void Read(ValueId id, Form form) {
    if (IsConstant(id)) return ReadConstant(id, form);
    if (form == Form::kBlocked && shape(id).dim(1) <= kFewChannels) form = value(id).form;
    if (BufferOf(id, form) < 0) {
      BufferOf(id, form) = NewBuffer(id, form);
      Touch(BufferOf(id, value(id).form));
      Touch(BufferOf(id, form));
      ++step_;
    }
    touched_.push_back(BufferOf(id, form));
  }

  void ReadConstant(ValueId id, Form form) {
    Value& constant = value(id);
    if (!std::exchange(constant.is_counted, true)) constant_bytes_ += PlainBytes(shape(id));
    if (form == Form::kPlain || std::exchange(constant.is_reordered, true)) return;
    constant_bytes_ += PlainBytes(shape(id));
  }

  void Write(ValueId id, Form form) {
    value(id).form = form;
    touched_.push_back(BufferOf(id, form) = NewBuffer(id, form));
  }

  void Apply(const Instruction& instruction, Form srcs, Form dsts) {
    for (const ValueId src : instruction.srcs) Read(src, srcs);
    for (const ValueId dst : instruction.dsts) Write(dst, dsts);
  }

  // In the place of a source that is not needed any more, if there is one.
  void WriteOver(const Instruction& instruction, Form form) {
    const ValueId dst = instruction.dsts[0];
    for (const ValueId src : instruction.srcs) {
      if (IsConstant(src) || shape(src) != shape(dst)) continue;
      const int index = BufferOf(src, form);
      if (index < 0 || buffer(index).last_use > now_) continue;
      buffer(index).last_use = value(dst).last_use;
      value(dst).form = form;
      BufferOf(dst, form) = index;
      touched_.push_back(index);
      return;
    }
    Write(dst, form);
  }

  void Alias(ValueId dst, ValueId src) {
    Read(src, Form::kPlain);
    const int index = BufferOf(src, Form::kPlain);
    buffer(index).last_use = std::max(buffer(index).last_use, value(dst).last_use);
    BufferOf(dst, Form::kPlain) = index;
  }

  // Outputs are put in C order at once.
  void KeepOutput(ValueId id) {
    if (value(id).last_use != kForever) return;
    Read(id, Form::kPlain);
    EndStep();
    buffer(BufferOf(id, Form::kPlain)).last = kForever;
  }

  // Blocked where a source of the result's shape is.
  Form CommonForm(const Instruction& instruction) {
    for (const ValueId src : instruction.srcs) {
      if (shape(src) != shape(instruction.dsts[0])) continue;
      if (value(src).form == Form::kBlocked) return Form::kBlocked;
    }
    return Form::kPlain;
  }

  void Elementwise(const Instruction& instruction, Form form) {
    for (const ValueId src : instruction.srcs) {
      // What is repeated may have other axes.
      Read(src, shape(src) == shape(instruction.dsts[0]) ? form : Form::kPlain);
    }
    WriteOver(instruction, form);
    for (size_t d = 1; d < instruction.dsts.size(); ++d) Write(instruction.dsts[d], Form::kPlain);
  }

  void Add(const Instruction& instruction) {
    if (IsReshape(program_, instruction)) return Alias(instruction.dsts[0], instruction.srcs[0]);
    switch (instruction.op->kind()) {
      case OpKind::kConvolution:
        Read(instruction.srcs[0], Form::kBlocked);
        Read(instruction.srcs[1], Form::kBlocked);
        return Write(instruction.dsts[0], Form::kBlocked);
      case OpKind::kConvolutionBackwardData:
      case OpKind::kConvolutionBackwardWeights:
        return Apply(instruction, Form::kBlocked, Form::kBlocked);
      case OpKind::kMaxPool:
      case OpKind::kMaxPoolScatter:
      case OpKind::kMaxPoolGather:
      case OpKind::kAveragePool:
      case OpKind::kAveragePoolBackward: {
        const Form form = value(instruction.srcs.back()).form;
        return Apply(instruction, form, form);
      }
      case OpKind::kReduce:
        return Apply(instruction, value(instruction.srcs[0]).form, Form::kPlain);
      case OpKind::kUnary:
      case OpKind::kBinary:
      case OpKind::kGate:
      case OpKind::kFakeQuantize:
      case OpKind::kFakeQuantizeGate:
      case OpKind::kRoundToBFloat16:
      case OpKind::kRoundToNarrowFloat:
        return Elementwise(instruction, CommonForm(instruction));
      case OpKind::kSelect:
      case OpKind::kNormalize:
      case OpKind::kNormalizeBackward:
        return Elementwise(instruction, Form::kPlain);
      default:
        return Apply(instruction, Form::kPlain, Form::kPlain);
    }
  }

  double PeakBytes() const {
    std::vector<double> begins(static_cast<size_t>(step_) + 1, 0.0), ends = begins;
    for (const Buffer& one : buffers_) {
      begins[static_cast<size_t>(one.first)] += one.bytes;
      if (one.last < step_) ends[static_cast<size_t>(one.last)] += one.bytes;
    }
    double alive = 0, peak = 0;
    for (size_t step = 0; step < begins.size(); ++step) {
      alive += begins[step];
      peak = std::max(peak, alive);
      alive -= ends[step];
    }
    return peak;
  }

  const Program& program_;
  const std::vector<bool> constant_;
  std::vector<Value> values_;
  std::vector<Buffer> buffers_;
  std::vector<int> touched_;  // buffers, by the present step
  int now_ = 0;               // the present instruction
  int step_ = 0;
  double constant_bytes_ = 0;
};

}  // namespace

ProgramMemory EstimateMemory(const Program& program) { return Walk(program).Run(); }

double ResultBytes(const Program& program) {
  const std::vector<bool> constant = FindConstant(program);
  double bytes = 0;
  for (const Instruction& instruction : program.instructions) {
    if (IsReshape(program, instruction)) continue;
    for (const ValueId dst : instruction.dsts) {
      if (constant[static_cast<size_t>(dst)]) continue;
      bytes += PlainBytes(program.shapes[static_cast<size_t>(dst)]);
    }
  }
  return bytes;
}

}  // namespace halftone
