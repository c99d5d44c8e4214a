#include "search/sensitivity/partwise_network.h"

#include <algorithm>

#include "base/status_macros.h"
#include "search/sensitivity/cut_program.h"

namespace halftone {
namespace {

// Of what may be kept, the most that one value may take: less would be seen again too rarely.
constexpr int64_t kMaxShare = 8;

int64_t BytesOf(const std::vector<float>& values) {
  return static_cast<int64_t>(values.size() * sizeof(float));
}

ChosenLayers Among(const std::vector<std::string>& layers, const ChosenLayers& chosen) {
  ChosenLayers among;
  for (const std::string& layer : layers) {
    const auto found = chosen.find(layer);
    if (found != chosen.end()) among.insert(*found);
  }
  return among;
}

}  // namespace

KeptValues::Values KeptValues::Find(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  found->second.used = ++clock_;
  return found->second.values;
}

void KeptValues::DropOldest() {
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(),
                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
  bytes_ -= BytesOf(*oldest->second.values);
  entries_.erase(oldest);
}

void KeptValues::Keep(Key key, Values values) {
  const int64_t bytes = BytesOf(*values);
  if (bytes > max_bytes_ || entries_.contains(key)) return;
  while (bytes_ + bytes > max_bytes_) DropOldest();
  bytes_ += bytes;
  entries_.emplace(std::move(key), Entry{std::move(values), ++clock_});
}

PartwiseNetwork::PartwiseNetwork(const Graph& graph, const LayerSet& layers,
                                 std::vector<Head> heads, const Dataset& data, int64_t batch,
                                 int64_t max_bytes)
    : graph_(graph), heads_(std::move(heads)), data_(data), batch_(batch), kept_(max_bytes) {
  const int64_t batches = (data.samples() + batch - 1) / batch;
  const int64_t bytes = max_bytes / kMaxShare / std::max<int64_t>(batches, 1);
  cuts_ = FindCuts(graph, layers, heads_, bytes / static_cast<int64_t>(sizeof(float)));
  layers_.resize(parts());
  size_t part = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    while (part < cuts_.size() && cuts_[part].nodes <= i) ++part;
    const std::string& name = graph.nodes[i].name;
    if (layers.Find(name) != nullptr) layers_[part].push_back(name);
  }
}

absl::Status PartwiseNetwork::Run(const ChosenLayers& chosen, const Progress& progress,
                                  const Visit& visit) {
  size_t part = cuts_.size();
  KeptValues::Values source;
  while (part > 0 && (source = kept_.Find(KeyBefore(part, chosen))) == nullptr) --part;
  const auto first = static_cast<double>(part);
  const auto of = [&](size_t p) {
    return (static_cast<double>(p) - first) / (static_cast<double>(parts()) - first);
  };
  for (; part < cuts_.size(); ++part) {
    HT_ASSIGN_OR_RETURN(source,
                        Compute(part, chosen, source, progress.Part(of(part), of(part + 1))));
    kept_.Keep(KeyBefore(part + 1, chosen), source);
  }
  return ComputeLast(chosen, source, progress.Part(of(part), 1), visit);
}

KeptValues::Key PartwiseNetwork::KeyBefore(size_t part, const ChosenLayers& chosen) const {
  KeptValues::Key key{part, {}};
  for (size_t p = 0; p < part; ++p) {
    for (const std::string& layer : layers_[p]) {
      const auto found = chosen.find(layer);
      const bool is_float = found == chosen.end() || found->second->IsFloat();
      key.second.push_back(is_float ? nullptr : found->second);
    }
  }
  return key;
}

absl::StatusOr<std::unique_ptr<BatchRunner>> PartwiseNetwork::Compile(size_t part,
                                                                      const ChosenLayers& chosen) {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerChosen(graph_, Among(layers_[part], chosen)));
  std::vector<std::string> names;
  if (part < cuts_.size()) {
    names.push_back(cuts_[part].value);
  } else {
    for (const Head& head : heads_) names.push_back(head.value);
  }
  std::vector<ValueId> values;
  for (const std::string& name : names) {
    HT_ASSIGN_OR_RETURN(values.emplace_back(), FindValue(lowered, name));
  }
  if (part > 0) {
    HT_ASSIGN_OR_RETURN(values, ReadFromCut(lowered, cuts_[part - 1], values));
  }
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (size_t i = 0; i < names.size(); ++i) outputs.emplace_back(names[i], values[i]);
  return BatchRunner::Create(lowered.builder.Build(outputs), data_, batch_);
}

absl::Status PartwiseNetwork::SetSource(size_t part, int64_t begin,
                                        const KeptValues::Values& source,
                                        BatchRunner& runner) const {
  if (part == 0) return absl::OkStatus();
  return SetCutSource(cuts_[part - 1], *source, begin, batch_, runner);
}

absl::StatusOr<KeptValues::Values> PartwiseNetwork::Compute(size_t part, const ChosenLayers& chosen,
                                                            const KeptValues::Values& source,
                                                            const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const auto runner, Compile(part, chosen));
  HT_ASSIGN_OR_RETURN(
      std::vector<float> values,
      ComputeCut(
          cuts_[part], data_.samples(), batch_, *runner,
          [&](int64_t begin) { return SetSource(part, begin, source, *runner); }, progress));
  ++computed_parts_;
  return std::make_shared<const std::vector<float>>(std::move(values));
}

absl::Status PartwiseNetwork::ComputeLast(const ChosenLayers& chosen,
                                          const KeptValues::Values& source,
                                          const Progress& progress, const Visit& visit) {
  const size_t part = cuts_.size();
  HT_ASSIGN_OR_RETURN(const auto runner, Compile(part, chosen));
  HT_RETURN_IF_ERROR(ForEachBatch(data_.samples(), batch_, progress,
                                  [&](int64_t begin, int64_t valid) -> absl::Status {
                                    HT_RETURN_IF_ERROR(SetSource(part, begin, source, *runner));
                                    HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
                                    return visit(begin, valid, *runner);
                                  }));
  ++computed_parts_;
  return absl::OkStatus();
}

}  // namespace halftone
