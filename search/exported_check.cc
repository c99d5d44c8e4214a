#include "search/exported_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "nn/graph/arrange_samples.h"
#include "nn/graph/graph.h"
#include "nn/graph/graph_memory.h"
#include "nn/graph/passes.h"
#include "nn/onnx/external_data.h"
#include "nn/onnx/import.h"
#include "search/measure_plan.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

// Few: what is written wrongly is wrong on each.
constexpr int64_t kSamples = 16;
constexpr int64_t kBatch = 4;
// Of float32 sums in another order; and of integers that such sums take across a border, as a share
// of what all of quantization does.
constexpr double kFloatDifference = 1e-4;
constexpr double kShareOfQuantization = 0.1;

// The values of outputs, by name, sample after sample.
using Outputs = std::map<std::string, std::vector<float>>;

// Of the float outputs, which vary with what is computed as far as that does; of all, where there
// are no others.
std::vector<std::string> NamesOfOutputs(const Graph& graph) {
  std::vector<std::string> floats, all;
  for (const Port& port : graph.outputs) {
    all.push_back(port.name);
    const auto info = graph.values.find(port.name);
    if (info != graph.values.end() && IsFloat(info->second.type)) floats.push_back(port.name);
  }
  return floats.empty() ? all : floats;
}

// `arranged`: with samples first.
absl::StatusOr<Outputs> Run(const Graph& arranged, const ChosenLayers& chosen,
                            const std::vector<std::string>& names, const Dataset& data,
                            const Progress& progress) {
  const int64_t batch = arranged.fixed_batch().value_or(std::min(kBatch, data.samples()));
  HT_ASSIGN_OR_RETURN(const Graph graph, BindLayers(arranged, batch));
  HT_RETURN_IF_ERROR(data.CheckFits(graph, 0));
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerChosen(graph, chosen));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const std::string& name : names) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, name));
    outputs.emplace_back(name, value);
  }
  HT_ASSIGN_OR_RETURN(const auto runner,
                      BatchRunner::Create(lowered.builder.Build(outputs), data, batch));
  Outputs values;
  HT_RETURN_IF_ERROR(ForEachBatch(
      data.samples(), batch, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
        HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
        for (const std::string& name : names) {
          HT_ASSIGN_OR_RETURN(const absl::Span<const float> output, runner->Output(name));
          const size_t count =
              output.size() / static_cast<size_t>(batch) * static_cast<size_t>(valid);
          values[name].insert(values[name].end(), output.begin(),
                              output.begin() + static_cast<std::ptrdiff_t>(count));
        }
        return absl::OkStatus();
      }));
  return values;
}

// The root mean square of the difference over that of `reference`. What is no number, or infinite,
// in the one must be so in the other.
double Difference(const std::vector<float>& values, const std::vector<float>& reference) {
  if (values.size() != reference.size()) return std::numeric_limits<double>::infinity();
  double squares = 0, signal = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double a = values[i], b = reference[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) {
      if (std::isfinite(b)) signal += b * b;
      continue;
    }
    if (!std::isfinite(a) || !std::isfinite(b)) return std::numeric_limits<double>::infinity();
    squares += (a - b) * (a - b);
    signal += b * b;
  }
  if (squares == 0) return 0;
  return signal > 0 ? std::sqrt(squares / signal) : std::numeric_limits<double>::infinity();
}

absl::StatusOr<ChosenLayers> ChooseIntegers(const Calibration& calibration,
                                            const std::map<std::string, Precision>& assignment) {
  ChosenLayers chosen;
  for (const auto& [name, precision] : assignment) {
    if (!precision.weights.IsInteger() && !precision.activations.IsInteger()) continue;
    HT_ASSIGN_OR_RETURN(chosen[name], MakeQuantizedChoice(calibration, name, precision));
  }
  return chosen;
}

