#include "profilers/onednn/cpu_table.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "nn/quant/weight_bytes.h"
#include "profilers/onednn/cost_attribution.h"

namespace halftone {
namespace {

std::string Means(const ProfileRequest& request, const CpuDevice& device) {
  return absl::StrCat(device.library, ", ", device.isa, ", ", device.threads,
                      device.threads == 1 ? " thread" : " threads",
                      request.cold_caches ? ", cold caches" : "");
}

CostRow MakeRow(const ProfileRequest& request, const CpuDevice& device, const SurveyedPlan& plan,
                const MeasuredTime& time, const Layer& layer, const Precision& precision) {
  CostRow row;
  row.layer = layer.name;
  row.precision = precision;
  row.latency_ns = time.latency_ns;
  row.mad_ns = time.mad_ns;
  row.weight_bytes = PackedWeightBytes(layer, precision);
  row.provenance = Provenance::kMeasured;
  row.origin = {device.name, FormatUtc(time.when), Means(request, device)};
  for (const PlanStep& step : plan.steps) {
    if (step.kind != PlanStep::Kind::kLayer || step.name != layer.name) continue;
    row.executed_as = step.executed_as;
    row.implementation = step.implementation;
  }
  if (absl::StrContains(row.implementation, "ref")) {
    row.warning = "a reference implementation ran: no optimized kernel for this case";
  }
  return row;
}

// Classes stand for all precisions of the request that run alike.
void AddEdges(const ProfileRequest& request, const PlanSurvey& survey,
              const std::vector<CostAttribution::Edge>& edges, CostTable& table) {
  const std::vector<Layer>& layers = request.layers->layers;
  for (const CostAttribution::Edge& edge : edges) {
    for (const Precision& from : request.precisions) {
      if (survey.class_of.at(from) != edge.from_class) continue;
      for (const Precision& to : request.precisions) {
        if (survey.class_of.at(to) != edge.to_class) continue;
        if (edge.latency_ns == 0 && from == to) continue;
        table.edges.push_back(
            {layers[edge.from].name, layers[edge.to].name, from, to, edge.latency_ns, {}});
      }
    }
  }
}

}  // namespace

std::string WholeKey(const SurveyedPlan& plan) {
  std::vector<std::string> keys;
  for (const PlanStep& step : plan.steps) keys.push_back(step.key);
  return absl::StrCat("whole ", Sha256Hex(absl::StrJoin(keys, "\n")));
}

CostTable MakeCpuTable(const ProfileRequest& request, const CpuDevice& device,
                       const PlanSurvey& survey, const std::map<std::string, MeasuredTime>& times,
                       const std::string& warning) {
  const CostAttribution costs(*request.graph, *request.layers, survey, times);
  const std::vector<Layer>& layers = request.layers->layers;
  CostTable table;
  table.target = "cpu";
  table.device = {device.name, device.isa, device.library, device.threads, device.frequency_mhz};
  table.batch = request.batch;
  table.fixed_latency_ns = costs.fixed_latency_ns();
  for (const Precision& precision : request.precisions) {
    const size_t own = survey.class_of.at(precision);
    const SurveyedPlan& uniform = survey.uniform[own];
    for (size_t layer = 0; layer < layers.size(); ++layer) {
      CostRow row =
          MakeRow(request, device, uniform, costs.Row(layer, own), layers[layer], precision);
      // First, where CostTable::IsDisturbed looks for it.
      const char* between = warning.empty() || row.warning.empty() ? "" : "; ";
      row.warning = absl::StrCat(warning, between, row.warning);
      table.rows.push_back(std::move(row));
    }
    table.network.push_back(
        {precision, costs.UniformTotal(own), times.at(WholeKey(uniform)).latency_ns});
  }
  AddEdges(request, survey, costs.edges(), table);
  return table;
}

}  // namespace halftone
