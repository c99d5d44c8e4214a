#ifndef HALFTONE_NN_GRAPH_QUANTIZED_PRODUCTS_H_
#define HALFTONE_NN_GRAPH_QUANTIZED_PRODUCTS_H_

#include "nn/graph/file_quantizer.h"
#include "nn/graph/rewrites/parts_builder.h"

namespace halftone {

// Notes on the node that was written last what the file quantizes its two sources with.
void MarkProduct(const FileQuantizer& src, const FileQuantizer& weights, PartsBuilder& builder);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_QUANTIZED_PRODUCTS_H_
