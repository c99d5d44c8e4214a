#include "search/sensitivity/sample_layout.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

// Of the graph that is run, unless the file fixes another: more samples tell no more.
constexpr int64_t kSamplesTold = 2;

// All ways to put samples between `before` and `after` elements, where `together` more lie on one
// side or the other.
std::vector<SampleLayout> Splits(int64_t before, int64_t together, int64_t after) {
  std::vector<SampleLayout> splits;
  for (int64_t outer = 1; outer <= together; ++outer) {
    if (together % outer == 0) splits.push_back({before * outer, together / outer * after});
  }
  return splits;
}

// The layouts that the shapes for one sample and for `batch` allow.
std::vector<SampleLayout> LayoutsOf(const Shape& one, const Shape& batched, int64_t batch) {
  if (one.rank() != batched.rank()) return {};
  std::vector<int> grown;
  for (int axis = 0; axis < one.rank(); ++axis) {
    if (one.dim(axis) != batched.dim(axis)) grown.push_back(axis);
  }
  if (grown.size() != 1 || batched.dim(grown[0]) != batch * one.dim(grown[0])) return {};
  const auto dims = absl::MakeConstSpan(one.dims());
  const auto axis = static_cast<size_t>(grown[0]);
  return Splits(Product(dims.first(axis)), dims[axis], Product(dims.subspan(axis + 1)));
}

bool IsOfLastSample(const SampleLayout& layout, int64_t batch, int64_t element) {
  return element / layout.inner % batch == batch - 1;
}

// Twice a batch of the data, one after the other, the second time with another last sample: the
// first one read backwards, whose values the network takes as well.
absl::StatusOr<Dataset> BatchesThatDiffer(const Dataset& data, int64_t batch) {
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, all] : data.inputs()) {
    HT_ASSIGN_OR_RETURN(const Tensor tensor, data.Batch(name, 0, batch));
    const absl::Span<const float> values = tensor.data<float>();
    std::vector<float> both(values.begin(), values.end());
    both.insert(both.end(), values.begin(), values.end());
    const auto size = static_cast<std::ptrdiff_t>(values.size()) / batch;
    std::reverse_copy(values.begin(), values.begin() + size, both.end() - size);
    Shape shape = tensor.shape();
    shape.set_dim(0, 2 * batch);
    arrays.emplace(name, Tensor::Of(shape, std::move(both)));
  }
  return Dataset::Create(arrays);
}

class LayoutFinder {
 public:
  LayoutFinder(Graph graph, int64_t batch, const std::vector<std::string>& values)
      : graph_(std::move(graph)), batch_(batch), values_(values), possible_(values.size()) {}

  // Keeps what the shapes at another batch allow; `one`: bound to a single sample.
  void CompareShapes(const Graph& one) {
    for (size_t v = 0; v < values_.size(); ++v) {
      const auto small = one.values.find(values_[v]);
      const auto large = graph_.values.find(values_[v]);
      if (small == one.values.end() || large == graph_.values.end()) continue;
      possible_[v] = LayoutsOf(small->second.shape, large->second.shape, batch_);
    }
  }

  // Where the shapes at other batches are not known. A single sample is all that there is.
  void AllowAll() {
    is_certain_ = batch_ == 1;
    for (size_t v = 0; v < values_.size(); ++v) {
      const auto value = graph_.values.find(values_[v]);
      if (value == graph_.values.end()) continue;
      const int64_t elements = value->second.shape.Elements();
      if (batch_ == 1) {
        possible_[v] = {{1, elements}};
      } else if (elements % batch_ == 0) {
        possible_[v] = Splits(1, elements / batch_, 1);
      }
    }
  }

