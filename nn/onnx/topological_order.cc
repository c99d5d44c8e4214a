#include "nn/onnx/topological_order.h"

#include <functional>
#include <queue>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

// For each node, who waits for it, and for how many it waits itself.
struct Dependencies {
  std::vector<std::vector<size_t>> waiting;
  std::vector<size_t> missing;
};

Dependencies FindDependencies(const std::vector<Node>& nodes) {
  absl::flat_hash_map<std::string, size_t> producers;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& value : nodes[i].outputs) {
      if (!value.empty()) producers.emplace(value, i);
    }
  }
  Dependencies found{std::vector<std::vector<size_t>>(nodes.size()),
                     std::vector<size_t>(nodes.size(), 0)};
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& value : nodes[i].inputs) {
      const auto producer = producers.find(value);
      if (producer == producers.end()) continue;
      found.waiting[producer->second].push_back(i);
      ++found.missing[i];
    }
  }
  return found;
}

}  // namespace

absl::Status SortTopologically(std::vector<Node>& nodes) {
  Dependencies dependencies = FindDependencies(nodes);
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (dependencies.missing[i] == 0) ready.push(i);
  }
  std::vector<size_t> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const size_t next : dependencies.waiting[order.back()]) {
      if (--dependencies.missing[next] == 0) ready.push(next);
    }
  }
  if (order.size() < nodes.size()) {
    size_t stuck = 0;
    while (dependencies.missing[stuck] == 0) ++stuck;
    return absl::InvalidArgumentError(absl::StrCat("the graph has a cycle through or before node '",
                                                   nodes[stuck].name, "' (", nodes[stuck].op, ")"));
  }
  std::vector<Node> sorted;
  for (const size_t i : order) sorted.push_back(std::move(nodes[i]));
  nodes = std::move(sorted);
  return absl::OkStatus();
}

}  // namespace halftone
