#include "search/sensitivity/float_outputs.h"

#include <utility>

#include "base/status_macros.h"
#include "search/sensitivity/fisher_program.h"

namespace halftone {
absl::Status FloatOutputs::Prepare(const Graph& graph, const std::vector<Head>& heads,
                                   const Progress& progress) {
  heads_ = heads;
  HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, heads));
  HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(std::move(forward), data_, batch_));
  int64_t elements = 0;
  for (const Head& head : heads) elements += head.elements();
  constexpr int64_t kMaxKeptElements = kMaxKeptBytes / int64_t{sizeof(float)};
  if (elements > kMaxKeptElements / data_.samples()) return absl::OkStatus();
  kept_.resize(heads.size());
  for (size_t h = 0; h < heads.size(); ++h) {
    kept_[h].reserve(static_cast<size_t>(data_.samples() * heads[h].elements()));
  }
  HT_RETURN_IF_ERROR(ForEachBatch(data_.samples(), batch_, progress,
                                  [&](int64_t begin, int64_t valid) -> absl::Status {
                                    HT_RETURN_IF_ERROR(runner_->Run(begin, progress.cancellation));
                                    return Keep(valid);
                                  }));
  runner_.reset();
  return absl::OkStatus();
}

absl::Status FloatOutputs::Run(int64_t begin, const Cancellation& cancellation) {
  if (runner_ == nullptr) return absl::OkStatus();
  begin_ = begin;
  return runner_->Run(begin, cancellation);
}

absl::Span<const float> FloatOutputs::Kept(size_t head) const {
  return kept_.empty() ? absl::Span<const float>() : absl::MakeConstSpan(kept_[head]);
}

absl::StatusOr<absl::Span<const float>> FloatOutputs::At(size_t head, int64_t sample) const {
  absl::Span<const float> values;
  if (runner_ == nullptr) {
    values = kept_[head];
  } else {
    HT_ASSIGN_OR_RETURN(values, runner_->Output(heads_[head].value));
  }
  const auto size = static_cast<size_t>(heads_[head].elements());
  return values.subspan(static_cast<size_t>(sample - begin_) * size, size);
}

absl::Status FloatOutputs::Keep(int64_t valid) {
  for (size_t h = 0; h < heads_.size(); ++h) {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner_->Output(heads_[h].value));
    const auto rows = values.first(static_cast<size_t>(valid * heads_[h].elements()));
    kept_[h].insert(kept_[h].end(), rows.begin(), rows.end());
  }
  return absl::OkStatus();
}

}  // namespace halftone
