#include "search/report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/units.h"
#include "search/search_spec.h"

namespace halftone {
namespace {

constexpr char kStyle[] = R"css(
:root{--ink:#1d2330;--soft:#5d6677;--page:#fbfaf7;--card:#fff;--line:#e3e0d8;--mark:#b4481e;
--cool:#28607d;--bar:#d9e4ea}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#a0a7b4;--page:#15181e;--card:#1c2028;
--line:#333a46;--mark:#f08a5d;--cool:#7cc0e0;--bar:#2b3a45}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:36px 0 10px}
p{margin:6px 0}.soft{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:22px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.card b{display:block;font-size:21px;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:13px}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13.5px}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--soft);font-weight:600}tr:last-child td{border-bottom:0}
.text{text-align:left}.tag{background:var(--bar);border-radius:6px;padding:1px 7px}
.warn{border-left:4px solid var(--mark);padding:8px 12px;background:var(--card)}
@media print{.card,.wide{break-inside:avoid}}
)css";

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string Number(double value) { return absl::StrFormat("%.3g", value); }

std::string Percent(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

// A cost in the unit that reads best, by the metric's key in a problem.
std::string FormatCost(absl::string_view key, double value) {
  if (key == "latency_ns") return FormatQuantity(Quantity::kTime, value);
  if (key == "energy_pj") return FormatQuantity(Quantity::kEnergy, value);
  if (key == "bops") return FormatQuantity(Quantity::kCount, value);
  return FormatQuantity(Quantity::kSize, value);
}

std::string MetricTitle(absl::string_view key) {
  if (key == "latency_ns") return "latency";
  if (key == "size_bytes") return "weight bytes";
  if (key == "energy_pj") return "energy";
  if (key == "bops") return "bit operations";
  if (key == "activation_bytes") return "peak activation bytes";
  return std::string(key);
}

std::string Card(absl::string_view title, absl::string_view value, absl::string_view note) {
  return absl::StrCat("<div class=card><span>", Escape(title), "</span><b>", Escape(value),
                      "</b><span>", Escape(note), "</span></div>");
}

const Costs& ShownCost(const SearchResult& result) {
  return result.solution.infeasible.has_value() ? result.solution.infeasible->nearest.cost
                                                : result.solution.cost;
}

std::string CostCards(const SearchResult& result) {
  std::string cards;
  for (const auto& [key, value] : ShownCost(result)) {
    const auto reference = result.reference_cost.find(key);
    if (reference == result.reference_cost.end()) continue;
    const std::string note =
        reference->second > 0
            ? absl::StrFormat("%.2fx of %s in %s", value / reference->second,
                              FormatCost(key, reference->second), result.reference.ToString())
            : "";
    cards += Card(absl::StrCat("predicted ", MetricTitle(key)), FormatCost(key, value), note);
  }
  return cards;
}

std::string MeasuredCards(const SearchResult& result) {
  std::string cards;
  if (result.latency.measured.has_value() && result.latency.reference_measured.has_value()) {
    cards +=
        Card("measured latency", FormatQuantity(Quantity::kTime, *result.latency.measured),
             absl::StrFormat("%.2fx of %s in %s",
                             *result.latency.measured / *result.latency.reference_measured,
                             FormatQuantity(Quantity::kTime, *result.latency.reference_measured),
                             result.reference.ToString()));
  }
  if (!result.evaluation.has_value()) return cards;
  const Evaluation& evaluation = *result.evaluation;
  const std::string on =
      absl::StrCat(evaluation.samples,
                   result.evaluated_on_held_out ? " held-out samples" : " calibration samples");
  if (evaluation.quantized_accuracy.has_value() && evaluation.float_accuracy.has_value()) {
    cards += Card("measured accuracy", Percent(*evaluation.quantized_accuracy),
                  absl::StrCat("float ", Percent(*evaluation.float_accuracy), ", ", on));
  }
  cards += Card("measured KL divergence", Number(evaluation.kl),
                absl::StrFormat("SQNR %.1f dB", evaluation.sqnr_db));
  return cards;
}

std::string StatusText(const SearchResult& result) {
  const Solution& solution = result.solution;
  switch (solution.status) {
    case Solution::Status::kOptimal:
      return "proven optimal";
    case Solution::Status::kFeasible:
      return absl::StrFormat("within %.2f %% of the optimum", 100 * solution.gap);
    case Solution::Status::kInfeasible:
      break;
  }
  return absl::StrCat("the budgets cannot be met (",
                      absl::StrJoin(solution.infeasible.has_value() ? solution.infeasible->conflict
                                                                    : std::vector<std::string>(),
                                    ", "),
                      "); shown is the nearest assignment");
}

std::string Header(const SearchResult& result) {
  const Solution& solution = result.solution;
  const std::string name = result.model_name.empty() ? "network" : result.model_name;
  std::string html = absl::StrCat("<h1>", Escape(name), " on ", Escape(result.target),
                                  "</h1><p class=soft>", Escape(StatusText(result)), "</p>");
  html += "<div class=cards>";
  if (solution.status != Solution::Status::kInfeasible) {
    html += Card(
        "predicted loss", Number(solution.loss),
        absl::StrCat("lower bound ", Number(solution.lower_bound), ", gap ", Number(solution.gap)));
  }
  html += CostCards(result) + MeasuredCards(result) + "</div>";
  return html;
}

std::string LayerRow(const LayerResult& layer) {
  const std::string executed = layer.executed_as == layer.precision
                                   ? ""
                                   : absl::StrCat(" as ", layer.executed_as.ToString());
  return absl::StrCat(
      "<tr><td class=text>", Escape(layer.name), "</td><td class=text>", Escape(layer.op),
      "</td><td class=text><span class=tag>", Escape(layer.precision.ToString()), "</span>",
      Escape(executed), "</td><td>", Number(layer.loss), " &plusmn; ", Number(layer.loss_stderr),
      "</td><td>", FormatQuantity(Quantity::kTime, layer.reference_latency_ns), "</td><td>",
      FormatQuantity(Quantity::kTime, layer.latency_ns), "</td><td>",
      FormatQuantity(Quantity::kSize, layer.weight_bytes), "</td><td class=text>",
      Escape(layer.tie_group), "</td><td class=text>", Escape(layer.implementation),
      layer.warning.empty() ? "" : absl::StrCat(" &#9888; ", Escape(layer.warning)), "</td></tr>");
}

std::string LayerTable(const SearchResult& result) {
  std::string html = absl::StrCat(
      "<h2>Layers</h2><div class=wide><table><tr><th class=text>layer<th class=text>op"
      "<th class=text>precision<th>loss<th>",
      Escape(result.reference.ToString()),
      "<th>latency<th>weights<th class=text>tied as<th class=text>implementation</tr>");
  for (const LayerResult& layer : result.layers) html += LayerRow(layer);
  return html + "</table></div>";
}

std::string Budgets(const SearchResult& result) {
  if (result.problem.budgets.empty()) return "";
  std::string html =
      "<h2>Budgets</h2><div class=wide><table><tr><th class=text>metric<th>limit<th>used</tr>";
  for (const auto& [key, limit] : result.problem.budgets) {
    const auto used = ShownCost(result).find(key);
    html += absl::StrCat("<tr><td class=text>", Escape(MetricTitle(key)), "</td><td>",
                         FormatCost(key, limit), "</td><td>",
                         used == ShownCost(result).end() ? "" : FormatCost(key, used->second),
                         "</td></tr>");
  }
  return html + "</table></div>";
}

std::string Origins(const SearchResult& result) {
  const DeviceInfo& device = result.device;
  std::string threads = device.threads > 0 ? absl::StrCat(device.threads, " threads") : "";
  std::string html =
      absl::StrCat("<h2>Where the numbers come from</h2><p>Costs: ", Escape(result.target), ", ",
                   Escape(device.name), ", ", Escape(device.isa), ", ", Escape(device.library), " ",
                   Escape(threads), ".</p>");
  html +=
      "<p>Losses: predicted divergence of the network's output, one layer at a time, with one "
      "standard error. The search minimizes their sum.</p>";
  for (const std::string& warning : result.warnings) {
    html += absl::StrCat("<p class=warn>", Escape(warning), "</p>");
  }
  return html;
}

}  // namespace

std::string RenderReport(const SearchResult& result) {
  std::string html = absl::StrCat(
      "<!doctype html><html lang=en><meta charset=utf-8>"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>Halftone: ",
      Escape(result.model_name), "</title><style>", kStyle, "</style><main>", Header(result));
  const std::string frontier =
      RenderFrontier(result.solution, result.problem.frontier, result.problem.budgets);
  if (!frontier.empty()) {
    html += absl::StrCat("<h2>Loss against ", Escape(MetricTitle(result.problem.frontier)), "</h2>",
                         frontier);
  }
  return absl::StrCat(html, LayerTable(result), Budgets(result), Origins(result),
                      "</main></html>\n");
}

}  // namespace halftone
