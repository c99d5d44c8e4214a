#ifndef HALFTONE_NN_ONNX_QDQ_WRITER_H_
#define HALFTONE_NN_ONNX_QDQ_WRITER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/onnx/proto.h"
#include "nn/quant/layer_quantizers.h"

namespace halftone {

// Appends a graph's nodes to `proto` in order, with what quantizes the sources of the layers before
// them, and then the initializers that are read. The forms are those of export.h. A value that
// several layers read through equal quantizers is quantized once.
class QdqWriter {
 public:
  QdqWriter(const Graph& graph, onnx::GraphProto& proto);

  // A node as it is.
  void AddNode(const Node& node);
  // A quantizable node. INVALID_ARGUMENT, naming the layer, for a quantizer that does not fit.
  absl::Status AddLayer(const Node& node, const Layer& layer, const LayerQuantizers& quantizers);
  // To be called last.
  void AddInitializers();

 private:
  absl::StatusOr<std::string> QuantizeActivation(const std::string& value,
                                                 const UniformQuantizer& quantizer);
  absl::StatusOr<std::string> QuantizeWeights(const std::string& value,
                                              const UniformQuantizer& quantizer);
  std::string WriteIntegerPair(const std::string& value, const UniformQuantizer& quantizer);
  std::string WriteRounding(const std::string& value, const UniformQuantizer& quantizer);
  std::string WriteSign(const std::string& value, const UniformQuantizer& quantizer);
  std::string WriteClip(const std::string& value, float low, float high);
  std::string WriteLimits(const std::string& value, const UniformQuantizer& quantizer);
  void RememberProducts(const Node& node, const LayerQuantizers& quantizers);
  void PassOnProducts(const Node& node);

  std::string Unique(const std::string& wanted);
  std::string AddConstant(const std::string& wanted, Tensor tensor);
  std::string AddOp(const std::string& op, std::vector<std::string> inputs,
                    const std::string& wanted);

  const Graph& graph_;
  onnx::GraphProto& proto_;
  absl::flat_hash_set<std::string> names_;      // of values and nodes
  std::map<std::string, Tensor> constants_;     // initializers that were added
  std::map<std::string, std::string> written_;  // (value, quantizer) -> its quantized form
  // The largest step, src scale times weights scale, of the products that a layer summed to a
  // value, also behind a bias and Relu or Clip; infinite where the weights are float. Of layers
  // whose sources are read from a DequantizeLinear.
  std::map<std::string, float> product_steps_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_QDQ_WRITER_H_
