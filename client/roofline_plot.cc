#include "client/roofline_plot.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/html.h"
#include "base/status_macros.h"
#include "base/svg_plot.h"
#include "base/units.h"
#include "client/json_values.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr double kWidth = 900, kHeight = 470;
constexpr PlotFrame kFrame = {64, 40, kWidth - 190, kHeight - 52};
constexpr double kLegendLine = 20;
// Readable on light and dark ground; precisions beyond them begin anew.
constexpr const char* kColors[] = {"#2f7fb5", "#d0672e", "#4c9a52", "#a05fb4",
                                   "#b8901f", "#c2476b", "#3d9ea3", "#7d7f8c"};

const char* ColorOf(size_t index) { return kColors[index % std::size(kColors)]; }

struct Roof {
  std::string precision;
  double operations_per_second = 0;
};

struct Point {
  std::string layer, bound;
  size_t roof = 0;
  double operations_per_byte = 0, operations_per_second = 0, utilization = 0;
};

// What a profile tells of a target's roofs and its layers' places under them.
struct Roofs {
  std::string target;
  double bytes_per_second = 0;
  std::vector<Roof> roofs;
  std::vector<Point> points;

  // Where the roof's slope ends.
  double RidgeOf(const Roof& roof) const { return roof.operations_per_second / bytes_per_second; }
};

void AddPoint(const json& row, Roofs& roofs) {
  Point point;
  point.layer = TextIn(row, "name");
  point.bound = TextIn(row, "bound");
  const std::string precision = TextIn(row, "precision");
  const double operations = NumberOrZero(row, "operations");
  const double bytes = NumberOrZero(row, "memory_bytes"),
               latency_ns = NumberOrZero(row, "latency_ns");
  const auto roof = std::find_if(roofs.roofs.begin(), roofs.roofs.end(),
                                 [&](const Roof& other) { return other.precision == precision; });
  if (roof == roofs.roofs.end() || operations <= 0 || bytes <= 0 || latency_ns <= 0) return;
  point.roof = static_cast<size_t>(roof - roofs.roofs.begin());
  point.operations_per_byte = operations / bytes;
  point.operations_per_second = operations / latency_ns * 1e9;
  point.utilization = NumberOrZero(row, "utilization");
  roofs.points.push_back(std::move(point));
}

absl::Status TellsNoPeaks(const std::string& target) {
  return absl::InvalidArgumentError(
      absl::StrCat("target '", target, "' tells no peaks: only simulated ones have a roofline"));
}

absl::StatusOr<Roofs> ReadRoofs(const json& profile) {
  Roofs roofs;
  roofs.target = TextIn(profile, "target");
  if (!profile.contains("roofline") || !profile["roofline"].is_object()) {
    return TellsNoPeaks(roofs.target);
  }
  roofs.bytes_per_second = NumberOrZero(profile["roofline"], "memory_bytes_per_second");
  for (const json& roof : ListIn(profile["roofline"], "roofs")) {
    roofs.roofs.push_back({TextIn(roof, "precision"), NumberOrZero(roof, "operations_per_second")});
  }
  for (const json& row : ListIn(profile, "layers")) AddPoint(row, roofs);
  if (roofs.bytes_per_second > 0 && !roofs.roofs.empty() && !roofs.points.empty()) return roofs;
  return absl::InvalidArgumentError(
      absl::StrCat("the profile of target '", roofs.target, "' has no points under its roofs"));
}

class Plot {
 public:
  explicit Plot(const Roofs& roofs)
      : roofs_(roofs),
        x_(Intensities(roofs), kFrame.left, kFrame.right),
        y_(Rates(roofs), kFrame.bottom, kFrame.top) {}

  std::string Render() const {
    std::string svg = absl::StrCat(
        OpenPlot(kWidth, kHeight, absl::StrCat("Roofline of ", roofs_.target)),
        PlotText(kFrame.left, 22, "start",
                 absl::StrCat("operations per second, ", roofs_.target, ", ",
                              FormatQuantity(Quantity::kSize, roofs_.bytes_per_second), "/s")),
        PlotText(kFrame.right, kHeight - 12, "end", "operations per byte"),
        DecadesUpward(x_, kFrame), DecadesAcross(y_, kFrame));
    for (size_t i = 0; i < roofs_.roofs.size(); ++i) svg += RoofLine(i);
    for (const Point& point : roofs_.points) svg += Dot(point);
    return svg + "</svg>";
  }

