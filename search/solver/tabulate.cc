// CompiledProblem::Compact: from names to numbers.
#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "search/solver/compile.h"
#include "search/solver/dense.h"
#include "search/solver/elimination.h"
#include "search/solver/solve_memory.h"
#include "search/solver/stop.h"

namespace halftone {
namespace {

// Numbers that the tables of all pairs may hold.
constexpr size_t kMaxPairTable = 64'000'000;
// So often they are held at least while a problem is solved.
constexpr double kCopiesOfPairs = 2;

double NumberBytes(double numbers) { return numbers * sizeof(double); }

// Columns of the matrix of interactions: 300 MB of it.
constexpr size_t kMaxCrossColumns = 6'000;

double CostOf(const Costs& costs, const std::string& metric) {
  const auto found = costs.find(metric);
  return found == costs.end() ? 0 : found->second;
}

}  // namespace

double ScaleOf(const Problem& problem, const std::string& metric, double limit) {
  if (limit > 0 && std::isfinite(limit)) return limit;
  double largest = 0;
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      largest = std::max(largest, std::abs(CostOf(choice.cost, metric)));
    }
  }
  return largest > 0 ? largest : 1;
}

// Fills a CompactProblem.
class CompiledProblem::Tabulator {
 public:
  // Interactions become pairs, or, with `as_cross`, one matrix together with the rows and with what
  // else pairs of choices lose.
  Tabulator(const CompiledProblem& source,
            const std::vector<std::pair<std::string, double>>& metrics, bool as_cross, Stop& stop)
      : source_(source),
        metrics_(metrics),
        as_cross_(as_cross),
        stop_(stop),
        components_(1 + metrics.size()),
        most_numbers_(std::min<double>(
            kMaxPairTable, MemoryBudget::LimitBytes() / kCopiesOfPairs / NumberBytes(1))) {
    compact_.components = static_cast<int>(components_);
    compact_.constant.assign(components_, 0);
    for (const auto& [metric, limit] : metrics) {
      scale_.push_back(ScaleOf(*source.problem_, metric, limit));
      // A limit of 0 is kept to rounding: a sum of what cancels need not be 0 exactly.
      compact_.limit.push_back(limit > 0 ? limit / scale_.back() * (1 + kBudgetTolerance) : 1e-15);
    }
  }

  absl::StatusOr<CompactProblem> Take() {
    for (const std::vector<Member>& members : source_.variables_) AddVariable(members);
    if (as_cross_) HT_RETURN_IF_ERROR(StartCross());
    for (const PairPrice& pair : source_.pairs_) HT_RETURN_IF_ERROR(AddPair(pair));
    DropZeroPairs(compact_);
    if (as_cross_ && !source_.columns_.empty()) HT_RETURN_IF_ERROR(AddRows());
    compact_.cross = std::move(cross_);
    return std::move(compact_);
  }

 private:
  void AddVariable(const std::vector<Member>& members) {
    const size_t choices = members[0].choices.size();
    compact_.choices.push_back(static_cast<int>(choices));
    std::vector<double>& values = compact_.values.emplace_back(choices * components_, 0.0);
    for (const Member& member : members) {
      const Problem::Layer& layer = source_.problem_->layers[size_t(member.layer)];
      for (size_t i = 0; i < choices; ++i) {
        const Problem::Choice& choice = layer.choices[size_t(member.choices[i])];
        AddTo(values.data() + i * components_, Minimized(choice.loss, choice.cost), choice.cost);
      }
    }
  }

  double Minimized(double loss, const Costs& cost) const {
    return loss + WeightedCost(*source_.problem_, cost);
  }

  void AddTo(double* value, double loss, const Costs& cost) const {
    value[0] += loss;
    for (size_t k = 0; k < metrics_.size(); ++k) {
      value[k + 1] += CostOf(cost, metrics_[k].first) / scale_[k];
    }
  }