  absl::Status Run(const Dataset& data, const Cancellation& cancellation) {
    HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph_));
    std::map<std::string, ValueId> open;
    for (size_t v = 0; v < values_.size(); ++v) {
      if (possible_[v].size() < (is_certain_ ? 2 : 1)) continue;
      HT_ASSIGN_OR_RETURN(open[values_[v]], FindValue(lowered, values_[v]));
    }
    if (open.empty()) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(const Dataset batches, BatchesThatDiffer(data, batch_));
    const std::vector<std::pair<std::string, ValueId>> outputs(open.begin(), open.end());
    HT_ASSIGN_OR_RETURN(const auto runner,
                        BatchRunner::Create(lowered.builder.Build(outputs), batches, batch_));
    HT_RETURN_IF_ERROR(runner->Run(0, cancellation));
    std::map<std::string, std::vector<float>> before;
    for (const auto& [name, value] : open) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> output, runner->Output(name));
      before.emplace(name, std::vector<float>(output.begin(), output.end()));
    }
    HT_RETURN_IF_ERROR(runner->Run(batch_, cancellation));
    for (size_t v = 0; v < values_.size(); ++v) {
      if (!open.contains(values_[v])) continue;
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> after, runner->Output(values_[v]));
      Compare(before.at(values_[v]), after, possible_[v]);
    }
    return absl::OkStatus();
  }

  SampleLayouts Take() const {
    SampleLayouts layouts;
    for (const std::vector<SampleLayout>& possible : possible_) {
      layouts.push_back(possible.size() == 1 ? std::make_optional(possible[0]) : std::nullopt);
    }
    return layouts;
  }

 private:
  // Drops the layouts in which an element that moves is of a sample that stayed; all where none
  // moves.
  void Compare(absl::Span<const float> before, absl::Span<const float> after,
               std::vector<SampleLayout>& possible) const {
    bool moves = false;
    for (size_t i = 0; i < before.size() && !possible.empty(); ++i) {
      const bool stays = before[i] == after[i] || (std::isnan(before[i]) && std::isnan(after[i]));
      if (stays) continue;
      moves = true;
      std::erase_if(possible, [&](const SampleLayout& layout) {
        return !IsOfLastSample(layout, batch_, static_cast<int64_t>(i));
      });
    }
    if (!moves) possible.clear();
  }

  const Graph graph_;
  const int64_t batch_;
  const std::vector<std::string>& values_;
  std::vector<std::vector<SampleLayout>> possible_;  // of each value
  bool is_certain_ = true;  // that the only one that is possible is the one
};

}  // namespace

absl::StatusOr<SampleLayouts> FindSampleLayouts(const PreparedNetwork& network, const Dataset& data,
                                                int64_t batch,
                                                PreparedNetwork::BatchNorm batch_norm,
                                                const std::vector<std::string>& values,
                                                const Cancellation& cancellation) {
  const bool is_fixed = network.graph.fixed_batch().has_value();
  if (!is_fixed) batch = std::min(batch, kSamplesTold);
  HT_ASSIGN_OR_RETURN(Graph graph, network.Bind(batch, batch_norm));
  LayoutFinder finder(std::move(graph), batch, values);
  if (is_fixed || batch == 1) {
    finder.AllowAll();
  } else {
    HT_ASSIGN_OR_RETURN(const Graph one, network.Bind(1, batch_norm));
    finder.CompareShapes(one);
  }
  HT_RETURN_IF_ERROR(finder.Run(data, cancellation));
  return finder.Take();
}

absl::StatusOr<ValueId> PutSamplesFirst(ProgramBuilder& builder, ValueId value,
                                        const std::optional<SampleLayout>& layout, int64_t batch) {
  const Shape shape = builder.shape(value);
  const int64_t elements = shape.Elements();
  if (batch > 1) {
    if (!layout.has_value() || layout->outer * batch * layout->inner != elements) {
      return absl::UnimplementedError(
          absl::StrCat("in ", shape.ToString(), " ", batch, " samples cannot be told apart"));
    }
    if (layout->outer > 1) {
      const Shape apart{layout->outer, batch, layout->inner};
      HT_ASSIGN_OR_RETURN(value, ops::Reshape(builder, value, apart));
      HT_ASSIGN_OR_RETURN(value, ops::Transpose(builder, value, {1, 0, 2}));
    }
  }
  return ops::Reshape(builder, value, Shape{batch, elements / batch});
}

}  // namespace halftone
