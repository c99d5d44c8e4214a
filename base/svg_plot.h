#ifndef HALFTONE_BASE_SVG_PLOT_H_
#define HALFTONE_BASE_SVG_PLOT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace halftone {

// What plots have in common: SVG that stands alone, on light and dark screens and in print. Its
// style has the colours --i ink, --s soft ink, --b background, --g grid, --m mark, --c cool.
// Lengths are in the picture's own units, from its left upper corner.

// The rectangle that axes enclose.
struct PlotFrame {
  double left = 0, top = 0, right = 0, bottom = 0;
};

// A logarithmic axis over the whole decades of its values, from `begin` to `end` in the picture.
class LogAxis {
 public:
  // Values that are not above 0, or that lie more than nine decades below the largest, are at the
  // axis' begin, and infinite ones at its end.
  LogAxis(absl::Span<const double> values, double begin, double end);

  double At(double value) const;
  int low() const { return low_; }  // exponents of its ends
  int high() const { return high_; }

 private:
  double begin_, end_;
  int low_ = 0, high_ = 1;
};

// "<svg ...>" with style and background, to be closed with "</svg>". `label` tells what it shows.
std::string OpenPlot(double width, double height, absl::string_view label);

// Lines across the frame at an axis' decades, and "1e3" beside them.
std::string DecadesAcross(const LogAxis& y, const PlotFrame& frame);
std::string DecadesUpward(const LogAxis& x, const PlotFrame& frame);

// Plain text; `anchor` is "start", "middle" or "end".
std::string PlotText(double x, double y, absl::string_view anchor, absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_BASE_SVG_PLOT_H_
