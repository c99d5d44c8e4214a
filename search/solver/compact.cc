#include "search/solver/compact.h"

#include <algorithm>
#include <cmath>

#include "base/infinity.h"

namespace halftone {
namespace {

void AddTo(std::vector<double>& totals, const double* values) {
  for (size_t c = 0; c < totals.size(); ++c) totals[c] += values[c];
}

// The largest that replacing choice `from` of a pair's end by `to` can add, per component.
void AddWorstDifference(const CompactProblem& problem, const CompactPair& pair, int variable,
                        ChoiceIndex from, ChoiceIndex to, std::vector<double>& worst) {
  const bool is_a = pair.a == variable;
  const int others = problem.choices[static_cast<size_t>(is_a ? pair.b : pair.a)];
  for (size_t c = 0; c < worst.size(); ++c) {
    double most = -kInfinity;
    for (int other = 0; other < others; ++other) {
      const double* before =
          is_a ? problem.PairValue(pair, from, other) : problem.PairValue(pair, other, from);
      const double* after =
          is_a ? problem.PairValue(pair, to, other) : problem.PairValue(pair, other, to);
      most = std::max(most, after[c] - before[c]);
    }
    worst[c] += most;
  }
}

// Whether choice `to` can stand for choice `from` everywhere.
bool Replaces(const CompactProblem& problem, const std::vector<int>& pairs, int variable,
              ChoiceIndex from, ChoiceIndex to) {
  const double* before = problem.Value(variable, from);
  const double* after = problem.Value(variable, to);
  if (pairs.empty()) {
    return std::equal(after, after + problem.components, before,
                      [](double a, double b) { return a <= b; });
  }
  std::vector<double> worst(static_cast<size_t>(problem.components));
  for (size_t c = 0; c < worst.size(); ++c) worst[c] = after[c] - before[c];
  for (int pair : pairs) {
    AddWorstDifference(problem, problem.pairs[static_cast<size_t>(pair)], variable, from, to,
                       worst);
  }
  return std::all_of(worst.begin(), worst.end(), [](double value) { return value <= 0; });
}

class Reducer {
 public:
  Reducer(const CompactProblem& problem, const std::vector<std::vector<char>>& keep)
      : problem_(problem) {
    reduced_.problem.components = problem.components;
    reduced_.problem.constant = problem.constant;
    reduced_.problem.limit = problem.limit;
    reduced_.fixed.assign(problem.choices.size(), -1);
    new_variable_.assign(problem.choices.size(), -1);
    for (int v = 0; v < problem.variables(); ++v) AddVariable(v, keep[static_cast<size_t>(v)]);
    for (const CompactPair& pair : problem.pairs) AddPair(pair);
    if (problem.cross != nullptr) AddCross(*problem.cross);
  }

  ReducedProblem Take() { return std::move(reduced_); }

 private:
  void AddVariable(int v, const std::vector<char>& keep) {
    std::vector<ChoiceIndex> kept;
    for (size_t o = 0; o < keep.size(); ++o) {
      if (keep[o]) kept.push_back(static_cast<ChoiceIndex>(o));
    }
    if (kept.size() == 1) {
      reduced_.fixed[static_cast<size_t>(v)] = kept[0];
      AddTo(reduced_.problem.constant, problem_.Value(v, kept[0]));
      return;
    }
    new_variable_[static_cast<size_t>(v)] = reduced_.problem.variables();
    std::vector<double>& values = reduced_.problem.values.emplace_back();
    for (ChoiceIndex o : kept) {
      const double* value = problem_.Value(v, o);
      values.insert(values.end(), value, value + problem_.components);
    }
    reduced_.problem.choices.push_back(static_cast<int>(kept.size()));
    reduced_.variable_of.push_back(v);
    reduced_.choices_of.push_back(std::move(kept));
  }

