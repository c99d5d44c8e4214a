#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/graph/head_finder.h"
#include "nn/graph/layer.h"
#include "nn/graph/output_heads.h"
#include "nn/graph/passes.h"
#include "nn/graph/simplify.h"

namespace halftone {
namespace {

std::string NamesOf(const std::vector<OutputHead>& heads) {
  return absl::StrJoin(heads, ", ", [](std::string* out, const OutputHead& head) {
    absl::StrAppend(out, Quoted(head.name()));
  });
}

absl::Status CheckAllFound(const AskedHeads& asked, const std::vector<OutputHead>& found) {
  for (const auto& [name, head] : asked) {
    const bool is_there = absl::c_any_of(
        found, [&name = name](const OutputHead& head) { return head.name() == name; });
    if (is_there) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the model has no output ", Quoted(name), "; it has ", NamesOf(found)));
  }
  return absl::OkStatus();
}

// Whether more than a shape speaks of classes or labels.
bool HasProof(const OutputHead& head) {
  return !head.by_shape && (head.kind == HeadKind::kKl || head.kind == HeadKind::kBernoulli);
}

// A guess by shape alone says less than a Softmax or a Sigmoid: beside outputs that end in one it
// is none.
void DropWeakGuesses(std::vector<OutputHead>& heads) {
  if (absl::c_none_of(heads, HasProof)) return;
  for (OutputHead& head : heads) {
    if (!head.by_shape) continue;
    head.kind = HeadKind::kMse;
    head.by_shape = false;
    head.class_axis = head.class_axis_end = 0;
    head.reason = "nothing at its end speaks of classes, as it does of another output's";
  }
}

// Whole numbers count where a network answers with nothing else.
void CountWholeNumbers(const HeadFinder& finder, std::vector<OutputHead>& heads) {
  const auto counts = [](const OutputHead& head) { return head.kind != HeadKind::kIgnore; };
  if (absl::c_any_of(heads, counts)) return;
  for (OutputHead& head : heads) {
    if (!head.is_guess || !finder.IsFed(head.name())) continue;
    head.kind = HeadKind::kMse;
    head.value = head.name();
    head.reason = "whole numbers or truth values, beside which the network gives nothing";
  }
}

// How much there is behind the kind of a head: a guess, what is at its end, what the user says.
int StrengthOf(const OutputHead& head) {
  if (!head.is_guess) return 2;
  return HasProof(head) ? 1 : 0;
}

// A network that gives both logits and probabilities has one answer, not two: the one of whose kind
// more is known counts, of equal ones the first.
absl::Status DropRepeated(std::vector<OutputHead>& heads) {
  absl::flat_hash_map<std::string, OutputHead*> readers;  // of a value
  for (OutputHead& head : heads) {
    if (head.kind == HeadKind::kIgnore) continue;
    OutputHead*& reader = readers.try_emplace(head.value, &head).first->second;
    if (reader == &head) continue;
    if (!head.is_guess && !reader->is_guess) {
      return absl::InvalidArgumentError(
          absl::StrCat("outputs ", Quoted(reader->name()), " and ", Quoted(head.name()),
                       " say the same: ask for one of them, and the other as ignore"));
    }
    OutputHead* dropped = &head;
    if (StrengthOf(head) > StrengthOf(*reader)) std::swap(dropped, reader);
    dropped->kind = HeadKind::kIgnore;
    dropped->reason = absl::StrCat("it says the same as ", Quoted(reader->name()));
    dropped->value.clear();
  }
  return absl::OkStatus();
}

// Which nodes the outputs so far depend on.
class Ancestors {
 public:
  explicit Ancestors(const Graph& graph) : graph_(graph), seen_(graph.nodes.size(), false) {}

  // Adds those of one more output; the names of layers among them that are new.
  std::vector<std::string> Add(const std::string& output) {
    absl::flat_hash_set<std::string> read = {output};
    std::vector<std::string> layers;
    for (size_t i = graph_.nodes.size(); i-- > 0;) {
      const Node& node = graph_.nodes[i];
      if (absl::c_none_of(node.outputs, [&](const auto& dst) { return read.contains(dst); })) {
        continue;
      }
      read.insert(node.inputs.begin(), node.inputs.end());
      if (!seen_[i] && IsLayer(graph_, node)) layers.push_back(node.name);
      seen_[i] = true;
    }
    return layers;
  }

 private:
  const Graph& graph_;
  std::vector<bool> seen_;
};

// The outputs that count, then those without which layers would be gone.
void SetOutputs(HeadedGraph& result) {
  Graph& graph = result.graph;
  graph.outputs.clear();
  Ancestors ancestors(graph);
  for (const OutputHead& head : result.heads) {
    graph.outputs.push_back({head.value, graph.values.at(head.value)});
    ancestors.Add(head.value);
  }
  for (const OutputHead& head : result.ignored) {
    const std::vector<std::string> layers = ancestors.Add(head.name());
    if (layers.empty()) continue;
    graph.outputs.push_back({head.name(), graph.values.at(head.name())});
    absl::c_copy(layers, std::back_inserter(result.uncounted));
  }
  RemoveUnused(graph);
}

}  // namespace

absl::StatusOr<HeadedGraph> SplitOutputHeads(Graph graph, const AskedHeads& asked) {
  HeadedGraph result;
  HeadFinder finder(graph, asked);
  std::vector<OutputHead> all;
  for (const Port& port : graph.outputs) {
    HT_ASSIGN_OR_RETURN(std::vector<OutputHead> heads, finder.Find(port));
    absl::c_move(heads, std::back_inserter(all));
  }
  HT_RETURN_IF_ERROR(CheckAllFound(asked, all));
  CountWholeNumbers(finder, all);
  DropWeakGuesses(all);
  HT_RETURN_IF_ERROR(DropRepeated(all));
  for (OutputHead& head : all) {
    (head.kind == HeadKind::kIgnore ? result.ignored : result.heads).push_back(std::move(head));
  }
  if (result.heads.empty() && !result.ignored.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no output counts: ", Quoted(result.ignored.front().name()), " is ignored (",
                     result.ignored.front().reason, "); say as what one counts, as in --head ",
                     result.ignored.front().name(), "=mse"));
  }
  for (auto& [name, info] : finder.TakeValues()) graph.values.emplace(name, std::move(info));
  for (Node& node : finder.TakeNodes()) graph.nodes.push_back(std::move(node));
  result.graph = std::move(graph);
  SetOutputs(result);
  return result;
}

absl::StatusOr<HeadedGraph> BindWithHeads(const Graph& arranged, int64_t batch,
                                          bool fold_batch_norm, const AskedHeads& asked) {
  HT_ASSIGN_OR_RETURN(Graph graph, BindLayers(arranged, batch, fold_batch_norm));
  return SplitOutputHeads(std::move(graph), asked);
}

}  // namespace halftone
