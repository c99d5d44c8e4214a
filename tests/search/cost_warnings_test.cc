#include "search/cost_warnings.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two layers in two precisions, of which one row was measured on a busy machine.
CostTable Costs() {
  CostTable costs;
  for (const char* layer : {"a", "b"}) {
    for (const Precision& precision : {Precision::Int(4, 4), Precision::Int(8, 8)}) {
      CostRow& row = costs.rows.emplace_back();
      row.layer = layer;
      row.precision = precision;
    }
  }
  costs.rows[0].warning = "measured while the machine was busy";
  return costs;
}

Solution Infeasible(const std::string& metric) {
  Solution solution;
  solution.infeasible.emplace();
  solution.infeasible->conflict = {metric};
  return solution;
}

TEST(CostWarningsTest, LayersThatSayTheSameShareAWarning) {
  EXPECT_THAT(JoinWarnings({{"a", "busy"}, {"b", ""}, {"c", "busy"}, {"d", "reference"}}),
              ElementsAre("layer 'a' and 1 more: busy", "layer 'd': reference"));
}

TEST(CostWarningsTest, AnAnswerWarnsOfTheRowsThatItTakes) {
  EXPECT_THAT(WarningsOf(Costs(), {{"a", "w4a4"}, {"b", "w4a4"}}),
              ElementsAre("layer 'a': measured while the machine was busy"));
  EXPECT_THAT(WarningsOf(Costs(), {{"a", "w8a8"}, {"b", "w4a4"}}), IsEmpty());
}

TEST(CostWarningsTest, AQuietMachineMayMeetALatencyBudgetAlone) {
  EXPECT_THAT(BusyCaveat(Costs(), Infeasible("latency_ns")), HasSubstr("a quiet machine may meet"));
  EXPECT_EQ(BusyCaveat(Costs(), Infeasible("size_bytes")), "");
  EXPECT_EQ(BusyCaveat(Costs(), Solution()), "");
  CostTable quiet = Costs();
  quiet.rows[0].warning.clear();
  EXPECT_EQ(BusyCaveat(quiet, Infeasible("latency_ns")), "");
}

}  // namespace
}  // namespace halftone
