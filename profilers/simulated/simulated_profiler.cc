#include "profilers/simulated/simulated_profiler.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "profilers/simulated/systolic_model.h"

namespace halftone {
namespace {

// Raised when the model gives other figures for the same accelerator.
constexpr char kModelVersion[] = "analytic model 1";

double ElementsPerSample(const Layer& layer, const Shape& shape) {
  // Both shapes have the batch that the graph is bound to as their first dimension, if any.
  const double samples = layer.dst_shape.rank() > 1
                             ? static_cast<double>(std::max<int64_t>(1, layer.dst_shape.dim(0)))
                             : 1;
  return static_cast<double>(shape.Elements()) / samples;
}

double StoredWeightBytes(const Layer& layer, const Precision& precision) {
  if (layer.weights.empty()) return 0;
  const auto channels = static_cast<double>(layer.weights_shape.dim(layer.channel_axis));
  const double bias = layer.bias.empty() ? 0 : 4 * channels;
  return static_cast<double>(layer.weights_shape.Elements()) * precision.weights.bits / 8 +
         4 * channels + bias;
}

class SimulatedProfiler final : public CostProfiler {
 public:
  explicit SimulatedProfiler(Accelerator accelerator) : accelerator_(std::move(accelerator)) {}

  std::string target() const override { return accelerator_.name; }

  DeviceInfo Describe() const override {
    DeviceInfo device;
    device.name = accelerator_.description;
    device.isa = absl::StrCat("bit-composable ", accelerator_.rows, "x", accelerator_.columns, ", ",
                              accelerator_.clock_mhz, " MHz");
    device.library = kModelVersion;
    return device;
  }

  bool Supports(const Precision& precision) const override {
    return precision.weights.IsInteger() && precision.activations.IsInteger();
  }

  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    for (const Precision& precision : request.precisions) {
      if (!Supports(precision)) {
        return absl::UnimplementedError(
            absl::StrCat("target '", target(), "' does not run ", precision.ToString(),
                         ": it takes integer weights and activations, such as w8a8"));
      }
    }
    if (request.batch < 1) {
      return absl::InvalidArgumentError(absl::StrCat("batch ", request.batch, " is below 1"));
    }
    CostTable table;
    table.target = target();
    table.device = Describe();
    table.batch = request.batch;
    for (const Precision& precision : request.precisions) table.network.push_back({precision});
    const Origin origin = {absl::StrCat("accelerator ", target()), FormatUtc(RealClock().Now()),
                           kModelVersion};
    const std::vector<Layer>& layers = request.layers->layers;
    for (size_t i = 0; i < layers.size(); ++i) {
      HT_RETURN_IF_ERROR(progress.Step(static_cast<double>(i) / static_cast<double>(layers.size()),
                                       absl::StrCat("layer ", i + 1, " of ", layers.size())));
      for (size_t p = 0; p < request.precisions.size(); ++p) {
        table.rows.push_back(Row(layers[i], request.precisions[p], request.batch));
        table.rows.back().origin = origin;
        table.network[p].predicted_ns += table.rows.back().latency_ns;
      }
    }
    HT_RETURN_IF_ERROR(progress.Step(1));
    return table;
  }

 private:
  CostRow Row(const Layer& layer, const Precision& precision, int batch) const {
    // Where both operands are activations there are no weights to be narrower.
    const Precision operands = layer.weights.empty() ? precision.WithoutWeights() : precision;
    const int activation_bits = operands.activations.bits, weight_bits = operands.weights.bits;
    const SimulatedCost cost = SimulateGemm(
        accelerator_, GemmOf(layer, batch), ElementsPerSample(layer, layer.src_shape) * batch,
        ElementsPerSample(layer, layer.dst_shape) * batch, weight_bits, activation_bits);
    CostRow row;
    row.layer = layer.name;
    row.precision = precision;
    row.executed_as = Precision::Int(FusedBits(weight_bits), FusedBits(activation_bits));
    row.latency_ns = cost.latency_ns;
    row.energy_pj = cost.energy_pj;
    row.cycles = cost.cycles;
    row.weight_bytes = StoredWeightBytes(layer, precision);
    row.implementation =
        absl::StrCat("weight-stationary ", accelerator_.rows, "x", accelerator_.columns, ", ",
                     ProductsPerCycle(weight_bits, activation_bits), " products per cycle");
    row.bound = cost.memory_bound ? "memory" : "compute";
    row.provenance = Provenance::kSimulated;
    return row;
  }

  const Accelerator accelerator_;
};

}  // namespace

std::unique_ptr<CostProfiler> MakeSimulatedProfiler(Accelerator accelerator) {
  return std::make_unique<SimulatedProfiler>(std::move(accelerator));
}

absl::Status RegisterSimulatedProfilers(ProfilerRegistry& registry) {
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    HT_ASSIGN_OR_RETURN(Accelerator accelerator, Accelerator::Parse(entry.json, entry.file));
    ProfilerRegistry::Target target;
    target.name = accelerator.name;
    target.description = accelerator.description;
    target.create = [accelerator] { return MakeSimulatedProfiler(accelerator); };
    HT_RETURN_IF_ERROR(registry.Register(std::move(target)));
  }
  return registry.RegisterFiles(
      ".json", [](const std::string& path) -> absl::StatusOr<std::unique_ptr<CostProfiler>> {
        HT_ASSIGN_OR_RETURN(Accelerator accelerator, Accelerator::Load(path));
        return MakeSimulatedProfiler(std::move(accelerator));
      });
}

}  // namespace halftone
