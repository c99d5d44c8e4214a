#include "tests/nn/engine/recurrent_cases.h"

#include <map>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

using Activation = RecurrentReference::Activation;

std::vector<Activation> Defaults(const std::string& op) {
  if (op == "RNN") return {{"Tanh"}};
  if (op == "GRU") return {{"Sigmoid"}, {"Tanh"}};
  return {{"Sigmoid"}, {"Tanh"}, {"Tanh"}};
}

RecurrentCase Plain(const std::string& op, const std::string& name) {
  RecurrentCase each;
  each.name = absl::StrCat(op, name);
  each.network.op = op;
  each.network.steps = 5;
  each.network.batch = 3;
  each.network.inputs = 4;
  each.network.hidden = 6;
  each.network.activations = Defaults(op);
  return each;
}

RecurrentCase Bidirectional(const std::string& op, const std::string& name) {
  RecurrentCase each = Plain(op, name);
  each.direction = "bidirectional";
  each.network.is_reverse = {false, true};
  const std::vector<Activation> once = each.network.activations;
  each.network.activations.insert(each.network.activations.end(), once.begin(), once.end());
  return each;
}

template <typename Change>
RecurrentCase With(RecurrentCase each, const Change& change) {
  change(each);
  return each;
}

// Those that every kind of cell has.
std::vector<RecurrentCase> CommonCases(const std::string& op) {
  std::vector<RecurrentCase> cases = {Plain(op, "Plain"), Bidirectional(op, "Bidirectional")};
  const auto add = [&](const std::string& name, const auto& change, bool both = true) {
    cases.push_back(With(Plain(op, name), change));
    if (both) cases.push_back(With(Bidirectional(op, name + "Bidirectional"), change));
  };
  add(
      "Reverse",
      [](RecurrentCase& each) {
        each.direction = "reverse";
        each.network.is_reverse = {true};
      },
      false);
  add("NoBias", [](RecurrentCase& each) { each.has_bias = false; });
  add("Layout1", [](RecurrentCase& each) { each.layout = 1; });
  add("Clip", [](RecurrentCase& each) { each.network.clip = 0.4; });
  add("OldOpset", [](RecurrentCase& each) {
    each.opset = 9;
    each.network.clip = 0.7;
    each.network.lengths = {3, 3, 3};
  });
  add("NewOpset", [](RecurrentCase& each) { each.opset = 22; });
  add("OneStep", [](RecurrentCase& each) { each.network.steps = 1; });
  add("OneSample", [](RecurrentCase& each) { each.network.batch = 1; });
  add("OnlyLast", [](RecurrentCase& each) { each.results = {"", "h"}; });
  add("OnlyAll", [](RecurrentCase& each) { each.results = {"y"}; });
  add("Lengths", [](RecurrentCase& each) { each.network.lengths = {5, 2, 0}; });
  add("AllShort", [](RecurrentCase& each) { each.network.lengths = {3, 3, 3}; });
  add("FullLengths", [](RecurrentCase& each) { each.network.lengths = {5, 5, 5}; });
  for (const auto& [name, states] :
       std::map<std::string, InitialStates>{{"Zeros", InitialStates::kZeros},
                                            {"Alike", InitialStates::kAlike},
                                            {"Constant", InitialStates::kConstant},
                                            {"Computed", InitialStates::kComputed}}) {
    const InitialStates kind = states;
    add(name, [kind](RecurrentCase& each) { each.states = kind; });
    add(name + "Layout1", [kind](RecurrentCase& each) {
      each.states = kind;
      each.layout = 1;
    });
    add(name + "Lengths", [kind](RecurrentCase& each) {
      each.states = kind;
      each.network.lengths = {1, 4, 2};
    });
  }
  return cases;
}

}  // namespace

std::vector<RecurrentCase> RnnCases() {
  std::vector<RecurrentCase> cases = CommonCases("RNN");
  cases.push_back(With(Plain("RNN", "ManySteps"), [](RecurrentCase& each) {
    each.network.steps = 1200;                            // more than oneDNN has names for sources
    each.network.activations = {{"ScaledTanh", 0.3, 1}};  // forgets what rounding does
    each.names_activations = true;
  }));
  return cases;
}

std::vector<RecurrentCase> GruCases() {
  std::vector<RecurrentCase> cases;
  for (RecurrentCase each : CommonCases("GRU")) {
    cases.push_back(each);
    each.name += "BeforeReset";
    each.network.linear_before_reset = true;
    cases.push_back(each);
  }
  return cases;
}

std::vector<RecurrentCase> LstmCases() {
  std::vector<RecurrentCase> cases;
  for (RecurrentCase each : CommonCases("LSTM")) {
    cases.push_back(each);
    const std::string name = each.name;
    each.name = name + "Peepholes";
    each.has_peepholes = true;
    cases.push_back(each);
    each.name = name + "PeepholesCoupled";
    each.network.input_forget = true;
    cases.push_back(each);
    each.name = name + "Coupled";
    each.has_peepholes = false;
    cases.push_back(each);
  }
  cases.push_back(With(Plain("LSTM", "OnlyC"), [](RecurrentCase& each) {
    each.results = {"", "", "c"};
  }));
  return cases;
}

std::vector<RecurrentCase> ActivationCases() {
  const std::vector<Activation> all = {{"Relu"},
                                       {"Tanh"},
                                       {"Sigmoid"},
                                       {"Softsign"},
                                       {"Softplus"},
                                       {"LeakyRelu", 0.3},
                                       {"ThresholdedRelu", 0.2},
                                       {"Elu", 0.7},
                                       {"Affine", 0.5, 0.1},
                                       {"ScaledTanh", 1.2, 0.6},
                                       {"HardSigmoid", 0.3, 0.4}};
  std::vector<RecurrentCase> cases;
  for (size_t i = 0; i < all.size(); ++i) {
    RecurrentCase each = Bidirectional("LSTM", absl::StrCat("Activation", all[i].name));
    for (size_t a = 0; a < each.network.activations.size(); ++a) {
      each.network.activations[a] = all[(i + a) % all.size()];
    }
    each.names_activations = true;
    each.network.steps = 3;
    cases.push_back(each);
  }
  cases.push_back(With(Plain("RNN", "ActivationRelu"), [](RecurrentCase& each) {
    each.network.activations = {{"Relu"}};
    each.names_activations = true;
  }));
  return cases;
}

}  // namespace halftone
