#include "search/strategies/nsga2.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/infinity.h"

namespace halftone {
namespace {

// Attempts at a child that is new and keeps the limits, before the best of them is taken.
constexpr int kAttempts = 200;
// Of spaces up to this size, what is not known yet is found by going through all.
constexpr double kSmallSpace = 65536;

double SizeOfSpace(const std::vector<int>& choices) {
  return std::accumulate(choices.begin(), choices.end(), 1.0,
                         [](double size, int count) { return size * count; });
}

}  // namespace

Nsga2::Nsga2(std::vector<int> choices, std::vector<Selection> seeds, Options options)
    : choices_(std::move(choices)),
      options_(std::move(options)),
      random_(options_.seed),
      seeds_(std::move(seeds)) {}

std::vector<Selection> Nsga2::Ask(size_t count) {
  std::vector<Selection> asked;
  while (asked.size() < count) {
    std::optional<Selection> next;
    if (next_seed_ < seeds_.size()) {
      next = seeds_[next_seed_++];
      if (known_.contains(*next)) continue;
    } else {
      next = NewSelection();
    }
    if (!next.has_value()) break;
    known_.insert(*next);
    asked.push_back(*std::move(next));
  }
  return asked;
}

void Nsga2::Tell(const Selection& selection, const Merit& merit) {
  known_.insert(selection);
  const bool is_alive =
      std::find(selections_.begin(), selections_.end(), selection) != selections_.end();
  if (is_alive) return;
  ++told_;
  selections_.push_back(selection);
  merits_.push_back(merit);
  ranked_ = false;
  if (selections_.size() >= 2 * std::max<size_t>(options_.population, 2)) CutBack();
}

void Nsga2::RankPopulation() {
  if (ranked_) return;
  ranks_.assign(selections_.size(), 0);
  distances_.assign(selections_.size(), 0);
  const std::vector<std::vector<size_t>> fronts = SortIntoFronts(merits_);
  for (size_t rank = 0; rank < fronts.size(); ++rank) {
    const std::vector<double> distances = CrowdingDistances(merits_, fronts[rank]);
    for (size_t i = 0; i < fronts[rank].size(); ++i) {
      ranks_[fronts[rank][i]] = rank;
      distances_[fronts[rank][i]] = distances[i];
    }
  }
  ranked_ = true;
}

void Nsga2::CutBack() {
  RankPopulation();
  std::vector<size_t> order(selections_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return ranks_[a] != ranks_[b] ? ranks_[a] < ranks_[b] : distances_[a] > distances_[b];
  });
  order.resize(options_.population);
  std::sort(order.begin(), order.end());
  std::vector<Selection> selections;
  std::vector<Merit> merits;
  for (const size_t i : order) {
    selections.push_back(std::move(selections_[i]));
    merits.push_back(std::move(merits_[i]));
  }
  selections_ = std::move(selections);
  merits_ = std::move(merits);
  ranked_ = false;
}

int Nsga2::Below(int bound) {
  return std::min(static_cast<int>(random_.Uniform() * bound), bound - 1);
}

const Selection& Nsga2::Tournament() {
  const auto size = static_cast<int>(selections_.size());
  const auto a = static_cast<size_t>(Below(size)), b = static_cast<size_t>(Below(size));
  const bool first =
      ranks_[a] != ranks_[b] ? ranks_[a] < ranks_[b] : distances_[a] >= distances_[b];
  return selections_[first ? a : b];
}

Selection Nsga2::RandomSelection() {
  Selection selection;
  for (const int count : choices_) selection.push_back(Below(count));
  return selection;
}

void Nsga2::Mutate(double rate, Selection& selection) {
  for (size_t v = 0; v < selection.size(); ++v) {
    if (choices_[v] < 2 || random_.Uniform() >= rate) continue;
    // Half of them to a neighbour: choices are in the order of their bits as a rule.
    if (random_.Uniform() < 0.5) {
      const int step = random_.Uniform() < 0.5 ? -1 : 1;
      const int moved = selection[v] + step;
      selection[v] = moved < 0 || moved >= choices_[v] ? selection[v] - step : moved;
    } else {
      selection[v] = (selection[v] + 1 + Below(choices_[v] - 1)) % choices_[v];
    }
  }
}

Selection Nsga2::MakeChild(double mutation_rate) {
  // The first population is half chance, as far as its seeds and others leave it room.
  const bool is_first = told_ < options_.population;
  if (selections_.empty() || (is_first && random_.Uniform() < 0.5)) return RandomSelection();
  Selection child = Tournament();
  if (random_.Uniform() < options_.crossover) {
    const Selection& other = Tournament();
    for (size_t v = 0; v < child.size(); ++v) {
      if (random_.Uniform() < 0.5) child[v] = other[v];
    }
  }
  Mutate(mutation_rate, child);
  return child;
}

std::optional<Selection> Nsga2::NewSelection() {
  RankPopulation();
  const double size = SizeOfSpace(choices_);
  if (static_cast<double>(known_.size()) >= size) return std::nullopt;
  std::optional<Selection> best;
  double least = kInfinity;
  const double rate = 1 / static_cast<double>(choices_.size());
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // Where everything near is known or exceeds the limits, farther away.
    const double growth = 1 + 4.0 * attempt / kAttempts;
    Selection child = MakeChild(std::min(0.5, rate * growth));
    if (known_.contains(child)) continue;
    const double violation = options_.violation ? options_.violation(child) : 0;
    if (violation < least) {
      least = violation;
      best = std::move(child);
    }
    if (least <= 0) break;
  }
  return best.has_value() || size > kSmallSpace ? best : FirstUnknown();
}

std::optional<Selection> Nsga2::FirstUnknown() const {
  Selection selection(choices_.size(), 0);
  while (known_.contains(selection)) {
    size_t v = 0;
    while (v < selection.size() && ++selection[v] == choices_[v]) selection[v++] = 0;
    if (v == selection.size()) return std::nullopt;
  }
  return selection;
}

}  // namespace halftone
