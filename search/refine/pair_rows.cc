#include "search/refine/pair_rows.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace halftone {
namespace {

// What the rounding of correlations to floats leaves of a diagonal of ones.
constexpr double kRounding = 1e-6;
// A correlation that the rows do not give back to this is no rounding: there is a negative
// eigenvalue.
constexpr double kIndefinite = 1e-3;

}  // namespace

std::optional<Problem::InteractionRows> FactorPairs(const Problem& problem,
                                                    absl::Span<const float> gram) {
  Problem::InteractionRows pairs;
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      pairs.choices.emplace_back(layer.name, choice.name);
    }
  }
  const size_t columns = pairs.choices.size();
  if (gram.size() != columns * columns) return std::nullopt;
  // Of each column its entries in all rows: what is multiplied lies side by side.
  std::vector<std::vector<double>> entries(columns);
  std::vector<double> scale(columns), left(columns);  // left: of the diagonal of the correlations
  for (size_t c = 0; c < columns; ++c) {
    scale[c] = std::sqrt(std::max(0.0, double{gram[c * columns + c]}));
    left[c] = scale[c] > 0 ? 1 : 0;
  }
  // What the rows found so far leave of a correlation.
  const auto rest_of = [&](size_t a, size_t b) {
    const double rest = double{gram[a * columns + b]} / (scale[a] * scale[b]);
    return rest - std::inner_product(entries[a].begin(), entries[a].end(), entries[b].begin(), 0.0);
  };
  while (columns > 0) {
    const auto largest = std::max_element(left.begin(), left.end());
    if (*largest <= kRounding) break;
    const auto pivot = static_cast<size_t>(largest - left.begin());
    const double root = std::sqrt(*largest);
    std::vector<double> row(columns, 0.0);
    for (size_t c = 0; c < columns; ++c) {
      if (scale[c] == 0) continue;
      row[c] = rest_of(pivot, c) / root;
      left[c] -= row[c] * row[c];
    }
    left[pivot] = 0;
    for (size_t c = 0; c < columns; ++c) entries[c].push_back(row[c]);
  }
  for (size_t a = 0; a < columns; ++a) {
    for (size_t b = 0; b <= a; ++b) {
      if (scale[a] == 0 || scale[b] == 0) continue;
      if (std::abs(rest_of(a, b)) > kIndefinite) return std::nullopt;
    }
  }
  const size_t rank = columns == 0 ? 0 : entries[0].size();
  pairs.rows.assign(rank, std::vector<double>(columns));
  for (size_t r = 0; r < rank; ++r) {
    for (size_t c = 0; c < columns; ++c) pairs.rows[r][c] = scale[c] * entries[c][r];
  }
  return pairs;
}

}  // namespace halftone
