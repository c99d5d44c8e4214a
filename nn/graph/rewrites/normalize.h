#ifndef HALFTONE_NN_GRAPH_REWRITES_NORMALIZE_H_
#define HALFTONE_NN_GRAPH_REWRITES_NORMALIZE_H_

#include <string>

#include "nn/graph/rewrites/parts_builder.h"

namespace halftone {

// Layer normalization (Ba et al., 2016) from an axis on, as RecognizeBlocks knows it, or by the
// root mean square alone (Zhang and Sennrich, 2019).
struct Normalization {
  int rank = 0;  // of the source
  int axis = 0;
  float epsilon = 0;
  bool is_centered = true;
  std::string scale, bias;  // "" for none
};

struct Normalized {
  std::string dst, mean, inverse_deviation;  // the latter two "" where they are not asked for
};

Normalized WriteNormalization(const std::string& src, const Normalization& normalization,
                              bool with_statistics, PartsBuilder& builder);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_NORMALIZE_H_
