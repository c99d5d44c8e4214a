#include "search/solver/verify_program.h"

#include <algorithm>
#include <set>

#include "base/infinity.h"

namespace halftone {
namespace {

// Entries of one table, and terms of all tables together, up to which pairs are exact.
constexpr double kMaxTable = 1e5;
constexpr double kMaxTerms = 2e7;

}  // namespace

VerifyProgram::VerifyProgram(const VerifyModel& model)
    : model_(model), stage_of_(model.variables.size()), pairs_of_(model.variables.size()) {
  for (size_t i = 0; i < model.pairs.size(); ++i) {
    pairs_of_[model.pairs[i].a].push_back(i);
    pairs_of_[model.pairs[i].b].push_back(i);
  }
  Plan();
  if (!exact_) PlanWithoutPairs();
}

void VerifyProgram::Plan() {
  const size_t count = model_.variables.size();
  std::vector<std::set<size_t>> around(count);
  for (const VerifyModel::Pair& pair : model_.pairs) {
    around[pair.a].insert(pair.b);
    around[pair.b].insert(pair.a);
  }
  std::set<std::pair<size_t, size_t>> queue;  // neighbours, variable
  for (size_t v = 0; v < count; ++v) queue.emplace(around[v].size(), v);
  std::vector<char> done(count, 0);
  double terms = 0;
  while (!queue.empty()) {
    const size_t v = queue.begin()->second;
    queue.erase(queue.begin());
    Stage stage;
    stage.variable = v;
    stage.scope.assign(around[v].begin(), around[v].end());
    double entries = 1;
    for (size_t w : stage.scope) entries *= static_cast<double>(Choices(w));
    terms += entries * static_cast<double>(Choices(v));
    if (entries > kMaxTable || terms > kMaxTerms) {
      exact_ = false;
      return;
    }
    for (size_t pair : pairs_of_[v]) {
      const size_t other = model_.pairs[pair].a == v ? model_.pairs[pair].b : model_.pairs[pair].a;
      if (!done[other]) stage.pairs.push_back(pair);
    }
    done[v] = 1;
    for (size_t w : stage.scope) {
      queue.erase({around[w].size(), w});
      around[w].erase(v);
      for (size_t u : stage.scope) {
        if (u != w) around[w].insert(u);
      }
      queue.emplace(around[w].size(), w);
    }
    stage_of_[v] = stages_.size();
    stages_.push_back(std::move(stage));
  }
  for (size_t i = 0; i < stages_.size(); ++i) {
    if (stages_[i].scope.empty()) continue;
    size_t next = stages_.size();
    for (size_t w : stages_[i].scope) next = std::min(next, stage_of_[w]);
    stages_[next].inputs.push_back(i);
  }
}

void VerifyProgram::PlanWithoutPairs() {
  stages_.clear();
  for (size_t v = 0; v < model_.variables.size(); ++v) {
    stage_of_[v] = v;
    stages_.emplace_back().variable = v;
  }
}

size_t VerifyProgram::Entry(const Stage& stage, const std::vector<size_t>& selection) const {
  size_t entry = 0;
  for (size_t w : stage.scope) entry = entry * Choices(w) + selection[w];
  return entry;
}

double VerifyProgram::PairPrice(size_t pair, const std::vector<size_t>& selection) const {
  const VerifyModel::Pair& of = model_.pairs[pair];
  return pair_price_[pair][selection[of.a] * Choices(of.b) + selection[of.b]];
}

double VerifyProgram::Price(const Stage& stage, const std::vector<size_t>& selection) const {
  double price = (*prices_)[stage.variable][selection[stage.variable]];
  for (size_t pair : stage.pairs) price += PairPrice(pair, selection);
  for (size_t input : stage.inputs) {
    price += stages_[input].table[Entry(stages_[input], selection)];
  }
  return price;
}

void VerifyProgram::Fill(Stage& stage) {
  size_t entries = 1;
  for (size_t w : stage.scope) entries *= Choices(w);
  stage.table.assign(entries, kInfinity);
  std::vector<size_t> selection(model_.variables.size(), 0);
  for (size_t entry = 0; entry < entries; ++entry) {
    size_t left = entry;
    for (size_t i = stage.scope.size(); i-- > 0;) {
      selection[stage.scope[i]] = left % Choices(stage.scope[i]);
      left /= Choices(stage.scope[i]);
    }
    for (size_t o = 0; o < Choices(stage.variable); ++o) {
      selection[stage.variable] = o;
      stage.table[entry] = std::min(stage.table[entry], Price(stage, selection));
    }
  }
}

double VerifyProgram::Minimize(const std::vector<std::vector<double>>& prices,
                               const std::vector<double>& weights) {
  prices_ = &prices;
  pair_price_.clear();
  least_pair_.clear();
  double minimum = 0;
  for (const VerifyModel::Pair& pair : model_.pairs) {
    std::vector<double>& table = pair_price_.emplace_back();
    for (const auto& row : pair.values) {
      for (const std::vector<double>& values : row) {
        double price = 0;
        for (size_t c = 0; c < weights.size(); ++c) price += weights[c] * values[c];
        table.push_back(price);
      }
    }
    least_pair_.push_back(*std::min_element(table.begin(), table.end()));
    if (!exact_) minimum += least_pair_.back();
  }
  for (Stage& stage : stages_) {
    Fill(stage);
    if (stage.scope.empty()) minimum += stage.table[0];
  }
  return minimum;
}

double VerifyProgram::Added(size_t stage, const std::vector<size_t>& selection) const {
  const Stage& here = stages_[stage];
  double added = Price(here, selection) - here.table[Entry(here, selection)];
  if (exact_) return added;
  for (size_t pair : pairs_of_[here.variable]) {
    const VerifyModel::Pair& of = model_.pairs[pair];
    const size_t other = of.a == here.variable ? of.b : of.a;
    // A pair counts with its least value until both of its ends are selected.
    if (stage_of_[other] > stage) added += PairPrice(pair, selection) - least_pair_[pair];
  }
  return added;
}

std::vector<size_t> VerifyProgram::Least() const {
  std::vector<size_t> selection(model_.variables.size(), 0);
  for (size_t stage = stages_.size(); stage-- > 0;) {
    const size_t v = stages_[stage].variable;
    double least = kInfinity;
    size_t best = 0;
    for (size_t o = 0; o < Choices(v); ++o) {
      selection[v] = o;
      const double added = Added(stage, selection);
      if (added >= least) continue;
      least = added;
      best = o;
    }
    selection[v] = best;
  }
  return selection;
}

}  // namespace halftone
