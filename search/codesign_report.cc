#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/html.h"
#include "base/units.h"
#include "search/report.h"

namespace halftone {
namespace {

std::string ParametersText(const std::map<std::string, std::string>& parameters) {
  return absl::StrJoin(parameters, ", ", absl::PairFormatter(" "));
}

std::string Cell(const std::string& text) { return absl::StrCat("<td>", text, "</td>"); }

std::string FigureCell(const std::map<std::string, double>& figures, const char* name) {
  const auto found = figures.find(name);
  return Cell(found == figures.end() ? "" : ShortNumber(found->second));
}

std::string CostCell(const Costs& cost, const char* metric, Quantity quantity) {
  const auto found = cost.find(metric);
  return Cell(found == cost.end() ? "" : FormatQuantity(quantity, found->second));
}

std::string Row(const Configuration& configuration, bool chosen) {
  const Solution& solution = configuration.solution;
  const bool feasible = solution.status != Solution::Status::kInfeasible;
  return absl::StrCat("<tr><td class=text>", chosen ? "<span class=tag>chosen</span> " : "",
                      EscapeHtml(ParametersText(configuration.parameters)), "</td>",
                      FigureCell(configuration.figures, "area_mm2"),
                      FigureCell(configuration.figures, "elements"), "<td class=text>",
                      EscapeHtml(SolutionStatusName(solution.status)), "</td>",
                      Cell(feasible ? ShortNumber(solution.loss) : ""),
                      Cell(feasible ? ShortNumber(solution.lower_bound) : ""),
                      CostCell(solution.cost, "latency_ns", Quantity::kTime),
                      CostCell(solution.cost, "energy_pj", Quantity::kEnergy), "<td class=text>",
                      configuration.on_frontier ? "yes" : "", "</td></tr>");
}

}  // namespace

std::string RenderCodesign(const Codesign& codesign) {
  std::string html = absl::StrCat(
      "<h2>Configurations</h2><p>Each is solved for itself with the same losses and budgets; the "
      "one of least loss is chosen, of equal ones the smallest. All together have ",
      codesign.frontier.size(),
      " points on the frontier of loss, cost and area.</p><div class=wide><table><tr><th "
      "class=text>parameters<th>mm&sup2;<th>elements<th class=text>status<th>loss<th>bound<th>"
      "latency<th>energy<th class=text>on the frontier</tr>");
  for (const Configuration& configuration : codesign.configurations) {
    html += Row(configuration, configuration.target == codesign.chosen);
  }
  return html + "</table></div>";
}

}  // namespace halftone
