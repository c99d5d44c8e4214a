#include "search/sensitivity/memory_estimate.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "nn/engine/program_memory.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/network_memory.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float), kDoubleBytes = sizeof(double);
// Kernels that differentiate want weights in another arrangement.
constexpr double kArrangements = 2;
// G and its squares as they are summed, and both as they are handed out.
constexpr double kMatrices = 4;
// Of a layer's gradients, and of what its choices make of its result: those that come, those that
// are there, and all of them side by side.
constexpr double kBlockCopies = 3;
// Of the float network's arena: what comes after a layer is there again where it is quantized.
constexpr double kReplays = 3;

double ElementsOf(const Graph& graph, const std::string& value) {
  const auto found = graph.values.find(value);
  return found == graph.values.end() ? 0 : static_cast<double>(found->second.shape.Elements());
}

bool IsOneLayerAtATime(SensitivityMethod method) {
  return method == SensitivityMethod::kOutput || method == SensitivityMethod::kSqnr;
}

// The weights of every format that is not f32, of all layers or of the largest.
double ChoiceBytes(const PreparedNetwork& network, const std::vector<Precision>& precisions,
                   SensitivityMethod method) {
  std::set<NumberFormat> formats;
  for (const Precision& precision : precisions) {
    if (precision.weights.kind != NumberFormat::Kind::kFloat32) formats.insert(precision.weights);
  }
  double elements = 0;
  if (KnowsWeightsOnly(method) || IsOneLayerAtATime(method)) {
    elements = LargestWeightElements(network);
  } else {
    for (const Layer& layer : network.layers.layers) {
      if (!layer.weights.empty()) elements += static_cast<double>(layer.weights_shape.Elements());
    }
  }
  const double copies = IsOneLayerAtATime(method) ? kArrangements : 1;
  return copies * kFloatBytes * elements * static_cast<double>(formats.size());
}

double BasisBytes(const PreparedNetwork& network, const SensitivityOptions& options) {
  if (options.method != SensitivityMethod::kHessianEigenvalue &&
      options.method != SensitivityMethod::kHawqV1) {
    return 0;
  }
  const double elements = WeightElements(network);
  // As many steps as its own bound allows, two at least; and the product, and the next vector.
  const double steps = std::clamp(static_cast<double>(int64_t{1} << 27) / std::max(elements, 1.0),
                                  2.0, static_cast<double>(std::max(2, options.probes)));
  return kDoubleBytes * elements * (std::min(steps, 100.0) + 2);
}

// What a method holds of one network and its data, whatever the samples, precisions and
// interactions: lowered once.
class SensitivityMemory {
 public:
  static absl::StatusOr<SensitivityMemory> Create(const PreparedNetwork& network,
                                                  const Dataset& data,
                                                  const SensitivityOptions& options) {
    SensitivityMemory memory(network, data);
    HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(memory.least_));
    HT_ASSIGN_OR_RETURN(const Program program, ProgramOf(graph));
    const ProgramMemory held = EstimateMemory(program);
    memory.arena_ = held.arena;
    memory.weights_ = HeldWeightBytes(network, graph) + kArrangements * held.constants;
    memory.results_ = ResultBytes(program);
    for (const Layer& layer : network.layers.layers) {
      memory.dst_ = std::max(memory.dst_, kFloatBytes * ElementsOf(graph, layer.dst));
    }
    if (KnowsWeightsOnly(options.method) || IsOneLayerAtATime(options.method)) return memory;
    HT_ASSIGN_OR_RETURN(std::vector<Head> heads, ResolveHeads(network, graph, options.loss));
    memory.gradients_ = OutputCotangents(std::move(heads), options).count();
    return memory;
  }

  MemoryEstimate Estimate(int64_t samples, const std::vector<Precision>& precisions,
                          const SensitivityOptions& options) const {
    const auto columns = static_cast<double>(network_.layers.layers.size() * precisions.size());
    const auto count = static_cast<double>(samples);
    MemoryEstimate estimate;
    estimate.data =
        data_.samples() == 0 ? 0 : DataBytes(data_) * count / static_cast<double>(data_.samples());
    estimate.weights = weights_;
    estimate.activations = ActivationBytes(samples, precisions.size(), options);
    estimate.choices = ChoiceBytes(network_, precisions, options.method);
    if (options.interactions && HasInteractions(options.method)) {
      estimate.matrix = kMatrices * kDoubleBytes * columns * columns;
    }
    if (options.resamples > 0) {
      estimate.resamples = kFloatBytes * columns * count +
                           kDoubleBytes * columns * static_cast<double>(options.resamples);
    }
    estimate.basis = BasisBytes(network_, options);
    return estimate;
  }

 private:
  SensitivityMemory(const PreparedNetwork& network, const Dataset& data)
      : network_(network), data_(data), least_(network.BatchFor(1, 1)) {}

  double ActivationBytes(int64_t samples, size_t precisions,
                         const SensitivityOptions& options) const {
    const double smallest = LeastActivationBytes(precisions, options);
    const int64_t batch = network_.BatchFor(options.batch, std::max<int64_t>(1, samples));
    const double wanted = smallest * static_cast<double>(batch) / static_cast<double>(least_);
    return std::min(wanted, std::max(smallest, double{kMaxArenaBytes}));
  }

  // Of the smallest batch: its values, and of one layer after another the gradients of its result,
  // what the choices make of that, and how far it is from it.
  double LeastActivationBytes(size_t precisions, const SensitivityOptions& options) const {
    if (KnowsWeightsOnly(options.method)) return 4 * results_;
    if (IsOneLayerAtATime(options.method)) {
      return kReplays * arena_ + static_cast<double>(precisions) * dst_;
    }
    return results_ + kBlockCopies * (gradients_ + static_cast<double>(precisions)) * dst_;
  }

  const PreparedNetwork& network_;
  const Dataset& data_;
  int64_t least_;       // samples in a batch
  double weights_ = 0;  // bytes
  double arena_ = 0;    // of the float program for such a batch
  double results_ = 0;  // of all its instructions
  double dst_ = 0;      // that of a layer, the largest
  int gradients_ = 0;   // of each result
};

