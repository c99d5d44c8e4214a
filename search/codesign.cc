#include "search/codesign.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/infinity.h"
#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr char kArea[] = "area_mm2", kLatency[] = "latency_ns", kEnergy[] = "energy_pj";
constexpr double kTie = 1e-9;
// Points of the joint frontier before dominated ones are taken out.
constexpr size_t kMaxJoined = 8192;

double ValueOr(const std::map<std::string, double>& values, const std::string& key,
               double fallback) {
  const auto found = values.find(key);
  return found == values.end() ? fallback : found->second;
}

bool IsFeasible(const Configuration& configuration) {
  return configuration.solution.status != Solution::Status::kInfeasible;
}

// Loss, latency, energy and area; what is not known is the same for all.
std::array<double, 4> Objectives(const Configuration& configuration) {
  const Solution& solution = configuration.solution;
  return {solution.loss, ValueOr(solution.cost, kLatency, 0), ValueOr(solution.cost, kEnergy, 0),
          ValueOr(configuration.figures, kArea, 0)};
}

bool Dominates(const Configuration& a, const Configuration& b) {
  const std::array<double, 4> left = Objectives(a), right = Objectives(b);
  bool smaller = false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (left[i] > right[i]) return false;
    smaller |= left[i] < right[i];
  }
  return smaller;
}

// The total share by which the nearest assignment exceeds the budgets.
double ExcessOf(const Configuration& configuration, const std::map<std::string, double>& budgets) {
  if (!configuration.solution.infeasible.has_value()) return 0;
  double excess = 0;
  for (const auto& [metric, limit] : budgets) {
    const double cost = ValueOr(configuration.solution.infeasible->nearest.cost, metric, 0);
    if (cost > limit) excess += limit > 0 ? cost / limit - 1 : 1;
  }
  return excess;
}

// What a choice among configurations compares, in order: less is better.
std::tuple<double, double, double> Preference(const Configuration& configuration,
                                              const std::map<std::string, double>& budgets) {
  const double primary =
      IsFeasible(configuration) ? configuration.solution.loss : ExcessOf(configuration, budgets);
  const double latency =
      IsFeasible(configuration) ? ValueOr(configuration.solution.cost, kLatency, 0) : kInfinity;
  return {primary, ValueOr(configuration.figures, kArea, 0), latency};
}

bool IsPreferred(const std::tuple<double, double, double>& a,
                 const std::tuple<double, double, double>& b) {
  const double tolerance = kTie * std::max(std::abs(std::get<0>(a)), std::abs(std::get<0>(b)));
  if (std::abs(std::get<0>(a) - std::get<0>(b)) > tolerance) {
    return std::get<0>(a) < std::get<0>(b);
  }
  return std::tie(std::get<1>(a), std::get<2>(a)) < std::tie(std::get<1>(b), std::get<2>(b));
}

constexpr auto kPointMembers = std::tuple(JsonMember("target", &CodesignPoint::target),
                                          JsonMember("loss", &CodesignPoint::loss),
                                          JsonMember("lower_bound", &CodesignPoint::lower_bound),
                                          JsonMember("cost", &CodesignPoint::cost));

// Beside those of its solution.
constexpr auto kConfigurationMembers =
    std::tuple(JsonMember("target", &Configuration::target),
               JsonMember("parameters", &Configuration::parameters),
               JsonMember("figures", &Configuration::figures),
               JsonMember("on_frontier", &Configuration::on_frontier));

json ConfigurationToJson(const Configuration& configuration) {
  json object = SolutionToJson(configuration.solution);
  object.update(MembersToJson(kConfigurationMembers, configuration));
  const auto area = configuration.figures.find(kArea);
  object["area"] = area == configuration.figures.end() ? json(nullptr) : json(area->second);
  object["bound"] = configuration.solution.lower_bound;
  return object;
}

absl::StatusOr<Configuration> ConfigurationFromJson(const json& object) {
  Configuration configuration;
  JsonFields fields(object, "codesign.configurations");
  fields.Require("target");
  ReadMembers(kConfigurationMembers, fields, &configuration);
  HT_RETURN_IF_ERROR(fields.status());
  HT_ASSIGN_OR_RETURN(configuration.solution, SolutionFromJson(object));
  return configuration;
}

}  // namespace

