#include "search/sensitivity/cut_program.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// The program's input that stands for a value of the network. No name of the network's inputs, so
// that the data are not put there.
std::string SourceName(const NetworkCut& cut) { return absl::StrCat("computed ", cut.value); }

}  // namespace

absl::StatusOr<std::vector<ValueId>> ReadFromCut(LoweredGraph& lowered, const NetworkCut& cut,
                                                 absl::Span<const ValueId> values) {
  ProgramBuilder& builder = lowered.builder;
  HT_ASSIGN_OR_RETURN(const ValueId before, FindValue(lowered, cut.value));
  const ValueId source = builder.AddInput(SourceName(cut), Shape(builder.shape(before)));
  return ReplayWith(builder, {{before, source}}, values);
}

absl::Status SetCutSource(const NetworkCut& cut, absl::Span<const float> source, int64_t begin,
                          int64_t batch, BatchRunner& runner) {
  const auto size = static_cast<size_t>(cut.elements);
  return runner.SetInput(SourceName(cut),
                         source.subspan(static_cast<size_t>(begin / batch) * size, size));
}

absl::StatusOr<std::vector<float>> ComputeCut(
    const NetworkCut& cut, int64_t samples, int64_t batch, BatchRunner& runner,
    const std::function<absl::Status(int64_t begin)>& set_source, const Progress& progress) {
  std::vector<float> all;
  all.reserve(static_cast<size_t>((samples + batch - 1) / batch * cut.elements));
  HT_RETURN_IF_ERROR(
      ForEachBatch(samples, batch, progress, [&](int64_t begin, int64_t) -> absl::Status {
        HT_RETURN_IF_ERROR(set_source(begin));
        HT_RETURN_IF_ERROR(runner.Run(begin, progress.cancellation));
        HT_ASSIGN_OR_RETURN(const absl::Span<const float> output, runner.Output(cut.value));
        all.insert(all.end(), output.begin(), output.end());
        return absl::OkStatus();
      }));
  return all;
}

}  // namespace halftone
