#include "search/sensitivity/moment_meter.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

std::string SourceOutput(size_t i) { return absl::StrCat("halftone:source/", i); }
std::string WeightOutput(size_t i) { return absl::StrCat("halftone:weight/", i); }

// The squares summed over the channels of a layer's result: one for each of its rows.
absl::StatusOr<ValueId> SumSquares(ProgramBuilder& builder, const Layer& layer, ValueId gradient) {
  HT_ASSIGN_OR_RETURN(const ValueId squares, ops::Mul(builder, gradient, gradient));
  const int axis = layer.op == "Conv" ? 1 : builder.shape(squares).rank() - 1;
  return ops::ReduceSum(builder, squares, {axis}, /*keep_dims=*/false);
}

// Which of the rows of a sample are taken: `wanted` steps of equal weight.
std::vector<int64_t> DrawRows(absl::Span<const float> weights, int64_t wanted) {
  std::vector<double> ends;
  double total = 0;
  for (const float weight : weights) {
    total += std::isfinite(weight) ? static_cast<double>(weight) : 0.0;
    ends.push_back(total);
  }
  // Where nothing depends on any, one is like the other.
  if (!(total > 0)) {
    for (size_t i = 0; i < ends.size(); ++i) ends[i] = static_cast<double>(i + 1);
    total = static_cast<double>(ends.size());
  }
  std::vector<int64_t> drawn;
  for (int64_t i = 0; i < wanted; ++i) {
    const double at = total * (static_cast<double>(i) + 0.5) / static_cast<double>(wanted);
    const auto found = std::upper_bound(ends.begin(), ends.end(), at);
    drawn.push_back(std::min<int64_t>(found - ends.begin(), static_cast<int64_t>(ends.size()) - 1));
  }
  return drawn;
}

// The rows of each sample among `count` of a batch, whose results lie as the layout says; all in
// one where there is none.
std::vector<std::vector<int64_t>> RowsOfSamples(int64_t count, int64_t batch,
                                                const std::optional<SampleLayout>& layout) {
  if (!layout.has_value() || count % (batch * layout->outer) != 0) {
    std::vector<int64_t> all(static_cast<size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return {all};
  }
  // A row has no channels, which are within a sample.
  const int64_t inner = count / (batch * layout->outer);
  std::vector<std::vector<int64_t>> samples(static_cast<size_t>(batch));
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t outer = 0; outer < layout->outer; ++outer) {
      for (int64_t i = 0; i < inner; ++i) {
        samples[size_t(n)].push_back((outer * batch + n) * inner + i);
      }
    }
  }
  return samples;
}

}  // namespace

void MomentMeter::Watch(const Graph& graph, const Layer& layer, Quantizers quantizers) {
  std::optional<SourceRows> rows = SourceRows::Of(graph, layer);
  if (!rows.has_value()) return;
  std::unique_ptr<MomentAccumulator>& moments = moments_[layer.weights];
  if (moments == nullptr) {
    moments = std::make_unique<MomentAccumulator>(rows->groups(), rows->size());
  }
  const bool fits = moments->groups() == rows->groups() && moments->size() == rows->size();
  watched_.push_back({&layer,
                      *std::move(rows),
                      fits ? moments.get() : nullptr,
                      std::move(quantizers),
                      {},
                      0,
                      std::nullopt});
}

int64_t MomentMeter::RowsOfSample() const {
  return std::max<int64_t>(1, kRows / std::max<int64_t>(1, data_.samples()));
}

DerivativePass MomentMeter::Pass() const {
  std::vector<std::string> results;
  for (const Watched& watched : watched_) results.push_back(watched.layer->dst);
  return DerivativePass(network_, data_, std::move(results),
                        [&](LoweredGraph& lowered, const std::vector<ValueId>& derivatives,
                            DerivativePass::Outputs& outputs) -> absl::Status {
                          for (size_t i = 0; i < watched_.size(); ++i) {
                            const Layer& layer = *watched_[i].layer;
                            HT_ASSIGN_OR_RETURN(const ValueId src, FindValue(lowered, layer.src));
                            HT_ASSIGN_OR_RETURN(const ValueId weight,
                                                SumSquares(lowered.builder, layer, derivatives[i]));
                            outputs.emplace_back(SourceOutput(i), src);
                            outputs.emplace_back(WeightOutput(i), weight);
                          }
                          return absl::OkStatus();
                        });
}

absl::Status MomentMeter::Run(const Progress& progress) {
  if (watched_.empty()) return absl::OkStatus();
  DerivativePass pass = Pass();
  HT_ASSIGN_OR_RETURN(batch_, pass.Compile());
  HT_RETURN_IF_ERROR(FindLayouts(progress.cancellation));
  return pass.Run(
      progress, [&](const BatchRunner& runner, int64_t valid) { return AddBatch(runner, valid); });
}

