#ifndef HALFTONE_NN_QUANT_EXTRA_ROUNDING_H_
#define HALFTONE_NN_QUANT_EXTRA_ROUNDING_H_

#include <string>

namespace halftone {

// Something that is rounded where a network runs, beside what its layers read as sources and
// weights: more than fake quantization rounds.
struct ExtraRounding {
  enum class Kind {
    kShortcut,  // what an addition inside a layer's kernel reads is stored in few bits
    kSum,       // an average, a sum or a product of activations is computed in few bits
  };
  Kind kind = Kind::kShortcut;
  std::string node;    // kShortcut: the layer that adds; kSum: the node
  std::string source;  // kShortcut: the layer or node, or the input, whose result is added
  std::string format;  // "8 bits" or "bf16"

  bool operator==(const ExtraRounding&) const = default;
};

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_EXTRA_ROUNDING_H_
