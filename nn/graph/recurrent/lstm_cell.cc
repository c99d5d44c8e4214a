#include "nn/graph/recurrent/lstm_cell.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

// Of a spec's activations.
constexpr size_t kGate = 0;
constexpr size_t kCandidate = 1;
constexpr size_t kHidden = 2;
constexpr int64_t kLastAxis = 2;

}  // namespace

LstmCell::LstmCell(const RecurrentSpec& spec, size_t direction, const SharedConstants& constants,
                   NodeWriter& writer)
    : RecurrentCell(spec, direction, constants, writer),
      recurrence_(MakeRecurrence("transposed", 0, spec.gates)) {
  if (!spec.peepholes.has_value()) return;
  const auto peephole = [&](absl::string_view part, int64_t position) {
    return ConstantPart(RecurrentSpec::kPeepholes, *spec.peepholes, part, position * spec.hidden,
                        spec.hidden);
  };
  input_peephole_ = peephole("input", 0);
  output_peephole_ = peephole("output", 1);
  forget_peephole_ = peephole("forget", 2);
}

LstmCell::Gates LstmCell::ActivatedAtOnce(const std::string& sum) {
  const int64_t hidden = spec_.hidden;
  const std::vector<std::string> parts =
      writer_.Split(sum, kLastAxis, {3 * hidden, hidden}, "parts");
  const std::string gates = ActClipped(kGate, parts[0], "gates");
  const std::vector<std::string> apart =
      writer_.Split(gates, kLastAxis, {hidden, hidden, hidden}, "gate");
  return {apart[0], apart[1], apart[2], ActClipped(kCandidate, parts[1], "candidate")};
}

std::string LstmCell::AddPeephole(const std::string& gate, const std::string& peephole,
                                  const std::string& c, absl::string_view role) {
  if (c.empty()) return gate;
  return Add(gate, Mul(c, peephole, absl::StrCat(role, "_peephole")), absl::StrCat(role, "_sum"));
}

LstmCell::Gates LstmCell::ActivatedWithPeepholes(const std::string& sum, const std::string& c) {
  const std::vector<std::string> parts =
      writer_.Split(sum, kLastAxis, std::vector<int64_t>(4, spec_.hidden), "parts");
  Gates gates;
  gates.input = ActClipped(kGate, AddPeephole(parts[0], input_peephole_, c, "input"), "input_gate");
  gates.output = parts[1];
  gates.forget =
      ActClipped(kGate, AddPeephole(parts[2], forget_peephole_, c, "forget"), "forget_gate");
  gates.candidate = ActClipped(kCandidate, parts[3], "candidate");
  return gates;
}

CellState LstmCell::Step(const std::string& x, const CellState& before) {
  const std::string sum = AddProduct(x, before, recurrence_);
  const bool has_peepholes = spec_.peepholes.has_value();
  Gates gates = has_peepholes ? ActivatedWithPeepholes(sum, before.c) : ActivatedAtOnce(sum);
  if (spec_.input_forget) {
    gates.forget = writer_.Op("Sub", {writer_.Scalar(1), gates.input}, "coupled_forget");
  }
  std::string c = Mul(gates.input, gates.candidate, before.c.empty() ? "c" : "c_new");
  if (!before.c.empty()) c = Add(Mul(gates.forget, before.c, "c_kept"), c, "c");
  if (has_peepholes) {
    gates.output =
        ActClipped(kGate, AddPeephole(gates.output, output_peephole_, c, "output"), "output_gate");
  }
  return {Mul(gates.output, Act(kHidden, c, "c_activated"), "h"), c, {}};
}

}  // namespace halftone
