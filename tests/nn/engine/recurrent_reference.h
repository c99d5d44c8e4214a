#ifndef HALFTONE_TESTS_NN_ENGINE_RECURRENT_REFERENCE_H_
#define HALFTONE_TESTS_NN_ENGINE_RECURRENT_REFERENCE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace halftone {

// A recurrent network as ONNX's documentation has it, number by number in double.
struct RecurrentReference {
  // An activation with its numbers.
  struct Activation {
    std::string name;
    double alpha = 0, beta = 0;
  };

  std::string op;  // "RNN", "GRU" or "LSTM"
  int64_t steps = 1, batch = 1, inputs = 1, hidden = 1;
  std::vector<bool> is_reverse = {false};  // by direction
  std::vector<Activation> activations;     // of one direction after the other
  double clip = 0;                         // 0 for none
  bool linear_before_reset = false, input_forget = false;
  std::vector<int64_t> lengths;  // by sample

  // In ONNX's order, with time first; empty where absent.
  std::vector<float> x, w, r, b, initial_h, initial_c, p;

  struct Results {
    std::vector<float> y, last_h, last_c;  // as for layout 0
  };
  Results Compute() const;
};

// [a, b, c...] as [b, a, c...], with `inner` elements in the further axes.
std::vector<float> SwapFirstAxes(const std::vector<float>& values, int64_t a, int64_t b,
                                 int64_t inner);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_RECURRENT_REFERENCE_H_
