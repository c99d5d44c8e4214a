#include "search/refine/assignment_meter.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/divergence.h"

namespace halftone {

using nlohmann::json;

Score ScoreOfSamples(absl::Span<const double> values) {
  Score score;
  // Groups as small as may be, for those that fill none are in no part.
  const size_t size = (values.size() + kMaxScoreParts - 1) / kMaxScoreParts;
  for (size_t begin = 0; size > 0 && begin + size <= values.size(); begin += size) {
    const absl::Span<const double> group = values.subspan(begin, size);
    const double sum = std::accumulate(group.begin(), group.end(), 0.0);
    score.parts.push_back(sum / static_cast<double>(size));
  }
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  score.value = sum / static_cast<double>(std::max<size_t>(1, values.size()));
  return score;
}

double StandardErrorOfDifference(const Score& a, const Score& b) {
  if (a.parts.size() != b.parts.size()) return 0;
  MeanEstimate difference;
  for (size_t i = 0; i < a.parts.size(); ++i) difference.Add(a.parts[i] - b.parts[i]);
  return difference.standard_error();
}

AssignmentMeter::AssignmentMeter(const PreparedNetwork& network, const Dataset& data,
                                 const Calibration& calibration, ArtifactStore& store,
                                 std::string key, SampleValues scored, ExecutedLayers executed)
    : network_(network),
      data_(data),
      calibration_(calibration),
      scored_(scored),
      executed_(std::move(executed)),
      stored_(store, Stage::kRefine, std::move(key)) {}

AssignmentMeter::~AssignmentMeter() = default;

absl::StatusOr<std::map<Assignment, AssignmentMeter::Measured>> AssignmentMeter::TakeAll(
    StoredParts& stored) {
  std::map<Assignment, Measured> all;
  while (true) {
    HT_ASSIGN_OR_RETURN(const std::optional<json> document, stored.Take());
    if (!document.has_value()) return all;
    Assignment assignment;
    Measured measured;
    JsonFields fields(*document, "measured");
    fields.Require("divergence");
    fields.Require("score");
    fields.Require("parts");
    fields.Read("assignment", &assignment);
    fields.Read("divergence", &measured.divergence);
    fields.Read("score", &measured.score.value);
    fields.Read("parts", &measured.score.parts);
    HT_RETURN_IF_ERROR(fields.status());
    all[std::move(assignment)] = measured;
  }
}

absl::StatusOr<std::map<Assignment, double>> AssignmentMeter::StoredDivergences(
    ArtifactStore& store, const std::string& key) {
  StoredParts stored(store, Stage::kRefine, key);
  HT_ASSIGN_OR_RETURN(const auto all, TakeAll(stored));
  std::map<Assignment, double> divergences;
  for (const auto& [assignment, measured] : all) divergences[assignment] = measured.divergence;
  return divergences;
}

absl::StatusOr<AssignmentMeter::Measured> AssignmentMeter::Run(const Assignment& assignment,
                                                               const Progress& progress) {
  std::map<std::string, Precision> precisions;
  for (const auto& [layer, name] : assignment) {
    HT_ASSIGN_OR_RETURN(precisions[layer], Precision::Parse(name));
  }
  const bool is_first = evaluator_ == nullptr;
  if (is_first) {
    HT_ASSIGN_OR_RETURN(evaluator_, AssignmentEvaluator::Create(
                                        network_, data_, calibration_, progress.Part(0, 0.5),
                                        scored_, AssignmentEvaluator::kMaxKeptBytes, executed_));
  }
  HT_ASSIGN_OR_RETURN(const Evaluation evaluation,
                      evaluator_->Evaluate(precisions, progress.Part(is_first ? 0.5 : 0, 1)));
  return Measured{evaluation.divergence, ScoreOfSamples(evaluation.sample_values)};
}

absl::StatusOr<double> AssignmentMeter::Measure(const Assignment& assignment,
                                                const Progress& progress) {
  if (!loaded_) {
    HT_ASSIGN_OR_RETURN(known_, TakeAll(stored_));
    loaded_ = true;
  }
  const auto found = known_.find(assignment);
  if (found != known_.end()) return found->second.divergence;
  HT_ASSIGN_OR_RETURN(const Measured measured, Run(assignment, progress));
  known_[assignment] = measured;
  HT_RETURN_IF_ERROR(stored_.Add({{"assignment", assignment},
                                  {"divergence", measured.divergence},
                                  {"score", measured.score.value},
                                  {"parts", measured.score.parts}}));
  return measured.divergence;
}

absl::StatusOr<Score> AssignmentMeter::ScoreOf(const Assignment& assignment) const {
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
