#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "benchmark/benchmark.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "profilers/onednn/cpu_profiler.h"
#include "profilers/onednn/profiling_assignment.h"

// How long profiling this processor takes without a cache, and how well the cost table predicts:
// for the uniform f32 and w8a8 networks, and for random mixed assignments that were not measured.
// Errors are relative to the time measured; `mixed` is the mean of their magnitudes.
namespace halftone {
namespace {

constexpr int kMixedPlans = 8;

struct Network {
  Graph graph;
  LayerSet layers;
};

absl::StatusOr<Network> Load(const std::string& file) {
  HT_ASSIGN_OR_RETURN(const Graph graph,
                      ImportOnnxFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/", file)));
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, 1));
  Network network;
  HT_ASSIGN_OR_RETURN(network.graph, FoldBatchNorm(std::move(bound)));
  HT_ASSIGN_OR_RETURN(network.layers, FindLayers(network.graph));
  return network;
}

double Predict(const CostTable& table, const LayerSet& layers,
               const std::vector<Precision>& precisions) {
  std::map<std::string, Precision> chosen;
  double sum = table.fixed_latency_ns;
  for (size_t i = 0; i < precisions.size(); ++i) {
    chosen[layers.layers[i].name] = precisions[i];
    sum += table.Find(layers.layers[i].name, precisions[i])->latency_ns;
  }
  for (const EdgeRow& edge : table.edges) {
    const bool taken =
        chosen.at(edge.from) == edge.from_precision && chosen.at(edge.to) == edge.to_precision;
    if (taken) sum += edge.latency_ns;
  }
  return sum;
}

absl::StatusOr<double> MixedError(const Network& network, const CostTable& table,
                                  const std::vector<Precision>& choices, int threads) {
  HT_ASSIGN_OR_RETURN(const ProfilingAssignment assignment,
                      ProfilingAssignment::Create(network.graph, network.layers));
  std::mt19937 random(1);
  std::vector<std::shared_ptr<const InferencePlan>> plans;
  std::vector<double> predicted;
  for (int i = 0; i < kMixedPlans; ++i) {
    std::vector<Precision> precisions;
    for (size_t layer = 0; layer < network.layers.layers.size(); ++layer) {
      precisions.push_back(choices[random() % choices.size()]);
    }
    HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantized, assignment.Assign(precisions));
    PlanOptions options;
    options.threads = threads;
    HT_ASSIGN_OR_RETURN(auto plan,
                        InferencePlan::Create(network.graph, network.layers, quantized, options));
    plans.push_back(std::move(plan));
    predicted.push_back(Predict(table, network.layers, precisions));
  }
  HT_ASSIGN_OR_RETURN(const auto times, MeasurePlans(network.graph, plans, {}, {}));
  double error = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    error += std::abs(predicted[i] / times[i].whole.latency_ns - 1) / kMixedPlans;
  }
  return error;
}

absl::Status ProfileOnce(benchmark::State& state, const std::string& file, int threads) {
  HT_ASSIGN_OR_RETURN(const Network network, Load(file));
  ProfileRequest request;
  request.graph = &network.graph;
  request.layers = &network.layers;
  request.precisions = {Precision::Float32(), Precision::Int(8, 8)};
  request.threads = threads;
  CostTable table;
  for (auto _ : state) {
    HT_ASSIGN_OR_RETURN(table, MakeCpuProfiler(nullptr)->Profile(request, {}));
  }
  for (const NetworkRow& row : table.network) {
    const std::string name = row.precision.ToString();
    state.counters[name + "_us"] = *row.measured_ns / 1e3;
    state.counters[name + "_error"] = row.predicted_ns / *row.measured_ns - 1;
  }
  HT_ASSIGN_OR_RETURN(state.counters["mixed_error"],
                      MixedError(network, table, request.precisions, threads));
  state.SetLabel(absl::StrCat(table.device.isa, ", ", table.device.library));
  return absl::OkStatus();
}

void BM_ProfileCpu(benchmark::State& state, const std::string& file) {
  const absl::Status status = ProfileOnce(state, file, static_cast<int>(state.range(0)));
  if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
}

BENCHMARK_CAPTURE(BM_ProfileCpu, tiny_digits, "data/tiny-digits/model.onnx")
    ->Arg(1)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_ProfileCpu, resnet14, "data/networks/resnet14.onnx")
    ->Arg(1)
    ->Arg(2)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_ProfileCpu, mobilenetv2, "data/networks/mobilenetv2.onnx")
    ->Arg(1)
    ->Arg(2)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace halftone

BENCHMARK_MAIN();
