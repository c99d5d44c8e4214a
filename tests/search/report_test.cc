#include "search/report.h"

#include "gtest/gtest.h"
#include "tests/golden.h"
#include "tests/search/full_result.h"

namespace halftone {
namespace {

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

TEST(ReportTest, OfAnInfeasibleSearchIsAsItWas) {
  SearchResult result = WithFrontier();
  result.solution = Solution();
  result.solution.infeasible = Solution::Infeasible{
      {{"latency_ns", 1}}, {"latency_ns"}, {0.5, 0.5, {{"latency_ns", 1}}, {{"a", "w4a4"}}}};
  result.refined.reset();
  result.evaluation.reset();
  ExpectGolden("report_infeasible.html", RenderReport(result));
}

TEST(FrontierPlotTest, IsAsItWas) {
  const SearchResult result = WithFrontier();
  ExpectGolden("frontier.svg",
               RenderFrontier(result.solution, "latency_ns", result.problem.budgets));
}

}  // namespace
}  // namespace halftone
