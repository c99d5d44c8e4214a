#include "tests/nn/engine/int8_waiting.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nn/engine/onednn/inference_plan.h"

namespace halftone {
namespace {

// Every one of them must pass again when int8 sums no longer saturate: then this file goes.
constexpr auto kWaiting = std::to_array<absl::string_view>({
    "InferencePlanTest.Int8IsFakeQuantization",
    "InferencePlanTest.Int8OfAllOperatorsIsFakeQuantization",
    "InferencePlanTest.RandomMixedAssignmentsAreFakeQuantization",
    "InferencePlanTest.SharedShortcutsCostOneMoreRounding",
    "InferencePlanTest.SymmetricSourcesAreSignedBytes",
    "InferencePlanTest.WeightsWithZeroPointsRunInBytesWhereTheyFit",
    "PlanTransformerTest.Int8IsFakeQuantization",
    "PlanTransformerTest.RandomMixedAssignmentsAreFakeQuantization",
    "PlanTransformerTest.SymmetricSourcesAreSignedBytes",
    "PlanTransformerTest.TheShippedTransformerIsFakeQuantization",
});

// Of the instruction sets that oneDNN names, those before VNNI.
bool HasVnni(absl::string_view isa) {
  return isa != "sse41" && isa != "avx" && isa != "avx2" && isa != "avx512_core";
}

}  // namespace

void WaitsForExactInt8::SetUp() {
  const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = absl::StrCat(test.test_suite_name(), ".", test.name());
  if (std::find(kWaiting.begin(), kWaiting.end(), name) == kWaiting.end()) return;
  const std::string isa = DescribeCpu().isa;
  if (!HasVnni(isa)) GTEST_SKIP() << "int8 sums saturate without VNNI (" << isa << ")";
}

}  // namespace halftone
