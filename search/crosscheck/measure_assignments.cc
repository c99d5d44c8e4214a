#include "search/crosscheck/measure_assignments.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/crosscheck/assignment_sampler.h"
#include "search/evaluation_json.h"
#include "search/refine/stored_parts.h"
#include "search/sensitivity/evaluate.h"
#include "search/stage_outputs.h"

namespace halftone {
namespace {

using nlohmann::json;

int MostTries(int wanted) { return 4 * wanted + 32; }

// Mean squared noise over mean squared signal.
double NoiseToSignal(const Evaluation& evaluation) {
  return std::pow(10, -evaluation.sqnr_db / 10);
}

// The evaluations of earlier runs, and where to add to them.
class StoredEvaluations {
 public:
  StoredEvaluations(ArtifactStore& store, std::string key)
      : parts_(store, Stage::kValidate, std::move(key)) {}

  // The evaluation after those taken so far, if it is stored.
  absl::StatusOr<std::optional<Evaluation>> Take() {
    HT_ASSIGN_OR_RETURN(const std::optional<json> document, parts_.Take());
    if (!document.has_value()) return std::nullopt;
    HT_ASSIGN_OR_RETURN(Evaluation evaluation, EvaluationFromJson(*document));
    return evaluation;
  }
  absl::Status Add(const Evaluation& evaluation) {
    return parts_.Add(EvaluationToJson(evaluation));
  }
  absl::Status Flush() { return parts_.Flush(); }

 private:
  StoredParts parts_;
};

class RandomAssignmentMeter {
 public:
  // Evaluates an assignment as a target runs it; empty where none does.
  using Execute = std::function<absl::StatusOr<ExecutedEvaluation>(
      const std::map<std::string, Precision>& assignment, const Progress& progress)>;

  RandomAssignmentMeter(const CrosscheckSpec& spec, const PreparedNetwork& network, Execute execute,
                        StoredEvaluations& stored)
      : spec_(spec),
        network_(network),
        execute_(std::move(execute)),
        stored_(stored),
        sampler_(SamplerOptions()) {}

  absl::Status Run(AssignmentEvaluator& evaluator, const Progress& progress) {
    measured_.output_metric = evaluator.output_metric();
    const SteadyClock& clock = progress.cancellation.clock();
    const SteadyTime begin = clock.Now();
    while (InRange() < spec_.assignments && measured_.tried < MostTries(spec_.assignments)) {
      const std::optional<std::vector<int>> drawn = sampler_.Next();
      if (!drawn.has_value()) break;
      HT_RETURN_IF_ERROR(Measure(Named(*drawn), evaluator, NextPart(progress)));
    }
    measured_.seconds = absl::ToDoubleSeconds(clock.Now() - begin);
    return InRange() > 0 ? progress.Step(1) : NothingInRange();
  }

  MeasuredAssignments TakeMeasured() { return std::move(measured_); }

 private:
  AssignmentSampler::Options SamplerOptions() const {
    AssignmentSampler::Options options;
    options.precisions = spec_.precisions;
    options.layers = network_.layers.layers.size();
    options.min_damage = spec_.min_damage;
    options.max_damage = spec_.max_damage;
    options.wanted = spec_.assignments;
    options.seed = spec_.seed;
    return options;
  }

  int InRange() const { return static_cast<int>(measured_.in_range.size()); }

  // Of the progress that is left, what one of the assignments that are still wanted takes.
  Progress NextPart(const Progress& progress) {
    const double begin = fraction_;
    fraction_ += (1 - fraction_) / std::max(1, spec_.assignments - InRange() + 1);
    return progress.Part(begin, fraction_);
  }

  std::map<std::string, Precision> Named(const std::vector<int>& drawn) const {
    std::map<std::string, Precision> assignment;
    for (size_t layer = 0; layer < drawn.size(); ++layer) {
      assignment[network_.layers.layers[layer].name] =
          spec_.precisions[static_cast<size_t>(drawn[layer])];
    }
    return assignment;
  }

  absl::Status Measure(std::map<std::string, Precision> assignment, AssignmentEvaluator& evaluator,
                       const Progress& progress) {
    HT_ASSIGN_OR_RETURN(const Evaluation evaluation, Evaluate(assignment, evaluator, progress));
    MeasuredAssignment measured;
    measured.assignment = std::move(assignment);
    measured.divergence = evaluation.divergence;
    measured.damage = DamageOf(evaluation);
    measured_.evaluation_samples = evaluation.samples;
    measured_.float_accuracy = evaluation.float_accuracy;
    if (evaluation.float_accuracy.has_value() && evaluation.quantized_accuracy.has_value()) {
      measured.accuracy_loss = *evaluation.float_accuracy - *evaluation.quantized_accuracy;
    }
    if (evaluation.executed.has_value()) {
      const ExecutedEvaluation& executed = *evaluation.executed;
      measured.executed_divergence = executed.divergence;
      if (evaluation.float_accuracy.has_value() && executed.accuracy.has_value()) {
        measured.executed_accuracy_loss = *evaluation.float_accuracy - *executed.accuracy;
      }
    }
    const bool first = measured_.tried++ == 0;
    measured_.least_damage =
        first ? measured.damage : std::min(measured_.least_damage, measured.damage);
    measured_.most_damage = std::max(measured_.most_damage, measured.damage);
    if (sampler_.Record(measured.damage)) measured_.in_range.push_back(std::move(measured));
    return absl::OkStatus();
  }

