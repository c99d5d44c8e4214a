#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "benchmark/benchmark.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "profilers/onednn/cpu_profiler.h"

// How long profiling this processor takes without a cache, and how well the cost table predicts
// whole networks: the uniform ones, and random mixed assignments of f32, w8a8 and bf16 that were
// not measured for the table. On the shipped networks and, with --large=FOLDER, on those that
// benchmarks/networks/export_large.py has written there; --mixes=N runs other than 50 assignments,
// and --seconds=N measures for about that long (40; less where the machine is quiet).
// Errors are relative to the time measured. Counters: NAME_us and NAME_error of the uniform
// networks; median_error, p95_error (magnitudes) and rank (Spearman's) of the mixed ones.
namespace halftone {
namespace {

int mixes = 50;
int seconds = 40;

struct Case {
  std::string file;
  int batch = 1;
  int threads = 1;
};

absl::Status ProfileOnce(benchmark::State& state, const Case& profiled) {
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnxFile(profiled.file));
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, profiled.batch));
  HT_ASSIGN_OR_RETURN(const Graph folded, FoldBatchNorm(std::move(bound)));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(folded));
  ProfileRequest request;
  request.graph = &folded;
  request.layers = &layers;
  request.precisions = {Precision::Float32(), Precision::Int(8, 8)};
  MeasurementOptions options;
  options.target_duration = absl::Seconds(seconds);
  const auto profiler = MakeCpuProfiler(nullptr, options);
  HT_ASSIGN_OR_RETURN(const Precision bfloat16, Precision::Parse("bf16"));
  if (profiler->Supports(bfloat16)) request.precisions.push_back(bfloat16);
  request.batch = profiled.batch;
  request.threads = profiled.threads;
  request.mixes = mixes;
  CostTable table;
  for (auto _ : state) {
    HT_ASSIGN_OR_RETURN(table, profiler->Profile(request, {}));
  }
  for (const NetworkRow& row : table.network) {
    const std::string name = row.precision.ToString();
    state.counters[name + "_us"] = *row.measured_ns / 1e3;
    state.counters[name + "_error"] = row.predicted_ns / *row.measured_ns - 1;
  }
  const PredictionQuality quality = QualityOf(table.assignments);
  state.counters["median_error"] = quality.median_error;
  state.counters["p95_error"] = quality.p95_error;
  state.counters["rank"] = quality.rank_correlation.value_or(0);
  state.SetLabel(absl::StrCat(table.device.isa, ", ", table.device.library, " ",
                              table.rows.empty() ? "" : table.rows[0].warning));
  return absl::OkStatus();
}

void Register(const std::string& folder, const std::string& suffix,
              std::initializer_list<const char*> networks) {
  for (const char* const network : networks) {
    for (const int batch : {1, 8}) {
      for (const int threads : {1, 2}) {
        const Case profiled{absl::StrCat(folder, "/", network, ".onnx"), batch, threads};
        const std::string name =
            absl::StrCat("BM_ProfileCpu/", network, suffix, "/batch:", batch, "/threads:", threads);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [profiled](benchmark::State& state) {
                                       const absl::Status status = ProfileOnce(state, profiled);
                                       if (!status.ok())
                                         state.SkipWithError(std::string(status.message()).c_str());
                                     })
            ->Iterations(1)
            ->Unit(benchmark::kSecond);
      }
    }
  }
}

}  // namespace
}  // namespace halftone

namespace {

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  halftone::Register(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks"), "",
                     {"resnet14", "mobilenetv2", "vit"});
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--large=")) {
      halftone::Register(std::string(argument), "_224", {"resnet18", "resnet50", "mobilenetv2"});
    } else if ((!absl::ConsumePrefix(&argument, "--mixes=") ||
                !absl::SimpleAtoi(argument, &halftone::mixes)) &&
               (!absl::ConsumePrefix(&argument, "--seconds=") ||
                !absl::SimpleAtoi(argument, &halftone::seconds))) {
      std::cerr << "does not know " << argv[i]
                << "; takes --large=FOLDER, --mixes=N and --seconds=N\n";
      return 1;
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return halftone::RunProgram("profile_benchmark", Main, argc, argv);
}
