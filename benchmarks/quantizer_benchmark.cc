#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/data/dataset.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"

// What quantizing all layers of the shipped networks alike does to their output on the held-out
// samples, and how long calibration takes:
//   quantizer_benchmark [--precisions=w2a8,w3a8] [--options=JSON] [--models=resnet14,vit]
//                       [--samples=256]
// JSON is the field "quantization" of a search.
namespace halftone {
namespace {

struct Arguments {
  std::string precisions = "w2a8,w3a8,w4a8,w5a8,w8a8";
  std::string options = "{}";
  int64_t samples = 256;
  std::vector<std::string> models = {"resnet14", "mobilenetv2", "vit"};
};

absl::StatusOr<Dataset> LoadData(const std::string& name) {
  HT_ASSIGN_OR_RETURN(
      const std::string bytes,
      ReadFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", name, ".npz")));
  return Dataset::FromNpz(bytes);
}

absl::Status Run(const std::string& model, const std::vector<Precision>& precisions,
                 const QuantizationOptions& options, int64_t samples) {
  HT_ASSIGN_OR_RETURN(
      const Graph graph,
      ImportOnnxFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", model, ".onnx")));
  HT_ASSIGN_OR_RETURN(const PreparedNetwork network, PrepareNetwork(graph));
  HT_ASSIGN_OR_RETURN(Dataset calibration_data, LoadData("calib"));
  calibration_data = calibration_data.Take(samples);
  HT_ASSIGN_OR_RETURN(const Dataset data, LoadData("eval"));
  const auto begin = std::chrono::steady_clock::now();
  HT_ASSIGN_OR_RETURN(const Calibration calibration,
                      Calibrate(network, calibration_data, precisions, options, {}));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::printf("%-12s calibrated in %.2f s\n", model.c_str(), time.count());
  for (const Precision& precision : precisions) {
    std::map<std::string, Precision> assignment;
    for (const Layer& layer : network.layers.layers) assignment[layer.name] = precision;
    HT_ASSIGN_OR_RETURN(const Evaluation evaluation,
                        EvaluateAssignment(network, data, calibration, assignment, {}));
    std::printf("%-12s %-6s KL %.5f  accuracy %.2f %%\n", model.c_str(),
                precision.ToString().c_str(), evaluation.kl,
                100 * evaluation.quantized_accuracy.value_or(0));
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

absl::Status RunAll(const Arguments& arguments) {
  HT_ASSIGN_OR_RETURN(const std::vector<Precision> precisions,
                      ParsePrecisions(arguments.precisions));
  const nlohmann::json json = nlohmann::json::parse(arguments.options, nullptr, false);
  HT_ASSIGN_OR_RETURN(const QuantizationOptions options, QuantizationOptionsFromJson(json));
  for (const std::string& model : arguments.models) {
    HT_RETURN_IF_ERROR(Run(model, precisions, options, arguments.samples));
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--precisions=")) {
      arguments.precisions = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--options=")) {
      arguments.options = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--samples=")) {
      if (!absl::SimpleAtoi(argument, &arguments.samples)) return 2;
    } else if (absl::ConsumePrefix(&argument, "--models=")) {
      arguments.models = absl::StrSplit(argument, ',');
    } else {
      std::cerr << "unknown argument " << argument << "\n";
      return 2;
    }
  }
  const absl::Status status = RunAll(arguments);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace halftone

int main(int argc, char** argv) {
  return halftone::RunProgram("quantizer_benchmark", halftone::Main, argc, argv);
}
