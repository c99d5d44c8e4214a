#ifndef HALFTONE_NN_QUANT_EXECUTED_LAYERS_H_
#define HALFTONE_NN_QUANT_EXECUTED_LAYERS_H_

#include <map>
#include <string>
#include <vector>

#include "nn/quant/precision.h"

namespace halftone {

// A value that one node reads rounded, although others may read it as it is.
struct RoundedOperand {
  std::string node;   // an addition of two values of one shape
  std::string value;  // that it reads
  // Integers: those that the layer reads whose choice it is, by the quantizer of its src.
  NumberFormat format;

  bool operator==(const RoundedOperand&) const = default;
};

// What a target makes of one layer in one precision, whatever the others are.
struct ExecutedChoice {
  // The precision whose numbers it computes with: the one asked for, sides of which may be float32,
  // or another one, which then is calibrated too.
  Precision ran_as;
  // That it rounds beside its own sources.
  std::vector<RoundedOperand> shortcuts;

  bool operator==(const ExecutedChoice&) const = default;
};

// What a target says, before anything is measured, of how it executes: layer -> precision as asked
// for -> what is done. What it leaves out is executed as asked.
using ExecutedLayers = std::map<std::string, std::map<Precision, ExecutedChoice>>;

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_EXECUTED_LAYERS_H_
