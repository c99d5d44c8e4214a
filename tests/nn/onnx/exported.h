#ifndef HALFTONE_TESTS_NN_ONNX_EXPORTED_H_
#define HALFTONE_TESTS_NN_ONNX_EXPORTED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/graph/graph.h"
#include "nn/onnx/proto.h"
#include "nn/quant/layer_quantizers.h"

// Small networks to export, quantizers for them, and what finds its way in the models that come
// out.
namespace halftone {

// Between -0.5 and 0.5.
Tensor Random(Shape shape, uint64_t seed);
Node MakeNode(std::string name, std::string op, std::vector<std::string> inputs,
              std::vector<std::string> outputs);

// input [N, 2, 4, 4] -> conv1 -> batch norm -> relu -> conv2a and conv2b, added -> reshape to
// [N, 48] -> fc -> [N, 5]. The shape of the Reshape is computed from the input's, as torch does.
Graph SmallNetwork();
// The same with batch normalization folded, for one sample.
Graph Folded();

// A source's quantizer, and that of weights with a scale for each index of their first axis.
std::shared_ptr<const UniformQuantizer> Source(int bits, Symmetry symmetry, Range range);
std::shared_ptr<const UniformQuantizer> Weights(const Tensor& weights, int bits,
                                                Symmetry symmetry = Symmetry::kSymmetricRestricted);

// ExportQuantizedOnnx, expected to be good.
onnx::ModelProto Export(const QuantizedAssignment& assignment, const Graph& graph = SmallNetwork());

// Null where there is none.
const onnx::NodeProto* FindNode(const onnx::ModelProto& model, const std::string& name);
const onnx::NodeProto* Producer(const onnx::ModelProto& model, const std::string& value);
const onnx::TensorProto* Initializer(const onnx::ModelProto& model, const std::string& name);
std::vector<float> Floats(const onnx::TensorProto& tensor);
// The operators between a layer's src and the value that it came from, nearest last.
std::vector<std::string> OpsBefore(const onnx::ModelProto& model, const std::string& layer,
                                   const std::string& until);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ONNX_EXPORTED_H_
