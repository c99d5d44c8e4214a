#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/units.h"
#include "search/html.h"
#include "search/report.h"

namespace halftone {
namespace {

constexpr double kWidth = 900, kHeight = 420;
constexpr double kLeft = 78, kRight = 24, kTop = 22, kBottom = 52;

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

// Maps costs linearly and losses logarithmically to the plane. Losses of zero lie on the bottom.
class Plane {
 public:
  explicit Plane(const std::vector<Point>& points) {
    min_cost_ = max_cost_ = points[0].cost;
    double smallest = INFINITY, largest = 0;
    for (const Point& point : points) {
      min_cost_ = std::min(min_cost_, point.cost);
      max_cost_ = std::max(max_cost_, point.cost);
      largest = std::max(largest, point.loss);
      if (point.loss > 0) smallest = std::min(smallest, point.loss);
    }
    if (!std::isfinite(smallest)) smallest = largest = 1;
    low_ = std::floor(std::log10(smallest));
    high_ = std::max(low_ + 1, std::ceil(std::log10(largest)));
    // Everything from 1e-9 of the largest loss down is nothing.
    low_ = std::max(low_, high_ - 9);
    const double margin = 0.04 * std::max(max_cost_ - min_cost_, 1e-9 * std::fabs(max_cost_));
    min_cost_ -= margin;
    max_cost_ += margin;
  }

  double X(double cost) const {
    return kLeft + (kWidth - kLeft - kRight) * (cost - min_cost_) / (max_cost_ - min_cost_);
  }
  double Y(double loss) const {
    const double exponent = loss > 0 ? std::clamp(std::log10(loss), low_, high_) : low_;
    return kTop + (kHeight - kTop - kBottom) * (high_ - exponent) / (high_ - low_);
  }
  double low() const { return low_; }
  double high() const { return high_; }
  double min_cost() const { return min_cost_; }
  double max_cost() const { return max_cost_; }

 private:
  double min_cost_ = 0, max_cost_ = 1, low_ = -1, high_ = 0;
};

std::string Axes(const Plane& plane, const std::string& metric) {
  std::string svg;
  const double right = kWidth - kRight, bottom = kHeight - kBottom;
  for (double exponent = plane.low(); exponent <= plane.high(); exponent += 1) {
    const double y = plane.Y(std::pow(10, exponent));
    absl::StrAppendFormat(&svg, "<path class=\"g\" d=\"M%.1f %.1fH%.1f\"/>", kLeft, y, right);
    absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">1e%.0f</text>",
                          kLeft - 8, y + 4, exponent);
  }
  constexpr int kTicks = 6;
  for (int i = 0; i < kTicks; ++i) {
    const double cost = plane.min_cost() + (plane.max_cost() - plane.min_cost()) * i / (kTicks - 1);
    absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>",
                          plane.X(cost), bottom + 20, FormatMetric(metric, cost));
  }
  absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\">predicted loss</text>", kLeft, 14.0);
  return svg;
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
                          x, kTop, kHeight - kBottom, x, kHeight - 12,
                          FormatMetric(metric, budget->second));
  }
  if (solution.status != Solution::Status::kInfeasible) {
    absl::StrAppendFormat(&svg,
                          "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"7\" fill=\"none\" "
                          "stroke=\"var(--m)\" stroke-width=\"3\"><title>chosen</title></circle>",
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
  return absl::StrCat(absl::StrFormat("<svg class=\"ht\" xmlns=\"http://www.w3.org/2000/svg\" "
                                      "viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
                                      "aria-label=\"Frontier of loss against cost\">",
                                      kWidth, kHeight),
                      kPlotStyle,
                      "<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"var(--b)\"/>",
                      Axes(plane, metric), Staircase(plane, points), Dots(plane, points, metric),
                      Marks(plane, solution, metric, budgets), "</svg>");
}

}  // namespace halftone
