#include "profilers/design_space.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr size_t kMaxText = 4096;
constexpr char kRange[] = "..";

bool IsConstraint(absl::string_view part) {
  return absl::StrContains(part, "<=") || absl::StrContains(part, ">=");
}

bool IsAxis(absl::string_view part) {
  return absl::StrContains(part, kRange) || absl::StrContains(part, ',');
}

absl::Status Malformed(absl::string_view part, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("target parameter ", Quoted(part), ": ", problem));
}

absl::StatusOr<double> ParseNumber(absl::string_view part, absl::string_view text) {
  double value = 0;
  if (absl::SimpleAtod(text, &value) && std::isfinite(value)) return value;
  return Malformed(part, absl::StrCat(Quoted(text), " is not a finite number"));
}

std::string NumberText(double value) { return absl::StrFormat("%.15g", value); }

absl::StatusOr<std::vector<std::string>> PowersOfTwo(absl::string_view part, double from,
                                                     double to) {
  if (from <= 0) return Malformed(part, "powers of two are above 0; give a step, as in 0..8:2");
  std::vector<std::string> values;
  for (double value = std::exp2(std::ceil(std::log2(from))); value <= to; value *= 2) {
    values.push_back(NumberText(value));
  }
  return values;
}

absl::StatusOr<std::vector<std::string>> Steps(absl::string_view part, double from, double to,
                                               double step) {
  if (step <= 0) return Malformed(part, "the step must be above 0");
  const double last = std::floor((to - from) / step * (1 + 1e-12));
  if (last >= static_cast<double>(DesignSpace::kMaxEnumerated)) {
    return Malformed(part, absl::StrCat("has more than ", DesignSpace::kMaxEnumerated, " values"));
  }
  std::vector<std::string> values;
  for (double i = 0; i <= last; ++i) values.push_back(NumberText(from + i * step));
  return values;
}

// "8..64" or "8..64:8".
absl::StatusOr<std::vector<std::string>> ParseRange(absl::string_view part,
                                                    absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(text, absl::MaxSplits(kRange, 1));
  const std::vector<absl::string_view> upper = absl::StrSplit(ends.second, ':');
  if (upper.size() > 2) return Malformed(part, "a range is written as 8..64 or 8..64:8");
  HT_ASSIGN_OR_RETURN(const double from, ParseNumber(part, ends.first));
  HT_ASSIGN_OR_RETURN(const double to, ParseNumber(part, upper[0]));
  if (from > to) return Malformed(part, "the range ends before it begins");
  if (upper.size() == 1) return PowersOfTwo(part, from, to);
  HT_ASSIGN_OR_RETURN(const double step, ParseNumber(part, upper[1]));
  return Steps(part, from, to, step);
}

absl::StatusOr<DesignSpace::Axis> ParseAxis(absl::string_view part) {
  const std::pair<std::string, std::string> sides = absl::StrSplit(part, absl::MaxSplits('=', 1));
  DesignSpace::Axis axis;
  axis.parameter = sides.first;
  for (const absl::string_view element : absl::StrSplit(sides.second, ',')) {
    if (!absl::StrContains(element, kRange)) {
      if (element.empty()) return Malformed(part, "a value is empty");
      axis.values.emplace_back(element);
      continue;
    }
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> values, ParseRange(part, element));
    if (values.empty()) return Malformed(part, "no power of two is in the range; give a step");
    axis.values.insert(axis.values.end(), values.begin(), values.end());
  }
  std::set<absl::string_view> seen;
  for (const std::string& value : axis.values) {
    if (!seen.insert(value).second) {
      return Malformed(part, absl::StrCat("the value ", Quoted(value), " is there twice"));
    }
  }
  return axis;
}

absl::StatusOr<DesignSpace::Constraint> ParseConstraint(absl::string_view part) {
  DesignSpace::Constraint constraint;
  constraint.at_most = absl::StrContains(part, "<=");
  const std::pair<std::string, std::string> sides =
      absl::StrSplit(part, absl::MaxSplits(constraint.at_most ? "<=" : ">=", 1));
  constraint.figure = sides.first;
  if (constraint.figure.empty()) return Malformed(part, "names no figure");
  HT_ASSIGN_OR_RETURN(constraint.limit, ParseNumber(part, sides.second));
  return constraint;
}

std::string WithParameter(const std::string& target, absl::string_view parameter) {
  return absl::StrCat(target, absl::StrContains(target, '?') ? "&" : "?", parameter);
}

// `name` or the one figure that is it with a unit: "area" is "area_mm2".
std::optional<double> FigureNamed(const std::map<std::string, double>& figures,
                                  const std::string& name) {
  for (const auto& [figure, value] : figures) {
    if (figure == name || absl::StartsWith(figure, name + "_")) return value;
  }
  return std::nullopt;
}

