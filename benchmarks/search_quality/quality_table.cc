#include "benchmarks/search_quality/quality_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/html.h"
#include "base/infinity.h"
#include "base/svg_plot.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr double kNear = 1.05;

double Lowest(const QualityRow& row) {
  double lowest = kInfinity;
  for (const auto& divergence : row.divergences) {
    if (divergence.has_value()) lowest = std::min(lowest, *divergence);
  }
  return lowest;
}

bool IsComplete(const QualityRow& row) {
  return std::all_of(row.divergences.begin(), row.divergences.end(),
                     [](const auto& divergence) { return divergence.has_value(); });
}

// How a strategy did over all rows.
struct Summary {
  double geometric_mean = 0;  // over complete rows
  int answered = 0, near = 0;
  double worst = 0;  // most over the row's lowest
};

Summary Summarize(const QualityTable& table, size_t strategy) {
  Summary summary;
  double logarithms = 0;
  int complete = 0;
  for (const QualityRow& row : table.rows) {
    const auto& divergence = row.divergences[strategy];
    if (!divergence.has_value()) continue;
    ++summary.answered;
    const double ratio = *divergence / Lowest(row);
    summary.near += ratio <= kNear ? 1 : 0;
    summary.worst = std::max(summary.worst, ratio);
    if (!IsComplete(row)) continue;
    logarithms += std::log(*divergence);
    ++complete;
  }
  summary.geometric_mean = complete > 0 ? std::exp(logarithms / complete) : 0;
  return summary;
}

// "+4 % (6 %)": how far the last strategy is over the lowest of the others, and the standard error.
std::string OverOthers(const QualityRow& row) {
  std::optional<size_t> lowest;
  for (size_t s = 0; s + 1 < row.divergences.size(); ++s) {
    if (!row.divergences[s].has_value()) continue;
    if (!lowest.has_value() || *row.divergences[s] < *row.divergences[*lowest]) lowest = s;
  }
  if (!lowest.has_value() || !row.divergences.back().has_value()) return "-";
  const double least = *row.divergences[*lowest];
  return absl::StrFormat("%+.0f %% (%.0f %%)", 100 * (*row.divergences.back() / least - 1),
                         100 * row.standard_errors[*lowest] / least);
}

std::string SummaryLines(const QualityTable& table) {
  std::string means = "| geometric mean of the rows that have all columns |",
              near = "| rows lowest or within 5 % |", worst = "| most above the lowest |";
  for (size_t s = 0; s < table.strategies.size(); ++s) {
    const Summary summary = Summarize(table, s);
    absl::StrAppendFormat(&means, " %.4f |", summary.geometric_mean);
    absl::StrAppendFormat(&near, " %d of %d |", summary.near, summary.answered);
    absl::StrAppendFormat(&worst, " %.0f %% |", 100 * (summary.worst - 1));
  }
  return absl::StrCat(means, " |\n", near, " |\n", worst, " |\n");
}

// ---- The plot ----------------------------------------------------------------------------------

constexpr double kPanelWidth = 380, kPanelHeight = 330, kLegend = 150;
constexpr PlotFrame kFrame = {52, 30, kPanelWidth - 12, kPanelHeight - 52};
constexpr const char* kColors[] = {"#8c564b", "#e377c2", "#17becf", "#2ca02c", "#bcbd22", "#9467bd",
                                   "#7f7f7f", "#c49c94", "#ff7f0e", "#aec7e8", "#98df8a"};

std::string StyleOf(const QualityTable& table, size_t strategy) {
  if (table.strategies[strategy] == "refined") return "stroke:var(--m);stroke-width:2.6";
  return absl::StrCat("stroke:", kColors[strategy % std::size(kColors)], ";stroke-width:1.2");
}

// "size" of "size 3": lines join budgets on one metric.
std::string MetricOf(const QualityRow& row) { return row.budget.substr(0, row.budget.find(' ')); }

