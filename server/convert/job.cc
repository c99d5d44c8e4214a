#include "server/convert/job.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/convert/crosscheck.h"
#include "server/convert/resource_name.h"
#include "server/convert/solution.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

v1::Stage StageToProto(const std::optional<Stage>& stage) {
  if (!stage.has_value()) return v1::STAGE_UNSPECIFIED;
  return static_cast<v1::Stage>(static_cast<int>(*stage) + 1);
}

v1::JobState StateToProto(JobState state) { return static_cast<v1::JobState>(state); }

template <typename Map>
void SetCosts(const std::map<std::string, double>& costs, Map* out) {
  for (const auto& [metric, value] : costs) (*out)[metric] = value;
}

v1::LayerResult LayerToProto(const LayerResult& layer) {
  v1::LayerResult out;
  out.set_layer(layer.name);
  out.set_op(layer.op);
  out.set_tie_group(layer.tie_group);
  out.set_precision(layer.precision.ToString());
  out.set_executed_as(layer.executed_as.ToString());
  if (layer.loss.has_value()) out.set_loss(*layer.loss);
  if (layer.loss_stderr.has_value()) out.set_loss_stderr(*layer.loss_stderr);
  out.set_reference_latency_ns(layer.reference_latency_ns);
  out.set_latency_ns(layer.latency_ns);
  out.set_weight_bytes(layer.weight_bytes);
  out.set_implementation(layer.implementation);
  out.set_warning(layer.warning);
  return out;
}

void SetLatency(const LatencyResult& latency, v1::LatencyResult* out) {
  out->set_reference_predicted_ns(latency.reference_predicted);
  out->set_predicted_ns(latency.predicted);
  if (latency.reference_measured.has_value()) {
    out->set_reference_measured_ns(*latency.reference_measured);
  }
  if (latency.measured.has_value()) out->set_measured_ns(*latency.measured);
}

void SetExecuted(const ExecutedEvaluation& executed, v1::ExecutedEvaluation* out) {
  if (executed.accuracy.has_value()) out->set_accuracy(*executed.accuracy);
  out->set_kl(executed.kl);
  out->set_mse(executed.mse);
  out->set_sqnr_db(executed.sqnr_db);
  for (const auto& [layer, precision] : executed.assignment) {
    (*out->mutable_assignment())[layer] = precision.ToString();
  }
  out->set_warning(executed.warning);
}

void SetEvaluation(const Evaluation& evaluation, bool held_out, v1::Evaluation* out) {
  out->set_samples(evaluation.samples);
  if (evaluation.float_accuracy.has_value()) out->set_float_accuracy(*evaluation.float_accuracy);
  if (evaluation.quantized_accuracy.has_value()) {
    out->set_quantized_accuracy(*evaluation.quantized_accuracy);
  }
  out->set_divergence(evaluation.divergence);
  out->set_kl(evaluation.kl);
  out->set_mse(evaluation.mse);
  out->set_sqnr_db(evaluation.sqnr_db);
  out->set_held_out(held_out);
  if (evaluation.executed.has_value()) {
    SetExecuted(*evaluation.executed, out->mutable_executed());
  }
}

v1::Refinement RefinementToProto(const Refinement& refined) {
  v1::Refinement out;
  for (const auto& [layer, precision] : refined.assignment) {
    (*out.mutable_assignment())[layer] = precision;
  }
  out.set_source(refined.source);
  out.set_divergence(refined.divergence);
  out.set_optimum_divergence(refined.optimum_divergence);
  out.set_evaluations(static_cast<int32_t>(refined.evaluated.size()));
  SetCosts(refined.cost, out.mutable_cost());
  out.set_loss(refined.loss);
  return out;
}

absl::Status SetSpec(const std::string& stored, v1::Job& out) {
  if (IsCrosscheck(stored)) {
    HT_ASSIGN_OR_RETURN(*out.mutable_crosscheck(), ParseCrosscheck(stored));
  } else {
    HT_ASSIGN_OR_RETURN(*out.mutable_spec(), ParseSpec(stored));
  }
  return absl::OkStatus();
}

// All but the spec.
v1::Job WithoutSpec(const JobRecord& job) {
  v1::Job out;
  out.set_name(JobName(job.id));
  out.set_display_name(job.display_name);
  out.set_state(StateToProto(job.state));
  out.set_cancel_requested(job.cancel_requested);
  out.set_stage(StageToProto(job.progress.stage));
  out.set_stage_fraction(job.progress.stage_fraction);
  out.set_fraction(job.progress.fraction);
  out.set_eta_seconds(job.progress.eta_seconds);
  if (!job.error.ok()) {
    out.mutable_error()->set_code(static_cast<int>(job.error.code()));
    out.mutable_error()->set_message(CleanText(job.error.message()));
  }
  if (job.solution_status.has_value()) {
    out.set_solution_status(SolutionStatusToProto(*job.solution_status));
  }
  for (const auto& [file, artifact] : job.artifacts) {
    *out.add_artifacts() = ArtifactToProto(job.id, file, artifact);
  }
  SetTime(job.create_time, out.mutable_create_time());
  if (job.start_time.has_value()) SetTime(*job.start_time, out.mutable_start_time());
  SetTime(job.update_time, out.mutable_update_time());
  if (job.end_time.has_value()) SetTime(*job.end_time, out.mutable_end_time());
  out.set_last_event(job.last_event);
  out.set_attempts(job.attempts);
  return out;
}

}  // namespace

