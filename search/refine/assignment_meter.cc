#include "search/refine/assignment_meter.h"

#include <optional>
#include <utility>

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nn/quant/precision.h"

namespace halftone {

using nlohmann::json;

AssignmentMeter::AssignmentMeter(const PreparedNetwork& network, const Dataset& data,
                                 const Calibration& calibration, ArtifactStore& store,
                                 std::string key)
    : network_(network),
      data_(data),
      calibration_(calibration),
      stored_(store, Stage::kRefine, std::move(key)) {}

AssignmentMeter::~AssignmentMeter() = default;

absl::Status AssignmentMeter::LoadStored() {
  while (true) {
    HT_ASSIGN_OR_RETURN(const std::optional<json> document, stored_.Take());
    if (!document.has_value()) break;
    Assignment assignment;
    double divergence = 0;
    JsonFields fields(*document, "measured");
    fields.Require("divergence");
    fields.Read("assignment", &assignment);
    fields.Read("divergence", &divergence);
    HT_RETURN_IF_ERROR(fields.status());
    known_[std::move(assignment)] = divergence;
  }
  loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<double> AssignmentMeter::Run(const Assignment& assignment,
                                            const Progress& progress) {
  std::map<std::string, Precision> precisions;
  for (const auto& [layer, name] : assignment) {
    HT_ASSIGN_OR_RETURN(precisions[layer], Precision::Parse(name));
  }
  const bool is_first = evaluator_ == nullptr;
  if (is_first) {
    HT_ASSIGN_OR_RETURN(evaluator_, AssignmentEvaluator::Create(network_, data_, calibration_,
                                                                progress.Part(0, 0.5)));
  }
  HT_ASSIGN_OR_RETURN(const Evaluation evaluation,
                      evaluator_->Evaluate(precisions, progress.Part(is_first ? 0.5 : 0, 1)));
  return evaluator_->output_metric() == "kl" ? evaluation.kl : evaluation.mse;
}

absl::StatusOr<double> AssignmentMeter::Measure(const Assignment& assignment,
                                                const Progress& progress) {
  if (!loaded_) HT_RETURN_IF_ERROR(LoadStored());
  const auto found = known_.find(assignment);
  if (found != known_.end()) return found->second;
  HT_ASSIGN_OR_RETURN(const double divergence, Run(assignment, progress));
  known_[assignment] = divergence;
  HT_RETURN_IF_ERROR(stored_.Add({{"assignment", assignment}, {"divergence", divergence}}));
  return divergence;
}

DivergenceFunction AssignmentMeter::AsFunction() {
  return [this](const Assignment& assignment, const Progress& progress) {
    return Measure(assignment, progress);
  };
}

}  // namespace halftone