std::string Panel(const QualityTable& table, const std::vector<const QualityRow*>& rows) {
  std::vector<double> values;
  for (const QualityRow* row : rows) {
    for (const auto& divergence : row->divergences) values.push_back(divergence.value_or(0));
  }
  std::erase_if(values, [](double value) { return value <= 0; });
  const LogAxis y(values, kFrame.bottom, kFrame.top);
  const double step =
      (kFrame.right - kFrame.left - 20) / std::max<double>(1, static_cast<double>(rows.size()) - 1);
  const auto x_of = [&](size_t row) { return kFrame.left + 10 + step * static_cast<double>(row); };
  std::string svg =
      absl::StrCat(DecadesAcross(y, kFrame), PlotText(kFrame.left, 20, "start", rows[0]->network));
  for (size_t r = 0; r < rows.size(); ++r) {
    absl::StrAppendFormat(&svg,
                          "<text transform=\"translate(%.1f %.1f) rotate(-45)\" "
                          "text-anchor=\"end\">%s</text>",
                          x_of(r) + 4, kFrame.bottom + 14, EscapeHtml(rows[r]->budget));
  }
  for (size_t s = 0; s < table.strategies.size(); ++s) {
    std::string path;
    for (size_t r = 0; r < rows.size(); ++r) {
      const auto& divergence = rows[r]->divergences[s];
      if (!divergence.has_value()) continue;
      const bool begins = path.empty() || MetricOf(*rows[r]) != MetricOf(*rows[r - 1]);
      absl::StrAppendFormat(&path, "%c%.1f %.1f", begins ? 'M' : 'L', x_of(r), y.At(*divergence));
    }
    absl::StrAppendFormat(&svg, "<path d=\"%s\" fill=\"none\" style=\"%s\"/>", path,
                          StyleOf(table, s));
  }
  return svg;
}

std::string Legend(const QualityTable& table) {
  std::string svg;
  for (size_t s = 0; s < table.strategies.size(); ++s) {
    const double y = 40 + 20 * static_cast<double>(s);
    absl::StrAppendFormat(&svg, "<path d=\"M0 %.0fL22 %.0f\" style=\"%s\"/>", y - 4, y - 4,
                          StyleOf(table, s));
    absl::StrAppend(&svg, PlotText(28, y, "start", table.strategies[s]));
  }
  return svg;
}

}  // namespace

std::string ToMarkdown(const QualityTable& table) {
  std::string text = absl::StrCat("| network, budget | ", absl::StrJoin(table.strategies, " | "),
                                  " | over the others (standard error) |\n|---|---|");
  for (size_t s = 0; s < table.strategies.size(); ++s) absl::StrAppend(&text, "---|");
  absl::StrAppend(&text, "\n");
  for (const QualityRow& row : table.rows) {
    absl::StrAppend(&text, "| ", row.network, ", ", row.budget, " |");
    for (const auto& divergence : row.divergences) {
      if (!divergence.has_value()) {
        absl::StrAppend(&text, " - |");
      } else if (*divergence == Lowest(row)) {
        absl::StrAppendFormat(&text, " **%.4f** |", *divergence);
      } else {
        absl::StrAppendFormat(&text, " %.4f |", *divergence);
      }
    }
    absl::StrAppend(&text, " ", OverOthers(row), " |\n");
  }
  return absl::StrCat(text, SummaryLines(table));
}

json ToJson(const QualityTable& table) {
  json rows = json::array();
  for (const QualityRow& row : table.rows) {
    json divergences = json::object(), errors = json::object();
    for (size_t s = 0; s < table.strategies.size(); ++s) {
      if (!row.divergences[s].has_value()) continue;
      divergences[table.strategies[s]] = *row.divergences[s];
      errors[table.strategies[s]] = row.standard_errors[s];
    }
    rows.push_back({{"network", row.network},
                    {"budget", row.budget},
                    {"kl", std::move(divergences)},
                    {"standard_error_of_difference", std::move(errors)}});
  }
  return {{"strategies", table.strategies}, {"rows", std::move(rows)}};
}

std::string ToSvg(const QualityTable& table) {
  std::vector<std::vector<const QualityRow*>> panels;
  for (const QualityRow& row : table.rows) {
    if (panels.empty() || panels.back()[0]->network != row.network) panels.emplace_back();
    panels.back().push_back(&row);
  }
  const double width = kPanelWidth * static_cast<double>(panels.size()) + kLegend;
  std::string svg = OpenPlot(width, kPanelHeight,
                             "KL divergence on held-out data by strategy, network and budget");
  for (size_t p = 0; p < panels.size(); ++p) {
    absl::StrAppendFormat(&svg, "<g transform=\"translate(%.0f 0)\">%s</g>",
                          kPanelWidth * static_cast<double>(p), Panel(table, panels[p]));
  }
  absl::StrAppendFormat(&svg, "<g transform=\"translate(%.0f 0)\">%s</g></svg>\n",
                        kPanelWidth * static_cast<double>(panels.size()), Legend(table));
  return svg;
}

}  // namespace halftone
