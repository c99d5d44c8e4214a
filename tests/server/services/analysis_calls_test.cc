#include "server/services/analysis_calls.h"

#include <memory>
#include <string>
#include <utility>

#include "base/field_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/cost_profiler.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

// A target of any name that can be asked for what a test says, and is not asked for costs.
class NamedProfiler final : public CostProfiler {
 public:
  NamedProfiler(std::string name, bool empties_caches, bool runs_assignments)
      : name_(std::move(name)),
        empties_caches_(empties_caches),
        runs_assignments_(runs_assignments) {}
  std::string target() const override { return name_; }
  DeviceInfo Describe() const override { return {}; }
  bool Supports(const Precision&) const override { return true; }
  bool EmptiesCaches() const override { return empties_caches_; }
  bool RunsAssignments() const override { return runs_assignments_; }
  absl::StatusOr<CostTable> Profile(const ProfileRequest&, const Progress&) override {
    return absl::InternalError("nobody meant to ask");
  }

 private:
  const std::string name_;
  const bool empties_caches_, runs_assignments_;
};

// There is nothing behind the calls: what is not refused first would need it.
const ServiceContext kNothing = {};

TEST(AnalysisCallsTest, MethodsWithoutAMatrixAreRefusedBeforeAnyWork) {
  v1::MeasureSensitivityRequest request;
  request.set_interactions(true);
  for (const auto& [method, name] :
       {std::pair(v1::SENSITIVITY_METHOD_HAWQ_V2, "hawq-v2"),
        std::pair(v1::SENSITIVITY_METHOD_OUTPUT, "output"),
        std::pair(v1::SENSITIVITY_METHOD_FISHER_ELEMENTWISE, "fisher-elementwise")}) {
    request.mutable_sensitivity()->set_method(method);
    const absl::Status status = MeasureSensitivity(kNothing, request, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
}

TEST(AnalysisCallsTest, HowToTimeAnAssignmentIsCheckedBeforeAnyWork) {
  v1::EvaluateAssignmentRequest request;
  request.set_measure(true);
  request.set_batch(-1);
  absl::Status status = EvaluateAssignment(kNothing, request, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("batch"));
  request.set_batch(1);
  request.set_threads(-1);
  status = EvaluateAssignment(kNothing, request, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("threads"));
}

TEST(AnalysisCallsTest, AMisspeltFieldOfAProblemIsRefused) {
  const std::string problem =
      R"({"layers": [{"name": "a", "choices": [{"name": "x", "loss": 1, "cost": {"t": 9}}]}],)"
      R"( "budget": {"t": 1}})";
  v1::SolveProblemRequest solve;
  solve.set_problem_json(problem);
  v1::SolveProblemResponse response;
  v1::MeasureSensitivityRequest measure;
  measure.set_problem_json(problem);
  measure.mutable_sensitivity()->set_resamples(2);
  for (const absl::Status& status :
       {SolveProblem(solve, &response, {}), MeasureSensitivity(kNothing, measure, {}).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(FieldOf(status), "problem_json");
    EXPECT_THAT(std::string(status.message()), HasSubstr("field 'budget' is not known"));
  }
}

class ProfileOptionsTest : public testing::Test {
 protected:
  // Makes the target that calls of this test are of.
  void Offer(const std::string& name, bool empties_caches, bool runs_assignments) {
    ASSERT_TRUE(registry_
                    .Register({name, "",
                               [=] {
                                 return std::make_unique<NamedProfiler>(name, empties_caches,
                                                                        runs_assignments);
                               }})
                    .ok());
    target_ = name;
  }

  // What a call with that option is refused for: "" for its model, which none of them names, and
  // which is looked at when the options are in order.
  std::string Refused(const std::string& option) {
    v1::ProfileModelRequest request;
    request.set_target(target_);
    request.set_cold_caches(option == "cold_caches");
    request.set_mixes(option == "mixes" ? 2 : 0);
    if (option == "assignment") (*request.mutable_assignment())["fc"] = "w8a8";
    ServiceContext context{};
    context.profilers = &registry_;
    const absl::Status status = ProfileModel(context, request, {}).status();
    if (FieldOf(status) == "model") return "";
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(target_));
    return FieldOf(status);
  }

  ProfilerRegistry registry_;
  std::string target_;
};

TEST_F(ProfileOptionsTest, AreTheTargetsWhateverItIsCalled) {
  Offer("my-desk", true, true);
  for (const char* option : {"cold_caches", "mixes", "assignment"}) EXPECT_EQ(Refused(option), "");
}

TEST_F(ProfileOptionsTest, ABoardMayEmptyItsCachesAndRunNoAssignments) {
  Offer("board", true, false);
  EXPECT_EQ(Refused("cold_caches"), "");
  for (const char* option : {"mixes", "assignment"}) EXPECT_EQ(Refused(option), option);
}

TEST_F(ProfileOptionsTest, ANameAloneGivesNone) {
  Offer("cpu", false, false);
  EXPECT_EQ(Refused("nothing"), "");
  for (const char* option : {"cold_caches", "mixes", "assignment"}) {
    EXPECT_EQ(Refused(option), option);
  }
}

}  // namespace
}  // namespace halftone
