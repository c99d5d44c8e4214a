#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/arena.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/engine/onednn/inference_plan_impl.h"
#include "nn/engine/onednn/onednn.h"

namespace halftone {
namespace {

double NanosecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// What reading the clock once adds to the time between two readings.
double ClockNanoseconds() {
  constexpr int kReadings = 101;
  std::vector<double> gaps(kReadings);
  auto last = std::chrono::steady_clock::now();
  for (double& gap : gaps) {
    const auto now = std::chrono::steady_clock::now();
    gap = std::chrono::duration<double, std::nano>(now - last).count();
    last = now;
  }
  return Median(std::move(gaps));
}

// A step with its arguments bound to the session's memory.
struct BoundStep {
  dnnl_primitive_t primitive = nullptr;
  std::vector<dnnl::memory> memories;
  std::vector<dnnl_exec_arg_t> arguments;
  plan::HostRun run;  // used where set
  std::vector<std::byte*> buffers;
};

}  // namespace

struct InferenceSession::Impl {
  std::shared_ptr<const InferencePlan> plan;
  std::shared_ptr<std::byte> arena;
  dnnl::stream stream{CpuEngine()};
  std::vector<BoundStep> steps;

  const plan::CompiledPlan& compiled() const { return plan->impl_->compiled; }
  std::byte* Memory(int buffer, int64_t offset = 0) const {
    return arena.get() + compiled().buffer_offsets[static_cast<size_t>(buffer)] + offset;
  }
  absl::Status Bind(const plan::CompiledStep& step);
  absl::Status RunStep(const BoundStep& step);
  absl::Status RunAll(const Cancellation& cancellation);
};

absl::Status InferenceSession::Impl::Bind(const plan::CompiledStep& step) {
  BoundStep bound;
  for (const plan::Argument& argument : step.arguments) {
    if (step.kernel) {
      bound.buffers.push_back(Memory(argument.buffer, argument.offset));
      continue;
    }
    void* const handle = argument.buffer >= 0 ? Memory(argument.buffer, argument.offset)
                                              : argument.constant.get_data_handle();
    bound.memories.emplace_back(argument.desc, CpuEngine(), handle);
    bound.arguments.push_back({argument.role, bound.memories.back().get()});
  }
  if (step.kernel) {
    HT_ASSIGN_OR_RETURN(bound.run, step.kernel());
  } else {
    bound.primitive = step.primitive.get();
  }
  steps.push_back(std::move(bound));
  return absl::OkStatus();
}

absl::Status InferenceSession::Impl::RunStep(const BoundStep& step) {
  if (step.run) return step.run(step.buffers);
  const dnnl_status_t status = dnnl_primitive_execute(
      step.primitive, stream.get(), static_cast<int>(step.arguments.size()), step.arguments.data());
  if (status == dnnl_success) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("oneDNN failed with status ", static_cast<int>(status)));
}

absl::Status InferenceSession::Impl::RunAll(const Cancellation& cancellation) {
  for (size_t i = 0; i < steps.size(); ++i) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    const absl::Status status = RunStep(steps[i]);
    if (!status.ok()) return Annotate(status, compiled().steps[i].info.name);
  }
  return absl::OkStatus();
}

InferenceSession::InferenceSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
InferenceSession::~InferenceSession() = default;

absl::StatusOr<std::unique_ptr<InferenceSession>> InferenceSession::Create(
    std::shared_ptr<const InferencePlan> plan) {
  const int64_t bytes = plan->arena_bytes();
  HT_ASSIGN_OR_RETURN(AlignedMemory memory, AllocateAligned(bytes));
  std::memset(memory.get(), 0, static_cast<size_t>(bytes));
  return Create(std::move(plan), std::move(memory));
}

absl::StatusOr<std::unique_ptr<InferenceSession>> InferenceSession::Create(
    std::shared_ptr<const InferencePlan> plan, std::shared_ptr<std::byte> memory) {
  auto impl = std::make_unique<Impl>();
  impl->plan = std::move(plan);
  impl->arena = std::move(memory);
  UseOneDnnThreads(impl->plan->threads());
  for (const plan::CompiledStep& step : impl->compiled().steps) {
    HT_RETURN_IF_ERROR(CatchDnnl(step.info.name, [&] { return impl->Bind(step); }));
  }
  return std::unique_ptr<InferenceSession>(new InferenceSession(std::move(impl)));
}

absl::Status InferenceSession::SetInput(absl::string_view name, absl::Span<const float> values) {
  for (const plan::CompiledPlan::Port& input : impl_->compiled().inputs) {
    if (input.name != name) continue;
    if (static_cast<int64_t>(values.size()) != input.elements) {
      return absl::InvalidArgumentError(absl::StrCat("input '", name, "' has ", input.elements,
                                                     " elements, not ", values.size()));
    }
    std::memcpy(impl_->Memory(input.buffer), values.data(), values.size() * sizeof(float));
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("no input '", name, "'"));
}

absl::Status InferenceSession::Run(const Cancellation& cancellation) {
  UseOneDnnThreads(impl_->plan->threads());
  return impl_->RunAll(cancellation);
}

absl::StatusOr<std::vector<double>> InferenceSession::TimeStep(size_t step, int repetitions) {
  if (step >= impl_->steps.size()) {
    return absl::OutOfRangeError(
        absl::StrCat("step ", step, " of ", impl_->steps.size(), " steps"));
  }
  UseOneDnnThreads(impl_->plan->threads());
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    HT_RETURN_IF_ERROR(impl_->RunStep(impl_->steps[step]));
    times.push_back(NanosecondsSince(start));
  }
  return times;
}

absl::StatusOr<std::vector<std::vector<double>>> InferenceSession::TimeSteps(
    int repetitions, const Cancellation& cancellation) {
  UseOneDnnThreads(impl_->plan->threads());
  const double clock_ns = ClockNanoseconds();
  std::vector<std::vector<double>> times(impl_->steps.size());
  std::vector<std::chrono::steady_clock::time_point> ends(impl_->steps.size() + 1);
  for (int i = 0; i < repetitions; ++i) {
    ends[0] = std::chrono::steady_clock::now();
    for (size_t step = 0; step < impl_->steps.size(); ++step) {
      HT_RETURN_IF_ERROR(cancellation.Check());
      HT_RETURN_IF_ERROR(impl_->RunStep(impl_->steps[step]));
      ends[step + 1] = std::chrono::steady_clock::now();
    }
    for (size_t step = 0; step < impl_->steps.size(); ++step) {
      const std::chrono::duration<double, std::nano> gap = ends[step + 1] - ends[step];
      times[step].push_back(std::max(0.0, gap.count() - clock_ns));
    }
  }
  return times;
}

absl::StatusOr<std::vector<double>> InferenceSession::TimeRuns(int repetitions,
                                                               const Cancellation& cancellation) {
  UseOneDnnThreads(impl_->plan->threads());
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    HT_RETURN_IF_ERROR(impl_->RunAll(cancellation));
    times.push_back(NanosecondsSince(start));
  }
  return times;
}

absl::StatusOr<absl::Span<const float>> InferenceSession::Output(absl::string_view name) {
  for (const plan::CompiledPlan::Port& output : impl_->compiled().outputs) {
    if (output.name != name) continue;
    return absl::MakeConstSpan(
        reinterpret_cast<const float*>(impl_->Memory(output.buffer, output.offset)),
        static_cast<size_t>(output.elements));
  }
  return absl::NotFoundError(absl::StrCat("no output '", name, "'"));
}

}  // namespace halftone
