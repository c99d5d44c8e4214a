#include "search/sensitivity/network_program.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"
#include "nn/quant/bfloat16.h"

namespace halftone {
namespace {

bool StaysFloat(const NumberFormat& format, const UniformQuantizer* quantizer) {
  return format.kind == NumberFormat::Kind::kFloat32 ||
         (format.IsInteger() && quantizer == nullptr);
}

}  // namespace

absl::StatusOr<Tensor> RoundTensor(const Tensor& tensor, const NumberFormat& format,
                                   const UniformQuantizer* quantizer) {
  if (StaysFloat(format, quantizer)) return tensor;
  if (format.IsInteger()) return quantizer->FakeQuantize(tensor);
  HT_ASSIGN_OR_RETURN(std::vector<float> values, tensor.ToFloats());
  for (float& value : values) value = RoundToBFloat16(value);
  return Tensor::Of(tensor.shape(), std::move(values));
}

absl::StatusOr<ValueId> SourceQuantizer::Round(ProgramBuilder& builder, ValueId value,
                                               const NumberFormat& format,
                                               const UniformQuantizer* quantizer) {
  if (value == kNoValue || StaysFloat(format, quantizer)) return value;
  ValueId& done = done_.try_emplace({value, format, quantizer}, kNoValue).first->second;
  if (done != kNoValue) return done;
  if (const Tensor* constant = builder.FindConstant(value); constant != nullptr) {
    HT_ASSIGN_OR_RETURN(Tensor rounded, RoundTensor(*constant, format, quantizer));
    return done = builder.AddConstant(std::move(rounded));
  }
  if (format.IsInteger()) {
    HT_ASSIGN_OR_RETURN(done, ops::FakeQuantize(builder, value, *quantizer));
  } else {
    HT_ASSIGN_OR_RETURN(done, ops::RoundToBFloat16(builder, value));
  }
  return done;
}

absl::StatusOr<LayerSources> SourceQuantizer::Apply(ProgramBuilder& builder,
                                                    const LayerSources& sources,
                                                    const LayerQuantizers& quantizers) {
  const Precision& precision = quantizers.precision;
  // The second source of a MatMul of two activations is stored as activations are.
  const bool constant_weights = builder.FindConstant(sources.weights) != nullptr;
  const NumberFormat& format = constant_weights ? precision.weights : precision.activations;
  LayerSources quantized;
  HT_ASSIGN_OR_RETURN(quantized.src,
                      Round(builder, sources.src, precision.activations, quantizers.src.get()));
  HT_ASSIGN_OR_RETURN(quantized.weights,
                      Round(builder, sources.weights, format, quantizers.weights.get()));
  return quantized;
}

absl::StatusOr<std::vector<ValueId>> ReplayWith(ProgramBuilder& builder,
                                                absl::Span<const Replacement> replacements,
                                                absl::Span<const ValueId> targets) {
  absl::flat_hash_map<ValueId, ValueId> replaced;
  for (const Replacement& replacement : replacements) {
    if (replacement.reader == kNoValue) replaced[replacement.old_value] = replacement.new_value;
  }
  const auto current = [&](ValueId value) {
    const auto found = replaced.find(value);
    return found == replaced.end() ? value : found->second;
  };
  const auto read_by = [&](const Instruction& instruction, ValueId value) {
    for (const Replacement& replacement : replacements) {
      const bool reads = replacement.old_value == value &&
                         absl::c_linear_search(instruction.dsts, replacement.reader);
      if (reads) return replacement.new_value;
    }
    return current(value);
  };
  const size_t count = builder.program().instructions.size();
  for (size_t i = 0; i < count; ++i) {
    // A copy: appending may move the instructions.
    const Instruction instruction = builder.program().instructions[i];
    std::vector<ValueId> srcs;
    bool depends = false;
    for (const ValueId src : instruction.srcs) {
      srcs.push_back(read_by(instruction, src));
      depends |= srcs.back() != src;
    }
    if (!depends) continue;
    builder.SetLabel(instruction.label);
    HT_ASSIGN_OR_RETURN(const std::vector<ValueId> dsts, builder.Apply(instruction.op, srcs));
    for (size_t d = 0; d < dsts.size(); ++d) replaced[instruction.dsts[d]] = dsts[d];
  }
  std::vector<ValueId> values;
  for (const ValueId target : targets) values.push_back(current(target));
  return values;
}

absl::StatusOr<ValueId> FindValue(const LoweredGraph& lowered, absl::string_view name) {
  const auto found = lowered.values.find(name);
  if (found != lowered.values.end()) return found->second;
  return absl::InternalError(absl::StrCat("value '", name, "' was not lowered"));
}

absl::StatusOr<std::unique_ptr<BatchRunner>> BatchRunner::Create(Program program,
                                                                 const Dataset& data,
                                                                 int64_t batch) {
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(std::move(program)));
  return Create(std::move(executable), data, batch);
}

