#include "search/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/golden.h"
#include "tests/search/full_result.h"

namespace halftone {
namespace {

using testing::HasSubstr;
using testing::Not;

SearchResult WithFrontier() {
  SearchResult result = FullResult();
  result.solution.frontier = {{0.5, 0.5, {{"latency_ns", 1}}, {{"a", "w4a4"}}},
                              {0.375, 0.37, {{"latency_ns", 1.5}}, {{"a", "w6a6"}}},
                              {1.0 / 3, 1.0 / 3, {{"latency_ns", 2}}, {{"a", "w8a8"}}}};
  result.problem.frontier = "latency_ns";
  result.warnings = {"a <figure> & what it leaves out"};
  return result;
}

TEST(ReportTest, IsAsItWas) { ExpectGolden("report.html", RenderReport(WithFrontier())); }

// What is explained, and what is proven, is the model's optimum: it says so where that is not the
// answer.
TEST(ReportTest, SaysWhatIsExplained) {
  SearchResult result = WithFrontier();
  result.solution.explanation.emplace();
  result.solution.explanation->limits = {{"latency_ns", 1.5, 1}};
  result.solution.explanation->alternatives = {{{"a"}, "w4a4", "w8a8", 0.1}};
  const std::string refined = RenderReport(result);
  EXPECT_THAT(refined,
              HasSubstr("the optimum by the model is proven; shown is what was held to be better"));
  EXPECT_THAT(refined, HasSubstr("<b>0.333</b><span>optimum by the model 0.5, lower bound 0.5"));
  EXPECT_THAT(refined, HasSubstr("from which what was chosen departs in 1 layer."));
  EXPECT_THAT(refined, HasSubstr("<th class=text>optimum"));
  result.refined.reset();
  const std::string optimum = RenderReport(result);
  EXPECT_THAT(optimum, Not(HasSubstr("shown is what")));
  EXPECT_THAT(optimum, Not(HasSubstr("departs")));
  EXPECT_THAT(optimum, HasSubstr("<th class=text>chosen"));
}

TEST(ReportTest, SaysWhatAMultiplierIsAndWhatAScoreIs) {
  SearchResult result = WithFrontier();
  result.measure = MeasureOf(SensitivityMethod::kHawqV2, "cross-entropy");
  result.solution.explanation.emplace();
  result.solution.explanation->limits = {{"activation_bytes", 1500, 1000}};
  result.solution.explanation->limits[0].at = "/add";
  const std::string report = RenderReport(result);
  EXPECT_THAT(report, HasSubstr("<th>1 % more, estimated<th>"));
  EXPECT_THAT(report, HasSubstr("if layers could mix precisions"));
  EXPECT_THAT(report, HasSubstr("peak activation bytes, most at /add"));
  EXPECT_THAT(report, HasSubstr("<th class=text>precision<th>score<th>"));
  EXPECT_THAT(report, HasSubstr("Scores: Hessian trace / |W| x ||Q(W) - W||^2"));
  EXPECT_THAT(report, Not(HasSubstr("Losses:")));
}

TEST(ReportTest, SaysWhyNothingWasEvaluatedAndWhatIsNotKnown) {
  SearchResult result = WithFrontier();
  result.refined.reset();
  result.not_evaluated = "with loss factors it would mean nothing";
  result.layers[0].loss_stderr.reset();
  const std::string report = RenderReport(result);
  EXPECT_THAT(report, HasSubstr("<p>Nothing: with loss factors it would mean nothing.</p>"));
  EXPECT_THAT(report, HasSubstr("<td>0.143 &plusmn; -</td>"));
}

TEST(ReportTest, IsNamedForTheModelAndTheTarget) {
  SearchResult result = FullResult();
  EXPECT_THAT(RenderReport(result), HasSubstr("<title>Halftone: net (cccccccc) on cpu</title>"));
  result.model_name.clear();
  EXPECT_THAT(RenderReport(result), HasSubstr("<h1>network (cccccccc) on cpu</h1>"));
  result.model.clear();
  EXPECT_THAT(RenderReport(result), HasSubstr("<h1>network on cpu</h1>"));
}

TEST(ReportTest, OfAnInfeasibleSearchIsAsItWas) {
  SearchResult result = WithFrontier();
  result.solution = Solution();
  result.solution.infeasible = Solution::Infeasible{
      {{"latency_ns", 1}}, {"latency_ns"}, {0.5, 0.5, {{"latency_ns", 1}}, {{"a", "w4a4"}}}};
  result.refined.reset();
  result.evaluation.reset();
  result.caveat = "a run on a quiet machine may meet the budgets";
  ExpectGolden("report_infeasible.html", RenderReport(result));
}

TEST(ReportTest, ShowsTheLimitOfPrecisionChangesAmongTheBudgets) {
  SearchResult result = WithFrontier();
  result.problem.max_changes = 2;
  result.refined->cost["precision_changes"] = 1;
  EXPECT_THAT(RenderReport(result),
              HasSubstr("<td class=text>precision changes</td><td>2</td><td>1</td>"));
}

TEST(FrontierPlotTest, IsAsItWas) {
  const SearchResult result = WithFrontier();
  ExpectGolden("frontier.svg",
               RenderFrontier(result.solution, "latency_ns", result.problem.budgets));
}

}  // namespace
}  // namespace halftone
