#ifndef HALFTONE_TESTS_NN_ENGINE_RECURRENT_CASES_H_
#define HALFTONE_TESTS_NN_ENGINE_RECURRENT_CASES_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "nn/graph/graph.h"
#include "tests/nn/engine/recurrent_reference.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {

// Where the states before the first step come from; kAlike: constants, the same for all samples.
enum class InitialStates { kNone, kZeros, kAlike, kConstant, kComputed };

// A graph of one recurrent node "cell", with the numbers that a reference needs.
struct RecurrentCase {
  std::string name;
  RecurrentReference network;
  std::string direction = "forward";
  bool has_bias = true, has_peepholes = false, names_activations = false;
  InitialStates states = InitialStates::kNone;
  int64_t layout = 0, opset = 17;
  std::vector<std::string> results = {"y", "h", "c"};  // "" for one that is absent

  int64_t directions() const { return static_cast<int64_t>(network.is_reverse.size()); }
  int64_t gates() const { return network.op == "LSTM" ? 4 : network.op == "GRU" ? 3 : 1; }
};

inline std::ostream& operator<<(std::ostream& out, const RecurrentCase& each) {
  return out << each.name;
}

// What each kind of cell can be asked for; without numbers.
std::vector<RecurrentCase> RnnCases();
std::vector<RecurrentCase> GruCases();
std::vector<RecurrentCase> LstmCases();
std::vector<RecurrentCase> ActivationCases();

// Draws the sources, weights and states of a case; the same whenever it is asked.
void FillNumbers(RecurrentCase& each);

// A case with its numbers as a graph, and the values of that graph's inputs. Results have the names
// that the case gives them.
struct RecurrentGraph {
  Graph graph;
  NamedFloats inputs;
};
RecurrentGraph MakeRecurrentGraph(const RecurrentCase& each);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_RECURRENT_CASES_H_
