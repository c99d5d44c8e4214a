#include "search/sensitivity/derivative_pass.h"

#include <algorithm>

#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/program_memory.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/fisher_program.h"

namespace halftone {
namespace {

constexpr int64_t kWantedBatch = 32;
constexpr uint64_t kSeed = 0;

}  // namespace

DerivativePass::DerivativePass(const PreparedNetwork& network, const Dataset& data,
                               std::vector<std::string> values, Append append)
    : network_(network), data_(data), values_(std::move(values)), append_(std::move(append)) {}

absl::StatusOr<Program> DerivativePass::Build(int64_t batch) {
  HT_ASSIGN_OR_RETURN(graph_, network_.Bind(batch));
  HT_ASSIGN_OR_RETURN(std::vector<Head> heads, ResolveHeads(network_, graph_, LossKind::kAuto));
  SensitivityOptions options;
  options.draws = 1;
  options.exact_classes = 0;
  cotangents_.emplace(std::move(heads), options);
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph_));
  std::vector<ValueId> head_values, values;
  for (const Head& head : cotangents_->heads()) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, head.value));
    head_values.push_back(value);
  }
  for (const std::string& name : values_) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, name));
    values.push_back(value);
  }
  Outputs outputs;
  HT_ASSIGN_OR_RETURN(const auto cotangents, cotangents_->AppendTo(lowered, outputs));
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> derivatives,
                      AppendVjp(lowered.builder, head_values, cotangents[0], values));
  HT_RETURN_IF_ERROR(append_(lowered, derivatives, outputs));
  return lowered.builder.Build(outputs);
}

absl::StatusOr<DerivativePass::Memory> DerivativePass::Estimate(int64_t batch) {
  HT_ASSIGN_OR_RETURN(const Program program, Build(batch));
  HT_ASSIGN_OR_RETURN(const Program outputs, BuildForwardProgram(graph_, cotangents_->heads()));
  const ProgramMemory both = EstimateMemory(program), forward = EstimateMemory(outputs);
  const double least = both.arena / static_cast<double>(batch);
  // Kernels that differentiate want weights in another arrangement.
  return Memory{
      .constants = 2 * both.constants + forward.constants,
      .activations = forward.arena + std::min(both.arena, std::max(least, double{kMaxArenaBytes}))};
}

absl::StatusOr<int64_t> DerivativePass::Compile() {
  HT_ASSIGN_OR_RETURN(fitted_, FitBatch(network_, kWantedBatch, data_.samples(),
                                        [&](int64_t batch) { return Build(batch); }));
  return fitted_.batch;
}

absl::Status DerivativePass::Run(const Progress& progress, const Visit& visit) {
  const int64_t batch = fitted_.batch;
  HT_ASSIGN_OR_RETURN(const auto runner, BatchRunner::Create(fitted_.executable, data_, batch));
  HT_ASSIGN_OR_RETURN(Program outputs, BuildForwardProgram(graph_, cotangents_->heads()));
  HT_ASSIGN_OR_RETURN(const auto forward, BatchRunner::Create(std::move(outputs), data_, batch));
  return ForEachBatch(
      data_.samples(), batch, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
        HT_RETURN_IF_ERROR(forward->Run(begin, progress.cancellation));
        HT_RETURN_IF_ERROR(cotangents_->SetInputs(begin, batch, kSeed, forward.get(), *runner));
        HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
        return visit(*runner, valid);
      });
}

}  // namespace halftone
