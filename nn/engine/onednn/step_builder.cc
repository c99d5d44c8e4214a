#include "nn/engine/onednn/step_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "nn/engine/onednn/onednn.h"

namespace halftone {
namespace {

using dnnl::memory;

constexpr int kForever = std::numeric_limits<int>::max();

}  // namespace

dnnl::primitive_attr PrimitiveAttributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

StepBuilder::StepBuilder(const Program& program, absl::Span<const FusedInstruction> instructions)
    : program_(&program), engine_(CpuEngine()), states_(program.shapes.size()) {
  FindLastUses(instructions);
  AddInputs();
  AddConstants();
}

void StepBuilder::FindLastUses(absl::Span<const FusedInstruction> instructions) {
  for (size_t i = 0; i < instructions.size(); ++i) {
    for (ValueId src : instructions[i].instruction.srcs) state(src).last_use = static_cast<int>(i);
  }
  for (const Program::Input& output : program_->outputs) state(output.value).last_use = kForever;
}

void StepBuilder::AddInputs() {
  for (const Program::Input& input : program_->inputs) {
    state(input.value).last_use = kForever;
    const BufferId buffer = DefinePlain(input.value);
    buffers_[static_cast<size_t>(buffer)].lifetime.first = -1;
    KeepToEnd(buffer);
  }
}

void StepBuilder::AddConstants() {
  for (const Program::Constant& constant : program_->constants) {
    const auto tensor = std::make_shared<const Tensor>(constant.tensor);
    Buffer buffer;
    buffer.bytes = static_cast<int64_t>(tensor->size_bytes());
    buffer.constant = tensor->data<float>().data();
    buffer.owner = tensor;
    buffers_.push_back(std::move(buffer));
    buffer_last_use_.push_back(kForever);
    State& entry = state(constant.value);
    entry.constant = tensor->data<float>().data();
    entry.copies.push_back(
        {PlainLayout(shape(constant.value)), static_cast<BufferId>(buffers_.size() - 1)});
  }
}

const float* StepBuilder::ConstantData(ValueId value) const { return state(value).constant; }

const Layout& StepBuilder::layout(ValueId value) const {
  return state(value).copies.front().layout;
}

bool StepBuilder::HasLayout(ValueId value, const Layout& layout) const {
  return FindCopy(value, layout) != nullptr;
}

const StepBuilder::Copy* StepBuilder::FindCopy(ValueId value, const Layout& layout) const {
  const bool plain = IsPlain(layout);
  for (const Copy& copy : state(value).copies) {
    if (SameLayout(copy.layout, layout) || (plain && IsPlain(copy.layout))) return &copy;
  }
  return nullptr;
}

BufferId StepBuilder::Source(ValueId value, const Layout& layout) {
  if (const Copy* copy = FindCopy(value, layout); copy != nullptr) return copy->buffer;
  const Copy first = state(value).copies.front();
  if (first.layout.get_dims() == layout.get_dims()) return AddCopy(value, first, layout);
  // Seen with other axes: by way of the plain elements, which are the same under both.
  const BufferId plain = FindCopy(value, PlainLayout(first.layout.get_dims())) != nullptr
                             ? PlainSource(value)
                             : AddCopy(value, first, PlainLayout(first.layout.get_dims()));
  if (IsPlain(layout)) return plain;
  return AddCopy(value, {PlainLayout(layout.get_dims()), plain}, layout);
}

BufferId StepBuilder::AddCopy(ValueId value, const Copy& from, const Layout& layout) {
  Copy to{layout, -1};
  if (buffers_[static_cast<size_t>(from.buffer)].constant != nullptr) {
    to.buffer = NewConstant(layout, from);
  } else {
    to.buffer = NewBuffer(static_cast<int64_t>(layout.get_size()));
    buffer_last_use_[static_cast<size_t>(to.buffer)] = state(value).last_use;
    Reorder(from, to);
  }
  state(value).copies.push_back(to);
  return to.buffer;
}

BufferId StepBuilder::NewConstant(const Layout& layout, const Copy& from) {
  const auto bytes = static_cast<int64_t>(layout.get_size());
  auto owner = std::shared_ptr<std::byte>(
      static_cast<std::byte*>(std::aligned_alloc(
          kBufferAlignment,
          static_cast<size_t>((bytes / kBufferAlignment + 1) * kBufferAlignment))),
      AlignedDelete());
  if (owner == nullptr) throw std::bad_alloc();
  memory src(from.layout, engine_,
             const_cast<float*>(buffers_[static_cast<size_t>(from.buffer)].constant));
  memory dst(layout, engine_, owner.get());
  dnnl::stream stream(engine_);
  dnnl::reorder(src, dst).execute(stream, src, dst);
  stream.wait();
  Buffer buffer;
  buffer.bytes = bytes;
  buffer.constant = reinterpret_cast<const float*>(owner.get());
  buffer.owner = std::move(owner);
  buffers_.push_back(std::move(buffer));
  buffer_last_use_.push_back(kForever);
  return static_cast<BufferId>(buffers_.size() - 1);
}

void StepBuilder::Reorder(const Copy& from, const Copy& to) {
  const dnnl::reorder::primitive_desc descriptor(engine_, from.layout, engine_, to.layout,
                                                 PrimitiveAttributes());
  AddPrimitive(dnnl::reorder(descriptor), descriptor.scratchpad_desc(),
               {{DNNL_ARG_FROM, from.layout, from.buffer}, {DNNL_ARG_TO, to.layout, to.buffer}});
}

BufferId StepBuilder::NewBuffer(int64_t bytes) {
  Buffer buffer;
  buffer.bytes = bytes;
  buffer.lifetime = {bytes, kForever, -1};
  buffers_.push_back(std::move(buffer));
  buffer_last_use_.push_back(-1);
  return static_cast<BufferId>(buffers_.size() - 1);
}

BufferId StepBuilder::Define(ValueId value, const Layout& layout) {
  const BufferId buffer = NewBuffer(static_cast<int64_t>(layout.get_size()));
  buffer_last_use_[static_cast<size_t>(buffer)] = state(value).last_use;
  state(value).copies.push_back({layout, buffer});
  return buffer;
}

BufferId StepBuilder::DefineInPlace(ValueId value, const Layout& layout,
                                    absl::Span<const ValueId> srcs) {
  for (ValueId src : srcs) {
    for (const Copy& copy : state(src).copies) {
      const auto index = static_cast<size_t>(copy.buffer);
      const bool dies = buffer_last_use_[index] <= instruction_;
      if (!dies || !SameLayout(copy.layout, layout)) continue;
      buffer_last_use_[index] = state(value).last_use;
      state(value).copies.push_back({layout, copy.buffer});
      return copy.buffer;
    }
  }
  return Define(value, layout);
}

void StepBuilder::Alias(ValueId value, ValueId src) {
  const BufferId buffer = PlainSource(src);
  int& last_use = buffer_last_use_[static_cast<size_t>(buffer)];
  last_use = std::max(last_use, state(value).last_use);
  state(value).copies.push_back({PlainLayout(shape(value)), buffer});
  state(value).constant = state(src).constant;
}

BufferId StepBuilder::Scratch(int64_t bytes) { return NewBuffer(bytes); }

void StepBuilder::KeepToEnd(BufferId buffer) {
  buffers_[static_cast<size_t>(buffer)].lifetime.last = kForever;
  buffer_last_use_[static_cast<size_t>(buffer)] = kForever;
}

void StepBuilder::Touch(BufferId buffer, int step) {
  BufferLifetime& lifetime = buffers_[static_cast<size_t>(buffer)].lifetime;
  lifetime.first = std::min(lifetime.first, step);
  lifetime.last = std::max(lifetime.last, step);
}

void StepBuilder::Append(Step step) {
  step.instruction = instruction_;
  step.one_thread = one_thread_;
  for (const StepArgument& argument : step.arguments) {
    Touch(argument.buffer, static_cast<int>(steps_.size()));
  }
  steps_.push_back(std::move(step));
}

void StepBuilder::AddPrimitive(const dnnl::primitive& primitive,
                               const dnnl::memory::desc& scratchpad,
                               std::vector<StepArgument> arguments, const StepWork& work) {
  if (scratchpad.get_size() > 0) {
    const BufferId buffer = NewBuffer(static_cast<int64_t>(scratchpad.get_size()));
    arguments.push_back({DNNL_ARG_SCRATCHPAD, scratchpad, buffer});
  }
  Step step;
  step.primitive = primitive;
  step.arguments = std::move(arguments);
  step.work = work;
  Append(std::move(step));
}

void StepBuilder::AddKernel(std::function<void(absl::Span<float* const>)> kernel,
                            absl::Span<const BufferId> buffers, const StepWork& work) {
  AddFallibleKernel(
      [kernel = std::move(kernel)](absl::Span<float* const> memory) {
        kernel(memory);
        return absl::OkStatus();
      },
      buffers, work);
}

void StepBuilder::AddFallibleKernel(HostKernel kernel, absl::Span<const BufferId> buffers,
                                    const StepWork& work) {
  Step step;
  step.work = work;
  step.kernel = std::move(kernel);
  for (BufferId buffer : buffers) step.arguments.push_back({0, Layout(), buffer});
  Append(std::move(step));
}

}  // namespace halftone
