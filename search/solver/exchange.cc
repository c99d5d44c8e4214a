#include "search/solver/exchange.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace halftone {
namespace {

// Changes that are sorted in all: some tenths of a second.
constexpr int64_t kMostSorted = 4'000'000;
// A loss that falls by less of it than this is rounding.
constexpr double kRounding = 1e-12;

// A change of one variable; with variable -1, none.
struct Move {
  double cost = 0, loss = 0;
  int variable = -1;
  ChoiceIndex choice = 0;
};

std::vector<Move> MovesByCost(const CompactProblem& problem, const Selection& selection) {
  std::vector<Move> moves = {Move()};
  for (int v = 0; v < problem.variables(); ++v) {
    const double* present = problem.Value(v, selection[size_t(v)]);
    for (ChoiceIndex o = 0; o < problem.choices[size_t(v)]; ++o) {
      if (o == selection[size_t(v)]) continue;
      const double* other = problem.Value(v, o);
      moves.push_back({other[1] - present[1], other[0] - present[0], v, o});
    }
  }
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) {
    return std::pair(a.cost, a.loss) < std::pair(b.cost, b.loss);
  });
  return moves;
}

// Of each beginning of the moves, the least loss, and the least of any other variable.
struct Least {
  const Move *first = nullptr, *second = nullptr;
};

std::vector<Least> LeastOf(const std::vector<Move>& moves) {
  std::vector<Least> all;
  Least least;
  for (const Move& move : moves) {
    if (least.first == nullptr || move.loss < least.first->loss) {
      if (least.first != nullptr && least.first->variable != move.variable) {
        least.second = least.first;
      }
      least.first = &move;
    } else if (move.variable != least.first->variable &&
               (least.second == nullptr || move.loss < least.second->loss)) {
      least.second = &move;
    }
    all.push_back(least);
  }
  return all;
}

// The two moves of different variables that cost no more than `room` and have the least loss;
// neither where that is not below `least`.
std::pair<Move, Move> BestPair(const std::vector<Move>& moves, double room, double least) {
  const std::vector<Least> least_of = LeastOf(moves);
  std::pair<Move, Move> best;
  size_t end = moves.size();  // of those that fit beside the move
  for (const Move& move : moves) {
    while (end > 0 && move.cost + moves[end - 1].cost > room) --end;
    if (end == 0) break;
    const Least& partners = least_of[end - 1];
    const bool is_own = partners.first->variable == move.variable;
    const Move* partner = is_own && move.variable >= 0 ? partners.second : partners.first;
    if (partner == nullptr || move.loss + partner->loss >= least) continue;
    least = move.loss + partner->loss;
    best = {move, *partner};
  }
  return best;
}

}  // namespace

bool CanExchangeAll(const CompactProblem& problem) {
  return problem.limit.size() == 1 && problem.pairs.empty() && problem.cross == nullptr;
}

Selection ExchangeAll(const CompactProblem& problem, Selection selection, Stop& stop) {
  int64_t sorted = 0;
  while (!stop() && sorted < kMostSorted) {
    // Summed anew each time: what fits must not depend on how it came about.
    const std::vector<double> totals = problem.Evaluate(selection);
    const std::vector<Move> moves = MovesByCost(problem, selection);
    sorted += static_cast<int64_t>(moves.size());
    const auto [a, b] =
        BestPair(moves, problem.limit[0] - totals[1], -kRounding * std::abs(totals[0]));
    if (a.variable < 0 && b.variable < 0) break;
    Selection changed = selection;
    for (const Move& move : {a, b}) {
      if (move.variable >= 0) changed[size_t(move.variable)] = move.choice;
    }
    const std::vector<double> after = problem.Evaluate(changed);
    if (!problem.IsFeasible(after) || after[0] >= totals[0]) break;  // by rounding
    selection = std::move(changed);
  }
  return selection;
}

}  // namespace halftone
