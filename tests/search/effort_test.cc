#include "search/effort.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(EffortTest, NormalIsWhatASearchDoesAnyway) {
  SearchSpec spec = SpecWithEffort(Effort::kNormal);
  EXPECT_EQ(SearchSpecToJson(spec), SearchSpecToJson(SearchSpec()));
}

TEST(EffortTest, MoreEffortIsMoreWork) {
  const EffortSettings& quick = SettingsOf(Effort::kQuick);
  const EffortSettings& normal = SettingsOf(Effort::kNormal);
  const EffortSettings& thorough = SettingsOf(Effort::kThorough);
  EXPECT_EQ(quick.method, SensitivityMethod::kFisher) << "nothing is really measured";
  EXPECT_GT(quick.most_samples, 0);
  EXPECT_EQ(thorough.most_samples, 0);
  EXPECT_LE(quick.draws, normal.draws);
  EXPECT_LT(normal.draws, thorough.draws);
  EXPECT_LT(quick.evaluations, normal.evaluations);
  EXPECT_LT(normal.evaluations, thorough.evaluations);
  EXPECT_LT(quick.time_limit, normal.time_limit);
  EXPECT_LT(normal.time_limit, thorough.time_limit);
}

TEST(EffortTest, KnowsItsNames) {
  for (const Effort effort : {Effort::kQuick, Effort::kNormal, Effort::kThorough}) {
    EXPECT_EQ(*ParseEffort(EffortName(effort)), effort);
  }
  const absl::Status status = ParseEffort("hasty").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("hasty"));
}

}  // namespace
}  // namespace halftone
