#include "search/refine/assignment_meter.h"

#include <cmath>
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
    Measured measured;
    JsonFields fields(*document, "measured");
    fields.Require("divergence");
    fields.Require("score");
    fields.Read("assignment", &assignment);
    fields.Read("divergence", &measured.divergence);
    fields.Read("score", &measured.score);
    HT_RETURN_IF_ERROR(fields.status());
    known_[std::move(assignment)] = measured;
  }
  loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<AssignmentMeter::Measured> AssignmentMeter::Run(const Assignment& assignment,
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
  if (evaluator_->output_metric() != "kl") return Measured{evaluation.mse, evaluation.mse};
  return Measured{evaluation.kl, std::sqrt(evaluation.kl * evaluation.mse)};
}

absl::StatusOr<double> AssignmentMeter::Measure(const Assignment& assignment,
                                                const Progress& progress) {
  if (!loaded_) HT_RETURN_IF_ERROR(LoadStored());
  const auto found = known_.find(assignment);
  if (found != known_.end()) return found->second.divergence;
  HT_ASSIGN_OR_RETURN(const Measured measured, Run(assignment, progress));
  known_[assignment] = measured;
  HT_RETURN_IF_ERROR(stored_.Add({{"assignment", assignment},
                                  {"divergence", measured.divergence},
                                  {"score", measured.score}}));
  return measured.divergence;
}

absl::StatusOr<double> AssignmentMeter::Score(const Assignment& assignment) const {
  const auto found = known_.find(assignment);
  if (found != known_.end()) return found->second.score;
  return absl::NotFoundError("the assignment was not measured");
}

DivergenceFunction AssignmentMeter::AsFunction() {
  return [this](const Assignment& assignment, const Progress& progress) {
    return Measure(assignment, progress);
  };
}

}  // namespace halftone