  void AddPair(const CompactPair& pair) {
    const int a = new_variable_[static_cast<size_t>(pair.a)];
    const int b = new_variable_[static_cast<size_t>(pair.b)];
    const ChoiceIndex fixed_a = reduced_.fixed[static_cast<size_t>(pair.a)];
    const ChoiceIndex fixed_b = reduced_.fixed[static_cast<size_t>(pair.b)];
    if (a < 0 && b < 0) {
      AddTo(reduced_.problem.constant, problem_.PairValue(pair, fixed_a, fixed_b));
    } else if (a < 0) {
      Fold(b, [&](ChoiceIndex o) { return problem_.PairValue(pair, fixed_a, o); });
    } else if (b < 0) {
      Fold(a, [&](ChoiceIndex o) { return problem_.PairValue(pair, o, fixed_b); });
    } else {
      CompactPair& kept = reduced_.problem.pairs.emplace_back();
      kept.a = a;
      kept.b = b;
      for (ChoiceIndex o : reduced_.choices_of[static_cast<size_t>(a)]) {
        for (ChoiceIndex p : reduced_.choices_of[static_cast<size_t>(b)]) {
          const double* value = problem_.PairValue(pair, o, p);
          kept.values.insert(kept.values.end(), value, value + problem_.components);
        }
      }
    }
  }

  // Adds what a pair with a fixed end costs to the values of its other end.
  template <typename PairValueOf>
  void Fold(int variable, PairValueOf pair_value_of) {
    std::vector<double>& values = reduced_.problem.values[static_cast<size_t>(variable)];
    const auto components = static_cast<size_t>(problem_.components);
    const std::vector<ChoiceIndex>& kept = reduced_.choices_of[static_cast<size_t>(variable)];
    for (size_t o = 0; o < kept.size(); ++o) {
      const double* added = pair_value_of(kept[o]);
      for (size_t c = 0; c < components; ++c) values[o * components + c] += added[c];
    }
  }

  // Keeps the losses between what is left; those with fixed choices become constants and values.
  void AddCross(const CrossLosses& cross) {
    std::vector<const double*> fixed;  // rows of the fixed choices
    for (size_t v = 0; v < reduced_.fixed.size(); ++v) {
      if (reduced_.fixed[v] < 0) continue;
      const size_t column = cross.first[v] + static_cast<size_t>(reduced_.fixed[v]);
      for (const double* row : fixed) reduced_.problem.constant[0] += row[column];
      fixed.push_back(cross.Row(column));
    }
    auto kept = std::make_shared<CrossLosses>();
    std::vector<size_t> columns;
    for (size_t w = 0; w < reduced_.choices_of.size(); ++w) {
      kept->first.push_back(columns.size());
      const auto v = static_cast<size_t>(reduced_.variable_of[w]);
      for (size_t o = 0; o < reduced_.choices_of[w].size(); ++o) {
        columns.push_back(cross.first[v] + static_cast<size_t>(reduced_.choices_of[w][o]));
        double& loss =
            reduced_.problem.values[w][o * static_cast<size_t>(reduced_.problem.components)];
        for (const double* row : fixed) loss += row[columns.back()];
      }
      kept->within.push_back(
          KeptBlock(cross.within[v], reduced_.choices_of[w], problem_.choices[v]));
    }
    kept->first.push_back(columns.size());
    if (columns.empty()) return;
    kept->values.reserve(columns.size() * columns.size());
    for (size_t column : columns) {
      for (size_t other : columns) kept->values.push_back(cross.Row(column)[other]);
    }
    reduced_.problem.cross = std::move(kept);
  }

  static std::vector<double> KeptBlock(const std::vector<double>& block,
                                       const std::vector<ChoiceIndex>& kept, int choices) {
    if (block.empty()) return {};
    std::vector<double> smaller;
    for (ChoiceIndex o : kept) {
      for (ChoiceIndex p : kept) {
        smaller.push_back(
            block[static_cast<size_t>(o) * static_cast<size_t>(choices) + static_cast<size_t>(p)]);
      }
    }
    return smaller;
  }

