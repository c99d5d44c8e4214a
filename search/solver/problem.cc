#include "search/solver/problem.h"

#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

absl::Status Wrong(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

std::string At(absl::string_view path, size_t index) { return absl::StrCat(path, "[", index, "]"); }

absl::StatusOr<const json*> Field(const json& object, const char* name, absl::string_view path) {
  if (!object.is_object()) return Wrong(path, "must be an object");
  const auto found = object.find(name);
  if (found == object.end()) return Wrong(path, absl::StrCat("field '", name, "' is missing"));
  return &*found;
}

absl::StatusOr<std::string> String(const json& value, absl::string_view path) {
  if (!value.is_string()) return Wrong(path, "must be a string");
  return value.get<std::string>();
}

absl::StatusOr<std::string> StringField(const json& object, const char* name,
                                        absl::string_view path) {
  HT_ASSIGN_OR_RETURN(const json* value, Field(object, name, path));
  return String(*value, absl::StrCat(path, ".", name));
}

absl::StatusOr<double> Number(const json& value, absl::string_view path) {
  if (!value.is_number()) return Wrong(path, "must be a number");
  const double number = value.get<double>();
  if (!std::isfinite(number)) return Wrong(path, "must be a finite number");
  return number;
}

absl::StatusOr<double> NumberField(const json& object, const char* name, absl::string_view path) {
  HT_ASSIGN_OR_RETURN(const json* value, Field(object, name, path));
  return Number(*value, absl::StrCat(path, ".", name));
}

absl::StatusOr<std::map<std::string, double>> NumberMap(const json& value, absl::string_view path) {
  if (!value.is_object()) return Wrong(path, "must be an object of numbers");
  std::map<std::string, double> numbers;
  for (const auto& [name, number] : value.items()) {
    HT_ASSIGN_OR_RETURN(numbers[name], Number(number, absl::StrCat(path, ".", name)));
  }
  return numbers;
}

// Calls `read` for each element of an array; an absent optional array has none.
template <typename Read>
absl::Status ForEach(const json& object, const char* name, absl::string_view path, bool required,
                     Read read) {
  if (!object.is_object()) return Wrong(path, "must be an object");
  const std::string array_path = path.empty() ? name : absl::StrCat(path, ".", name);
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    if (!required) return absl::OkStatus();
    return Wrong(path.empty() ? "problem" : path, absl::StrCat("field '", name, "' is missing"));
  }
  if (!found->is_array()) return Wrong(array_path, "must be an array");
  for (size_t i = 0; i < found->size(); ++i) {
    HT_RETURN_IF_ERROR(read((*found)[i], At(array_path, i)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Problem::Choice> ReadChoice(const json& value, absl::string_view path) {
  Problem::Choice choice;
  HT_ASSIGN_OR_RETURN(choice.name, StringField(value, "name", path));
  HT_ASSIGN_OR_RETURN(choice.loss, NumberField(value, "loss", path));
  if (value.contains("cost")) {
    HT_ASSIGN_OR_RETURN(choice.cost, NumberMap(value["cost"], absl::StrCat(path, ".cost")));
  }
  if (value.contains("loss_stderr") && !value["loss_stderr"].is_null()) {
    HT_ASSIGN_OR_RETURN(choice.loss_stderr, NumberField(value, "loss_stderr", path));
  }
  return choice;
}

absl::StatusOr<Problem::Layer> ReadLayer(const json& value, absl::string_view path) {
  Problem::Layer layer;
  HT_ASSIGN_OR_RETURN(layer.name, StringField(value, "name", path));
  HT_RETURN_IF_ERROR(
      ForEach(value, "choices", path, true, [&](const json& choice, const std::string& at) {
        HT_ASSIGN_OR_RETURN(layer.choices.emplace_back(), ReadChoice(choice, at));
        return absl::OkStatus();
      }));
  return layer;
}

absl::StatusOr<std::vector<std::string>> ReadNames(const json& value, absl::string_view path) {
  if (!value.is_array()) return Wrong(path, "must be an array of names");
  std::vector<std::string> names;
  for (size_t i = 0; i < value.size(); ++i) {
    HT_ASSIGN_OR_RETURN(names.emplace_back(), String(value[i], At(path, i)));
  }
  return names;
}

absl::StatusOr<Problem::Edge> ReadEdge(const json& value, absl::string_view path) {
  Problem::Edge edge;
  HT_ASSIGN_OR_RETURN(edge.from, StringField(value, "from", path));
  HT_ASSIGN_OR_RETURN(edge.to, StringField(value, "to", path));
  HT_RETURN_IF_ERROR(
      ForEach(value, "cost", path, true, [&](const json& entry, const std::string& at) {
        Problem::EdgeCost cost;
        HT_ASSIGN_OR_RETURN(cost.from_choice, StringField(entry, "from", at));
        HT_ASSIGN_OR_RETURN(cost.to_choice, StringField(entry, "to", at));
        HT_ASSIGN_OR_RETURN(const json* costs, Field(entry, "cost", at));
        HT_ASSIGN_OR_RETURN(cost.cost, NumberMap(*costs, absl::StrCat(at, ".cost")));
        edge.costs.push_back(std::move(cost));
        return absl::OkStatus();
      }));
  return edge;
}

absl::StatusOr<std::pair<std::string, std::string>> ReadPlace(const json& value,
                                                              absl::string_view path) {
  if (!value.is_array() || value.size() != 2) return Wrong(path, "must be [layer, choice]");
  std::pair<std::string, std::string> place;
  HT_ASSIGN_OR_RETURN(place.first, String(value[0], path));
  HT_ASSIGN_OR_RETURN(place.second, String(value[1], path));
  return place;
}

absl::StatusOr<std::pair<std::string, std::string>> ReadEnd(const json& object, const char* name,
                                                            absl::string_view path) {
  HT_ASSIGN_OR_RETURN(const json* value, Field(object, name, path));
  return ReadPlace(*value, absl::StrCat(path, ".", name));
}

absl::StatusOr<std::vector<double>> ReadRow(const json& value, absl::string_view path) {
  if (!value.is_array()) return Wrong(path, "must be an array of numbers");
  std::vector<double> row;
  row.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    HT_ASSIGN_OR_RETURN(row.emplace_back(), Number(value[i], At(path, i)));
  }
  return row;
}

absl::StatusOr<Problem::InteractionRows> ReadInteractionRows(const json& value,
                                                             absl::string_view path) {
  Problem::InteractionRows rows;
  HT_RETURN_IF_ERROR(
      ForEach(value, "choices", path, true, [&](const json& choice, const std::string& at) {
        HT_ASSIGN_OR_RETURN(rows.choices.emplace_back(), ReadPlace(choice, at));
        return absl::OkStatus();
      }));
  HT_RETURN_IF_ERROR(
      ForEach(value, "rows", path, true, [&](const json& row, const std::string& at) {
        HT_ASSIGN_OR_RETURN(rows.rows.emplace_back(), ReadRow(row, at));
        return absl::OkStatus();
      }));
  if (value.contains("weight")) {
    HT_ASSIGN_OR_RETURN(rows.weight, NumberField(value, "weight", path));
  }
  return rows;
}

absl::Status ReadPins(const json& document, Problem& problem) {
  const auto pins = document.find("pins");
  if (pins == document.end() || pins->is_null()) return absl::OkStatus();
  if (!pins->is_object()) return Wrong("pins", "must be an object of layer: choice");
  for (const auto& [layer, choice] : pins->items()) {
    HT_ASSIGN_OR_RETURN(problem.pins[layer], String(choice, absl::StrCat("pins.", layer)));
  }
  return absl::OkStatus();
}

absl::Status ReadAllowed(const json& document, Problem& problem) {
  const auto allowed = document.find("allowed");
  if (allowed == document.end() || allowed->is_null()) return absl::OkStatus();
  if (!allowed->is_object()) return Wrong("allowed", "must be an object of layer: choices");
  for (const auto& [layer, choices] : allowed->items()) {
    HT_ASSIGN_OR_RETURN(problem.allowed[layer],
                        ReadNames(choices, absl::StrCat("allowed.", layer)));
  }
  return absl::OkStatus();
}

absl::Status ReadChanges(const json& document, Problem& problem) {
  if (document.contains("max_changes") && !document["max_changes"].is_null()) {
    HT_ASSIGN_OR_RETURN(const double most, Number(document["max_changes"], "max_changes"));
    if (most < 0 || most != std::floor(most) || most > kMaxPairCosts) {
      return Wrong("max_changes", "must be a count");
    }
    problem.max_changes = static_cast<size_t>(most);
  }
  return ForEach(document, "neighbours", "", false,
                 [&](const json& pair, const std::string& at) -> absl::Status {
                   HT_ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadNames(pair, at));
                   if (names.size() != 2) return Wrong(at, "must be two layers");
                   problem.neighbours.emplace_back(names[0], names[1]);
                   return absl::OkStatus();
                 });
}

absl::StatusOr<Problem> ReadProblem(const json& document) {
  if (!document.is_object()) return absl::InvalidArgumentError("problem: must be a JSON object");
  Problem problem;
  HT_RETURN_IF_ERROR(
      ForEach(document, "layers", "", true, [&](const json& layer, const std::string& at) {
        HT_ASSIGN_OR_RETURN(problem.layers.emplace_back(), ReadLayer(layer, at));
        return absl::OkStatus();
      }));
  HT_RETURN_IF_ERROR(
      ForEach(document, "ties", "", false, [&](const json& tie, const std::string& at) {
        HT_ASSIGN_OR_RETURN(problem.ties.emplace_back(), ReadNames(tie, at));
        return absl::OkStatus();
      }));
  if (document.contains("budgets") && !document["budgets"].is_null()) {
    HT_ASSIGN_OR_RETURN(problem.budgets, NumberMap(document["budgets"], "budgets"));
  }
  if (document.contains("objective_weights") && !document["objective_weights"].is_null()) {
    HT_ASSIGN_OR_RETURN(problem.objective_weights,
                        NumberMap(document["objective_weights"], "objective_weights"));
  }
  HT_RETURN_IF_ERROR(
      ForEach(document, "edges", "", false, [&](const json& edge, const std::string& at) {
        HT_ASSIGN_OR_RETURN(problem.edges.emplace_back(), ReadEdge(edge, at));
        return absl::OkStatus();
      }));
  HT_RETURN_IF_ERROR(
      ForEach(document, "interactions", "", false, [&](const json& entry, const std::string& at) {
        Problem::Interaction interaction;
        HT_ASSIGN_OR_RETURN(interaction.a, ReadEnd(entry, "a", at));
        HT_ASSIGN_OR_RETURN(interaction.b, ReadEnd(entry, "b", at));
        HT_ASSIGN_OR_RETURN(interaction.loss, NumberField(entry, "loss", at));
        problem.interactions.push_back(std::move(interaction));
        return absl::OkStatus();
      }));
  if (document.contains("interaction_rows") && !document["interaction_rows"].is_null()) {
    HT_ASSIGN_OR_RETURN(problem.interaction_rows,
                        ReadInteractionRows(document["interaction_rows"], "interaction_rows"));
  }
  HT_RETURN_IF_ERROR(ReadPins(document, problem));
  HT_RETURN_IF_ERROR(ReadAllowed(document, problem));
  HT_RETURN_IF_ERROR(ReadChanges(document, problem));
  if (document.contains("frontier") && !document["frontier"].is_null()) {
    HT_ASSIGN_OR_RETURN(problem.frontier, String(document["frontier"], "frontier"));
  }
  return problem;
}

}  // namespace

absl::StatusOr<Problem> ProblemFromJson(const json& document) {
  HT_ASSIGN_OR_RETURN(Problem problem, ReadProblem(document));
  HT_RETURN_IF_ERROR(CheckProblem(problem));
  return problem;
}

json ProblemToJson(const Problem& problem) {
  json document = {{"layers", json::array()}, {"budgets", problem.budgets}};
  for (const Problem::Layer& layer : problem.layers) {
    json choices = json::array();
    for (const Problem::Choice& choice : layer.choices) {
      choices.push_back({{"name", choice.name}, {"loss", choice.loss}, {"cost", choice.cost}});
      if (choice.loss_stderr.has_value()) choices.back()["loss_stderr"] = *choice.loss_stderr;
    }
    document["layers"].push_back({{"name", layer.name}, {"choices", std::move(choices)}});
  }
  if (!problem.ties.empty()) document["ties"] = problem.ties;
  if (!problem.objective_weights.empty()) document["objective_weights"] = problem.objective_weights;
  for (const Problem::Edge& edge : problem.edges) {
    json costs = json::array();
    for (const Problem::EdgeCost& cost : edge.costs) {
      costs.push_back({{"from", cost.from_choice}, {"to", cost.to_choice}, {"cost", cost.cost}});
    }
    document["edges"].push_back({{"from", edge.from}, {"to", edge.to}, {"cost", std::move(costs)}});
  }
  for (const Problem::Interaction& interaction : problem.interactions) {
    document["interactions"].push_back({{"a", {interaction.a.first, interaction.a.second}},
                                        {"b", {interaction.b.first, interaction.b.second}},
                                        {"loss", interaction.loss}});
  }
  if (problem.interaction_rows.has_value()) {
    document["interaction_rows"] = {{"choices", problem.interaction_rows->choices},
                                    {"rows", problem.interaction_rows->rows},
                                    {"weight", problem.interaction_rows->weight}};
  }
  if (!problem.pins.empty()) document["pins"] = problem.pins;
  if (!problem.allowed.empty()) document["allowed"] = problem.allowed;
  if (problem.max_changes.has_value()) document["max_changes"] = *problem.max_changes;
  if (!problem.neighbours.empty()) document["neighbours"] = problem.neighbours;
  if (!problem.frontier.empty()) document["frontier"] = problem.frontier;
  return document;
}

}  // namespace halftone
