#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/infinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "halftone/v1/status.pb.h"
#include "server/convert/crosscheck.h"
#include "server/convert/job.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/convert/what_if.h"

namespace halftone {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const std::string kHash(64, 'a');

v1::SearchSpec ValidSpec() {
  v1::SearchSpec spec;
  spec.set_model("models/" + kHash);
  spec.set_calibration_dataset("datasets/" + kHash);
  return spec;
}

v1::ErrorDetail DetailOf(const grpc::Status& status) {
  v1::StatusDetails details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), status.error_message());
  v1::ErrorDetail detail;
  EXPECT_TRUE(details.details(0).UnpackTo(&detail));
  return detail;
}

TEST(ResourceNameTest, NamesRoundTrip) {
  EXPECT_EQ(*ParseJobName(JobName("abc-1")), "abc-1");
  EXPECT_EQ(*ParseModelName(ModelName(kHash)), kHash);
  EXPECT_EQ(*ParseDatasetName(DatasetName(kHash)), kHash);
  const auto artifact = ParseArtifactName(ArtifactName("abc", "report.html"));
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  EXPECT_EQ(artifact->job_id, "abc");
  EXPECT_EQ(artifact->file, "report.html");
}

class MalformedName : public testing::TestWithParam<std::string> {};

TEST_P(MalformedName, IsRefusedByEveryParser) {
  EXPECT_TRUE(absl::IsInvalidArgument(ParseJobName(GetParam()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseModelName(GetParam()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseDatasetName(GetParam()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseArtifactName(GetParam()).status()));
}

INSTANTIATE_TEST_SUITE_P(All, MalformedName,
                         testing::Values("", "/", "jobs", "jobs/", "jobs/A", "jobs/a b", "jobs/a/",
                                         "jobs/a/artifacts/", "jobs/a/artifacts/..",
                                         "jobs/a/artifacts/x/y", "models/" + kHash.substr(1),
                                         "datasets/" + std::string(64, 'A'),
                                         "jobs/" + std::string(64, 'a'),
                                         std::string("jobs/a\0b", 8), std::string(100000, 'x')));

TEST(ResourceNameTest, SaysWhatANameMayHaveInIt) {
  EXPECT_THAT(std::string(ParseJobName("jobs/gmf6prm9hzmX").status().message()),
              HasSubstr("the id of lower-case letters, digits and '-', 63 at most"));
  EXPECT_THAT(std::string(ParseModelName("models/A").status().message()),
              HasSubstr("of 64 digits 0 to 9 and a to f"));
}

TEST(StatusTest, TheFieldIsNamed) {
  const absl::Status status = AtField("spec", AtField("[1]", absl::InvalidArgumentError("no")));
  const v1::ErrorDetail detail = DetailOf(ToGrpcStatus(status));
  EXPECT_EQ(detail.field(), "spec[1]");
  EXPECT_EQ(detail.reason(), "INVALID_ARGUMENT");
}

TEST(StatusTest, TheResourceIsNamed) {
  const absl::Status status = AtField("model", AboutResource("models/x", absl::NotFoundError("?")));
  EXPECT_EQ(DetailOf(ToGrpcStatus(status)).resource(), "models/x");
  EXPECT_EQ(ToGrpcStatus(status).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(StatusTest, TheFirstReasonStaysAndBelongsToItsCode) {
  const absl::Status bad = absl::InvalidArgumentError("no");
  const auto reason = [](const absl::Status& status) {
    return DetailOf(ToGrpcStatus(status)).reason();
  };
  EXPECT_EQ(reason(bad), "INVALID_ARGUMENT");
  const absl::Status inner = WithReason(v1::PRECISION_INVALID, bad);
  EXPECT_EQ(reason(AtField("a", AboutResource("b", inner))), "PRECISION_INVALID");
  EXPECT_EQ(reason(WithReason(v1::BUDGET_INVALID, AtField("a", inner))), "PRECISION_INVALID");
  EXPECT_EQ(reason(WithReason(v1::JOB_NOT_FOUND, bad)), "INVALID_ARGUMENT");
  EXPECT_EQ(reason(WithReason(v1::MODEL_INVALID, absl::DataLossError("x"))), "DATA_LOSS");
  EXPECT_TRUE(WithReason(v1::JOB_NOT_FOUND, absl::OkStatus()).ok());
}

TEST(StatusTest, MessagesAreShortAndPrintable) {
  const grpc::Status status =
      ToGrpcStatus(absl::InvalidArgumentError(std::string(100'000, '\xff')));
  EXPECT_EQ(status.error_message(), std::string(2043, '?') + "[...]");
  EXPECT_EQ(ToGrpcStatus(absl::InternalError(std::string(2048, 'x'))).error_message(),
            std::string(2048, 'x'));
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(StatusTest, MessagesAreBoundedAsTheyAreSent) {
  // Each is sent as three bytes.
  const std::string message =
      ToGrpcStatus(absl::InvalidArgumentError(std::string(2000, '%'))).error_message();
  EXPECT_EQ(message, std::string(681, '%') + "[...]");
}

TEST(StatusTest, DetailsFitBesideTheMessage) {
  const std::string percents(100'000, '%');
  const grpc::Status status = ToGrpcStatus(AtField(
      percents, AboutResource(std::string(100'000, '\n'), absl::InvalidArgumentError(percents))));
  const v1::ErrorDetail detail = DetailOf(status);
  EXPECT_THAT(detail.field(), EndsWith("%[...]"));
  EXPECT_THAT(detail.resource(), EndsWith("[...]"));
  // The details travel in base 64; the limit is 8 KiB with names and other metadata.
  EXPECT_LT(2048 + status.error_details().size() * 4 / 3, 7000u);
}

TEST(SpecTest, DefaultsAreFilledIn) {
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(ValidSpec());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->model, kHash);
  EXPECT_EQ(spec->evaluation, "");
  EXPECT_EQ(spec->target, "cpu");
  EXPECT_EQ(spec->batch, 1);
  EXPECT_TRUE(spec->use_ties);
  EXPECT_EQ(spec->sensitivity.draws, SensitivityOptions().draws);
  EXPECT_EQ(spec->time_limit, SearchSpec().time_limit);
}

TEST(SpecTest, EverythingIsTakenOver) {
  v1::SearchSpec message = ValidSpec();
  message.set_target("bitfusion");
  message.add_precisions("w4a8");
  message.add_precisions("f32");
  v1::Budget* budget = message.add_budgets();
  budget->set_metric("size");
  budget->set_limit("0.2x");
  message.set_frontier_metric("energy");
  (*message.mutable_pins())["fc"] = "w8a8";
  v1::LayerRules* rules = message.mutable_rules();
  (*rules->mutable_allowed())["conv*"].add_precisions("w4a8");
  rules->add_groups()->add_layers("a");
  rules->set_first_layer("w8a8");
  rules->set_last_layer("8");
  rules->set_max_changes(0);
  (*rules->mutable_loss_factors())["fc"] = 2;
  message.set_skip_explanation(true);
  message.set_evaluations(0);
  message.set_robust(1.5);
  message.set_ignore_ties(true);
  message.set_batch(3);
  message.set_threads(2);
  message.set_refresh(true);
  message.mutable_sensitivity()->set_seed(7);
  message.mutable_sensitivity()->set_method(v1::SENSITIVITY_METHOD_OUTPUT);
  message.set_time_limit_seconds(0.5);
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(message);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->target, "bitfusion");
  EXPECT_EQ(spec->precisions, (std::vector{Precision::Int(4, 8), Precision::Float32()}));
  ASSERT_EQ(spec->budgets.size(), 1u);
  EXPECT_EQ(spec->budgets[0].metric, Metric::kSize);
  EXPECT_EQ(spec->budgets[0].value, 0.2);
  EXPECT_EQ(spec->frontier, Metric::kEnergy);
  EXPECT_EQ(spec->pins.at("fc"), "w8a8");
  EXPECT_EQ(spec->rules, (LayerRules{.allowed = {{"conv*", {Precision::Int(4, 8)}}},
                                     .groups = {{"a"}},
                                     .first_layer = "w8a8",
                                     .last_layer = "8",
                                     .max_changes = 0,
                                     .loss_factors = {{"fc", 2}}}));
  EXPECT_FALSE(spec->explain);
  EXPECT_EQ(spec->evaluations, 0);
  EXPECT_EQ(spec->robust, 1.5);
  EXPECT_FALSE(spec->use_ties);
  EXPECT_EQ(spec->batch, 3);
  EXPECT_EQ(spec->threads, 2);
  EXPECT_TRUE(spec->refresh);
  EXPECT_EQ(spec->sensitivity.seed, 7u);
  EXPECT_EQ(spec->sensitivity.method, SensitivityMethod::kOutput);
  EXPECT_EQ(spec->time_limit, absl::Milliseconds(500));
}

TEST(SpecTest, AnObjectiveIsThereOnce) {
  v1::SearchSpec message = ValidSpec();
  message.add_objectives("size");
  message.add_objectives("latency");
  EXPECT_TRUE(SpecFromProto(message).ok());
  message.add_objectives("size");
  const grpc::Status status = ToGrpcStatus(SpecFromProto(message).status());
  EXPECT_EQ(DetailOf(status).field(), "objectives[2]");
  EXPECT_THAT(status.error_message(), HasSubstr("'size' is there twice"));
}

TEST(SpecTest, RulesNameTheFieldAtFault) {
  const auto message = [](const std::function<void(v1::LayerRules*)>& change) {
    v1::SearchSpec spec = ValidSpec();
    change(spec.mutable_rules());
    const absl::Status status = SpecFromProto(spec).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(message([](v1::LayerRules* r) { r->set_max_changes(-1); }),
              HasSubstr("rules.max_changes"));
  EXPECT_THAT(
      message([](v1::LayerRules* r) { (*r->mutable_allowed())["fc"].add_precisions("w99a1"); }),
      HasSubstr("rules.allowed['fc'].precisions[0]"));
  EXPECT_THAT(message([](v1::LayerRules* r) { (*r->mutable_allowed())["fc"]; }),
              HasSubstr("rules.allowed['fc'].precisions: is empty"));
  EXPECT_THAT(message([](v1::LayerRules* r) {
                (*r->mutable_loss_factors())["fc"] = std::numeric_limits<double>::quiet_NaN();
              }),
              HasSubstr("rules.loss_factors['fc']"));
  EXPECT_THAT(
      message([](v1::LayerRules* r) { r->add_groups()->add_layers(std::string(5000, 'x')); }),
      HasSubstr("rules.groups[0].layers"));
  EXPECT_THAT(message([](v1::LayerRules* r) { r->add_groups(); }),
              HasSubstr("rules.groups[0].layers: is empty"));
}

TEST(SpecTest, HeadsNameTheOneAtFault) {
  v1::SearchSpec message = ValidSpec();
  (*message.mutable_heads())["boxes"].set_kind("mse");
  (*message.mutable_heads())["boxes"].set_weight(0.1);
  (*message.mutable_heads())["scores"].set_kind("kl");
  (*message.mutable_heads())["scores"].set_axis(1);
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(message);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->heads,
            (AskedHeads{{"boxes", {HeadKind::kMse, 0.1}}, {"scores", {HeadKind::kKl, 1, 1}}}));
  (*message.mutable_heads())["scores"].set_kind("logits");
  EXPECT_THAT(std::string(SpecFromProto(message).status().message()),
              HasSubstr("heads['scores']: unknown kind of output 'logits'"));
  (*message.mutable_heads())["scores"].set_kind("kl");
  (*message.mutable_heads())["scores"].set_weight(-1);
  EXPECT_THAT(std::string(SpecFromProto(message).status().message()),
              HasSubstr("heads['scores']: the weight -1"));
}

// Before any work, and only where no unit says that it is meant.
TEST(SpecTest, ABudgetOfLessThanAByteAsksWhatIsMeant) {
  v1::SearchSpec message = ValidSpec();
  message.clear_budgets();
  v1::Budget& budget = *message.add_budgets();
  budget.set_metric("size");
  budget.set_limit("0.3");
  EXPECT_TRUE(SpecFromProto(message).ok()) << "of a job that was there before";
  EXPECT_THAT(std::string(CheckBudgetUnits(message.budgets()).message()),
              HasSubstr("budgets[0]: budget 'size=0.3' is size=0.3B; was size=0.3x meant?"));
  for (const char* const limit : {"0.3x", "0.3B", "300", "30%"}) {
    budget.set_limit(limit);
    EXPECT_TRUE(CheckBudgetUnits(message.budgets()).ok()) << limit;
  }
}

TEST(SpecTest, NumbersThatAreNoNumbersAreRefused) {
  v1::SearchSpec message = ValidSpec();
  message.set_time_limit_seconds(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(absl::IsInvalidArgument(SpecFromProto(message).status()));
  message = ValidSpec();
  message.mutable_sensitivity()->set_tolerance(kInfinity);
  EXPECT_TRUE(absl::IsInvalidArgument(SpecFromProto(message).status()));
  message = ValidSpec();
  message.mutable_sensitivity()->set_method(static_cast<v1::SensitivityMethod>(99));
  EXPECT_TRUE(absl::IsInvalidArgument(SpecFromProto(message).status()));
}

TEST(SpecFromProto, TakesWhatTheEffortSaysWhereNothingElseIsSaid) {
  v1::SearchSpec message = ValidSpec();
  message.clear_sensitivity();
  message.clear_evaluations();
  message.clear_time_limit_seconds();
  message.set_effort("quick");
  const SearchSpec quick = *SpecFromProto(message);
  EXPECT_EQ(quick.sensitivity.method, SensitivityMethod::kFisher);
  EXPECT_EQ(quick.sensitivity.samples, 64);
  EXPECT_TRUE(quick.samples_at_most);
  EXPECT_EQ(quick.evaluations, 8);
  message.mutable_sensitivity()->set_samples(10);
  message.mutable_sensitivity()->set_method(v1::SENSITIVITY_METHOD_OUTPUT);
  message.set_evaluations(3);
  const SearchSpec asked = *SpecFromProto(message);
  EXPECT_EQ(asked.sensitivity.method, SensitivityMethod::kOutput);
  EXPECT_EQ(asked.sensitivity.samples, 10);
  EXPECT_FALSE(asked.samples_at_most);
  EXPECT_EQ(asked.evaluations, 3);
  message.set_effort("hasty");
  const absl::Status status = SpecFromProto(message).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("effort"));
}

TEST(SpecTest, EvaluationsAndRobustLossesAreBounded) {
  v1::SearchSpec message = ValidSpec();
  EXPECT_EQ(SpecFromProto(message)->evaluations, 64);
  message.set_evaluations(-1);
  EXPECT_THAT(std::string(SpecFromProto(message).status().message()), HasSubstr("evaluations"));
  message.set_evaluations(kMaxEvaluations + 1);
  EXPECT_FALSE(SpecFromProto(message).ok());
  message.set_evaluations(kMaxEvaluations);
  for (const double robust : {-1.0, std::numeric_limits<double>::quiet_NaN(), 1e9}) {
    message.set_robust(robust);
    EXPECT_THAT(std::string(SpecFromProto(message).status().message()), HasSubstr("robust"));
  }
}

TEST(SpecTest, EqualSpecsAreEqualBytes) {
  v1::SearchSpec first = ValidSpec(), second = ValidSpec();
  for (int i = 0; i < 20; ++i) (*first.mutable_pins())[std::to_string(i)] = "w8a8";
  for (int i = 19; i >= 0; --i) (*second.mutable_pins())[std::to_string(i)] = "w8a8";
  EXPECT_EQ(SerializeSpec(first), SerializeSpec(second));
  EXPECT_EQ(ParseSpec(SerializeSpec(first))->pins().size(), 20u);
  EXPECT_TRUE(absl::IsDataLoss(ParseSpec("\xff\xff").status()));
}

TEST(CrosscheckTest, TheFieldAtFaultIsNamed) {
  const auto field = [](const std::function<void(v1::CrosscheckSpec*)>& change) {
    v1::CrosscheckSpec spec;
    spec.set_model(ModelName(kHash));
    spec.set_calibration_dataset(DatasetName(kHash));
    spec.set_evaluation_dataset(DatasetName(kHash));
    EXPECT_TRUE(CrosscheckFromProto(spec).ok());
    change(&spec);
    const absl::Status status = CrosscheckFromProto(spec).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return FieldOf(status);
  };
  EXPECT_EQ(field([](v1::CrosscheckSpec* s) {
              s->add_estimators("fisher");
              s->add_estimators("fisher");
            }),
            "estimators[1]");
  EXPECT_EQ(field([](v1::CrosscheckSpec* s) { s->add_precisions("w8a8"); }), "precisions");
  EXPECT_EQ(field([](v1::CrosscheckSpec* s) { s->set_min_damage(2); }), "min_damage");
}

TEST(JobTest, TheRecordIsShown) {
  JobRecord record;
  record.id = "abc";
  record.summary = SerializeSpec(ValidSpec());
  record.state = JobState::kFailed;
  record.error = absl::InvalidArgumentError("node '\xff'");
  record.progress.stage = Stage::kProfile;
  record.create_time = absl::FromUnixNanos(1'500'000'000'123'456'789);
  const absl::StatusOr<v1::Job> job = JobToProto(record);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->name(), "jobs/abc");
  EXPECT_EQ(job->state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job->stage(), v1::STAGE_PROFILE);
  EXPECT_EQ(job->error().code(), 3);
  EXPECT_EQ(job->error().message(), "node '?'");
  EXPECT_EQ(job->create_time().seconds(), 1'500'000'000);
  EXPECT_EQ(job->create_time().nanos(), 123'456'789);
  EXPECT_FALSE(job->has_start_time());
}

TEST(JobTest, LargeFieldsComeOnRequest) {
  v1::SearchSpec spec = ValidSpec();
  spec.set_target("bitfusion");
  spec.set_evaluation_dataset("datasets/" + kHash);
  spec.add_budgets()->set_metric("size");
  v1::SearchSpec summary = spec;
  (*spec.mutable_pins())["fc"] = "w8a8";
  (*spec.mutable_rules()->mutable_loss_factors())["fc"] = 2;
  spec.add_precisions("w4a8");
  JobRecord record;
  record.id = "abc";
  EXPECT_EQ(Summary(spec).SerializeAsString(), summary.SerializeAsString());
  const absl::StatusOr<v1::Job> full = JobToProto(record, SerializeSpec(spec));
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->view(), v1::JOB_VIEW_FULL);
  EXPECT_EQ(full->spec().SerializeAsString(), spec.SerializeAsString());
  for (const v1::SearchSpec& stored : {summary, spec}) {
    record.summary = SerializeSpec(stored);
    const absl::StatusOr<v1::Job> job = JobToProto(record);
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->view(), v1::JOB_VIEW_BASIC);
    EXPECT_EQ(job->spec().SerializeAsString(), summary.SerializeAsString());
  }
}

TEST(JobTest, WhatWasEvaluatedStandsBesideTheSolution) {
  SearchResult result;
  result.solution.status = Solution::Status::kOptimal;
  EXPECT_EQ(SearchResultToProto(JobRecord(), result).chosen(), "optimum");
  result.problem.max_changes = 2;
  result.refined.emplace();
  result.refined->assignment = {{"fc", "w4a8"}};
  result.refined->source = "neighbour";
  result.refined->divergence = 0.5;
  result.refined->optimum_divergence = 0.75;
  result.refined->cost = {{"size_bytes", 12}};
  result.refined->evaluated.resize(3);
  const v1::SearchResult message = SearchResultToProto(JobRecord(), result);
  EXPECT_EQ(message.chosen(), "refined");
  EXPECT_EQ(message.budgets().at("precision_changes"), 2);
  EXPECT_EQ(message.refined().assignment().at("fc"), "w4a8");
  EXPECT_EQ(message.refined().source(), "neighbour");
  EXPECT_EQ(message.refined().divergence(), 0.5);
  EXPECT_EQ(message.refined().optimum_divergence(), 0.75);
  EXPECT_EQ(message.refined().evaluations(), 3);
  EXPECT_EQ(message.refined().cost().at("size_bytes"), 12);
}

TEST(JobTest, WhatWasExecutedStandsBesideTheSimulation) {
  SearchResult result;
  result.evaluation = Evaluation{100, 0.9, 0.875, 0.01, 0.02, 30};
  EXPECT_FALSE(SearchResultToProto(JobRecord(), result).evaluation().has_executed());
  result.evaluation->executed =
      ExecutedEvaluation{0.75, 0.5, 0.25, 29.5, {{"a", Precision::Int(7, 8)}}, "differs"};
  const v1::SearchResult message = SearchResultToProto(JobRecord(), result);
  EXPECT_EQ(message.evaluation().kl(), 0.01);
  const v1::ExecutedEvaluation& executed = message.evaluation().executed();
  EXPECT_EQ(executed.accuracy(), 0.75);
  EXPECT_EQ(executed.kl(), 0.5);
  EXPECT_EQ(executed.mse(), 0.25);
  EXPECT_EQ(executed.sqnr_db(), 29.5);
  EXPECT_EQ(executed.assignment().at("a"), "w7a8");
  EXPECT_EQ(executed.warning(), "differs");
}

TEST(JobTest, EveryStateHasTheSameNameInTheApi) {
  for (const JobState state : {JobState::kQueued, JobState::kRunning, JobState::kSucceeded,
                               JobState::kFailed, JobState::kCancelled}) {
    const auto message = static_cast<v1::JobState>(state);
    EXPECT_EQ(v1::JobState_Name(message), "JOB_STATE_" + std::string(JobStateName(state)));
    EXPECT_EQ(*JobStateFromProto(message), state);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(JobStateFromProto(0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(JobStateFromProto(6).status()));
}

TEST(WhatIfTest, WeightsAndInteractionsAreChecked) {
  v1::ReSolveRequest request;
  EXPECT_TRUE(WhatIfFromProto(request)->frontier);
  (*request.mutable_weights())["latency_ms"] = 0.02;
  request.set_interactions(0.5);
  auto what_if = WhatIfFromProto(request);
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  EXPECT_EQ(what_if->weights.at(Metric::kLatency), 0.02 / 1e6);
  EXPECT_EQ(what_if->interactions, 0.5);
  EXPECT_FALSE(what_if->frontier) << "it would take long";
  request.set_frontier_metric("size");
  EXPECT_TRUE(WhatIfFromProto(request)->frontier);
  for (const double bad : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    request.set_interactions(bad);
    EXPECT_EQ(DetailOf(ToGrpcStatus(WhatIfFromProto(request).status())).field(), "interactions");
  }
  request.set_interactions(1);
  (*request.mutable_weights())["beauty"] = 1;
  EXPECT_EQ(FieldOf(WhatIfFromProto(request).status()), "weights['beauty']");
  for (int i = 0; i < 100; ++i) (*request.mutable_weights())[absl::StrCat("m", i)] = 1;
  EXPECT_THAT(std::string(WhatIfFromProto(request).status().message()), HasSubstr("too many"));
}

}  // namespace
}  // namespace halftone
