// Every value of the API's enums has its counterpart, of the same name.
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "search/pipeline.h"
#include "server/convert/job.h"
#include "server/convert/solution.h"
#include "server/convert/spec.h"

namespace halftone {
namespace {

// "hessian-trace" of SENSITIVITY_METHOD_HESSIAN_TRACE.
std::string TextOf(const std::string& name, const std::string& prefix) {
  EXPECT_EQ(name.substr(0, prefix.size()), prefix);
  return absl::StrReplaceAll(absl::AsciiStrToLower(name.substr(prefix.size())), {{"_", "-"}});
}

TEST(EnumsTest, SensitivityMethodsKeepTheirNames) {
  std::set<SensitivityMethod> seen;
  const auto* type = v1::SensitivityMethod_descriptor();
  for (int i = 1; i < type->value_count(); ++i) {  // the first is the default
    v1::SensitivitySpec spec;
    spec.set_method(static_cast<v1::SensitivityMethod>(type->value(i)->number()));
    const absl::StatusOr<SensitivityOptions> options = SensitivityFromProto(spec);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(SensitivityMethodName(options->method),
              TextOf(type->value(i)->name(), "SENSITIVITY_METHOD_"));
    seen.insert(options->method);
  }
  const auto last = static_cast<int>(SensitivityMethod::kFisherElementwise);
  EXPECT_EQ(static_cast<int>(seen.size()), last + 1) << "a method has no value in the API";
}

TEST(EnumsTest, LossesKeepTheirNames) {
  std::set<LossKind> seen;
  const auto* type = v1::LossKind_descriptor();
  for (int i = 0; i < type->value_count(); ++i) {
    v1::SensitivitySpec spec;
    spec.set_loss(static_cast<v1::LossKind>(type->value(i)->number()));
    const absl::StatusOr<SensitivityOptions> options = SensitivityFromProto(spec);
    ASSERT_TRUE(options.ok()) << options.status();
    const std::string text = TextOf(type->value(i)->name(), "LOSS_KIND_");
    EXPECT_EQ(LossKindName(options->loss), i == 0 ? "auto" : text);
    seen.insert(options->loss);
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(LossKind::kMse) + 1) << "one has no value in the API";
}

TEST(EnumsTest, StagesKeepTheirNames) {
  const auto* type = v1::Stage_descriptor();
  for (int i = 0; i + 1 < type->value_count(); ++i) {
    JobEvent event;
    event.progress.stage = static_cast<Stage>(i);
    const v1::Stage converted = EventToProto(event).stage();
    EXPECT_EQ(TextOf(v1::Stage_Name(converted), "STAGE_"), StageName(static_cast<Stage>(i)));
  }
  EXPECT_EQ(StageName(static_cast<Stage>(type->value_count() - 1)), "unknown")
      << "a stage has no value in the API";
}

TEST(EnumsTest, JobStatesKeepTheirNamesBothWays) {
  const auto* type = v1::JobState_descriptor();
  for (int i = 1; i < type->value_count(); ++i) {
    const absl::StatusOr<JobState> state = JobStateFromProto(type->value(i)->number());
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(type->value(i)->name(), "JOB_STATE_" + std::string(JobStateName(*state)));
    JobEvent event;
    event.state = *state;
    EXPECT_EQ(EventToProto(event).state(), type->value(i)->number());
  }
  EXPECT_TRUE(absl::IsInvalidArgument(JobStateFromProto(type->value_count()).status()));
}

TEST(EnumsTest, EventsAndSolutionsHaveAllTheirKinds) {
  std::set<v1::JobEventKind> kinds;
  for (const JobEventKind kind :
       {JobEventKind::kStateChanged, JobEventKind::kStageStarted, JobEventKind::kStageProgress,
        JobEventKind::kStageFinished, JobEventKind::kArtifactReady, JobEventKind::kNote}) {
    JobEvent event;
    event.kind = kind;
    kinds.insert(EventToProto(event).kind());
  }
  EXPECT_EQ(static_cast<int>(kinds.size()) + 1, v1::JobEventKind_descriptor()->value_count());
  for (const Solution::Status status :
       {Solution::Status::kOptimal, Solution::Status::kFeasible, Solution::Status::kInfeasible}) {
    EXPECT_EQ(v1::SolutionStatus_Name(SolutionStatusToProto(status)),
              "SOLUTION_STATUS_" + std::string(SolutionStatusName(status)));
  }
  EXPECT_EQ(v1::SolutionStatus_descriptor()->value_count(), 3 + 1);
}

}  // namespace
}  // namespace halftone
