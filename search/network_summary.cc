#include "search/network_summary.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<NetworkSummary::LayerFacts> LayerFromJson(const json& object) {
  NetworkSummary::LayerFacts layer;
  JsonFields fields(object, "layer");
  fields.Require("name");
  fields.Read("name", &layer.name);
  fields.Read("op", &layer.op);
  fields.Read("tie_group", &layer.tie_group);
  fields.Read("macs", &layer.macs);
  fields.Read("has_weights", &layer.has_weights);
  HT_RETURN_IF_ERROR(fields.status());
  return layer;
}

absl::StatusOr<Tie> TieFromJson(const json& object) {
  Tie tie;
  JsonFields fields(object, "tie");
  fields.Read("layers", &tie.layers);
  fields.Read("reason", &tie.reason);
  HT_RETURN_IF_ERROR(fields.status());
  return tie;
}

absl::StatusOr<LiveSet> LiveSetFromJson(const json& object) {
  LiveSet set;
  JsonFields fields(object, "live_set");
  fields.Read("node", &set.node);
  fields.Read("fixed_bytes", &set.fixed_bytes);
  fields.Read("elements", &set.elements);
  HT_RETURN_IF_ERROR(fields.status());
  return set;
}

}  // namespace

absl::StatusOr<NetworkSummary> SummarizeNetwork(const PreparedNetwork& network) {
  NetworkSummary summary;
  summary.name = network.graph.name;
  for (const Layer& layer : network.layers.layers) {
    summary.layers.push_back({layer.name, layer.op, layer.tie_group,
                              static_cast<double>(layer.macs), !layer.weights.empty()});
  }
  summary.ties = network.layers.ties;
  const int64_t batch = network.graph.fixed_batch().value_or(1);
  HT_ASSIGN_OR_RETURN(const Graph bound, network.Bind(batch));
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
                 {"ties", json::array()},
                 {"live_sets", json::array()}};
  for (const NetworkSummary::LayerFacts& layer : summary.layers) {
    object["layers"].push_back({{"name", layer.name},
                                {"op", layer.op},
                                {"tie_group", layer.tie_group},
                                {"macs", layer.macs},
                                {"has_weights", layer.has_weights}});
  }
  for (const Tie& tie : summary.ties) {
    object["ties"].push_back({{"layers", tie.layers}, {"reason", tie.reason}});
  }
  for (const LiveSet& set : summary.live_sets) {
    object["live_sets"].push_back(
        {{"node", set.node}, {"fixed_bytes", set.fixed_bytes}, {"elements", set.elements}});
  }
  return object;
}

absl::StatusOr<NetworkSummary> NetworkSummaryFromJson(const json& object) {
  NetworkSummary summary;
  JsonFields fields(object, "network");
  fields.Read("name", &summary.name);
  fields.Require("layers");
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(auto layer, LayerFromJson(element));
    summary.layers.push_back(std::move(layer));
    return absl::OkStatus();
  });
  fields.ReadEach("ties", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(Tie tie, TieFromJson(element));
    summary.ties.push_back(std::move(tie));
    return absl::OkStatus();
  });
  fields.ReadEach("live_sets", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(LiveSet set, LiveSetFromJson(element));
    summary.live_sets.push_back(std::move(set));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return summary;
}

}  // namespace halftone