absl::StatusOr<Graph> ReadBack(const ExportedOnnx& model, const Graph& file) {
  ImportOptions options;
  options.quantized_as_is = true;
  if (!model.external_data.empty()) {
    ExternalContents::Files files;
    files[kExternalDataFile] = std::make_shared<const std::string>(model.external_data);
    options.external_data = std::make_shared<ExternalContents>(std::move(files));
  }
  HT_ASSIGN_OR_RETURN(Graph graph, ImportOnnx(model.bytes, options));
  // What was said of the inputs when the network was read is not in the file.
  for (Port& port : graph.inputs) {
    const auto known = std::find_if(file.inputs.begin(), file.inputs.end(),
                                    [&](const Port& input) { return input.name == port.name; });
    if (known != file.inputs.end()) port.sample_axis = known->sample_axis;
  }
  HT_ASSIGN_OR_RETURN(ArrangedGraph arranged, ArrangeSamples(std::move(graph)));
  return std::move(arranged.graph);
}

bool IsSame(const ExportDifference& difference) {
  return difference.difference <= kFloatDifference + kShareOfQuantization * difference.quantization;
}

// The tensors, the message that they are written into, its bytes, and what is read back.
absl::Status CheckExportMemory(const Graph& graph) {
  return CheckMemory("the export of the quantized network", 5 * WeightBytes(graph),
                     "the network itself needs a higher limit");
}

}  // namespace

absl::StatusOr<ExportDifference> CompareExported(const ExportedOnnx& model,
                                                 const PreparedNetwork& network,
                                                 const Dataset& data,
                                                 const Calibration& calibration,
                                                 const std::map<std::string, Precision>& assignment,
                                                 const Progress& progress) {
  const Dataset few = data.Take(std::min(kSamples, data.samples()));
  HT_ASSIGN_OR_RETURN(const Graph bound,
                      BindLayers(network.graph, network.graph.fixed_batch().value_or(1)));
  const std::vector<std::string> names = NamesOfOutputs(bound);
  HT_ASSIGN_OR_RETURN(const Graph written, ReadBack(model, network.file));
  HT_ASSIGN_OR_RETURN(const Outputs after, Run(written, {}, names, few, progress.Part(0, 0.4)));
  HT_ASSIGN_OR_RETURN(const Outputs before,
                      Run(network.graph, {}, names, few, progress.Part(0.4, 0.6)));
  HT_ASSIGN_OR_RETURN(const ChosenLayers chosen, ChooseIntegers(calibration, assignment));
  HT_ASSIGN_OR_RETURN(const Outputs quantized,
                      Run(network.graph, chosen, names, few, progress.Part(0.6, 1)));
  ExportDifference worst;
  worst.samples = few.samples();
  for (const std::string& name : names) {
    ExportDifference of_output = worst;
    of_output.output = name;
    of_output.difference = Difference(after.at(name), quantized.at(name));
    of_output.quantization = Difference(quantized.at(name), before.at(name));
    const bool is_worse =
        worst.output.empty() || (IsSame(worst) && !IsSame(of_output)) ||
        (IsSame(worst) == IsSame(of_output) && of_output.difference > worst.difference);
    if (is_worse) worst = of_output;
  }
  return worst;
}

absl::StatusOr<CheckedExport> ExportChecked(const PreparedNetwork& network, const Dataset& data,
                                            const Calibration& calibration,
                                            const std::map<std::string, Precision>& assignment,
                                            const Progress& progress,
                                            const ExportOptions& options) {
  HT_RETURN_IF_ERROR(CheckExportMemory(network.file));
  HT_ASSIGN_OR_RETURN(const auto quantizers, QuantizersOf(calibration, assignment));
  CheckedExport checked;
  HT_ASSIGN_OR_RETURN(checked.model, ExportQuantizedOnnx(network.file, quantizers, options));
  absl::StatusOr<ExportDifference> difference =
      CompareExported(checked.model, network, data, calibration, assignment, progress);
  if (!difference.ok()) return Annotate(difference.status(), "running what was written");
  if (!IsSame(*difference)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "what was written differs from the network: output '", difference->output, "' by ",
        100 * difference->difference, " % of its root mean square, over ", difference->samples,
        " samples, where quantizing changes it by ", 100 * difference->quantization, " %"));
  }
  checked.difference = *std::move(difference);
  return checked;
}

}  // namespace halftone
