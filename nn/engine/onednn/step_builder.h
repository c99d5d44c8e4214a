#ifndef HALFTONE_NN_ENGINE_ONEDNN_STEP_BUILDER_H_
#define HALFTONE_NN_ENGINE_ONEDNN_STEP_BUILDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/onednn/layout.h"
#include "nn/engine/onednn/program_passes.h"
#include "nn/engine/onednn/step.h"
#include "nn/engine/program.h"

namespace halftone {

// Turns instructions into steps, one after the other. Knows in which layouts each value is at
// hand, and inserts reorders where a step wants another; a reordered copy serves all later uses,
// and constants are reordered at once. oneDNN's exceptions pass through: its user catches them.
class StepBuilder {
 public:
  // `instructions` are those of `program`, some of them joined.
  StepBuilder(const Program& program, absl::Span<const FusedInstruction> instructions);

  const dnnl::engine& engine() const { return engine_; }
  const Shape& shape(ValueId value) const { return program_->shapes[static_cast<size_t>(value)]; }
  // The elements of a constant; nullptr for another value.
  const float* ConstantData(ValueId value) const;

  // The layout in which `value` was defined.
  const Layout& layout(ValueId value) const;
  bool HasLayout(ValueId value, const Layout& layout) const;

  // The buffer that holds `value` in that layout; made by a reorder where there is none. The layout
  // may split or join axes (grouped weights): the C order of the elements stays.
  BufferId Source(ValueId value, const Layout& layout);
  BufferId PlainSource(ValueId value) { return Source(value, PlainLayout(shape(value))); }

  // A new buffer for the result `value`.
  BufferId Define(ValueId value, const Layout& layout);
  BufferId DefinePlain(ValueId value) { return Define(value, PlainLayout(shape(value))); }
  // Like Define, but in the buffer of one of `srcs` that holds just this layout and is not needed
  // any more, if there is one: for steps that read each element before they write it.
  BufferId DefineInPlace(ValueId value, const Layout& layout, absl::Span<const ValueId> srcs);
  // Makes `value` another name of the plain elements of `src`.
  void Alias(ValueId value, ValueId src);
  // Memory for the next step only.
  BufferId Scratch(int64_t bytes);

  // Appends a primitive. Adds the scratchpad that its descriptor asks for.
  void AddPrimitive(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
                    std::vector<StepArgument> arguments, const StepWork& work = {});
  // Appends a host kernel on `buffers`, one that cannot fail.
  void AddKernel(std::function<void(absl::Span<float* const>)> kernel,
                 absl::Span<const BufferId> buffers, const StepWork& work = {});
  // The same for one that may refuse what it reads.
  void AddFallibleKernel(HostKernel kernel, absl::Span<const BufferId> buffers,
                         const StepWork& work = {});

  // The instruction that the next calls are about.
  void BeginInstruction(int index, bool one_thread) {
    instruction_ = index;
    one_thread_ = one_thread;
  }
  int instruction() const { return instruction_; }

  // What it made. Arena offsets are not yet set.
  std::vector<Step> TakeSteps() { return std::move(steps_); }
  std::vector<Buffer> TakeBuffers() { return std::move(buffers_); }
  // Keeps what is in the buffer until the end of a run.
  void KeepToEnd(BufferId buffer);

 private:
  // A value's elements in one layout.
  struct Copy {
    Layout layout;
    BufferId buffer;
  };
  struct State {
    std::vector<Copy> copies;  // the first is the one defined
    int last_use = -1;         // the last instruction that reads it; INT_MAX: never dies
    const float* constant = nullptr;
  };

  void FindLastUses(absl::Span<const FusedInstruction> instructions);
  void AddInputs();
  void AddConstants();
  const Copy* FindCopy(ValueId value, const Layout& layout) const;
  BufferId AddCopy(ValueId value, const Copy& from, const Layout& layout);
  BufferId NewBuffer(int64_t bytes);
  BufferId NewConstant(const Layout& layout, const Copy& from);
  void Touch(BufferId buffer, int step);
  void Reorder(const Copy& from, const Copy& to);
  void Append(Step step);
  State& state(ValueId value) { return states_[static_cast<size_t>(value)]; }
  const State& state(ValueId value) const { return states_[static_cast<size_t>(value)]; }

  const Program* program_;
  const dnnl::engine& engine_;
  std::vector<State> states_;  // of every value
  std::vector<Buffer> buffers_;
  std::vector<int> buffer_last_use_;  // the last instruction that reads a value in the buffer
  std::vector<Step> steps_;
  int instruction_ = 0;
  bool one_thread_ = false;
};

// The arguments of a primitive for its user-mode scratchpad and other attributes.
dnnl::primitive_attr PrimitiveAttributes();

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_STEP_BUILDER_H_
