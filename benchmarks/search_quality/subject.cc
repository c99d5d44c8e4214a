#include "benchmarks/search_quality/subject.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/onnx/import.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr int64_t kMaxStoredBytes = int64_t{1} << 30;

// Stage outputs as files of a folder; without one, nothing is kept.
class FolderStore final : public ArtifactStore {
 public:
  explicit FolderStore(std::string folder) : folder_(std::move(folder)) {
    if (!folder_.empty()) std::filesystem::create_directories(folder_);
  }
  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override {
    return absl::NotFoundError(sha256);
  }
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override {
    return Sha256Hex(bytes);
  }
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override {
    if (folder_.empty() || !std::filesystem::exists(PathOf(stage, key)))
      return absl::NotFoundError(key);
    return ReadFile(PathOf(stage, key), kMaxStoredBytes);
  }
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override {
    if (!folder_.empty()) std::ofstream(PathOf(stage, key), std::ios::binary) << bytes;
    return absl::OkStatus();
  }

 private:
  std::string PathOf(Stage stage, const std::string& key) const {
    return absl::StrCat(folder_, "/", static_cast<int>(stage), "-", Sha256Hex(key), ".json");
  }
  const std::string folder_;
};

std::string PathOf(const std::string& file) {
  return absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", file);
}

absl::StatusOr<Dataset> LoadData(const std::string& file, int64_t samples) {
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(PathOf(file)));
  HT_ASSIGN_OR_RETURN(const Dataset data, Dataset::FromNpz(bytes));
  return samples > 0 ? data.Take(samples) : data;
}

std::vector<Precision> AllPrecisions() {
  std::vector<Precision> precisions;
  for (int weights = 2; weights <= 8; ++weights) {
    for (int activations = 2; activations <= 8; ++activations) {
      precisions.push_back(Precision::Int(weights, activations));
    }
  }
  return precisions;
}

double WeightsOf(const Layer& layer) {
  return layer.weights.empty() ? 0 : static_cast<double>(layer.weights_shape.Elements());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Subject>> Subject::Load(const SubjectOptions& options) {
  std::unique_ptr<Subject> subject(new Subject());
  subject->options_ = options;
  subject->store_ = std::make_unique<FolderStore>(options.cache);
  HT_RETURN_IF_ERROR(subject->LoadNetwork(options));
  HT_RETURN_IF_ERROR(subject->BuildProblem());
  return subject;
}

absl::Status Subject::LoadNetwork(const SubjectOptions& options) {
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnxFile(PathOf(options.network + ".onnx")));
  HT_ASSIGN_OR_RETURN(network_, PrepareNetwork(graph));
  HT_ASSIGN_OR_RETURN(calibration_data_, LoadData("calib.npz", options.samples));
  quarter_data_ = calibration_data_.Take(std::max<int64_t>(1, calibration_data_.samples() / 4));
  HT_ASSIGN_OR_RETURN(held_out_data_, LoadData("eval.npz", options.evaluation_samples));
  precisions_ = AllPrecisions();
  HT_ASSIGN_OR_RETURN(calibration_, Calibrate(network_, calibration_data_, precisions_, {}, {}));
  const auto meter = [&](const Dataset& data, absl::string_view name,
                         SampleValues scored = SampleValues::kPseudovalues) {
    return std::make_unique<AssignmentMeter>(
        network_, data, calibration_, *store_,
        absl::StrCat("4/", options.network, "/", calibration_data_.samples(), "/", name, "/",
                     data.samples()),
        scored);
  };
  calibration_meter_ = meter(calibration_data_, "calibration");
  quarter_meter_ = meter(quarter_data_, "calibration");
  held_out_meter_ = meter(held_out_data_, "held-out by sample", SampleValues::kDivergences);
  return absl::OkStatus();
}

absl::Status Subject::BuildProblem() {
  HT_ASSIGN_OR_RETURN(const auto losses, Losses(SensitivityMethod::kFisherCorrected));
  for (size_t l = 0; l < network_.layers.layers.size(); ++l) {
    const Layer& layer = network_.layers.layers[l];
    Problem::Layer& row = problem_.layers.emplace_back();
    row.name = layer.name;
    for (size_t o = 0; o < precisions_.size(); ++o) {
      const Precision operands =
          layer.weights.empty() ? precisions_[o].WithoutWeights() : precisions_[o];
      const double bops =
          static_cast<double>(layer.macs) * operands.weights.bits * operands.activations.bits;
      row.choices.push_back(
          {precisions_[o].ToString(),
           losses[l][o],
           {{"size_bits", WeightsOf(layer) * precisions_[o].weights.bits}, {"bops", bops}}});
    }
  }
  if (!options_.use_ties) return absl::OkStatus();
  for (const Tie& tie : network_.layers.ties) {
    if (tie.layers.size() > 1) problem_.ties.push_back(tie.layers);
  }
  return absl::OkStatus();
}

double Subject::CostAt(const std::string& metric, double bits) const {
  double cost = 0;
  for (const Layer& layer : network_.layers.layers) {
    cost +=
        metric == "bops" ? static_cast<double>(layer.macs) * bits * bits : WeightsOf(layer) * bits;
  }
  return cost;
}

absl::StatusOr<const SensitivityResult*> Subject::Sensitivity(SensitivityMethod method) {
  const auto known = sensitivities_.find(method);
  if (known != sensitivities_.end()) return &known->second;
  const std::string key =
      absl::StrCat(options_.network, "/", options_.samples, "/", SensitivityMethodName(method));
  const absl::StatusOr<std::string> stored = store_->LoadStage(Stage::kSensitivity, key);
  if (stored.ok()) {
    HT_ASSIGN_OR_RETURN(sensitivities_[method], SensitivityFromJson(json::parse(*stored)));
    return &sensitivities_[method];
  }
  std::cerr << options_.network << ": measuring " << SensitivityMethodName(method) << "\n";
  SensitivityOptions options;
  options.method = method;
  options.interactions = method == SensitivityMethod::kFisherCorrected;
  HT_ASSIGN_OR_RETURN(
      sensitivities_[method],
      MeasureSensitivity(network_, calibration_data_, calibration_, precisions_, options, {}));
  HT_RETURN_IF_ERROR(store_->StoreStage(Stage::kSensitivity, key,
                                        SensitivityToJson(sensitivities_[method]).dump()));
  return &sensitivities_[method];
}

absl::StatusOr<std::vector<std::vector<double>>> Subject::Losses(SensitivityMethod method) {
  HT_ASSIGN_OR_RETURN(const SensitivityResult* result, Sensitivity(method));
  std::vector<std::vector<double>> losses;
  for (const LayerSensitivity& layer : result->layers) {
    std::vector<double>& row = losses.emplace_back();
    for (const ChoiceLoss& choice : layer.choices) row.push_back(choice.loss);
  }
  return losses;
}

absl::StatusOr<std::vector<float>> Subject::Pairs() {
  HT_ASSIGN_OR_RETURN(const SensitivityResult* result,
                      Sensitivity(SensitivityMethod::kFisherCorrected));
  std::vector<float> pairs;
  if (result->pair_scale == 0) return pairs;
  for (const double value : result->interactions) {
    pairs.push_back(static_cast<float>(value / result->pair_scale));
  }
  return pairs;
}

absl::Status Subject::Flush() {
  HT_RETURN_IF_ERROR(calibration_meter_->Flush());
  HT_RETURN_IF_ERROR(quarter_meter_->Flush());
  return held_out_meter_->Flush();
}

}  // namespace halftone