using Fits = std::function<bool(int64_t samples, size_t precisions, bool interactions)>;

// Each alone, or all together.
std::string RemedyOf(const Fits& fits, int64_t samples, size_t precisions, bool interactions) {
  std::vector<std::string> remedies;
  if (interactions && fits(samples, precisions, false)) remedies.push_back("without interactions");
  for (size_t fewer = precisions; fewer-- > 1;) {
    if (!fits(samples, fewer, interactions)) continue;
    remedies.push_back(absl::StrCat("with ", fewer, fewer == 1 ? " precision" : " precisions"));
    break;
  }
  for (int64_t fewer = samples / 2; fewer > 0; fewer /= 2) {
    if (!fits(fewer, precisions, interactions)) continue;
    remedies.push_back(absl::StrCat("with ", fewer, fewer == 1 ? " sample" : " samples",
                                    " (`--samples ", fewer, "`)"));
    break;
  }
  if (!remedies.empty()) return absl::StrCat("it would fit ", absl::StrJoin(remedies, ", or "));
  if (fits(1, 1, false)) return "fewer samples, fewer precisions and no interactions would fit";
  return "the network itself needs a higher limit";
}

}  // namespace

std::string MemoryEstimate::ToString() const {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, double bytes) {
    if (bytes < 0.05 * Total()) return;
    parts.push_back(absl::StrCat(name, " ", FormatQuantity(Quantity::kSize, bytes)));
  };
  add("samples", data);
  add("weights", weights);
  add("activations", activations);
  add("choices", choices);
  add("interactions", matrix);
  add("resamples", resamples);
  add("eigenvectors", basis);
  add("outputs", outputs);
  return absl::StrJoin(parts, ", ");
}

absl::StatusOr<MemoryEstimate> EstimateSensitivity(const PreparedNetwork& network,
                                                   const Dataset& data, int64_t samples,
                                                   const std::vector<Precision>& precisions,
                                                   const SensitivityOptions& options) {
  HT_ASSIGN_OR_RETURN(const SensitivityMemory memory,
                      SensitivityMemory::Create(network, data, options));
  return memory.Estimate(samples, precisions, options);
}

absl::Status CheckSensitivityMemory(const PreparedNetwork& network, const Dataset& data,
                                    const std::vector<Precision>& precisions,
                                    const SensitivityOptions& options) {
  HT_ASSIGN_OR_RETURN(const SensitivityMemory memory,
                      SensitivityMemory::Create(network, data, options));
  const MemoryEstimate estimate = memory.Estimate(data.samples(), precisions, options);
  if (estimate.Total() <= MemoryBudget::LimitBytes()) return absl::OkStatus();
  const Fits fits = [&](int64_t samples, size_t count, bool interactions) {
    SensitivityOptions fewer = options;
    fewer.interactions = interactions;
    const std::vector<Precision> some(precisions.begin(),
                                      precisions.begin() + static_cast<std::ptrdiff_t>(count));
    return memory.Estimate(samples, some, fewer).Total() <= MemoryBudget::LimitBytes();
  };
  const bool interactions = options.interactions && HasInteractions(options.method);
  return CheckMemory(absl::StrCat("the method ", SensitivityMethodName(options.method), " (",
                                  estimate.ToString(), ")"),
                     estimate.Total(),
                     RemedyOf(fits, data.samples(), precisions.size(), interactions));
}

}  // namespace halftone