const Configuration* Codesign::Find(const std::string& target) const {
  for (const Configuration& configuration : configurations) {
    if (configuration.target == target) return &configuration;
  }
  return nullptr;
}

size_t JoinedPointsOfEach(size_t configurations) {
  return std::max<size_t>(2, kMaxJoined / std::max<size_t>(1, configurations));
}

void ThinFrontier(size_t most_points, Solution& solution) {
  std::vector<FrontierPoint>& points = solution.frontier;
  const size_t count = std::min(points.size(), std::max<size_t>(2, most_points));
  std::vector<FrontierPoint> kept(count);
  for (size_t i = 0; i < count; ++i) {
    kept[i] = std::move(points[count < 2 ? i : i * (points.size() - 1) / (count - 1)]);
    kept[i].assignment.clear();
  }
  points = std::move(kept);
}

void JoinFrontiers(const std::string& metric, Codesign& codesign) {
  struct Candidate {
    double area, cost;
    CodesignPoint point;
  };
  std::vector<Candidate> candidates;
  for (Configuration& configuration : codesign.configurations) {
    const double area = ValueOr(configuration.figures, kArea, 0);
    const std::vector<FrontierPoint> points = std::exchange(configuration.solution.frontier, {});
    for (const FrontierPoint& point : points) {
      const double cost = ValueOr(point.cost, metric, 0);
      candidates.push_back(
          {area, cost, {configuration.target, point.loss, point.lower_bound, point.cost}});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return std::tie(a.area, a.cost, a.point.loss) < std::tie(b.area, b.cost, b.point.loss);
  });
  codesign.metric = metric;
  codesign.frontier.clear();
  // Of what came so far, which needs no more area: cost -> the least loss at that cost or less.
  std::map<double, double> staircase;
  for (Candidate& candidate : candidates) {
    const auto above = staircase.upper_bound(candidate.cost);
    if (above != staircase.begin() && std::prev(above)->second <= candidate.point.loss) continue;
    auto next = staircase.insert_or_assign(candidate.cost, candidate.point.loss).first;
    for (++next; next != staircase.end() && next->second >= candidate.point.loss;) {
      next = staircase.erase(next);
    }
    codesign.frontier.push_back(std::move(candidate.point));
  }
}

void ChooseConfiguration(Codesign& codesign) {
  std::vector<Configuration>& all = codesign.configurations;
  for (Configuration& one : all) {
    one.on_frontier =
        IsFeasible(one) && std::none_of(all.begin(), all.end(), [&](const auto& other) {
          return IsFeasible(other) && Dominates(other, one);
        });
  }
  const bool any_feasible = std::any_of(all.begin(), all.end(), IsFeasible);
  const Configuration* best = nullptr;
  for (const Configuration& one : all) {
    if (any_feasible && !IsFeasible(one)) continue;
    const bool better = best == nullptr || IsPreferred(Preference(one, codesign.budgets),
                                                       Preference(*best, codesign.budgets));
    if (better) best = &one;
  }
  codesign.chosen = best == nullptr ? "" : best->target;
}

json CodesignToJson(const Codesign& codesign) {
  json object = {{"chosen", codesign.chosen},
                 {"budgets", codesign.budgets},
                 {"metric", codesign.metric},
                 {"configurations", json::array()},
                 {"frontier", json::array()}};
  for (const Configuration& configuration : codesign.configurations) {
    object["configurations"].push_back(ConfigurationToJson(configuration));
  }
  for (const CodesignPoint& point : codesign.frontier) {
    object["frontier"].push_back(MembersToJson(kPointMembers, point));
  }
  return object;
}

absl::StatusOr<Codesign> CodesignFromJson(const json& object) {
  Codesign codesign;
  JsonFields fields(object, "codesign");
  fields.Read("chosen", &codesign.chosen);
  fields.Read("budgets", &codesign.budgets);
  fields.Read("metric", &codesign.metric);
  fields.ReadEach("configurations", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(codesign.configurations.emplace_back(), ConfigurationFromJson(element));
    return absl::OkStatus();
  });
  fields.ReadEach("frontier", [&](const json& element) -> absl::Status {
    JsonFields of_one(element, "codesign.frontier");
    ReadMembers(kPointMembers, of_one, &codesign.frontier.emplace_back());
    return of_one.status();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return codesign;
}

}  // namespace halftone
