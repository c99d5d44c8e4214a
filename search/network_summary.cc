#include "search/network_summary.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kLayerMembers =
    std::tuple(JsonMember("name", &NetworkSummary::LayerFacts::name),
               JsonMember("op", &NetworkSummary::LayerFacts::op),
               JsonMember("tie_group", &NetworkSummary::LayerFacts::tie_group),
               JsonMember("macs", &NetworkSummary::LayerFacts::macs),
               JsonMember("has_weights", &NetworkSummary::LayerFacts::has_weights));

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
  fields.Require("layers");
  ReadList(fields, "layers", kLayerMembers, &summary.layers);
  ReadList(fields, "ties", kTieMembers, &summary.ties);
  ReadList(fields, "live_sets", kLiveSetMembers, &summary.live_sets);
  HT_RETURN_IF_ERROR(fields.status());
  return summary;
}

}  // namespace halftone
