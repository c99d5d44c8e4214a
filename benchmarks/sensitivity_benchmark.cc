#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "benchmark/benchmark.h"
#include "nn/data/dataset.h"
#include "nn/engine/executor.h"
#include "nn/engine/ops.h"
#include "nn/engine/program.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/sensitivity.h"

// How fast sensitivities are measured on the shipped networks: 256 samples, 5 precisions of weights
// and activations. GFLOP/s count the multiplications and additions of the layers: a forward pass, a
// backward pass per class, and every layer once more per choice. BM_Peak is the machine's rate for
// a large product of matrices, to compare with in the same run.
namespace halftone {
namespace {

constexpr int64_t kSamples = 256;

struct Subject {
  PreparedNetwork network;
  Dataset data;
  Calibration calibration;
  std::vector<Precision> precisions;
  double macs = 0;  // of one sample
};

std::string DataPath(const std::string& file) {
  return absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", file);
}

absl::StatusOr<Subject> Load(const std::string& model) {
  Subject subject;
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnxFile(DataPath(model)));
  HT_ASSIGN_OR_RETURN(subject.network, PrepareNetwork(graph));
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(DataPath("calib.npz")));
  HT_ASSIGN_OR_RETURN(subject.data, Dataset::FromNpz(bytes));
  subject.data = subject.data.Take(kSamples);
  HT_ASSIGN_OR_RETURN(subject.precisions, ParsePrecisions("w8a8,w6a6,w4a8,w4a4,w2a4"));
  HT_ASSIGN_OR_RETURN(subject.calibration,
                      Calibrate(subject.network, subject.data, subject.precisions, {}, {}));
  for (const Layer& layer : subject.network.layers.layers) {
    subject.macs += static_cast<double>(layer.macs);
  }
  return subject;
}

// Measures with `options`; `passes`: how often an image's layers are computed, or 0.
void Run(benchmark::State& state, const std::string& model, const SensitivityOptions& options,
         double passes) {
  const absl::StatusOr<Subject> subject = Load(model);
  if (!subject.ok()) return state.SkipWithError(subject.status().ToString().c_str());
  double samples = 0;
  for (auto _ : state) {
    const absl::StatusOr<SensitivityResult> result = MeasureSensitivity(
        subject->network, subject->data, subject->calibration, subject->precisions, options, {});
    if (!result.ok()) return state.SkipWithError(result.status().ToString().c_str());
    samples += static_cast<double>(result->samples);
  }
  state.counters["images/s"] = benchmark::Counter(samples, benchmark::Counter::kIsRate);
  if (passes > 0) {
    state.counters["GFLOP/s"] =
        benchmark::Counter(2e-9 * subject->macs * passes * samples, benchmark::Counter::kIsRate);
  }
}

void BM_Fisher(benchmark::State& state, const std::string& model) {
  constexpr double kClasses = 10, kChoices = 5;
  Run(state, model, SensitivityOptions(), 1 + kClasses + kChoices);
}

void BM_FisherFourDraws(benchmark::State& state, const std::string& model) {
  SensitivityOptions options;
  options.exact_classes = 0;
  Run(state, model, options, 2 + options.draws + 5);
}

// 16 probes; a Hessian-vector product is about two forward and four backward passes.
void BM_HessianTrace(benchmark::State& state, const std::string& model) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTrace;
  options.probes = 16;
  options.tolerance = 0;
  Run(state, model, options, 0);
}

void BM_Output(benchmark::State& state, const std::string& model) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kOutput;
  Run(state, model, options, 0);
}

absl::StatusOr<std::unique_ptr<Session>> MakeProduct(int64_t size) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{size, size});
  const ValueId b = builder.AddInput("b", Shape{size, size});
  HT_ASSIGN_OR_RETURN(const ValueId product, ops::MatMul(builder, a, b));
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(builder.Build({{"product", product}})));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(std::move(executable)));
  const std::vector<float> ones(static_cast<size_t>(size * size), 1.0f);
  HT_RETURN_IF_ERROR(session->SetInput("a", ones));
  HT_RETURN_IF_ERROR(session->SetInput("b", ones));
  return session;
}

void BM_Peak(benchmark::State& state) {
  constexpr int64_t kSize = 1536;
  absl::StatusOr<std::unique_ptr<Session>> session = MakeProduct(kSize);
  if (!session.ok()) return state.SkipWithError(session.status().ToString().c_str());
  double products = 0;
  for (auto _ : state) {
    const absl::Status status = (*session)->Run();
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
    products += 1;
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * kSize * kSize * kSize * products, benchmark::Counter::kIsRate);
}

#define HT_SENSITIVITY_BENCHMARK(function)                            \
  BENCHMARK_CAPTURE(function, resnet14, "resnet14_folded.onnx")       \
      ->Unit(benchmark::kMillisecond)                                 \
      ->UseRealTime()                                                 \
      ->MeasureProcessCPUTime();                                      \
  BENCHMARK_CAPTURE(function, mobilenetv2, "mobilenetv2_folded.onnx") \
      ->Unit(benchmark::kMillisecond)                                 \
      ->UseRealTime()                                                 \
      ->MeasureProcessCPUTime()

BENCHMARK(BM_Peak)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();
HT_SENSITIVITY_BENCHMARK(BM_Fisher);
HT_SENSITIVITY_BENCHMARK(BM_FisherFourDraws);
HT_SENSITIVITY_BENCHMARK(BM_HessianTrace);
HT_SENSITIVITY_BENCHMARK(BM_Output);

}  // namespace
}  // namespace halftone

BENCHMARK_MAIN();
