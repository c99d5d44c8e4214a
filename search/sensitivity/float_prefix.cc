#include "search/sensitivity/float_prefix.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/cut_program.h"

namespace halftone {
namespace {

// The value that is left and the one that is computed from it are there together.
constexpr double kValuesAtOnce = 2;

}  // namespace

absl::StatusOr<std::unique_ptr<FloatPrefix>> FloatPrefix::Create(const PreparedNetwork& network,
                                                                 const Dataset& data, int64_t batch,
                                                                 const std::vector<Head>& heads,
                                                                 double kept_bytes,
                                                                 const Progress& progress) {
  auto prefix = std::unique_ptr<FloatPrefix>(new FloatPrefix(data, batch));
  HT_ASSIGN_OR_RETURN(prefix->graph_, network.Bind(batch));
  HT_RETURN_IF_ERROR(prefix->outputs_.Prepare(prefix->graph_, heads, progress));
  const auto batches = static_cast<double>((data.samples() + batch - 1) / batch);
  const double elements = std::min(kept_bytes, kMaxKeptBytes) / kValuesAtOnce / batches /
                          static_cast<double>(sizeof(float));
  prefix->cuts_ = FindCuts(prefix->graph_, network.layers, heads,
                           static_cast<int64_t>(std::max(0.0, elements)));
  return prefix;
}

absl::Status FloatPrefix::MoveTo(const std::string& node, const Progress& progress) {
  const auto found = std::find_if(graph_.nodes.begin(), graph_.nodes.end(),
                                  [&](const Node& other) { return other.name == node; });
  if (found == graph_.nodes.end()) {
    return absl::InternalError(absl::StrCat("layer '", node, "' has no node"));
  }
  const auto index = static_cast<size_t>(found - graph_.nodes.begin());
  std::optional<size_t> wanted;
  for (size_t i = 0; i < cuts_.size() && cuts_[i].nodes <= index; ++i) wanted = i;
  if (wanted == at_) return absl::OkStatus();
  if (!wanted.has_value() || (at_.has_value() && *wanted < *at_)) {
    at_.reset();
    value_.clear();
  }
  if (!wanted.has_value()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(value_, Compute(*wanted, progress));
  at_ = wanted;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> FloatPrefix::Compute(size_t to, const Progress& progress) const {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph_));
  HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, cuts_[to].value));
  std::vector<ValueId> values = {value};
  if (at_.has_value()) {
    HT_ASSIGN_OR_RETURN(values, ReadFromCut(lowered, cuts_[*at_], values));
  }
  HT_ASSIGN_OR_RETURN(
      const auto runner,
      BatchRunner::Create(lowered.builder.Build({{cuts_[to].value, values[0]}}), data_, batch_));
  return ComputeCut(
      cuts_[to], data_.samples(), batch_, *runner,
      [&](int64_t begin) { return SetSource(begin, *runner); }, progress);
}

absl::Status FloatPrefix::SetSource(int64_t begin, BatchRunner& runner) const {
  if (!at_.has_value()) return absl::OkStatus();
  return SetCutSource(cuts_[*at_], value_, begin, batch_, runner);
}

}  // namespace halftone