absl::StatusOr<std::unique_ptr<BatchRunner>> BatchRunner::Create(
    std::shared_ptr<const Executable> executable, const Dataset& data, int64_t batch) {
  auto runner = std::unique_ptr<BatchRunner>(new BatchRunner(data, batch));
  runner->executable_ = std::move(executable);
  HT_ASSIGN_OR_RETURN(runner->session_, Session::Create(runner->executable_));
  return runner;
}

absl::Status BatchRunner::SetInput(absl::string_view name, absl::Span<const float> values) {
  return session_->SetInput(name, values);
}

absl::Status BatchRunner::Run(int64_t begin, const Cancellation& cancellation) {
  for (const Program::Input& input : executable_->program().inputs) {
    if (!data_.inputs().contains(input.name)) continue;
    HT_ASSIGN_OR_RETURN(const Tensor tensor, data_.Batch(input.name, begin, batch_));
    HT_RETURN_IF_ERROR(session_->SetInput(input.name, tensor.data<float>()));
  }
  return session_->Run(cancellation);
}

absl::StatusOr<absl::Span<const float>> BatchRunner::Output(absl::string_view name) const {
  return session_->Output(name);
}

absl::Status ForEachBatch(int64_t samples, int64_t batch, const Progress& progress,
                          const std::function<absl::Status(int64_t, int64_t)>& run) {
  const auto step = [&](int64_t done) {
    return progress.Step(static_cast<double>(done) / static_cast<double>(samples),
                         absl::StrCat("sample ", done, " of ", samples));
  };
  for (int64_t begin = 0; begin < samples; begin += batch) {
    HT_RETURN_IF_ERROR(step(begin));
    HT_RETURN_IF_ERROR(run(begin, std::min(batch, samples - begin)));
  }
  return step(samples);
}

namespace {

// The head that labels are of, as FindClassHead has it, or nullptr; and its classes.
const OutputHead* FindLabelled(const PreparedNetwork& network, const Graph& bound,
                               int64_t* classes) {
  for (const OutputHead& head : network.heads) {
    const auto info = bound.values.find(head.value);
    if (head.kind != HeadKind::kKl || info == bound.values.end()) continue;
    const Shape& shape = info->second.shape;
    *classes = 1;
    for (int axis = head.class_axis; axis < head.class_axis_end; ++axis) {
      *classes *= shape.dim(axis);
    }
    if (shape.rank() > 0 && shape.Elements() == shape.dim(0) * *classes) return &head;
  }
  *classes = 0;
  return nullptr;
}

}  // namespace

absl::Status CheckData(const PreparedNetwork& network, const Graph& bound, const Dataset& data,
                       bool needs_labels) {
  int64_t classes = 0;
  const OutputHead* labelled = FindLabelled(network, bound, &classes);
  HT_RETURN_IF_ERROR(data.CheckFits(bound, /*classes=*/0));
  if (const absl::Status fits = data.CheckFits(bound, classes); !fits.ok()) {
    if (!labelled->is_guess) return fits;
    return absl::Status(fits.code(),
                        absl::StrCat(fits.message(), "; that output '", labelled->output,
                                     "' are class scores is a guess: where it is none, say --head ",
                                     labelled->output, "=mse or another kind"));
  }
  if (!needs_labels) return absl::OkStatus();
  if (!data.has_labels()) {
    return absl::InvalidArgumentError("the loss cross-entropy needs 'labels' in the data");
  }
  if (classes == 0) {
    return absl::InvalidArgumentError(
        "the loss cross-entropy needs a network whose output is one row of class logits");
  }
  return absl::OkStatus();
}

}  // namespace halftone