  double DamageOf(const Evaluation& evaluation) const {
    return measured_.output_metric == "mse" ? NoiseToSignal(evaluation) : evaluation.divergence;
  }

  absl::StatusOr<Evaluation> Evaluate(const std::map<std::string, Precision>& assignment,
                                      AssignmentEvaluator& evaluator, const Progress& progress) {
    HT_ASSIGN_OR_RETURN(const std::optional<Evaluation> known, stored_.Take());
    if (known.has_value()) return *known;
    const std::string detail =
        absl::StrCat("assignment ", InRange() + 1, " of ", spec_.assignments);
    Progress part;
    part.cancellation = progress.cancellation;
    part.report = [&](double fraction, absl::string_view) {
      if (progress.report) progress.report(fraction, detail);
    };
    HT_ASSIGN_OR_RETURN(Evaluation evaluation,
                        evaluator.Evaluate(assignment, execute_ ? part.Part(0, 0.7) : part));
    const double damage = DamageOf(evaluation);
    if (execute_ && damage >= spec_.min_damage && damage <= spec_.max_damage) {
      HT_ASSIGN_OR_RETURN(evaluation.executed, execute_(assignment, part.Part(0.7, 1)));
    }
    HT_RETURN_IF_ERROR(stored_.Add(evaluation));
    return evaluation;
  }

  absl::Status NothingInRange() const {
    return absl::FailedPreconditionError(
        absl::StrCat("none of ", measured_.tried, " random assignments does damage from ",
                     spec_.min_damage, " to ", spec_.max_damage, ": theirs lies between ",
                     measured_.least_damage, " and ", measured_.most_damage));
  }

  const CrosscheckSpec& spec_;
  const PreparedNetwork& network_;
  const Execute execute_;
  StoredEvaluations& stored_;
  AssignmentSampler sampler_;
  MeasuredAssignments measured_;
  double fraction_ = 0;
};

}  // namespace

absl::StatusOr<MeasuredAssignments> MeasureAssignments(
    const CrosscheckSpec& spec, const PreparedNetwork& network, const Dataset& data,
    const Calibration& calibration, NetworkRunner* runner, ArtifactStore& store,
    const std::string& key, const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const auto evaluator, AssignmentEvaluator::Create(network, data, calibration,
                                                                        progress.Part(0, 0.01)));
  StoredEvaluations stored(store, key);
  RandomAssignmentMeter::Execute execute;
  if (runner != nullptr) {
    execute = [&](const std::map<std::string, Precision>& assignment, const Progress& part) {
      return EvaluateExecuted(network, data, calibration, assignment, *runner, *evaluator, part);
    };
  }
  RandomAssignmentMeter meter(spec, network, execute, stored);
  const absl::Status status = meter.Run(*evaluator, progress.Part(0.01, 1));
  const absl::Status kept = stored.Flush();
  HT_RETURN_IF_ERROR(status);
  HT_RETURN_IF_ERROR(kept);
  return meter.TakeMeasured();
}

std::string MeasuredAssignmentsToBytes(const MeasuredAssignments& measured) {
  json object = {{"in_range", json::array()},
                 {"tried", measured.tried},
                 {"least_damage", measured.least_damage},
                 {"most_damage", measured.most_damage},
                 {"output_metric", measured.output_metric},
                 {"evaluation_samples", measured.evaluation_samples},
                 {"seconds", measured.seconds}};
  if (measured.float_accuracy.has_value()) object["float_accuracy"] = *measured.float_accuracy;
  for (const MeasuredAssignment& assignment : measured.in_range) {
    object["in_range"].push_back(MeasuredAssignmentToJson(assignment));
  }
  return object.dump();
}

absl::StatusOr<MeasuredAssignments> MeasuredAssignmentsFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json object, ParseStored(bytes, "measured assignments"));
  MeasuredAssignments measured;
  JsonFields fields(object, "measured");
  fields.ReadEach("in_range", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(MeasuredAssignment assignment, MeasuredAssignmentFromJson(element));
    measured.in_range.push_back(std::move(assignment));
    return absl::OkStatus();
  });
  fields.ReadInteger("tried", 0, INT32_MAX, &measured.tried);
  fields.Read("least_damage", &measured.least_damage);
  fields.Read("most_damage", &measured.most_damage);
  fields.Read("output_metric", &measured.output_metric);
  fields.ReadInteger("evaluation_samples", 0, INT64_MAX, &measured.evaluation_samples);
  fields.Read("float_accuracy", &measured.float_accuracy);
  fields.Read("seconds", &measured.seconds);
  HT_RETURN_IF_ERROR(fields.status());
  return measured;
}

}  // namespace halftone