absl::StatusOr<MomentMeter::Memory> MomentMeter::Estimate(int64_t batch) const {
  Memory memory;
  if (watched_.empty()) return memory;
  HT_ASSIGN_OR_RETURN(memory.pass, Pass().Estimate(batch));
  double widest = 0;
  for (const Watched& watched : watched_) {
    const auto width = static_cast<double>(watched.rows.groups() * watched.rows.size());
    widest = std::max(widest, width);
    memory.moments += sizeof(double) * width * static_cast<double>(1 + watched.quantizers.size());
  }
  for (const auto& [name, moments] : moments_) memory.moments += moments->bytes();
  // The rows of a batch: as they are taken, as a tensor and rounded.
  const auto rows = static_cast<double>(batch * RowsOfSample());
  memory.pass.activations += 3 * sizeof(float) * widest * rows;
  return memory;
}

absl::Status MomentMeter::FindLayouts(const Cancellation& cancellation) {
  std::vector<std::string> names;
  for (const Watched& watched : watched_) names.push_back(watched.layer->dst);
  HT_ASSIGN_OR_RETURN(const SampleLayouts layouts,
                      FindSampleLayouts(network_, data_, batch_,
                                        PreparedNetwork::BatchNorm::kFolded, names, cancellation));
  for (size_t i = 0; i < watched_.size(); ++i) watched_[i].layout = layouts[i];
  return absl::OkStatus();
}

absl::Status MomentMeter::AddBatch(const BatchRunner& runner, int64_t valid) {
  for (size_t i = 0; i < watched_.size(); ++i) {
    Watched& watched = watched_[i];
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(SourceOutput(i)));
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> weights, runner.Output(WeightOutput(i)));
    // Where samples cannot be told apart, the batch counts as one.
    const std::vector<std::vector<int64_t>> samples =
        RowsOfSamples(static_cast<int64_t>(weights.size()), batch_, watched.layout);
    const size_t count = std::min(samples.size(), static_cast<size_t>(valid));
    const auto of_sample = static_cast<int64_t>(samples[0].size());
    const int64_t wanted = std::min(RowsOfSample(), of_sample);
    const auto width = static_cast<size_t>(watched.rows.groups() * watched.rows.size());
    std::vector<float> rows(width * static_cast<size_t>(wanted) * count);
    std::vector<float> own(samples[0].size());
    size_t next = 0;
    for (size_t n = 0; n < count; ++n) {
      for (size_t r = 0; r < own.size(); ++r) own[r] = weights[size_t(samples[n][r])];
      for (const int64_t row : DrawRows(own, wanted)) {
        watched.rows.Copy(values, samples[n][size_t(row)],
                          absl::MakeSpan(rows).subspan(width * next++, width));
      }
    }
    HT_RETURN_IF_ERROR(AddRows(rows, watched));
  }
  return absl::OkStatus();
}

absl::Status MomentMeter::AddRows(absl::Span<const float> rows, Watched& watched) const {
  if (watched.moments != nullptr) watched.moments->Add(rows);
  const auto width = static_cast<size_t>(watched.rows.groups() * watched.rows.size());
  const auto add = [&](int bits, absl::Span<const float> values) {
    std::vector<double>& sums = watched.sums[bits];
    sums.resize(width);
    for (size_t begin = 0; begin < values.size(); begin += width) {
      for (size_t i = 0; i < width; ++i) sums[i] += static_cast<double>(values[begin + i]);
    }
  };
  add(0, rows);
  const Tensor tensor = Tensor::Of(Shape{static_cast<int64_t>(rows.size())},
                                   std::vector<float>(rows.begin(), rows.end()));
  for (const auto& [bits, quantizer] : watched.quantizers) {
    HT_ASSIGN_OR_RETURN(const Tensor rounded, quantizer->FakeQuantize(tensor));
    add(bits, rounded.data<float>());
  }
  watched.count += static_cast<int64_t>(rows.size() / width);
  return absl::OkStatus();
}

const MomentAccumulator* MomentMeter::MomentsOf(const std::string& weights) const {
  const auto found = moments_.find(weights);
  return found == moments_.end() ? nullptr : found->second.get();
}

std::vector<double> MomentMeter::MeanRow(const std::string& layer, int bits) const {
  for (const Watched& watched : watched_) {
    const auto sums = watched.sums.find(bits);
    if (watched.layer->name != layer || sums == watched.sums.end()) continue;
    std::vector<double> mean = sums->second;
    for (double& value : mean) value /= static_cast<double>(watched.count);
    return mean;
  }
  return {};
}

}  // namespace halftone