  absl::Status AddPair(const PairPrice& pair) {
    static const Costs kNone;
    const Costs& cost = pair.cost != nullptr ? *pair.cost : kNone;
    double loss = Minimized(pair.loss, cost);
    int v = source_.variable_of_layer_[size_t(pair.a.layer)];
    int w = source_.variable_of_layer_[size_t(pair.b.layer)];
    ChoiceIndex o = source_.choice_of_layer_[size_t(pair.a.layer)][size_t(pair.a.choice)];
    ChoiceIndex p = source_.choice_of_layer_[size_t(pair.b.layer)][size_t(pair.b.choice)];
    if (o < 0 || p < 0) return absl::OkStatus();  // a pin, or an allowed set, rules it out
    if (v == w) {
      // Tied layers: only equal choices ever meet.
      if (o == p) {
        AddTo(compact_.values[size_t(v)].data() + size_t(o) * components_, loss, cost);
      }
      return absl::OkStatus();
    }
    if (as_cross_) {
      const size_t a = Column(v, o), b = Column(w, p);
      cross_->values[a * cross_->columns() + b] += loss;
      cross_->values[b * cross_->columns() + a] += loss;
      loss = 0;
      if (pair.cost == nullptr) return absl::OkStatus();
    }
    if (v > w) {
      std::swap(v, w);
      std::swap(o, p);
    }
    HT_ASSIGN_OR_RETURN(CompactPair * table, TableOf(v, w));
    const size_t row = size_t(o) * size_t(compact_.choices[size_t(w)]);
    AddTo(table->values.data() + (row + size_t(p)) * components_, loss, cost);
    return absl::OkStatus();
  }

  absl::StatusOr<CompactPair*> TableOf(int v, int w) {
    const auto [found, is_new] = index_.try_emplace(std::pair(v, w), compact_.pairs.size());
    if (is_new) {
      const size_t size =
          size_t(compact_.choices[size_t(v)]) * size_t(compact_.choices[size_t(w)]) * components_;
      table_size_ += size;
      if (table_size_ > most_numbers_) {
        HT_RETURN_IF_ERROR(CheckMemory("the table of the prices of pairs of choices",
                                       kCopiesOfPairs * NumberBytes(double(table_size_)),
                                       "it would fit with fewer choices or fewer pairs"));
        return absl::ResourceExhaustedError(
            "the pairs of choices of edges and interactions are too many to be tabulated");
      }
      compact_.pairs.push_back({v, w, std::vector<double>(size, 0.0)});
    }
    return &compact_.pairs[found->second];
  }

  size_t Column(int variable, ChoiceIndex choice) const {
    return cross_->first[size_t(variable)] + size_t(choice);
  }

  absl::Status StartCross() {
    cross_ = std::make_shared<CrossLosses>();
    cross_->first = {0};
    for (int choices : compact_.choices) {
      cross_->first.push_back(cross_->columns() + size_t(choices));
    }
    const size_t columns = cross_->columns();
    if (columns > kMaxCrossColumns) {
      return absl::ResourceExhaustedError(
          absl::StrCat("interactions of ", columns, " choices, the limit is ", kMaxCrossColumns));
    }
    const auto& factor = source_.problem_->interaction_rows;
    const double bytes = CrossSolvingBytes(columns, factor.has_value() ? factor->rows.size() : 0,
                                           /*has_frontier=*/!source_.problem_->frontier.empty()) +
                         double(source_.pair_bytes());
    HT_RETURN_IF_ERROR(
        CheckMemory(absl::StrCat("the matrix of interactions of ", columns, " choices"), bytes,
                    "it would fit with fewer choices, or without interactions"));
    std::vector<double>& values = cross_->values;
    values.reserve(columns * columns);
    for (size_t row = 0; row < columns; ++row) {
      if (stop_()) return Stopped();
      values.resize(values.size() + columns, 0.0);
    }
    cross_->within.resize(compact_.choices.size());
    return absl::OkStatus();
  }

