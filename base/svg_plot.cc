#include "base/svg_plot.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/html.h"
#include "base/infinity.h"

namespace halftone {
namespace {

// What an axis shows at most: what lies below is nothing.
constexpr int kMaxDecades = 9;

constexpr char kPlotStyle[] =
    "<style>.ht{--i:#1d2330;--s:#5d6677;--b:#fff;--g:#e3e0d8;--m:#b4481e;--c:#28607d;"
    "font:13px system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){.ht{--i:#e8e6e1;--s:#a0a7b4;--b:#1c2028;--g:#333a46;"
    "--m:#f08a5d;--c:#7cc0e0}}.ht text{fill:var(--s)}.ht .g{stroke:var(--g)}</style>";

}  // namespace

LogAxis::LogAxis(absl::Span<const double> values, double begin, double end)
    : begin_(begin), end_(end) {
  double least = kInfinity, most = 0;
  for (const double value : values) {
    if (!(value > 0) || std::isinf(value)) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (most == 0) least = most = 1;
  high_ = static_cast<int>(std::ceil(std::log10(most)));
  low_ = static_cast<int>(std::floor(std::log10(least)));
  low_ = std::max(std::min(low_, high_ - 1), high_ - kMaxDecades);
}

double LogAxis::At(double value) const {
  const double exponent = value > 0 ? std::clamp<double>(std::log10(value), low_, high_) : low_;
  return begin_ + (end_ - begin_) * (exponent - low_) / (high_ - low_);
}

std::string OpenPlot(double width, double height, absl::string_view label) {
  return absl::StrCat(absl::StrFormat("<svg class=\"ht\" xmlns=\"http://www.w3.org/2000/svg\" "
                                      "viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
                                      width, height),
                      EscapeHtml(label), "\">", kPlotStyle,
                      "<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"var(--b)\"/>");
}

std::string DecadesAcross(const LogAxis& y, const PlotFrame& frame) {
  std::string svg;
  for (int exponent = y.low(); exponent <= y.high(); ++exponent) {
    const double at = y.At(std::pow(10, exponent));
    absl::StrAppendFormat(&svg, "<path class=\"g\" d=\"M%.1f %.1fH%.1f\"/>", frame.left, at,
                          frame.right);
    svg += PlotText(frame.left - 7, at + 4, "end", absl::StrCat("1e", exponent));
  }
  return svg;
}

std::string DecadesUpward(const LogAxis& x, const PlotFrame& frame) {
  std::string svg;
  for (int exponent = x.low(); exponent <= x.high(); ++exponent) {
    const double at = x.At(std::pow(10, exponent));
    absl::StrAppendFormat(&svg, "<path class=\"g\" d=\"M%.1f %.1fV%.1f\"/>", at, frame.top,
                          frame.bottom);
    svg += PlotText(at, frame.bottom + 17, "middle", absl::StrCat("1e", exponent));
  }
  return svg;
}

std::string PlotText(double x, double y, absl::string_view anchor, absl::string_view text) {
  return absl::StrCat(absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"", x, y), anchor,
                      "\">", EscapeHtml(text), "</text>");
}

}  // namespace halftone
