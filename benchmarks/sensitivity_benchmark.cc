#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "benchmark/benchmark.h"
#include "benchmarks/machine.h"
#include "nn/data/dataset.h"
#include "nn/engine/executor.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/sensitivity.h"

// How fast sensitivities are measured: 256 samples, 5 precisions of weights and activations, on the
// shipped networks and, with --large=FOLDER, on those that benchmarks/networks/export_large.py has
// written there. GFLOP/s count the multiplications and additions of the layers: a forward pass, a
// backward pass per cotangent (none to the network's input), and every layer once more per choice.
// BM_Peak is the machine's rate for a large product of matrices; "of_peak" compares with the best
// of it at the start of the same run. "peak_MB" is the most memory the process held meanwhile.
namespace halftone {
namespace {

int64_t samples_to_use = 256;  // --samples=N
constexpr char kPrecisions[] = "w2a2,w3a3,w4a4,w6a6,w8a8";
constexpr double kChoices = 5;

struct Subject {
  PreparedNetwork network;
  Dataset data;
  Calibration calibration;
  std::vector<Precision> precisions;
  double macs = 0;        // of one sample
  double first_macs = 0;  // of the layer that reads the network's input
};

std::string DataPath(const std::string& file) {
  return absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", file);
}

// A network and the samples that it is measured on.
struct Case {
  std::string model;
  std::string data;
};

absl::StatusOr<Subject> Load(const Case& files) {
  Subject subject;
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnxFile(files.model));
  HT_ASSIGN_OR_RETURN(subject.network, PrepareNetwork(graph));
  {
    HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(files.data));
    HT_ASSIGN_OR_RETURN(subject.data, Dataset::FromNpz(bytes));
  }
  subject.data = subject.data.Take(samples_to_use);
  HT_ASSIGN_OR_RETURN(subject.precisions, ParsePrecisions(kPrecisions));
  HT_ASSIGN_OR_RETURN(subject.calibration,
                      Calibrate(subject.network, subject.data, subject.precisions, {}, {}));
  for (const Layer& layer : subject.network.layers.layers) {
    subject.macs += static_cast<double>(layer.macs);
    const bool reads_input = subject.data.inputs().contains(layer.src);
    if (reads_input) subject.first_macs += static_cast<double>(layer.macs);
  }
  return subject;
}

// The rate of this machine, measured once.
double PeakRate() {
  static const double rate = MeasurePeakRate();
  return rate;
}

// Measures with `options`; `cotangents`: backward passes a sample, or 0 where no rate is told.
void Run(benchmark::State& state, const Case& files, const SensitivityOptions& options,
         double cotangents) {
  const double peak = PeakRate();
  ResetPeakMemory();
  const absl::StatusOr<Subject> subject = Load(files);
  if (!subject.ok()) return state.SkipWithError(subject.status().ToString().c_str());
  double samples = 0;
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) {
    const absl::StatusOr<SensitivityResult> result = MeasureSensitivity(
        subject->network, subject->data, subject->calibration, subject->precisions, options, {});
    if (!result.ok()) return state.SkipWithError(result.status().ToString().c_str());
    samples += static_cast<double>(result->samples);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  state.counters["images/s"] = samples / took.count();
  state.counters["peak_MB"] = static_cast<double>(PeakMemory()) * 1e-6;
  if (cotangents == 0) return;
  const double macs =
      (1 + cotangents + kChoices) * subject->macs - cotangents * subject->first_macs;
  const double rate = 2 * macs * samples / took.count();
  state.counters["GFLOP/s"] = rate * 1e-9;
  if (peak > 0) state.counters["of_peak"] = rate / peak;
}

// The exact expectation over 10 classes.
void BM_Fisher(benchmark::State& state, const Case& files) {
  Run(state, files, SensitivityOptions(), 10);
}

void BM_FisherFourDraws(benchmark::State& state, const Case& files) {
  SensitivityOptions options;
  options.exact_classes = 0;
  Run(state, files, options, options.draws);
}

void BM_HessianTrace(benchmark::State& state, const Case& files) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTrace;
  options.probes = 16;
  options.tolerance = 0;
  Run(state, files, options, 0);
}

void BM_Output(benchmark::State& state, const Case& files) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kOutput;
  Run(state, files, options, 0);
}

void BM_Peak(benchmark::State& state) {
  constexpr int64_t kSize = 1536;
  absl::StatusOr<std::unique_ptr<Session>> session = MakeMatrixProduct(kSize);
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

using Function = void (*)(benchmark::State&, const Case&);

void Register(const std::string& function_name, Function function, const std::string& network,
              const Case& files) {
  benchmark::RegisterBenchmark(absl::StrCat(function_name, "/", network).c_str(), function, files)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->MeasureProcessCPUTime();
}

void RegisterShipped() {
  const std::string data = DataPath("calib.npz");
  const std::pair<std::string, std::string> networks[] = {
      {"resnet14", "resnet14_folded.onnx"},
      {"mobilenetv2", "mobilenetv2_folded.onnx"},
      {"vit", "vit.onnx"}};
  const std::pair<std::string, Function> functions[] = {{"BM_Fisher", BM_Fisher},
                                                        {"BM_FisherFourDraws", BM_FisherFourDraws},
                                                        {"BM_HessianTrace", BM_HessianTrace},
                                                        {"BM_Output", BM_Output}};
  for (const auto& [function_name, function] : functions) {
    for (const auto& [network, file] : networks) {
      Register(function_name, function, network, {DataPath(file), data});
    }
  }
}

// Every network in `folder`, with label draws: 1,000 classes are too many for the expectation.
void RegisterLarge(const std::string& folder) {
  std::vector<std::filesystem::path> models;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  for (const std::filesystem::path& model : models) {
    Register("BM_FisherFourDraws", BM_FisherFourDraws, model.stem().string() + "_224",
             {model.string(), folder + "/samples.npz"});
  }
}

BENCHMARK(BM_Peak)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace halftone

namespace {

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  halftone::RegisterShipped();
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--large=")) {
      halftone::RegisterLarge(std::string(argument));
    } else if (!absl::ConsumePrefix(&argument, "--samples=") ||
               !absl::SimpleAtoi(argument, &halftone::samples_to_use)) {
      std::cerr << "does not know " << argv[i] << "; takes --large=FOLDER and --samples=N\n";
      return 1;
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return halftone::RunProgram("sensitivity_benchmark", Main, argc, argv);
}
