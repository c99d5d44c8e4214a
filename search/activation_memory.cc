#include "search/activation_memory.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = 4;

bool MovesNothing(const Node& node) {
  static const std::set<std::string>* const ops = new std::set<std::string>{
      "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"};
  return node.domain.empty() && ops->contains(node.op);
}

class LiveSetFinder {
 public:
  LiveSetFinder(const Graph& graph, const LayerSet& layers) : graph_(graph), layers_(layers) {}

  std::vector<LiveSet> Find() {
    AssignSteps();
    AssignOwners();
    FindLifetimes();
    std::vector<std::vector<const Lifetime*>> born(graph_.nodes.size() + 1);
    std::vector<std::vector<const Lifetime*>> dying(graph_.nodes.size() + 1);
    for (const auto& [value, life] : lifetimes_) {
      born[static_cast<size_t>(life.begin)].push_back(&life);
      dying[static_cast<size_t>(life.end)].push_back(&life);
    }
    std::vector<LiveSet> sets;
    LiveSet live;
    for (size_t step = 0; step < graph_.nodes.size(); ++step) {
      for (const Lifetime* life : born[step]) Change(live, *life, 1);
      live.node = graph_.nodes[step].name;
      if (runs_at_[step] == static_cast<int>(step)) AddMaximal(live, sets);
      for (const Lifetime* life : dying[step]) Change(live, *life, -1);
    }
    return sets;
  }

 private:
  struct Lifetime {
    int begin = 0, end = 0;
    double elements = 0;
    std::string owner;  // "": none
  };

  // A layer and what is fused into it run where the last of them stands, when all they read is
  // there; what they hand to each other is never stored.
  void AssignSteps() {
    absl::flat_hash_map<std::string, int> position;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      position[graph_.nodes[i].name] = static_cast<int>(i);
      runs_at_.push_back(static_cast<int>(i));
    }
    for (const Layer& layer : layers_.layers) {
      std::vector<int> nodes = {position[layer.name]};
      for (const std::string& fused : layer.fused_nodes) nodes.push_back(position[fused]);
      const int last = *std::max_element(nodes.begin(), nodes.end());
      for (const int node : nodes) runs_at_[static_cast<size_t>(node)] = last;
      for (size_t i = 0; i + 1 < nodes.size(); ++i) {
        passed_on_.insert(graph_.nodes[static_cast<size_t>(nodes[i])].outputs[0]);
      }
      layer_names_.insert(layer.name);
    }
  }

  // Where values are stored, and whose precision stores them, the first reader's.
  void AssignOwners() {
    for (const Node& node : graph_.nodes) {
      if (!MovesNothing(node) || graph_.initializers.contains(node.inputs[0])) continue;
      storage_[node.outputs[0]] = StorageOf(node.inputs[0]);
    }
    for (size_t i = graph_.nodes.size(); i-- > 0;) {
      const Node& node = graph_.nodes[i];
      const std::string owner =
          layer_names_.contains(node.name) ? node.name : owner_[node.outputs[0]];
      if (owner.empty()) continue;
      for (const std::string& input : node.inputs) owner_[input] = owner;
    }
  }

  std::string StorageOf(const std::string& value) const {
    const auto found = storage_.find(value);
    return found == storage_.end() ? value : found->second;
  }

  void Touch(const std::string& value, int step) {
    if (value.empty() || graph_.initializers.contains(value) || passed_on_.contains(value)) return;
    const auto info = graph_.values.find(value);
    if (info == graph_.values.end()) return;
    const std::string storage = StorageOf(value);
    const auto [found, inserted] = lifetimes_.try_emplace(storage);
    if (inserted) {
      found->second = {step, step, static_cast<double>(info->second.shape.Elements()),
                       owner_[storage]};
    }
    found->second.begin = std::min(found->second.begin, step);
    found->second.end = std::max(found->second.end, step);
  }

  void FindLifetimes() {
    for (const Port& input : graph_.inputs) Touch(input.name, 0);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (const std::string& input : graph_.nodes[i].inputs) Touch(input, runs_at_[i]);
      for (const std::string& output : graph_.nodes[i].outputs) Touch(output, runs_at_[i]);
    }
    const int end = static_cast<int>(graph_.nodes.size());
    for (const Port& output : graph_.outputs) Touch(output.name, end);
  }

  static void Change(LiveSet& set, const Lifetime& life, double sign) {
    if (life.owner.empty()) {
      set.fixed_bytes += sign * kFloatBytes * life.elements;
      return;
    }
    double& elements = set.elements[life.owner];
    elements += sign * life.elements;
    if (elements == 0) set.elements.erase(life.owner);
  }

  static bool Covers(const LiveSet& larger, const LiveSet& smaller) {
    if (larger.fixed_bytes < smaller.fixed_bytes) return false;
    return std::all_of(smaller.elements.begin(), smaller.elements.end(), [&](const auto& entry) {
      const auto found = larger.elements.find(entry.first);
      return found != larger.elements.end() && found->second >= entry.second;
    });
  }

  static void AddMaximal(const LiveSet& set, std::vector<LiveSet>& sets) {
    for (const LiveSet& known : sets) {
      if (Covers(known, set)) return;
    }
    std::erase_if(sets, [&](const LiveSet& known) { return Covers(set, known); });
    sets.push_back(set);
  }

  const Graph& graph_;
  const LayerSet& layers_;
  std::vector<int> runs_at_;         // of each node: the position at which it runs
  std::set<std::string> passed_on_;  // inside a fused group
  std::set<std::string> layer_names_;
  absl::flat_hash_map<std::string, std::string> storage_, owner_;
  std::map<std::string, Lifetime> lifetimes_;
};

}  // namespace

double ActivationBytes(const Precision& precision) { return precision.activations.bits / 8.0; }

double LiveSet::Bytes(const std::map<std::string, Precision>& assignment) const {
  double bytes = fixed_bytes;
  for (const auto& [layer, count] : elements) {
    const auto found = assignment.find(layer);
    bytes += count * (found == assignment.end() ? kFloatBytes : ActivationBytes(found->second));
  }
  return bytes;
}

std::vector<LiveSet> FindLiveSets(const Graph& graph, const LayerSet& layers) {
  return LiveSetFinder(graph, layers).Find();
}

}  // namespace halftone
