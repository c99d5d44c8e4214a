#include "nn/graph/recurrent/gru_cell.h"

#include <cstdint>
#include <vector>

namespace halftone {
namespace {

// Of a spec's activations.
constexpr size_t kGate = 0, kCandidate = 1;
constexpr int64_t kLastAxis = 2;

}  // namespace

GruCell::GruCell(const RecurrentSpec& spec, size_t direction, const SharedConstants& constants,
                 NodeWriter& writer)
    : RecurrentCell(spec, direction, constants, writer) {
  if (!spec.linear_before_reset) {
    gates_ = MakeRecurrence("gates_transposed", 0, 2);
    candidate_ = MakeRecurrence("candidate_transposed", 2, 3);
    return;
  }
  all_ = MakeRecurrence("transposed", 0, 3);
  if (!spec.bias.has_value()) return;
  candidate_bias_ =
      ConstantPart(RecurrentSpec::kBias, *spec.bias, "candidate", 5 * spec.hidden, spec.hidden);
}

GruCell::Sums GruCell::SumsBeforeReset(const std::string& x_gates, const CellState& before) {
  if (before.h.empty()) return {x_gates, candidate_bias_};
  const std::string product = Product(before, all_, "recurrent");
  const std::vector<std::string> parts =
      writer_.Split(product, kLastAxis, {2 * spec_.hidden, spec_.hidden}, "recurrent_parts");
  Sums sums = {Add(parts[0], x_gates, "sum"), parts[1]};
  if (!candidate_bias_.empty()) {
    sums.recurrent = Add(sums.recurrent, candidate_bias_, "recurrent_biased");
  }
  return sums;
}

std::string GruCell::RecurrentCandidate(const std::string& reset, const Sums& sums,
                                        const CellState& before) {
  if (spec_.linear_before_reset) {
    return sums.recurrent.empty() ? "" : Mul(reset, sums.recurrent, "reset");
  }
  if (before.h.empty()) return "";
  return Product({Mul(reset, before.h, "reset"), "", {}}, candidate_, "recurrent_candidate");
}

CellState GruCell::Step(const std::string& x, const CellState& before) {
  const int64_t hidden = spec_.hidden;
  const std::vector<std::string> xs = writer_.Split(x, kLastAxis, {2 * hidden, hidden}, "x_parts");
  const Sums sums = spec_.linear_before_reset ? SumsBeforeReset(xs[0], before)
                                              : Sums{AddProduct(xs[0], before, gates_), ""};
  const std::vector<std::string> gates =
      writer_.Split(ActClipped(kGate, sums.gates, "gates"), kLastAxis, {hidden, hidden}, "gate");
  const std::string& update = gates[0];
  std::string candidate = RecurrentCandidate(gates[1], sums, before);
  candidate = candidate.empty() ? xs[1] : Add(candidate, xs[1], "candidate_sum");
  candidate = ActClipped(kCandidate, candidate, "candidate");
  if (before.h.empty()) {
    const std::string dropped = Mul(update, candidate, "dropped");
    return {writer_.Op("Sub", {candidate, dropped}, "h"), "", {}};
  }
  const std::string difference = writer_.Op("Sub", {before.h, candidate}, "difference");
  return {Add(candidate, Mul(update, difference, "kept"), "h"), "", {}};
}

}  // namespace halftone
