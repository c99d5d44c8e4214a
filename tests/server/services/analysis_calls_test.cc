#include "server/services/analysis_calls.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace halftone
