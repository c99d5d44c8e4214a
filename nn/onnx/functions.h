#ifndef HALFTONE_NN_ONNX_FUNCTIONS_H_
#define HALFTONE_NN_ONNX_FUNCTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/onnx/proto.h"

namespace halftone {

// The overload of a function that a node calls; "" for the one without a name. ONNX has had it
// since IR version 10, its older protobuf classes keep it among the unknown fields.
std::string OverloadOf(const onnx::NodeProto& node);

// A function of a model: nodes that stand for one.
struct Function {
  const onnx::FunctionProto* proto = nullptr;
  std::string name;                            // for messages: domain, name and overload
  std::vector<onnx::AttributeProto> defaults;  // of attributes that a call may leave out

  // UNIMPLEMENTED, naming function and operator, where the function is of another opset of ONNX
  // than `opset` and has a node that is not the same in both.
  absl::Status CheckOpset(int64_t opset) const;
};

// The functions of a model by domain, name and overload. Borrows the model.
class FunctionTable {
 public:
  // INVALID_ARGUMENT, naming the function, for one that occurs twice or has a broken default.
  static absl::StatusOr<FunctionTable> Create(const onnx::ModelProto& model);

  // nullptr where the node's operator is no function.
  const Function* Find(const onnx::NodeProto& node) const;
  bool empty() const { return functions_.empty(); }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  absl::Status Add(const onnx::FunctionProto& proto);

  std::map<Key, Function> functions_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_FUNCTIONS_H_
