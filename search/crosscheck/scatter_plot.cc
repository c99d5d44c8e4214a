#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "search/crosscheck/crosscheck_report.h"
#include "search/html.h"

namespace halftone {
namespace {

constexpr size_t kColumns = 3;
constexpr double kPanelWidth = 320, kPanelHeight = 300;
constexpr double kLeft = 56, kRight = 14, kTop = 34, kBottom = 44;
// What an axis shows at most: what lies below is nothing.
constexpr double kMaxDecades = 9;

// A logarithmic axis over whole decades, from `begin` to `end` in the panel.
class LogAxis {
 public:
  LogAxis(absl::Span<const double> values, double begin, double end) : begin_(begin), end_(end) {
    double least = INFINITY, most = 0;
    for (const double value : values) {
      if (value <= 0) continue;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    if (most == 0) least = most = 1;
    high_ = std::ceil(std::log10(most));
    low_ = std::max(std::min(std::floor(std::log10(least)), high_ - 1), high_ - kMaxDecades);
  }

  double At(double value) const {
    const double exponent = value > 0 ? std::clamp(std::log10(value), low_, high_) : low_;
    return begin_ + (end_ - begin_) * (exponent - low_) / (high_ - low_);
  }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double begin_, end_, low_ = 0, high_ = 1;
};

// One estimator's predictions. Borrows them.
class Panel {
 public:
  Panel(const EstimatorScore& score, absl::Span<const double> measured)
      : score_(score),
        measured_(measured),
        x_(measured, kLeft, kPanelWidth - kRight),
        y_(score.predicted, kPanelHeight - kBottom, kTop) {}

  std::string Render(double left, double top) const {
    return absl::StrCat(absl::StrFormat("<g transform=\"translate(%.0f %.0f)\">", left, top),
                        Title(), Grid(), Equality(), Dots(), "</g>");
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

  std::string Grid() const {
    std::string svg;
    for (double exponent = x_.low(); exponent <= x_.high(); exponent += 1) {
      const double x = x_.At(std::pow(10, exponent));
      absl::StrAppendFormat(&svg, "<path class=\"g\" d=\"M%.1f %.1fV%.1f\"/>", x, kTop,
                            kPanelHeight - kBottom);
      absl::StrAppendFormat(&svg,
                            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">1e%.0f</text>", x,
                            kPanelHeight - kBottom + 17, exponent);
    }
    for (double exponent = y_.low(); exponent <= y_.high(); exponent += 1) {
      const double y = y_.At(std::pow(10, exponent));
      absl::StrAppendFormat(&svg, "<path class=\"g\" d=\"M%.1f %.1fH%.1f\"/>", kLeft, y,
                            kPanelWidth - kRight);
      absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">1e%.0f</text>",
                            kLeft - 6, y + 4, exponent);
    }
    return svg;
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
  std::string svg = absl::StrFormat(
      "<svg class=\"ht\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
      "role=\"img\" aria-label=\"Predicted against measured divergence\">",
      kPanelWidth * static_cast<double>(columns), kPanelHeight * static_cast<double>(rows));
  absl::StrAppend(&svg, kPlotStyle,
                  "<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"var(--b)\"/>");
  for (size_t i = 0; i < panels.size(); ++i) {
    svg += panels[i].Render(kPanelWidth * static_cast<double>(i % columns),
                            kPanelHeight * static_cast<double>(i / columns));
  }
  return svg + "</svg>";
}

}  // namespace halftone
