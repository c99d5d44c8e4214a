#include "search/explanation_report.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/html.h"
#include "search/cost_text.h"

namespace halftone {
namespace {

// A loss, and by how much it differs from the solution's.
std::string ChangedLoss(double changed, double loss) {
  if (loss == 0) return ShortNumber(changed);
  return absl::StrFormat("%s (%+.2f %%)", ShortNumber(changed),
                         100 * (changed - loss) / std::abs(loss));
}

std::string LimitRow(const Explanation::Limit& limit, double loss) {
  const auto cost = [&](std::optional<double> value) {
    return value.has_value() ? FormatCost(limit.metric, *value) : "-";
  };
  const auto changed = [&](std::optional<double> value) {
    return value.has_value() ? ChangedLoss(*value, loss) : "-";
  };
  const std::string at = limit.at.empty() ? "" : absl::StrCat(", most at ", limit.at);
  return absl::StrCat(
      "<tr><td class=text>", EscapeHtml(MetricTitle(limit.metric) + at), "</td><td>",
      cost(limit.limit), "</td><td>", cost(limit.used), "</td><td class=text>",
      limit.binds ? "binds" : "does not bind", "</td><td>", changed(limit.loss_without),
      "</td><td>", ShortNumber(0.01 * limit.limit * limit.marginal_value), "</td><td>",
      limit.next_limit == limit.next_limit_bound ? "" : "at most ",
      limit.next_limit.has_value() ? FormatLimit(limit.metric, *limit.next_limit, limit.limit)
                                   : "-",
      "</td><td>", changed(limit.next_loss), "</td></tr>");
}

// What is explained, where it is not the answer.
std::string Subject(std::optional<int> departures) {
  if (!departures.has_value()) return "";
  return absl::StrCat("Of the model's optimum, from which what was chosen departs in ", *departures,
                      *departures == 1 ? " layer. " : " layers. ");
}

std::string LimitTable(const Explanation& explanation, double loss, std::optional<int> departures) {
  if (explanation.limits.empty()) return "";
  std::string html = "<h2>What the budgets cost</h2>";
  if (departures.has_value()) {
    absl::StrAppend(&html, "<p class=soft>", Subject(departures), "</p>");
  }
  html +=
      "<div class=wide><table><tr><th class=text>metric<th>limit<th>used<th class=text>"
      "<th>loss without it<th>1 % more, estimated<th>less loss from<th>then</tr>";
  for (const Explanation::Limit& limit : explanation.limits) html += LimitRow(limit, loss);
  return html +
         "</table></div><p class=soft>1 % more, estimated: the loss that a limit raised by 1 % "
         "would save if layers could mix precisions (the limit's multiplier in the relaxed "
         "problem). What a higher limit really buys stands behind it: less loss from there.</p>";
}

std::string AlternativeRow(const Explanation::Alternative& alternative, double loss) {
  std::string html = absl::StrCat(
      "<tr><td class=text>", EscapeHtml(absl::StrJoin(alternative.layers, ", ")),
      "</td><td class=text><span class=tag>", EscapeHtml(alternative.chosen), "</span></td>");
  if (alternative.choice.empty()) {
    return absl::StrCat(html, "<td class=text>no other fits</td><td></td><td></td>",
                        "<td class=text></td><td class=text></td></tr>");
  }
  std::string others;
  for (const auto& [layer, choice] : alternative.changes) {
    if (std::find(alternative.layers.begin(), alternative.layers.end(), layer) !=
        alternative.layers.end()) {
      continue;
    }
    absl::StrAppend(&others, others.empty() ? "" : ", ", layer, " to ", choice);
  }
  return absl::StrCat(
      html, "<td class=text>", EscapeHtml(alternative.choice), "</td><td>",
      alternative.is_proven ? "" : "at most ", ChangedLoss(loss + alternative.loss_increase, loss),
      "</td><td>",
      alternative.loss_stderr.has_value() ? ShortNumber(*alternative.loss_stderr) : "-",
      "</td><td class=text>", EscapeHtml(others), "</td><td class=text>",
      alternative.is_near ? "near" : "", "</td></tr>");
}

std::string AlternativeTable(const Explanation& explanation, double loss,
                             std::optional<int> departures) {
  if (explanation.alternatives.empty()) return "";
  std::string html = absl::StrFormat(
      "<h2>What is next best</h2><p class=soft>%sThe best assignment in which a layer chooses "
      "otherwise, the closest first. Near: within %.3g %% of the loss, or one standard error of "
      "the difference.</p><div class=wide><table><tr><th class=text>layer<th class=text>%s"
      "<th class=text>next best<th>loss<th>&plusmn;<th class=text>also changes<th class=text></tr>",
      Subject(departures), 100 * explanation.near_share,
      departures.has_value() ? "optimum" : "chosen");
  for (const Explanation::Alternative& alternative : explanation.alternatives) {
    html += AlternativeRow(alternative, loss);
  }
  html += "</table></div>";
  if (!explanation.is_complete) {
    html += "<p class=warn>Time ran out before all limits and layers were explained.</p>";
  }
  return html;
}

std::string InfeasibleTable(const Solution::Infeasible& infeasible) {
  std::string html =
      "<h2>What would do</h2><p class=soft>The least that any assignment needs of each budgeted "
      "metric, and the smallest limit that can be met while all other budgets are kept.</p>"
      "<div class=wide><table><tr><th class=text>metric<th>least<th>limit that would do"
      "<th>loss then</tr>";
  for (const auto& [metric, least] : infeasible.minimum) {
    const auto relaxed = infeasible.relaxations.find(metric);
    const bool helps = relaxed != infeasible.relaxations.end();
    const std::string unknown = metric == "activation_bytes" ? "-" : "none alone";
    absl::StrAppend(&html, "<tr><td class=text>", EscapeHtml(MetricTitle(metric)), "</td><td>",
                    FormatLimit(metric, least, 0), "</td><td>",
                    helps ? FormatLimit(metric, relaxed->second.limit, 0) : unknown, "</td><td>",
                    helps ? ShortNumber(relaxed->second.loss) : "-", "</td></tr>");
  }
  return html + "</table></div>";
}

}  // namespace

std::string RenderExplanation(const Solution& solution, std::optional<int> departures) {
  if (solution.infeasible.has_value()) return InfeasibleTable(*solution.infeasible);
  if (!solution.explanation.has_value()) return "";
  return LimitTable(*solution.explanation, solution.loss, departures) +
         AlternativeTable(*solution.explanation, solution.loss, departures);
}

}  // namespace halftone
