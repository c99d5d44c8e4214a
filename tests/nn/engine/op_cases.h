#ifndef HALFTONE_TESTS_NN_ENGINE_OP_CASES_H_
#define HALFTONE_TESTS_NN_ENGINE_OP_CASES_H_

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "nn/engine/op.h"
#include "nn/graph/tensor.h"

namespace halftone {

// An op on sources of given shapes, for tests that hold for every op.
struct OpCase {
  enum class Values {
    kRange,  // uniform in [lower, upper]: for smooth functions
    // A shuffled grid of spacing 0.06, another offset for each source, away from `kinks`: steps of
    // 0.01 cross no corner and change no order.
    kGrid,
  };
  std::string name;
  std::shared_ptr<const Op> op;
  std::vector<Shape> srcs;
  Values values = Values::kRange;
  float lower = -1;
  float upper = 1;
  std::vector<float> kinks = {};
  // Further sources, by their position among all of the op's, with fixed elements: masks, indices.
  std::map<size_t, Tensor> fixed = {};
  // Where set, what appends the function in place of `op`.
  std::function<absl::StatusOr<ValueId>(ProgramBuilder&, absl::Span<const ValueId>)> build = {};
};

inline std::ostream& operator<<(std::ostream& out, const OpCase& op_case) {
  return out << op_case.name;
}

// At least one case of every op whose derivative is that of its value (all but the quantizers and
// step functions), with the attributes that its derivative depends on.
std::vector<OpCase> DifferentiableOpCases();
// The same of ONNX's operators that are lowered to several ops.
std::vector<OpCase> LoweredCases();

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_OP_CASES_H_
