#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/html.h"
#include "base/svg_plot.h"
#include "search/crosscheck/crosscheck_report.h"

namespace halftone {
namespace {

constexpr size_t kColumns = 3;
constexpr double kPanelWidth = 320, kPanelHeight = 300;
constexpr double kLeft = 56, kRight = 14, kTop = 34, kBottom = 44;
constexpr PlotFrame kFrame = {kLeft, kTop, kPanelWidth - kRight, kPanelHeight - kBottom};

// One estimator's predictions. Borrows them.
class Panel {
 public:
  Panel(const EstimatorScore& score, absl::Span<const double> measured)
      : score_(score),
        measured_(measured),
        x_(measured, kFrame.left, kFrame.right),
        y_(score.predicted, kFrame.bottom, kFrame.top) {}

  std::string Render(double left, double top) const {
    return absl::StrCat(absl::StrFormat("<g transform=\"translate(%.0f %.0f)\">", left, top),
                        Title(), DecadesUpward(x_, kFrame), DecadesAcross(y_, kFrame), Equality(),
                        Dots(), "</g>");
  }

 private:
  std::string Title() const {
    const std::string correlation =
        score_.spearman.has_value() ? absl::StrFormat(" (Spearman %.3f)", *score_.spearman) : "";
    return absl::StrFormat(
        "<text x=\"%.0f\" y=\"20\" style=\"fill:var(--i)\">%s%s</text>"
        "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">measured</text>",
        kLeft, EscapeHtml(score_.name), correlation, kPanelWidth - kRight, kPanelHeight - 8);
  }

  // Where the prediction equals what was measured.
  std::string Equality() const {
    const double low = std::max(x_.low(), y_.low()), high = std::min(x_.high(), y_.high());
    if (!score_.predicts_divergence || low >= high) return "";
    const double from = std::pow(10, low), to = std::pow(10, high);
    return absl::StrFormat(
        "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"var(--m)\" stroke-dasharray=\"5 4\"/>",
        x_.At(from), y_.At(from), x_.At(to), y_.At(to));
  }

  std::string Dots() const {
    std::string svg = "<g fill=\"var(--c)\" fill-opacity=\"0.75\">";
    for (size_t i = 0; i < measured_.size(); ++i) {
      absl::StrAppendFormat(&svg,
                            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"><title>measured %.3g, "
                            "predicted %.3g</title></circle>",
                            x_.At(measured_[i]), y_.At(score_.predicted[i]), measured_[i],
                            score_.predicted[i]);
    }
    return svg + "</g>";
  }

  const EstimatorScore& score_;
  const absl::Span<const double> measured_;
  LogAxis x_, y_;
};

}  // namespace

std::string RenderScatter(const CrosscheckResult& result) {
  std::vector<double> measured;
  for (const MeasuredAssignment& assignment : result.assignments) {
    measured.push_back(assignment.divergence);
  }
  std::vector<Panel> panels;
  for (const EstimatorScore& score : result.estimators) {
    if (score.predicted.size() == measured.size()) panels.emplace_back(score, measured);
  }
  const size_t columns = std::clamp<size_t>(panels.size(), 1, kColumns);
  const size_t rows = std::max<size_t>(1, (panels.size() + columns - 1) / columns);
  std::string svg =
      OpenPlot(kPanelWidth * static_cast<double>(columns), kPanelHeight * static_cast<double>(rows),
               "Predicted against measured divergence");
  for (size_t i = 0; i < panels.size(); ++i) {
    const size_t row = i / columns;
    svg += panels[i].Render(kPanelWidth * static_cast<double>(i % columns),
                            kPanelHeight * static_cast<double>(row));
  }
  return svg + "</svg>";
}

}  // namespace halftone
