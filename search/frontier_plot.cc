#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/svg_plot.h"
#include "base/units.h"
#include "search/report.h"

namespace halftone {
namespace {

constexpr double kWidth = 900, kHeight = 420;
constexpr PlotFrame kFrame = {78, 22, kWidth - 24, kHeight - 52};

struct Point {
  double cost = 0, loss = 0;
};

double CostOf(const Costs& costs, const std::string& metric) {
  const auto found = costs.find(metric);
  return found == costs.end() ? 0 : found->second;
}

std::string FormatMetric(const std::string& metric, double value) {
  const Quantity quantity = metric == "latency_ns"  ? Quantity::kTime
                            : metric == "energy_pj" ? Quantity::kEnergy
                            : metric == "bops"      ? Quantity::kCount
                                                    : Quantity::kSize;
  return FormatQuantity(quantity, value);
}

std::vector<double> LossesOf(const std::vector<Point>& points) {
  std::vector<double> losses;
  for (const Point& point : points) losses.push_back(point.loss);
  return losses;
}

// Maps costs linearly and losses logarithmically to the plane. Losses of zero lie on the bottom.
class Plane {
 public:
  explicit Plane(const std::vector<Point>& points)
      : losses_(LossesOf(points), kFrame.bottom, kFrame.top) {
    min_cost_ = max_cost_ = points[0].cost;
    for (const Point& point : points) {
      min_cost_ = std::min(min_cost_, point.cost);
      max_cost_ = std::max(max_cost_, point.cost);
    }
    const double margin = 0.04 * std::max(max_cost_ - min_cost_, 1e-9 * std::fabs(max_cost_));
    min_cost_ -= margin;
    max_cost_ += margin;
  }

  double X(double cost) const {
    return kFrame.left +
           (kFrame.right - kFrame.left) * (cost - min_cost_) / (max_cost_ - min_cost_);
  }
  double Y(double loss) const { return losses_.At(loss); }
  const LogAxis& losses() const { return losses_; }
  double min_cost() const { return min_cost_; }
  double max_cost() const { return max_cost_; }

 private:
  LogAxis losses_;
  double min_cost_ = 0, max_cost_ = 1;
};

std::string Axes(const Plane& plane, const std::string& metric) {
  std::string svg = DecadesAcross(plane.losses(), kFrame);
  constexpr int kTicks = 6;
  for (int i = 0; i < kTicks; ++i) {
    const double cost = plane.min_cost() + (plane.max_cost() - plane.min_cost()) * i / (kTicks - 1);
    svg += PlotText(plane.X(cost), kFrame.bottom + 20, "middle", FormatMetric(metric, cost));
  }
  return svg + PlotText(kFrame.left, 14, "start", "predicted loss");
}

// The frontier is a staircase: between two points nothing better than the cheaper one is known.
std::string Staircase(const Plane& plane, const std::vector<Point>& points) {
  std::string path;
  for (size_t i = 0; i < points.size(); ++i) {
    if (i == 0) {
      absl::StrAppendFormat(&path, "M%.2f %.2f", plane.X(points[i].cost), plane.Y(points[i].loss));
    } else {
      absl::StrAppendFormat(&path, "H%.2fV%.2f", plane.X(points[i].cost), plane.Y(points[i].loss));
    }
  }
  return absl::StrCat("<path d=\"", path,
                      "\" fill=\"none\" stroke=\"var(--c)\" stroke-width=\"2\"/>");
}

std::string Dots(const Plane& plane, const std::vector<Point>& points, const std::string& metric) {
  std::string svg;
  for (const Point& point : points) {
    absl::StrAppendFormat(&svg,
                          "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%s\" fill=\"var(--c)\"><title>%s, "
                          "loss %.3g</title></circle>",
                          plane.X(point.cost), plane.Y(point.loss),
                          points.size() > 120 ? "1.6" : "3", FormatMetric(metric, point.cost),
                          point.loss);
  }
  return svg;
}

std::string Marks(const Plane& plane, const Solution& solution, const std::string& metric,
                  const std::map<std::string, double>& budgets) {
  std::string svg;
  const auto budget = budgets.find(metric);
  if (budget != budgets.end() && budget->second >= plane.min_cost() &&
      budget->second <= plane.max_cost()) {
    const double x = plane.X(budget->second);
    absl::StrAppendFormat(&svg,
                          "<path d=\"M%.2f %.1fV%.1f\" stroke=\"var(--m)\" "
                          "stroke-dasharray=\"5 4\"/><text x=\"%.2f\" y=\"%.1f\" "
                          "text-anchor=\"middle\">budget %s</text>",
                          x, kFrame.top, kFrame.bottom, x, kHeight - 12,
                          FormatMetric(metric, budget->second));
  }
  if (solution.status != Solution::Status::kInfeasible) {
    absl::StrAppendFormat(
        &svg,
        "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"7\" fill=\"none\" "
        "stroke=\"var(--m)\" stroke-width=\"3\"><title>the model's optimum</title></circle>",
        plane.X(CostOf(solution.cost, metric)), plane.Y(solution.loss));
  }
  return svg;
}

}  // namespace

std::string RenderFrontier(const Solution& solution, const std::string& metric,
                           const std::map<std::string, double>& budgets) {
  if (solution.frontier.size() < 2) return "";
  std::vector<Point> points;
  for (const FrontierPoint& point : solution.frontier) {
    points.push_back({CostOf(point.cost, metric), point.loss});
  }
  std::vector<Point> all = points;
  if (solution.status != Solution::Status::kInfeasible) {
    all.push_back({CostOf(solution.cost, metric), solution.loss});
  }
  const Plane plane(all);
  return absl::StrCat(OpenPlot(kWidth, kHeight, "Frontier of loss against cost"),
                      Axes(plane, metric), Staircase(plane, points), Dots(plane, points, metric),
                      Marks(plane, solution, metric, budgets), "</svg>");
}

}  // namespace halftone