absl::StatusOr<bool> Keeps(const DesignPoint& point,
                           const std::vector<DesignSpace::Constraint>& constraints) {
  for (const DesignSpace::Constraint& constraint : constraints) {
    const std::optional<double> value = FigureNamed(point.figures, constraint.figure);
    if (!value.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "target '", point.target, "' has no figure '", constraint.figure, "'; it has ",
          point.figures.empty()
              ? "none"
              : absl::StrJoin(point.figures, ", ", [](std::string* out, const auto& figure) {
                  absl::StrAppend(out, figure.first);
                })));
    }
    if (constraint.at_most ? *value > constraint.limit : *value < constraint.limit) return false;
  }
  return true;
}

// Counts through the values of all axes, the last one fastest.
class Odometer {
 public:
  explicit Odometer(const std::vector<DesignSpace::Axis>& axes)
      : axes_(axes), digits_(axes.size(), 0) {}

  DesignPoint Point(const std::string& base) const {
    DesignPoint point;
    point.target = base;
    for (size_t i = 0; i < axes_.size(); ++i) {
      const std::string& value = axes_[i].values[digits_[i]];
      point.parameters[axes_[i].parameter] = value;
      point.target = WithParameter(point.target, absl::StrCat(axes_[i].parameter, "=", value));
    }
    return point;
  }

  bool Advance() {
    for (size_t i = axes_.size(); i-- > 0;) {
      if (++digits_[i] < axes_[i].values.size()) return true;
      digits_[i] = 0;
    }
    return false;
  }

 private:
  const std::vector<DesignSpace::Axis>& axes_;
  std::vector<size_t> digits_;
};

}  // namespace

bool DesignSpace::Describes(absl::string_view target) {
  const size_t mark = target.find('?');
  if (mark == absl::string_view::npos) return false;
  for (const absl::string_view part : absl::StrSplit(target.substr(mark + 1), '&')) {
    if (IsConstraint(part) || IsAxis(part)) return true;
  }
  return false;
}

absl::StatusOr<DesignSpace> DesignSpace::Parse(absl::string_view target) {
  if (target.size() > kMaxText) {
    return absl::InvalidArgumentError(
        absl::StrCat("a target of more than ", kMaxText, " characters"));
  }
  const size_t mark = std::min(target.find('?'), target.size());
  DesignSpace space;
  space.base = std::string(target.substr(0, mark));
  if (mark == target.size()) return space;
  std::map<std::string, absl::string_view> seen;
  size_t configurations = 1;
  for (const absl::string_view part : absl::StrSplit(target.substr(mark + 1), '&')) {
    if (IsConstraint(part)) {
      HT_ASSIGN_OR_RETURN(DesignSpace::Constraint constraint, ParseConstraint(part));
      for (const DesignSpace::Constraint& other : space.constraints) {
        if (other.figure != constraint.figure || other.at_most != constraint.at_most) continue;
        return Malformed(part,
                         absl::StrCat(Quoted(constraint.figure), " has such a limit already"));
      }
      space.constraints.push_back(std::move(constraint));
      continue;
    }
    if (part.empty() || part.front() == '=') return Malformed(part, "a parameter has no name");
    const auto [parameter, inserted] =
        seen.emplace(std::string(part.substr(0, part.find('='))), part);
    if (!inserted) {
      return Malformed(part, absl::StrCat(Quoted(parameter->first), " is given twice"));
    }
    if (!IsAxis(part)) {
      space.base = WithParameter(space.base, part);
      continue;
    }
    HT_ASSIGN_OR_RETURN(space.axes.emplace_back(), ParseAxis(part));
    configurations *= space.axes.back().values.size();
    if (configurations > kMaxEnumerated) {
      return Malformed(part, absl::StrCat("makes more than ", kMaxEnumerated, " configurations"));
    }
  }
  return space;
}

absl::StatusOr<std::vector<DesignPoint>> EnumerateDesigns(const DesignSpace& space,
                                                          const ProfilerFactory& create) {
  std::vector<DesignPoint> points;
  Odometer odometer(space.axes);
  do {
    DesignPoint point = odometer.Point(space.base);
    HT_ASSIGN_OR_RETURN(point.profiler, create(point.target));
    point.figures = point.profiler->HardwareFigures();
    HT_ASSIGN_OR_RETURN(const bool keeps, Keeps(point, space.constraints));
    if (!keeps) continue;
    if (points.size() == DesignSpace::kMaxConfigurations) {
      return absl::InvalidArgumentError(
          absl::StrCat("target '", space.base, "': more than ", DesignSpace::kMaxConfigurations,
                       " configurations keep the constraints; narrow a range"));
    }
    points.push_back(std::move(point));
  } while (odometer.Advance());
  if (points.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("target '", space.base, "': no configuration keeps the constraints"));
  }
  return points;
}

}  // namespace halftone
