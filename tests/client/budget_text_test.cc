#include "client/budget_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using Budgets = google::protobuf::RepeatedPtrField<v1::Budget>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Budgets BudgetsOf(const std::vector<std::pair<std::string, std::string>>& limits) {
  Budgets budgets;
  for (const auto& [metric, limit] : limits) {
    v1::Budget* budget = budgets.Add();
    budget->set_metric(metric);
    budget->set_limit(limit);
  }
  return budgets;
}

nlohmann::json Needing(const char* cost, double least) {
  return {{"conflict", {cost}}, {"minimum", {{cost, least}}}};
}

TEST(BudgetTextTest, SaysHowALimitIsUnderstood) {
  EXPECT_EQ(BudgetsText(BudgetsOf({{"latency", "0.5"},
                                   {"size", "300KB"},
                                   {"energy", "0.4x"},
                                   {"bops", "50%"},
                                   {"activation-memory", "1024"}}),
                        {}),
            "budget       latency=0.5: at most 0.50 ns\n"
            "budget       size=300KB: at most 300 KB\n"
            "budget       energy=0.4x: at most 0.4 times what the reference network needs\n"
            "budget       bops=50%: at most 50 % of the way from the cheapest assignment to the "
            "dearest\n"
            "budget       activation-memory=1024: at most 1.02 KB\n");
  EXPECT_EQ(BudgetsText({}, {}), "");
}

TEST(BudgetTextTest, RelativeLimitsAreSaidInUnitsWithWhatTheyReferTo) {
  const nlohmann::json document = nlohmann::json::parse(R"json({"reference": "f32", "budgets": [
    {"metric": "energy_pj", "asked": "energy=0.4x", "limit": 4e6, "reference_cost": 1e7,
     "target": "bitfusion"},
    {"metric": "size_bytes", "asked": "size=300000B", "limit": 300000},
    {"metric": "bops", "asked": "bops=50%", "limit": 2e6, "cheapest": 1e6, "dearest": 3e6}]})json");
  const std::string energy =
      "budget       energy=0.4x: at most 4.00 uJ, 0.4 times the 10.0 uJ of the reference network "
      "(all layers in f32) on bitfusion\n";
  const std::string bops =
      "budget       bops=50%: at most 2.00 M, 50 % of the way from 1.00 M (the cheapest "
      "assignment) to 3.00 M (the dearest)\n";
  EXPECT_EQ(
      BudgetsText(BudgetsOf({{"energy", "0.4x"}, {"size", "300KB"}, {"bops", "50%"}}), document),
      energy + "budget       size=300KB: at most 300 KB\n" + bops);
  EXPECT_EQ(RelativeBudgetsText(document), energy + bops);
  EXPECT_EQ(RelativeBudgetsText(nlohmann::json::object()), "") << "of an earlier version";
}

TEST(BudgetTextTest, WarnsOfALimitThatCannotHaveBeenMeant) {
  EXPECT_THAT(BudgetWarnings(BudgetsOf({{"latency", "0.5"}}), Needing("latency_ns", 80'000)),
              ElementsAre("budget latency=0.5 is 0.50 ns, far below the least that any assignment "
                          "needs, 80.0 us; was latency=0.5x meant?"));
  EXPECT_THAT(BudgetWarnings(BudgetsOf({{"size", "40"}}), Needing("size_bytes", 80'000)),
              ElementsAre("budget size=40 is 40 B, far below the least that any assignment needs, "
                          "80.0 KB; was size=40% meant?"));
  EXPECT_THAT(BudgetWarnings(BudgetsOf({{"size", "0.3KB"}}), Needing("size_bytes", 80'000)),
              ElementsAre("budget size=0.3KB is 300 B, far below the least that any assignment "
                          "needs, 80.0 KB"))
      << "it has a unit";
}

TEST(BudgetTextTest, DoesNotWarnOfALimitThatIsOnlyTooLow) {
  EXPECT_THAT(BudgetWarnings(BudgetsOf({{"latency", "50us"}}), Needing("latency_ns", 80'000)),
              IsEmpty());
  EXPECT_THAT(BudgetWarnings(BudgetsOf({{"latency", "0.001x"}}), Needing("latency_ns", 80'000)),
              IsEmpty());
  EXPECT_THAT(BudgetWarnings(BudgetsOf({{"latency", "0.5"}}), nullptr), IsEmpty()) << "it is met";
}

}  // namespace
}  // namespace halftone
