#include "search/network_summary.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/graph/stored_bytes.h"
#include "nn/quant/weight_bytes.h"
#include "search/sensitivity/layer_pairs.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kLayerMembers =
    std::tuple(JsonMember("name", &NetworkSummary::LayerFacts::name),
               JsonMember("op", &NetworkSummary::LayerFacts::op),
               JsonMember("tie_group", &NetworkSummary::LayerFacts::tie_group),
               JsonMember("macs", &NetworkSummary::LayerFacts::macs),
               JsonMember("has_weights", &NetworkSummary::LayerFacts::has_weights),
               JsonMember("shares_weights_with", &NetworkSummary::LayerFacts::shares_weights_with),
               JsonMember("shares_scales", &NetworkSummary::LayerFacts::shares_scales),
               JsonMember("bias_bytes", &NetworkSummary::LayerFacts::bias_bytes),
               JsonMember("is_float_anyway", &NetworkSummary::LayerFacts::is_float_anyway));

constexpr auto kTieMembers =
    std::tuple(JsonMember("layers", &Tie::layers), JsonMember("reason", &Tie::reason));

constexpr auto kLiveSetMembers =
    std::tuple(JsonMember("node", &LiveSet::node), JsonMember("fixed_bytes", &LiveSet::fixed_bytes),
               JsonMember("elements", &LiveSet::elements));

// Reads each object of an array in `field`.
template <typename Members, typename Struct>
void ReadList(JsonFields& fields, const char* field, const Members& members,
              std::vector<Struct>* list) {
  fields.ReadEach(field, [&](const json& element) {
    JsonFields inner(element, field);
    ReadMembers(members, inner, &list->emplace_back());
    return inner.status();
  });
}

}  // namespace

std::string ComputedAs(const std::string& choice, bool has_weights) {
  const absl::StatusOr<Precision> precision = Precision::Parse(choice);
  if (has_weights || !precision.ok()) return choice;
  return precision->WithoutWeights().ToString();
}

NetworkSummary SummarizeLayers(const PreparedNetwork& network) {
  NetworkSummary summary;
  summary.name = network.graph.name;
  summary.quantized_file = QuantizedFileText(network.graph);
  std::map<std::string, const Layer*> owners;  // of weights
  for (const Layer& layer : network.layers.layers) {
    NetworkSummary::LayerFacts& facts = summary.layers.emplace_back();
    facts.name = layer.name;
    facts.op = layer.op;
    facts.tie_group = layer.tie_group;
    facts.macs = static_cast<double>(layer.macs);
    facts.has_weights = !layer.weights.empty();
    facts.bias_bytes = BiasBytes(layer);
    if (!facts.has_weights) continue;
    const Layer& owner = *owners.try_emplace(layer.weights, &layer).first->second;
    if (&owner == &layer) continue;
    facts.shares_weights_with = owner.name;
    facts.shares_scales = owner.channel_axis == layer.channel_axis;
  }
  summary.ties = network.layers.ties;
  summary.fixed_batch = network.graph.fixed_batch().value_or(0);
  return summary;
}

absl::StatusOr<NetworkSummary> SummarizeNetwork(const PreparedNetwork& network) {
  NetworkSummary summary = SummarizeLayers(network);
  const LayerPairs neighbours = NeighbourPairs(network.graph, network.layers);
  for (const auto& [a, b] : neighbours.pairs()) {
    summary.neighbours.emplace_back(summary.layers[a].name, summary.layers[b].name);
  }
  const int64_t batch = network.graph.fixed_batch().value_or(1);
  HT_ASSIGN_OR_RETURN(const Graph bound, network.Bind(batch));
  const OtherTensors others = FindOtherTensors(network.file, bound, network.layers);
  summary.other_bytes = static_cast<double>(others.bytes);
  for (NetworkSummary::LayerFacts& layer : summary.layers) {
    layer.is_float_anyway = others.layers.count(layer.name) > 0;
  }
  summary.live_sets = FindLiveSets(bound, network.layers);
  for (LiveSet& set : summary.live_sets) {
    const auto samples = static_cast<double>(std::max<int64_t>(1, batch));
    set.fixed_bytes /= samples;
    for (auto& [layer, elements] : set.elements) elements /= samples;
  }
  return summary;
}

json NetworkSummaryToJson(const NetworkSummary& summary) {
  json object = {{"name", summary.name},
                 {"layers", json::array()},
                 {"fixed_batch", summary.fixed_batch},
                 {"other_bytes", summary.other_bytes},
                 {"ties", json::array()},
                 {"neighbours", summary.neighbours},
                 {"live_sets", json::array()}};
  if (!summary.quantized_file.empty()) object["quantized_file"] = summary.quantized_file;
  for (const NetworkSummary::LayerFacts& layer : summary.layers) {
    object["layers"].push_back(MembersToJson(kLayerMembers, layer));
  }
  for (const Tie& tie : summary.ties) object["ties"].push_back(MembersToJson(kTieMembers, tie));
  for (const LiveSet& set : summary.live_sets) {
    object["live_sets"].push_back(MembersToJson(kLiveSetMembers, set));
  }
  return object;
}

absl::StatusOr<NetworkSummary> NetworkSummaryFromJson(const json& object) {
  NetworkSummary summary;
  JsonFields fields(object, "network");
  fields.Read("name", &summary.name);
  fields.ReadInteger("fixed_batch", 0, INT64_MAX, &summary.fixed_batch);
  fields.Read("other_bytes", &summary.other_bytes);
  fields.Read("quantized_file", &summary.quantized_file);
  fields.Require("layers");
  ReadList(fields, "layers", kLayerMembers, &summary.layers);
  ReadList(fields, "ties", kTieMembers, &summary.ties);
  fields.ReadEach("neighbours", [&](const json& pair) -> absl::Status {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      return absl::InvalidArgumentError("must hold pairs of layer names");
    }
    summary.neighbours.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
    return absl::OkStatus();
  });
  ReadList(fields, "live_sets", kLiveSetMembers, &summary.live_sets);
  HT_RETURN_IF_ERROR(fields.status());
  return summary;
}

}  // namespace halftone
