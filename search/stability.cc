#include "search/stability.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

// The choices of a problem whose losses are resampled.
class ResampledProblem {
 public:
  ResampledProblem(const Problem& problem, const SensitivityResult& sensitivity)
      : problem_(problem), sensitivity_(sensitivity) {
    std::map<std::pair<std::string, std::string>, size_t> columns;
    size_t column = 0;
    for (const LayerSensitivity& layer : sensitivity.layers) {
      for (const ChoiceLoss& choice : layer.choices) {
        columns[{layer.name, choice.precision.ToString()}] = column++;
      }
    }
    for (size_t l = 0; l < problem.layers.size(); ++l) {
      for (size_t o = 0; o < problem.layers[l].choices.size(); ++o) {
        const Pair pair = {problem.layers[l].name, problem.layers[l].choices[o].name};
        const auto found = columns.find(pair);
        if (found != columns.end()) places_.push_back({l, o, found->second, pair});
      }
    }
  }

  bool empty() const { return places_.empty(); }

  // The problem with the losses of one resample.
  Problem Draw(size_t resample) const {
    Problem drawn = problem_;
    const std::vector<double>& losses = sensitivity_.resampled_losses[resample];
    std::map<Pair, double> scales;
    for (const Place& place : places_) {
      double& loss = drawn.layers[place.layer].choices[place.choice].loss;
      if (loss > 0) scales[place.pair] = std::sqrt(std::max(0.0, losses[place.column]) / loss);
      loss = std::max(0.0, losses[place.column]);
    }
    const auto scale_of = [&](const Pair& pair) {
      const auto found = scales.find(pair);
      return found == scales.end() ? 1.0 : found->second;
    };
    for (Problem::Interaction& interaction : drawn.interactions) {
      interaction.loss *= scale_of(interaction.a) * scale_of(interaction.b);
    }
    return drawn;
  }

 private:
  using Pair = std::pair<std::string, std::string>;
  struct Place {
    size_t layer, choice, column;
    Pair pair;
  };

  const Problem& problem_;
  const SensitivityResult& sensitivity_;
  std::vector<Place> places_;
};

// Shares as counts, until they are divided: sums of reciprocals may be above 1.
void Count(const Solution& solution, Stability& stability) {
  for (Stability::Layer& layer : stability.layers) {
    const auto found = solution.assignment.find(layer.name);
    if (found == solution.assignment.end()) continue;
    layer.shares[found->second] += 1;
    if (found->second != layer.chosen) layer.changed += 1;
  }
}

void DivideBy(double count, Stability& stability) {
  for (Stability::Layer& layer : stability.layers) {
    layer.changed /= count;
    for (auto& [choice, share] : layer.shares) share /= count;
  }
}

}  // namespace

absl::StatusOr<Stability> MeasureStability(const Problem& problem,
                                           const std::map<std::string, std::string>& chosen,
                                           const SensitivityResult& sensitivity,
                                           const ProblemSolver& solve, const Progress& progress) {
  const ResampledProblem resampled(problem, sensitivity);
  const size_t resamples = sensitivity.resampled_losses.size();
  if (resamples == 0 || resampled.empty()) {
    return absl::InvalidArgumentError(
        resamples == 0 ? "the sensitivities were measured without resamples"
                       : "the problem names none of the network's layers and precisions");
  }
  Stability stability;
  std::vector<Solution> solutions;
  for (const Problem::Layer& layer : problem.layers) {
    const auto found = chosen.find(layer.name);
    stability.layers.push_back({layer.name, found == chosen.end() ? "" : found->second, 0, {}});
  }
  for (size_t b = 0; b < resamples; ++b) {
    const auto done = static_cast<double>(b) / static_cast<double>(resamples);
    HT_RETURN_IF_ERROR(progress.Step(done, absl::StrCat("resample ", b, " of ", resamples)));
    Progress silent;
    silent.cancellation = progress.cancellation;
    absl::StatusOr<Solution> solution = solve(resampled.Draw(b), silent);
    HT_RETURN_IF_ERROR(progress.cancellation.Check());
    if (absl::IsDeadlineExceeded(solution.status()) && b > 0) break;
    HT_RETURN_IF_ERROR(solution.status());
    if (solution->status == Solution::Status::kInfeasible) {
      return absl::FailedPreconditionError("the problem has no solution to compare with");
    }
    solutions.push_back(*std::move(solution));
  }
  stability.resamples = static_cast<int>(solutions.size());
  for (const Solution& solution : solutions) Count(solution, stability);
  DivideBy(static_cast<double>(solutions.size()), stability);
  HT_RETURN_IF_ERROR(progress.Step(1));
  return stability;
}

json StabilityToJson(const Stability& stability) {
  json layers = json::array();
  for (const Stability::Layer& layer : stability.layers) {
    layers.push_back({{"name", layer.name},
                      {"chosen", layer.chosen},
                      {"changed", layer.changed},
                      {"shares", layer.shares}});
  }
  return {{"resamples", stability.resamples}, {"layers", std::move(layers)}};
}

absl::StatusOr<Stability> StabilityFromJson(const json& object) {
  Stability stability;
  JsonFields fields(object, "stability");
  fields.ReadInteger("resamples", 0, INT32_MAX, &stability.resamples);
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    Stability::Layer layer;
    JsonFields of_layer(element, "layer");
    of_layer.Require("name");
    of_layer.Read("name", &layer.name);
    of_layer.Read("chosen", &layer.chosen);
    of_layer.Read("changed", &layer.changed);
    of_layer.Read("shares", &layer.shares);
    stability.layers.push_back(std::move(layer));
    return of_layer.status();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return stability;
}

}  // namespace halftone
