#include "base/statistics.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

namespace halftone {
namespace {

// Pairs among `count` things.
int64_t Pairs(int64_t count) { return count * (count - 1) / 2; }

// Pairs of neighbours that are equal, in a sequence where equal things stand together.
template <typename Equal>
int64_t TiedPairs(size_t count, const Equal& equal) {
  int64_t pairs = 0, run = 1;
  for (size_t i = 1; i < count; ++i) {
    if (equal(i - 1, i)) {
      pairs += run++;
    } else {
      run = 1;
    }
  }
  return pairs;
}

// Sorts `values`; the number of pairs that stood in falling order.
int64_t SortCountingInversions(std::vector<double>& values) {
  int64_t inversions = 0;
  std::vector<double> merged(values.size());
  for (size_t width = 1; width < values.size(); width *= 2) {
    for (size_t begin = 0; begin < values.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, values.size());
      const size_t end = std::min(begin + 2 * width, values.size());
      size_t left = begin, right = middle;
      for (size_t i = begin; i < end; ++i) {
        const bool take_right = left == middle || (right < end && values[right] < values[left]);
        if (take_right) inversions += static_cast<int64_t>(middle - left);
        merged[i] = take_right ? values[right++] : values[left++];
      }
    }
    values.swap(merged);
  }
  return inversions;
}

double Mean(absl::Span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double StandardDeviation(absl::Span<const double> values) {
  if (values.size() < 2) return 0;
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::vector<double> Ranks(absl::Span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return values[i] < values[j]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (; begin < end; ++begin) ranks[order[begin]] = rank;
  }
  return ranks;
}

std::optional<double> SpearmanCorrelation(absl::Span<const double> a, absl::Span<const double> b) {
  if (a.size() < 2) return std::nullopt;
  const std::vector<double> a_ranks = Ranks(a), b_ranks = Ranks(b);
  const double mean = 0.5 * static_cast<double>(a.size() + 1);
  double products = 0, a_squares = 0, b_squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a_ranks[i] - mean, y = b_ranks[i] - mean;
    products += x * y;
    a_squares += x * x;
    b_squares += y * y;
  }
  if (a_squares == 0 || b_squares == 0) return std::nullopt;
  return products / std::sqrt(a_squares * b_squares);
}

std::optional<double> KendallCorrelation(absl::Span<const double> a, absl::Span<const double> b) {
  std::vector<std::pair<double, double>> pairs;
  pairs.reserve(a.size());
  for (size_t i = 0; i < a.size(); ++i) pairs.emplace_back(a[i], b[i]);
  std::sort(pairs.begin(), pairs.end());
  const int64_t tied_in_a =
      TiedPairs(pairs.size(), [&](size_t i, size_t j) { return pairs[i].first == pairs[j].first; });
  const int64_t tied_in_both =
      TiedPairs(pairs.size(), [&](size_t i, size_t j) { return pairs[i] == pairs[j]; });
  std::vector<double> second;
  second.reserve(pairs.size());
  for (const auto& pair : pairs) second.push_back(pair.second);
  const int64_t discordant = SortCountingInversions(second);
  const int64_t tied_in_b =
      TiedPairs(second.size(), [&](size_t i, size_t j) { return second[i] == second[j]; });
  const int64_t all = Pairs(static_cast<int64_t>(pairs.size()));
  if (all == tied_in_a || all == tied_in_b) return std::nullopt;
  const int64_t difference = all - tied_in_a - tied_in_b + tied_in_both - 2 * discordant;
  return static_cast<double>(difference) / std::sqrt(static_cast<double>(all - tied_in_a)) /
         std::sqrt(static_cast<double>(all - tied_in_b));
}

}  // namespace halftone
