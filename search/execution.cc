#include "search/execution.h"

#include <utility>

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/stage_keys.h"
#include "search/stage_outputs.h"

namespace halftone {
namespace {

using nlohmann::json;

// A number format by the precision that has it on both sides.
std::string FormatName(const NumberFormat& format) { return Precision{format, format}.ToString(); }

absl::StatusOr<NumberFormat> ReadFormat(JsonFields& fields) {
  Precision precision;
  fields.Require("format");
  fields.ReadParsed("format", &precision);
  HT_RETURN_IF_ERROR(fields.status());
  return precision.activations;
}

json ShortcutToJson(const RoundedOperand& shortcut) {
  return {
      {"node", shortcut.node}, {"value", shortcut.value}, {"format", FormatName(shortcut.format)}};
}

absl::StatusOr<RoundedOperand> ShortcutFromJson(const json& object) {
  RoundedOperand shortcut;
  JsonFields fields(object, "shortcut");
  fields.Read("node", &shortcut.node);
  fields.Read("value", &shortcut.value);
  HT_ASSIGN_OR_RETURN(shortcut.format, ReadFormat(fields));
  return shortcut;
}

json ChoiceToJson(const Precision& asked, const ExecutedChoice& choice) {
  json shortcuts = json::array();
  for (const RoundedOperand& shortcut : choice.shortcuts) {
    shortcuts.push_back(ShortcutToJson(shortcut));
  }
  return {{"precision", asked.ToString()},
          {"ran_as", choice.ran_as.ToString()},
          {"shortcuts", std::move(shortcuts)}};
}

absl::Status ReadChoice(const json& object, std::map<Precision, ExecutedChoice>& choices) {
  Precision asked;
  ExecutedChoice choice;
  JsonFields fields(object, "choice");
  fields.Require("precision");
  fields.Require("ran_as");
  fields.ReadParsed("precision", &asked);
  fields.ReadParsed("ran_as", &choice.ran_as);
  fields.ReadEach("shortcuts", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(choice.shortcuts.emplace_back(), ShortcutFromJson(element));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  choices[asked] = std::move(choice);
  return absl::OkStatus();
}

absl::StatusOr<ExecutedLayers> LayersFromJson(const json& document) {
  ExecutedLayers layers;
  JsonFields fields(document, "execution");
  std::string machine;
  fields.Read("machine", &machine);
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    std::string name;
    JsonFields of_layer(element, "layer");
    of_layer.Require("name");
    of_layer.Read("name", &name);
    of_layer.ReadEach("choices", [&](const json& choice) -> absl::Status {
      return ReadChoice(choice, layers[name]);
    });
    return of_layer.status();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return layers;
}

}  // namespace

std::string ExecutedLayersToBytes(const ExecutedLayers& layers, absl::string_view machine) {
  if (layers.empty()) return "";
  json array = json::array();
  for (const auto& [name, choices] : layers) {
    json of_layer = json::array();
    for (const auto& [asked, choice] : choices) of_layer.push_back(ChoiceToJson(asked, choice));
    array.push_back({{"name", name}, {"choices", std::move(of_layer)}});
  }
  return json{{"machine", machine}, {"layers", std::move(array)}}.dump();
}

absl::StatusOr<ExecutedLayers> ExecutedLayersFromBytes(absl::string_view bytes) {
  if (bytes.empty()) return ExecutedLayers();
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "statement of what is executed"));
  absl::StatusOr<ExecutedLayers> layers = LayersFromJson(document);
  if (layers.ok()) return layers;
  return absl::InternalError(layers.status().message());
}

absl::StatusOr<std::string> StateExecution(const SearchSpec& spec, const Offer& offer,
                                           const NetworkRunner* runner, StageInputs& inputs,
                                           ArtifactStore& store) {
  if (runner == nullptr) return "";
  const std::string key = ExecutionKey(spec, offer);
  absl::StatusOr<std::string> stored = store.LoadStage(Stage::kImport, key);
  if (!absl::IsNotFound(stored.status())) return stored;
  HT_ASSIGN_OR_RETURN(const auto* network, inputs.Network());
  HT_ASSIGN_OR_RETURN(const Graph graph, network->Bind(network->BatchFor(1, 1)));
  HT_ASSIGN_OR_RETURN(const ExecutedLayers layers, runner->Describe(graph, offer.offered));
  std::string bytes = ExecutedLayersToBytes(layers, runner->Machine());
  HT_RETURN_IF_ERROR(store.StoreStage(Stage::kImport, key, bytes));
  return bytes;
}

}  // namespace halftone
