#include "nn/engine/executor.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/arena.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/program_passes.h"
#include "nn/engine/onednn/step.h"
#include "nn/engine/onednn/step_builder.h"
#include "nn/engine/onednn/step_threads.h"
#include "nn/engine/onednn/steps.h"
#include "nn/engine/op.h"

namespace halftone {
namespace {

// Where an input or output lies.
struct Place {
  BufferId buffer = -1;
  size_t elements = 0;
};

// "Convolution of 'layer1.conv2'".
std::string Describe(const Instruction& instruction) {
  if (instruction.label.empty()) return instruction.op->name();
  return absl::StrCat(instruction.op->name(), " of '", instruction.label, "'");
}

absl::Status CheckProgram(const Program& program) {
  for (const Shape& shape : program.shapes) HT_RETURN_IF_ERROR(shape.Check());
  for (const Program::Constant& constant : program.constants) {
    if (constant.tensor.type() != DataType::kFloat32) {
      return absl::InvalidArgumentError(absl::StrCat("constant of value ", constant.value, " is ",
                                                     DataTypeName(constant.tensor.type()),
                                                     ", not float32"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

struct Executable::Impl {
  Program program;
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
  std::vector<std::string> descriptions;  // of the instructions that steps belong to
  absl::flat_hash_map<std::string, Place> inputs;
  absl::flat_hash_map<std::string, Place> outputs;
  int64_t arena_bytes = 0;
  int64_t constant_bytes = 0;
  double step_cost = 0;

  absl::Status Build(bool fold);
  absl::Status AddAllSteps(StepBuilder& builder, absl::Span<const FusedInstruction> instructions);
  absl::Status CheckSteps();
  void AddOutput(StepBuilder& builder, const Program::Input& output);
  void PlaceBuffers();
  size_t Elements(ValueId value) const {
    return static_cast<size_t>(program.shapes[static_cast<size_t>(value)].Elements());
  }
  // A ConstantRunner: an executable of its own for the constants of another one.
  static absl::StatusOr<std::map<std::string, std::vector<float>>> RunConstants(
      const Program& constants);
};

absl::Status Executable::Impl::Build(bool fold) {
  HT_RETURN_IF_ERROR(CheckProgram(program));
  if (fold) {
    HT_ASSIGN_OR_RETURN(program, FoldConstants(std::move(program), RunConstants));
  }
  UseOneDnnThreads();
  return CatchDnnl("compiling a program", [&]() -> absl::Status {
    const std::vector<FusedInstruction> instructions = FuseInstructions(program);
    for (const FusedInstruction& fused : instructions) {
      descriptions.push_back(Describe(fused.instruction));
    }
    StepBuilder builder(program, instructions);
    HT_RETURN_IF_ERROR(AddAllSteps(builder, instructions));
    steps = builder.TakeSteps();
    buffers = builder.TakeBuffers();
    PlaceBuffers();
    return CheckSteps();
  });
}

absl::Status Executable::Impl::CheckSteps() {
  for (const Step& step : steps) {
    HT_RETURN_IF_ERROR(
        Annotate(CheckStepWork(step.work), descriptions[static_cast<size_t>(step.instruction)]));
    step_cost = std::max(step_cost, step.work.Cost());
  }
  return absl::OkStatus();
}

absl::Status Executable::Impl::AddAllSteps(StepBuilder& builder,
                                           absl::Span<const FusedInstruction> instructions) {
  for (const Program::Input& input : program.inputs) {
    inputs[input.name] = {builder.PlainSource(input.value), Elements(input.value)};
  }
  absl::flat_hash_map<ValueId, std::vector<const Program::Input*>> outputs_of;
  for (const Program::Input& output : program.outputs) {
    outputs_of[output.value].push_back(&output);
  }
  const absl::Cleanup restore = [] { UseOneDnnThreads(); };
  for (size_t i = 0; i < instructions.size(); ++i) {
    // Primitives are made for so many threads, and run on them.
    const int all = OneDnnThreads();
    const int threads = ThreadsFor(program, instructions[i].instruction, all);
    UseOneDnnThreads(threads);
    builder.BeginInstruction(static_cast<int>(i), threads < all);
    HT_RETURN_IF_ERROR(CatchDnnl(descriptions[i], [&]() -> absl::Status {
      return Annotate(AddInstruction(builder, instructions[i]), descriptions[i]);
    }));
    // Outputs are put in C order at once, so that their blocked form can die.
    for (ValueId dst : instructions[i].instruction.dsts) {
      const auto found = outputs_of.find(dst);
      if (found == outputs_of.end()) continue;
      for (const Program::Input* output : found->second) AddOutput(builder, *output);
      outputs_of.erase(found);
    }
  }
  for (const auto& [value, names] : outputs_of) {
    for (const Program::Input* output : names) AddOutput(builder, *output);
  }
  return absl::OkStatus();
}

void Executable::Impl::AddOutput(StepBuilder& builder, const Program::Input& output) {
  const BufferId buffer = builder.PlainSource(output.value);
  builder.KeepToEnd(buffer);
  outputs[output.name] = {buffer, Elements(output.value)};
}

void Executable::Impl::PlaceBuffers() {
  absl::flat_hash_set<BufferId> used;
  for (const Step& step : steps) {
    for (const StepArgument& argument : step.arguments) used.insert(argument.buffer);
  }
  for (const auto& [name, place] : outputs) used.insert(place.buffer);
  std::vector<BufferLifetime> lifetimes;
  for (size_t i = 0; i < buffers.size(); ++i) {
    Buffer& buffer = buffers[i];
    lifetimes.push_back(buffer.lifetime);
    if (buffer.constant == nullptr) continue;
    lifetimes.back().bytes = 0;
    if (used.contains(static_cast<BufferId>(i))) {
      constant_bytes += buffer.bytes;
    } else {
      buffer.owner.reset();
    }
  }
  const ArenaPlan plan = PlanArena(lifetimes);
  for (size_t i = 0; i < buffers.size(); ++i) buffers[i].offset = plan.offsets[i];
  arena_bytes = plan.bytes;
}

Executable::Executable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Executable::~Executable() = default;

absl::StatusOr<std::shared_ptr<const Executable>> Executable::Compile(Program program) {
  auto impl = std::make_unique<Impl>();
  impl->program = std::move(program);
  HT_RETURN_IF_ERROR(impl->Build(/*fold=*/true));
  return std::shared_ptr<const Executable>(new Executable(std::move(impl)));
}

const Program& Executable::program() const { return impl_->program; }
int64_t Executable::arena_bytes() const { return impl_->arena_bytes; }
int64_t Executable::constant_bytes() const { return impl_->constant_bytes; }
double Executable::step_cost() const { return impl_->step_cost; }

struct Session::Impl {
  // A step on this session's memory.
  struct BoundStep {
    std::unordered_map<int, dnnl::memory> arguments;
    std::vector<float*> buffers;  // of host kernels
  };

  std::shared_ptr<const Executable> executable;
  AlignedMemory arena;
  std::vector<BoundStep> steps;
  dnnl::stream stream;
  absl::flat_hash_set<std::string> missing_inputs;
  bool has_run = false;

  const Executable::Impl& plan() const { return *executable->impl_; }
  float* Address(BufferId id) const {
    const Buffer& buffer = plan().buffers[static_cast<size_t>(id)];
    // Steps only read constants.
    if (buffer.constant != nullptr) return const_cast<float*>(buffer.constant);
    return reinterpret_cast<float*>(arena.get() + buffer.offset);
  }
  void Bind();
  absl::Status RunStep(size_t index);
};

void Session::Impl::Bind() {
  stream = dnnl::stream(CpuEngine());
  steps.resize(plan().steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = plan().steps[i];
    for (const StepArgument& argument : step.arguments) {
      float* address = Address(argument.buffer);
      if (step.kernel) {
        steps[i].buffers.push_back(address);
      } else {
        steps[i].arguments.emplace(argument.role,
                                   dnnl::memory(argument.layout, CpuEngine(), address));
      }
    }
  }
}

absl::Status Session::Impl::RunStep(size_t index) {
  const Step& step = plan().steps[index];
  UseOneDnnThreads(step.one_thread ? 1 : OneDnnThreads());
  if (step.kernel) {
    return Annotate(step.kernel(steps[index].buffers),
                    plan().descriptions[static_cast<size_t>(step.instruction)]);
  }
  try {
    step.primitive.execute(stream, steps[index].arguments);
    stream.wait();
  } catch (const std::exception& error) {
    return ExceptionToStatus(error, plan().descriptions[static_cast<size_t>(step.instruction)]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::vector<float>>> Executable::Impl::RunConstants(
    const Program& constants) {
  auto impl = std::make_unique<Impl>();
  impl->program = constants;
  HT_RETURN_IF_ERROR(impl->Build(/*fold=*/false));
  const std::shared_ptr<const Executable> executable(new Executable(std::move(impl)));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(executable));
  HT_RETURN_IF_ERROR(session->Run());
  std::map<std::string, std::vector<float>> results;
  for (const Program::Input& output : constants.outputs) {
    HT_ASSIGN_OR_RETURN(absl::Span<const float> values, session->Output(output.name));
    results[output.name].assign(values.begin(), values.end());
  }
  return results;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::Create(
    std::shared_ptr<const Executable> executable) {
  auto impl = std::make_unique<Impl>();
  impl->executable = std::move(executable);
  HT_ASSIGN_OR_RETURN(impl->arena, AllocateAligned(impl->executable->arena_bytes()));
  for (const auto& [name, place] : impl->plan().inputs) impl->missing_inputs.insert(name);
  HT_RETURN_IF_ERROR(CatchDnnl("creating a session", [&]() -> absl::Status {
    impl->Bind();
    return absl::OkStatus();
  }));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

absl::Status Session::SetInput(absl::string_view name, absl::Span<const float> values) {
  const auto found = impl_->plan().inputs.find(name);
  if (found == impl_->plan().inputs.end()) {
    return absl::NotFoundError(absl::StrCat("the program has no input '", name, "'"));
  }
  if (values.size() != found->second.elements) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input '", name, "' takes ", found->second.elements, " elements, not ", values.size()));
  }
  if (!values.empty()) {
    std::memcpy(impl_->Address(found->second.buffer), values.data(), values.size() * sizeof(float));
  }
  impl_->missing_inputs.erase(name);
  return absl::OkStatus();
}

absl::Status Session::Run(const Cancellation& cancellation) {
  if (!impl_->missing_inputs.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("input '", *impl_->missing_inputs.begin(), "' was not set"));
  }
  impl_->has_run = false;
  const absl::Cleanup restore = [] { UseOneDnnThreads(); };
  for (size_t i = 0; i < impl_->steps.size(); ++i) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    HT_RETURN_IF_ERROR(impl_->RunStep(i));
  }
  impl_->has_run = true;
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const float>> Session::Output(absl::string_view name) const {
  const auto found = impl_->plan().outputs.find(name);
  if (found == impl_->plan().outputs.end()) {
    return absl::NotFoundError(absl::StrCat("the program has no output '", name, "'"));
  }
  if (!impl_->has_run) {
    return absl::FailedPreconditionError(
        absl::StrCat("output '", name, "' is not computed: no run has succeeded"));
  }
  return absl::MakeConstSpan(impl_->Address(found->second.buffer), found->second.elements);
}

}  // namespace halftone
