#ifndef HALFTONE_TESTS_NN_QUANT_SOURCES_H_
#define HALFTONE_TESTS_NN_QUANT_SOURCES_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "nn/quant/result_error.h"
#include "nn/quant/source_moments.h"

// Made-up weights and sources, and what is known of the results that they make.
namespace halftone {

inline std::vector<float> Normal(size_t count, unsigned seed, double scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(normal(random));
  return values;
}

// Sources that have something in common, and a mean.
inline std::vector<float> Sources(size_t rows, size_t width, unsigned seed) {
  std::vector<float> values = Normal(rows * width, seed);
  for (size_t r = 0; r < rows; ++r) {
    const float common = values[r * width];
    for (size_t i = 0; i < width; ++i) values[r * width + i] += common + 0.5f;
  }
  return values;
}

inline SourceMoments MomentsOf(const std::vector<float>& rows, int64_t groups, int64_t size) {
  MomentAccumulator accumulator(groups, size);
  accumulator.Add(rows);
  return accumulator.Moments();
}

// Of a ResultError, or a ChannelError.
template <typename Form>
double Squared(const Form& form, const std::vector<float>& error) {
  return form.Products({ResultError::Pair{error, error}, {error, error}, {error, error}})[1];
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_QUANT_SOURCES_H_