  // Adds the products of all columns. A variable's column is the sum of its members'; what members
  // lose together is the choice's own loss.
  absl::Status AddRows() {
    const Problem::InteractionRows& factor = *source_.problem_->interaction_rows;
    std::vector<std::pair<size_t, size_t>> columns;  // of the factor, of the matrix
    for (size_t i = 0; i < source_.columns_.size(); ++i) {
      const Place& place = source_.columns_[i];
      const ChoiceIndex o = source_.choice_of_layer_[size_t(place.layer)][size_t(place.choice)];
      if (o < 0) continue;  // a pin, or an allowed set, rules it out
      columns.emplace_back(i, Column(source_.variable_of_layer_[size_t(place.layer)], o));
    }
    const size_t count = cross_->columns();
    std::vector<double> own(count, 0.0);  // losses between members
    std::vector<double> merged(factor.rows.size() * count, 0.0);
    for (size_t r = 0; r < factor.rows.size(); ++r) {
      double* row = merged.data() + r * count;
      for (const auto& [from, to] : columns) {
        own[to] += factor.weight * factor.rows[r][from] * row[to];
        row[to] += factor.rows[r][from];
      }
    }
    std::vector<double> weighted = merged;
    for (double& value : weighted) value *= factor.weight;
    if (!AddSymmetricProduct(count, weighted, merged, cross_->values, stop_)) return Stopped();
    Mirror(count, cross_->values);
    for (size_t v = 0; v < compact_.choices.size(); ++v) {
      for (size_t o = 0; o < size_t(compact_.choices[v]); ++o) {
        compact_.values[v][o * components_] += own[cross_->first[v] + o];
      }
      TakeBlock(v);
    }
    return absl::OkStatus();
  }

  static absl::Status Stopped() {
    return absl::DeadlineExceededError("no time was left to multiply all interactions out");
  }

  // Moves the products of a variable's own choices out of the matrix.
  void TakeBlock(size_t v) {
    const size_t first = cross_->first[v], end = cross_->first[v + 1];
    for (size_t a = first; a < end; ++a) {
      for (size_t b = first; b < end; ++b) {
        double& value = cross_->values[a * cross_->columns() + b];
        cross_->within[v].push_back(value);
        value = 0;
      }
    }
  }

  const CompiledProblem& source_;
  const std::vector<std::pair<std::string, double>>& metrics_;
  bool as_cross_;
  Stop& stop_;
  size_t components_;
  size_t most_numbers_;  // of the tables of pairs
  std::vector<double> scale_;
  CompactProblem compact_;
  absl::flat_hash_map<std::pair<int, int>, size_t> index_;
  size_t table_size_ = 0;
  std::shared_ptr<CrossLosses> cross_;
};

absl::StatusOr<CompactProblem> CompiledProblem::Compact(
    const std::vector<std::pair<std::string, double>>& metrics) const {
  Stop never({}, SteadyTime::InfiniteFuture());
  return Compact(metrics, never);
}

absl::StatusOr<CompactProblem> CompiledProblem::Compact(
    const std::vector<std::pair<std::string, double>>& metrics, Stop& stop) const {
  const bool has_rows = !columns_.empty();
  absl::StatusOr<CompactProblem> compact = Tabulator(*this, metrics, has_rows, stop).Take();
  if (has_rows || problem_->interactions.empty()) return compact;
  size_t choices = 0;
  for (const std::vector<Member>& members : variables_) choices += members[0].choices.size();
  // Where interactions join so few variables that elimination stays exact, pairs are solved faster.
  const bool as_pairs = compact.ok() && Elimination::Plan(*compact).exact();
  if (as_pairs || choices > kMaxCrossColumns) return compact;
  return Tabulator(*this, metrics, /*as_cross=*/true, stop).Take();
}

}  // namespace halftone