  const CompactProblem& problem_;
  ReducedProblem reduced_;
  std::vector<int> new_variable_;
};

}  // namespace

double CrossLosses::LeastBeside(size_t variable, size_t choice) const {
  const double* row = Row(first[variable] + choice);
  double sum = 0;
  for (size_t w = 0; w + 1 < first.size(); ++w) {
    if (w != variable) sum += *std::min_element(row + first[w], row + first[w + 1]);
  }
  return sum;
}

double CrossLosses::Evaluate(const Selection& selection) const {
  double sum = 0;
  for (size_t v = 0; v < selection.size(); ++v) {
    const double* row = Row(first[v] + static_cast<size_t>(selection[v]));
    for (size_t w = v + 1; w < selection.size(); ++w) {
      sum += row[first[w] + static_cast<size_t>(selection[w])];
    }
  }
  return sum;
}

void CompactProblem::ScaleLimit(size_t limit_index, double factor) {
  const size_t component = limit_index + 1, stride = static_cast<size_t>(components);
  const auto scale = [&](std::vector<double>& of_choices) {
    for (size_t i = component; i < of_choices.size(); i += stride) of_choices[i] *= factor;
  };
  limit[limit_index] *= factor;
  scale(constant);
  for (std::vector<double>& of_choices : values) scale(of_choices);
  for (CompactPair& pair : pairs) scale(pair.values);
}

std::vector<double> CompactProblem::Evaluate(const Selection& selection) const {
  std::vector<double> totals = constant;
  for (int v = 0; v < variables(); ++v) AddTo(totals, Value(v, selection[static_cast<size_t>(v)]));
  for (const CompactPair& pair : pairs) {
    AddTo(totals, PairValue(pair, selection[static_cast<size_t>(pair.a)],
                            selection[static_cast<size_t>(pair.b)]));
  }
  if (cross != nullptr) totals[0] += cross->Evaluate(selection);
  return totals;
}

bool CompactProblem::IsFeasible(absl::Span<const double> totals) const {
  for (size_t k = 0; k < limit.size(); ++k) {
    if (totals[k + 1] > limit[k]) return false;
  }
  return true;
}

double CompactProblem::Excess(absl::Span<const double> totals) const {
  double excess = 0;
  for (size_t k = 0; k < limit.size(); ++k) excess += std::max(0.0, totals[k + 1] - limit[k]);
  return excess;
}

std::vector<std::vector<int>> PairsOfVariables(const CompactProblem& problem) {
  std::vector<std::vector<int>> pairs(problem.choices.size());
  for (size_t i = 0; i < problem.pairs.size(); ++i) {
    pairs[static_cast<size_t>(problem.pairs[i].a)].push_back(static_cast<int>(i));
    pairs[static_cast<size_t>(problem.pairs[i].b)].push_back(static_cast<int>(i));
  }
  return pairs;
}

Selection ReducedProblem::Expand(const Selection& reduced) const {
  Selection selection = fixed;
  for (size_t v = 0; v < reduced.size(); ++v) {
    selection[static_cast<size_t>(variable_of[v])] = choices_of[v][static_cast<size_t>(reduced[v])];
  }
  return selection;
}

ReducedProblem Reduce(const CompactProblem& problem, const std::vector<std::vector<char>>& keep) {
  return Reducer(problem, keep).Take();
}

Extremes ExtremesOf(const CompactProblem& problem) {
  Extremes extremes{problem.constant, problem.constant};
  const auto components = static_cast<size_t>(problem.components);
  const auto add = [&](const std::vector<double>& values) {
    for (size_t c = 0; c < components; ++c) {
      double least = values[c], most = values[c];
      for (size_t i = c; i < values.size(); i += components) {
        least = std::min(least, values[i]);
        most = std::max(most, values[i]);
      }
      extremes.least[c] += least;
      extremes.most[c] += most;
    }
  };
  for (const std::vector<double>& values : problem.values) add(values);
  for (const CompactPair& pair : problem.pairs) add(pair.values);
  return extremes;
}

double SimpleLossBound(const CompactProblem& problem) {
  const auto stride = static_cast<size_t>(problem.components);
  double bound = problem.constant[0];
  double magnitude = std::abs(bound);
  const auto add = [&](double least) {
    bound += least;
    magnitude += std::abs(least);
  };
  for (size_t v = 0; v < problem.choices.size(); ++v) {
    double least = kInfinity;
    for (size_t o = 0; o < static_cast<size_t>(problem.choices[v]); ++o) {
      const double others = problem.cross == nullptr ? 0 : problem.cross->LeastBeside(v, o);
      least = std::min(least, problem.values[v][o * stride] + 0.5 * others);
    }
    add(least);
  }
  for (const CompactPair& pair : problem.pairs) {
    double least = kInfinity;
    for (size_t i = 0; i < pair.values.size(); i += stride) {
      least = std::min(least, pair.values[i]);
    }
    add(least);
  }
  return bound - 1e-12 * magnitude;
}

std::vector<double> ReachOf(const CompactProblem& problem) {
  const Extremes extremes = ExtremesOf(problem);
  std::vector<double> reach;
  for (size_t c = 0; c < extremes.most.size(); ++c) {
    const double limit = c > 0 ? std::abs(problem.limit[c - 1]) : 0;
    reach.push_back(std::max({std::abs(extremes.least[c]), std::abs(extremes.most[c]), limit}));
  }
  return reach;
}

CompactProblem SelectComponents(const CompactProblem& problem,
                                const std::vector<size_t>& components) {
  const auto pick = [&](const std::vector<double>& values) {
    std::vector<double> picked;
    const auto stride = static_cast<size_t>(problem.components);
    picked.reserve(values.size() / stride * components.size());
    for (size_t i = 0; i < values.size(); i += stride) {
      for (size_t c : components) picked.push_back(values[i + c]);
    }
    return picked;
  };
  CompactProblem selected;
  selected.components = static_cast<int>(components.size());
  selected.choices = problem.choices;
  selected.constant = pick(problem.constant);
  if (components[0] == 0) selected.cross = problem.cross;
  for (const std::vector<double>& values : problem.values) selected.values.push_back(pick(values));
  for (const CompactPair& pair : problem.pairs) {
    selected.pairs.push_back({pair.a, pair.b, pick(pair.values)});
  }
  for (size_t k = 1; k < components.size(); ++k) {
    const size_t c = components[k];
    selected.limit.push_back(c > 0 ? problem.limit[c - 1] : kInfinity);
  }
  DropZeroPairs(selected);
  return selected;
}

void DropZeroPairs(CompactProblem& problem) {
  std::erase_if(problem.pairs, [](const CompactPair& pair) {
    return std::all_of(pair.values.begin(), pair.values.end(),
                       [](double value) { return value == 0; });
  });
}

CompactProblem DropSlackLimits(const CompactProblem& problem, int always) {
  const Extremes extremes = ExtremesOf(problem);
  std::vector<size_t> kept;
  for (size_t c = 0; c < extremes.most.size(); ++c) {
    const bool is_slack = c > 0 && extremes.most[c] <= problem.limit[c - 1] * (1 - 1e-12);
    if (!is_slack || c < static_cast<size_t>(always)) kept.push_back(c);
  }
  if (kept.size() == static_cast<size_t>(problem.components)) return problem;
  return SelectComponents(problem, kept);
}

std::vector<std::vector<char>> UndominatedChoices(const CompactProblem& problem) {
  const std::vector<std::vector<int>> pairs = PairsOfVariables(problem);
  std::vector<std::vector<char>> keep(problem.choices.size());
  for (int v = 0; v < problem.variables(); ++v) {
    std::vector<char>& kept = keep[static_cast<size_t>(v)];
    const int choices = problem.choices[static_cast<size_t>(v)];
    kept.assign(static_cast<size_t>(choices), 1);
    for (ChoiceIndex from = 0; from < choices; ++from) {
      for (ChoiceIndex to = 0; to < choices && kept[static_cast<size_t>(from)]; ++to) {
        if (to == from || !kept[static_cast<size_t>(to)]) continue;
        if (Replaces(problem, pairs[static_cast<size_t>(v)], v, from, to)) {
          kept[static_cast<size_t>(from)] = 0;
        }
      }
    }
  }
  return keep;
}

}  // namespace halftone
