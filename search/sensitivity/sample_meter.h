#ifndef HALFTONE_SEARCH_SENSITIVITY_SAMPLE_METER_H_
#define HALFTONE_SEARCH_SENSITIVITY_SAMPLE_METER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/pooled_divergence.h"

namespace halftone {

// Collects Evaluation::sample_values: of each sample its divergence, or where outputs are pooled
// its pseudovalue. Every head counts by its factor. One pass at a time; not
// thread-safe.
class SampleMeter {
 public:
  SampleMeter(std::vector<Head> heads, int64_t samples);

  // Bytes that pooling one head of so many classes takes, at most, beside its reference.
  static double PooledBytes(int64_t samples, double classes);

  // Pools a head, whose reference outputs of all samples are given: nothing is done without them,
  // or where they are no single row of finite logits, or very many.
  void Pool(size_t head, absl::Span<const float> reference);
  void Begin();
  // One sample's output, the reference and the changed one.
  void Add(size_t head, int64_t sample, absl::Span<const float> before,
           absl::Span<const float> after);
  // Of all samples, after all were added.
  std::vector<double> Finish() const;

 private:
  struct Counted {
    Head head;
    std::unique_ptr<PooledDivergence> pooled;
    std::vector<float> logits;  // of the present pass, where it is pooled
  };

  const size_t samples_;
  std::vector<Counted> heads_;
  std::vector<double> divergences_;  // of each sample, of heads that are not pooled
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SAMPLE_METER_H_
