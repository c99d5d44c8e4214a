#ifndef HALFTONE_TESTS_NN_ONNX_MODEL_BUILDER_H_
#define HALFTONE_TESTS_NN_ONNX_MODEL_BUILDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "nn/onnx/proto.h"

namespace halftone {

// Builds small ONNX models by code: the bytes of a file, with all that may be wrong with one.
class ModelBuilder {
 public:
  using Value = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>>;
  using Attributes = std::map<std::string, Value>;
  using Dims = std::vector<int64_t>;

  explicit ModelBuilder(int64_t opset = 13);

  // A graph input or output; the dimension -1 is symbolic.
  ModelBuilder& Input(const std::string& name, const Dims& dims,
                      int32_t type = onnx::TensorProto::FLOAT);
  ModelBuilder& Output(const std::string& name);
  ModelBuilder& Node(const std::string& op, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, const Attributes& attributes = {},
                     const std::string& name = "");
  // Initializers, stored as typed lists. Without values: 0.5, -0.5, 0.5, ...
  ModelBuilder& Floats(const std::string& name, const Dims& dims, std::vector<float> values = {});
  ModelBuilder& Ints(const std::string& name, const Dims& dims, const std::vector<int64_t>& values);
  // An initializer whose elements are in another file.
  ModelBuilder& External(const std::string& name, const Dims& dims,
                         const std::map<std::string, std::string>& location);

  // To do what no method does.
  onnx::ModelProto& proto() { return proto_; }
  onnx::GraphProto& graph() { return *proto_.mutable_graph(); }
  std::string Bytes() const { return proto_.SerializeAsString(); }

 private:
  onnx::ModelProto proto_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ONNX_MODEL_BUILDER_H_