 private:
  static std::vector<double> Intensities(const Roofs& roofs) {
    std::vector<double> values;
    for (const Point& point : roofs.points) values.push_back(point.operations_per_byte);
    for (const Roof& roof : roofs.roofs) values.push_back(roofs.RidgeOf(roof));
    return values;
  }
  static std::vector<double> Rates(const Roofs& roofs) {
    std::vector<double> values;
    for (const Point& point : roofs.points) values.push_back(point.operations_per_second);
    for (const Roof& roof : roofs.roofs) values.push_back(roof.operations_per_second);
    return values;
  }

  // The slope of the memory up to the ridge, the peak from there, and the legend's line.
  std::string RoofLine(size_t index) const {
    const Roof& roof = roofs_.roofs[index];
    const double ridge = roofs_.RidgeOf(roof);
    const double peak_y = y_.At(roof.operations_per_second);
    // Both axes are logarithmic, with decades of different lengths: the slope is a line all the
    // same.
    const double foot =
        std::max(std::pow(10, x_.low()), std::pow(10, y_.low()) / roofs_.bytes_per_second);
    const double legend_y = kFrame.top + 10 + kLegendLine * static_cast<double>(index);
    return absl::StrCat(
        absl::StrFormat("<path d=\"M%.1f %.1fL%.1f %.1fH%.1f\" fill=\"none\" stroke=\"%s\" "
                        "stroke-width=\"2\"/>",
                        x_.At(foot), y_.At(foot * roofs_.bytes_per_second), x_.At(ridge), peak_y,
                        kFrame.right, ColorOf(index)),
        absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\"/>", kFrame.right + 18,
                        legend_y - 4, ColorOf(index)),
        PlotText(
            kFrame.right + 30, legend_y, "start",
            absl::StrCat(roof.precision, "  ",
                         FormatQuantity(Quantity::kCount, roof.operations_per_second), "op/s")));
  }

  std::string Dot(const Point& point) const {
    return absl::StrFormat(
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\" fill-opacity=\"0.8\"><title>%s, %s: "
        "%s op/byte, %sop/s, %.1f %% of the peak, bound by %s</title></circle>",
        x_.At(point.operations_per_byte), y_.At(point.operations_per_second), ColorOf(point.roof),
        EscapeHtml(point.layer), EscapeHtml(roofs_.roofs[point.roof].precision),
        ShortNumber(point.operations_per_byte),
        FormatQuantity(Quantity::kCount, point.operations_per_second), 100 * point.utilization,
        EscapeHtml(point.bound));
  }

  const Roofs& roofs_;
  LogAxis x_, y_;
};

std::string PointsTable(const Roofs& roofs) {
  std::string html =
      "<div class=wide><table><tr><th class=text>layer<th class=text>precision<th>op/byte<th>op/s"
      "<th>of the peak<th class=text>bound by</tr>";
  for (const Point& point : roofs.points) {
    absl::StrAppend(&html, "<tr><td class=text>", EscapeHtml(point.layer), "<td class=text>",
                    EscapeHtml(roofs.roofs[point.roof].precision), "<td>",
                    ShortNumber(point.operations_per_byte), "<td>",
                    FormatQuantity(Quantity::kCount, point.operations_per_second), "<td>",
                    absl::StrFormat("%.1f %%", 100 * point.utilization), "<td class=text>",
                    EscapeHtml(point.bound), "</tr>");
  }
  return html + "</table></div>";
}

}  // namespace

absl::Status CheckRoofline(const std::string& path, const std::string& target) {
  if (path.empty()) return absl::OkStatus();
  if (!absl::EndsWith(path, ".svg") && !absl::EndsWith(path, ".html")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--roofline: '", path, "' must end in .svg or .html"));
  }
  return target == "cpu" ? TellsNoPeaks(target) : absl::OkStatus();
}

absl::StatusOr<std::string> RooflineSvg(const json& profile) {
  HT_ASSIGN_OR_RETURN(const Roofs roofs, ReadRoofs(profile));
  return Plot(roofs).Render();
}

absl::StatusOr<std::string> RooflinePage(const json& profile) {
  HT_ASSIGN_OR_RETURN(const Roofs roofs, ReadRoofs(profile));
  const std::string title = absl::StrCat("Roofline of ", roofs.target);
  return RenderPage(title, absl::StrCat("<h1>", EscapeHtml(title), "</h1><p>", Plot(roofs).Render(),
                                        "</p>", PointsTable(roofs)));
}

}  // namespace halftone
