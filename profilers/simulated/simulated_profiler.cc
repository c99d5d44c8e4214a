#include "profilers/simulated/simulated_profiler.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "nn/quant/weight_bytes.h"
#include "profilers/simulated/area_model.h"
#include "profilers/simulated/array_model.h"
#include "profilers/simulated/layer_work.h"
#include "profilers/simulated/roofline_model.h"

namespace halftone {
namespace {

// Raised when the model gives other figures for the same accelerator.
constexpr char kModelVersion[] = "analytic model 2";

std::string Summary(const ProcessorArray& array) {
  return absl::StrCat(InterconnectName(array.interconnect), " ", DataflowName(array.dataflow), " ",
                      array.rows, "x", array.columns, ", ", array.clock_mhz, " MHz");
}

std::string Summary(const RooflineProcessor& processor) {
  return absl::StrCat("roofline, ", processor.memory_bytes_per_second / 1e9, " GB/s");
}

double MemoryBytesPerSecond(const ProcessorArray& array) {
  return array.dram_bits_per_cycle / 8 * array.clock_mhz * 1e6;
}

double MemoryBytesPerSecond(const RooflineProcessor& processor) {
  return processor.memory_bytes_per_second;
}

std::map<std::string, double> Figures(const ProcessorArray& array) {
  std::map<std::string, double> figures = {
      {"elements", static_cast<double>(array.rows) * static_cast<double>(array.columns)},
      {"buffer_bytes", static_cast<double>(array.weights_buffer_bytes + array.src_buffer_bytes +
                                           array.dst_buffer_bytes)},
      {"power_w", ArithmeticPower(array)}};
  if (const std::optional<ArrayArea> area = AreaOf(array); area.has_value()) {
    figures["area_mm2"] = area->Total();
  }
  return figures;
}

std::map<std::string, double> Figures(const RooflineProcessor& processor) {
  return {{"buffer_bytes", static_cast<double>(processor.on_chip_bytes)}};
}

bool TellsEnergy(const ProcessorArray&) { return true; }

bool TellsEnergy(const RooflineProcessor& processor) { return !processor.operation_pj.empty(); }

class SimulatedProfiler final : public CostProfiler {
 public:
  explicit SimulatedProfiler(Accelerator accelerator) : accelerator_(std::move(accelerator)) {}

  std::string target() const override { return accelerator_.name; }

  DeviceInfo Describe() const override {
    DeviceInfo device;
    device.name = accelerator_.description;
    device.isa =
        std::visit([](const auto& machine) { return Summary(machine); }, accelerator_.machine);
    device.library = kModelVersion;
    return device;
  }

  std::map<std::string, double> HardwareFigures() const override {
    return std::visit([](const auto& machine) { return Figures(machine); }, accelerator_.machine);
  }

  bool TellsEnergy() const override {
    return std::visit([](const auto& machine) { return halftone::TellsEnergy(machine); },
                      accelerator_.machine);
  }

  bool Supports(const Precision& precision) const override { return Peak(precision).ok(); }

  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    if (request.batch < 1) {
      return absl::InvalidArgumentError(absl::StrCat("batch ", request.batch, " is below 1"));
    }
    CostTable table;
    table.target = target();
    table.device = Describe();
    table.batch = request.batch;
    HT_ASSIGN_OR_RETURN(table.roofline, RoofsOf(request.precisions));
    for (const Precision& precision : request.precisions) table.network.push_back({precision});
    const Origin origin = {absl::StrCat("accelerator ", target()), FormatUtc(RealClock().Now()),
                           kModelVersion};
    const std::vector<Layer>& layers = request.layers->layers;
    for (size_t i = 0; i < layers.size(); ++i) {
      HT_RETURN_IF_ERROR(progress.Step(static_cast<double>(i) / static_cast<double>(layers.size()),
                                       absl::StrCat("layer ", i + 1, " of ", layers.size())));
      for (size_t p = 0; p < request.precisions.size(); ++p) {
        HT_ASSIGN_OR_RETURN(CostRow row, Row(layers[i], request.precisions[p], request.batch));
        row.origin = origin;
        table.network[p].predicted_ns += row.latency_ns;
        table.rows.push_back(std::move(row));
      }
    }
    HT_RETURN_IF_ERROR(progress.Step(1));
    return table;
  }

 private:
  absl::StatusOr<double> Peak(const Precision& precision) const {
    return std::visit([&](const auto& machine) { return PeakOf(machine, precision); },
                      accelerator_.machine);
  }

  // UNIMPLEMENTED names the precision.
  absl::Status Refuse(const absl::Status& status, const Precision& precision) const {
    return Annotate(status,
                    absl::StrCat("target '", target(), "' does not run ", precision.ToString()));
  }

  absl::StatusOr<Roofline> RoofsOf(const std::vector<Precision>& precisions) const {
    Roofline roofline;
    roofline.memory_bytes_per_second = std::visit(
        [](const auto& machine) { return MemoryBytesPerSecond(machine); }, accelerator_.machine);
    for (const Precision& precision : precisions) {
      const absl::StatusOr<double> peak = Peak(precision);
      if (!peak.ok()) return Refuse(peak.status(), precision);
      roofline.roofs.push_back({precision, *peak});
    }
    return roofline;
  }

  absl::StatusOr<CostRow> Row(const Layer& layer, const Precision& precision, int batch) const {
    const LayerWork work = LayerWorkOf(layer, batch);
    const absl::StatusOr<LayerCost> cost =
        std::visit([&](const auto& machine) { return CostOn(machine, work, precision); },
                   accelerator_.machine);
    if (!cost.ok()) {
      return Annotate(Refuse(cost.status(), precision), absl::StrCat("layer '", layer.name, "'"));
    }
    CostRow row;
    row.layer = layer.name;
    row.precision = precision;
    row.executed_as = cost->executed_as;
    row.latency_ns = cost->latency_ns;
    row.cycles = cost->cycles;
    row.weight_bytes = PackedWeightBytes(layer, precision);
    row.implementation = cost->implementation;
    row.bound = cost->memory_bound ? "memory" : "compute";
    row.utilization = cost->utilization;
    row.operations = cost->operations;
    row.memory_bytes = cost->memory_bytes;
    row.energy = cost->energy;
    if (cost->energy.has_value()) row.energy_pj = cost->energy->Total();
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
    target.create_with =
        [entry](absl::string_view parameters) -> absl::StatusOr<std::unique_ptr<CostProfiler>> {
      HT_ASSIGN_OR_RETURN(Accelerator changed,
                          Accelerator::Parse(entry.json, entry.file, parameters));
      return MakeSimulatedProfiler(std::move(changed));
    };
    HT_RETURN_IF_ERROR(registry.Register(std::move(target)));
  }
  return absl::OkStatus();
}

}  // namespace halftone
