#include <string>
#include <tuple>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "nn/engine/onednn/onednn.h"
#include "search/sensitivity/memory_estimate.h"
#include "tests/allocations.h"
#include "tests/search/sensitivity/memory_subjects.h"

// What is estimated of the methods beside what they really allocate.
namespace halftone {
namespace {

using testing::MemorySubject;
using testing::Subject;
using testing::WeightPrecisions;

using Case = std::tuple<SensitivityMethod, const char*>;

class SensitivityMemoryTest : public ::testing::TestWithParam<Case> {};

TEST_P(SensitivityMemoryTest, IsAsEstimated) {
  if (!testing::AllocationsAreCounted()) GTEST_SKIP() << "a sanitizer allocates";
  // Of more threads, each has scratch memory of its own for as long as it computes.
  SetOneDnnThreads(1);
  const auto& [method, name] = GetParam();
  SensitivityOptions options;
  options.method = method;
  options.loss = LossKind::kKl;
  options.interactions = HasInteractions(method);
  options.probes = 4;
  testing::PeakAllocation peak;
  Subject subject = MemorySubject(name);
  subject.data = subject.data.Take(options.batch);
  const absl::StatusOr<Calibration> calibration =
      Calibrate(subject.network, subject.data, WeightPrecisions(), {}, {});
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  const MemoryEstimate estimate =
      EstimateSensitivity(subject.network, subject.data, subject.data.samples(), WeightPrecisions(),
                          options)
          .value();
  peak.Restart();
  const absl::Status measured = MeasureSensitivity(subject.network, subject.data, *calibration,
                                                   WeightPrecisions(), options, {})
                                    .status();
  ASSERT_TRUE(measured.ok()) << measured;
  SCOPED_TRACE(estimate.ToString());
  testing::ExpectEstimates(estimate.Total(), static_cast<double>(peak.Bytes()), "sensitivity");
}

const auto kName = [](const auto& info) {
  const std::string method(SensitivityMethodName(std::get<0>(info.param)));
  return absl::StrReplaceAll(method, {{"-", "_"}}) + "_" + std::get<1>(info.param);
};
INSTANTIATE_TEST_SUITE_P(Small, SensitivityMemoryTest,
                         ::testing::Combine(::testing::Values(SensitivityMethod::kFisher,
                                                              SensitivityMethod::kFisherCorrected,
                                                              SensitivityMethod::kFisherElementwise,
                                                              SensitivityMethod::kOutput,
                                                              SensitivityMethod::kSqnr),
                                            ::testing::Values("padded", "heavy")),
                         kName);
INSTANTIATE_TEST_SUITE_P(Shipped, SensitivityMemoryTest,
                         ::testing::Combine(::testing::Values(SensitivityMethod::kFisher,
                                                              SensitivityMethod::kOutput),
                                            ::testing::Values("resnet14", "vit")),
                         kName);

}  // namespace
}  // namespace halftone