absl::StatusOr<JobState> JobStateFromProto(int state) {
  if (state < static_cast<int>(JobState::kQueued) ||
      state > static_cast<int>(JobState::kCancelled)) {
    return absl::InvalidArgumentError(absl::StrCat(state, " is not a job state"));
  }
  return static_cast<JobState>(state);
}

v1::Artifact ArtifactToProto(const std::string& job_id, const std::string& file,
                             const StoredArtifact& artifact) {
  v1::Artifact out;
  out.set_name(ArtifactName(job_id, file));
  out.set_sha256(artifact.sha256);
  out.set_size_bytes(artifact.size_bytes);
  return out;
}

absl::StatusOr<v1::Job> JobToProto(const JobRecord& job) {
  v1::Job out = WithoutSpec(job);
  out.set_view(v1::JOB_VIEW_BASIC);
  HT_RETURN_IF_ERROR(SetSpec(job.summary, out));
  // The summary may be a whole spec.
  if (out.has_crosscheck()) {
    *out.mutable_crosscheck() = Summary(out.crosscheck());
  } else {
    *out.mutable_spec() = Summary(out.spec());
  }
  return out;
}

absl::StatusOr<std::string> StoredSummary(const std::string& spec) {
  if (IsCrosscheck(spec)) {
    HT_ASSIGN_OR_RETURN(const v1::CrosscheckSpec message, ParseCrosscheck(spec));
    return SerializeCrosscheck(Summary(message));
  }
  HT_ASSIGN_OR_RETURN(const v1::SearchSpec message, ParseSpec(spec));
  return SerializeSpec(Summary(message));
}

absl::StatusOr<v1::Job> JobToProto(const JobRecord& job, const std::string& spec) {
  v1::Job out = WithoutSpec(job);
  out.set_view(v1::JOB_VIEW_FULL);
  HT_RETURN_IF_ERROR(SetSpec(spec, out));
  return out;
}

v1::JobEvent EventToProto(const JobEvent& event) {
  v1::JobEvent out;
  out.set_sequence(event.sequence);
  SetTime(event.time, out.mutable_time());
  out.set_kind(static_cast<v1::JobEventKind>(event.kind));
  out.set_state(StateToProto(event.state));
  out.set_stage(StageToProto(event.progress.stage));
  out.set_stage_fraction(event.progress.stage_fraction);
  out.set_fraction(event.progress.fraction);
  out.set_eta_seconds(event.progress.eta_seconds);
  out.set_reused(event.reused);
  out.set_detail(CleanText(event.detail));
  return out;
}

v1::SearchResult SearchResultToProto(const JobRecord& job, const SearchResult& result) {
  v1::SearchResult out;
  out.set_job(JobName(job.id));
  out.set_target(result.target);
  out.mutable_device()->set_name(result.device.name);
  out.mutable_device()->set_isa(result.device.isa);
  out.mutable_device()->set_library(result.device.library);
  out.mutable_device()->set_threads(result.device.threads);
  out.set_reference_precision(result.reference.ToString());
  *out.mutable_solution() = SolutionToProto(result.solution);
  SetCosts(result.reference_cost, out.mutable_reference_cost());
  SetCosts(BudgetsOf(result.problem), out.mutable_budgets());
  if (result.refined.has_value()) {
    *out.mutable_refined() = RefinementToProto(*result.refined);
    out.set_chosen(result.refined->Improves() ? "refined" : "optimum");
  } else if (result.solution.status != Solution::Status::kInfeasible) {
    out.set_chosen("optimum");
  }
  for (const LayerResult& layer : result.layers) *out.add_layers() = LayerToProto(layer);
  SetLatency(result.latency, out.mutable_latency());
  if (result.evaluation.has_value()) {
    SetEvaluation(*result.evaluation, result.evaluated_on_held_out, out.mutable_evaluation());
  }
  for (const auto& [file, artifact] : job.artifacts) {
    *out.add_artifacts() = ArtifactToProto(job.id, file, artifact);
  }
  return out;
}

v1::SearchResult CrosscheckToProto(const JobRecord& job, const CrosscheckResult& result) {
  v1::SearchResult out;
  out.set_job(JobName(job.id));
  *out.mutable_crosscheck() = CrosscheckResultToProto(result);
  for (const auto& [file, artifact] : job.artifacts) {
    *out.add_artifacts() = ArtifactToProto(job.id, file, artifact);
  }
  return out;
}

}  // namespace halftone
