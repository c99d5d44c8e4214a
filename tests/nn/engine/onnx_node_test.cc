#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "nn/engine/executor.h"
#include "nn/engine/lower.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "nn/onnx/tensor_proto.h"

// ONNX's own backend tests of single operators, from the distribution's libonnx-testdata: each is a
// model with inputs and the outputs to expect. What consists of the operators and types that
// Halftone promises must pass; the rest passes, or is skipped with its reason. A wrong number fails
// everywhere.
namespace halftone {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = "/usr/share/libonnx-testdata/data/node";
constexpr double kRelativeTolerance = 1e-4;
constexpr double kAbsoluteTolerance = 1e-5;

// The operators that import promises.
const std::set<std::string>& ListedOperators() {
  static const auto* const listed = new std::set<std::string>{"Conv",
                                                              "Gemm",
                                                              "MatMul",
                                                              "BatchNormalization",
                                                              "Relu",
                                                              "Clip",
                                                              "LeakyRelu",
                                                              "Sigmoid",
                                                              "HardSigmoid",
                                                              "HardSwish",
                                                              "Add",
                                                              "Mul",
                                                              "Sub",
                                                              "Div",
                                                              "MaxPool",
                                                              "AveragePool",
                                                              "GlobalAveragePool",
                                                              "ReduceMean",
                                                              "Concat",
                                                              "Flatten",
                                                              "Reshape",
                                                              "Transpose",
                                                              "Squeeze",
                                                              "Unsqueeze",
                                                              "Softmax",
                                                              "Identity",
                                                              "Dropout",
                                                              "Constant",
                                                              "Pad",
                                                              "Resize"};
  return *listed;
}

struct Verdict {
  enum class Kind { kPassed, kFailed, kSkipped };
  Kind kind;
  std::string reason;  // why it failed or was skipped
};

// Why a node is beyond what import promises, if it is.
std::optional<std::string> BeyondPromise(const Node& node) {
  if (!node.domain.empty()) return absl::StrCat("domain ", node.domain);
  if (ListedOperators().count(node.op) == 0) return absl::StrCat("operator ", node.op);
  if (node.Int("training_mode", 0).value_or(0) != 0 ||
      (node.op == "Dropout" && !node.Input(2).empty())) {
    return absl::StrCat(node.op, " in training mode");
  }
  if (node.op == "Resize") {
    const std::string mode = node.String("mode", "nearest").value_or("");
    if (mode != "nearest") return absl::StrCat("Resize in mode ", mode);
  }
  return std::nullopt;
}

// The same for a whole model: nodes, and types of what goes in and out.
std::optional<std::string> BeyondPromise(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (auto reason = BeyondPromise(node)) return reason;
  }
  for (const Port& output : graph.outputs) {
    if (output.info.type != DataType::kFloat32) {
      return absl::StrCat("type ", std::string(DataTypeName(output.info.type)));
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<Tensor>> ReadTensors(const fs::path& folder, const std::string& prefix) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path path = folder / absl::StrCat(prefix, "_", i, ".pb");
    if (!fs::exists(path)) return tensors;
    HT_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path.string()));
    HT_ASSIGN_OR_RETURN(Tensor tensor, ParseTensorProto(bytes));
    tensors.push_back(std::move(tensor));
  }
}

// Inputs that real networks have as constants: integers (shapes, axes, ...), and what parametrizes
// an operator (the bounds of Clip, the scales of Resize, the statistics of BatchNormalization).
std::set<std::string> ConstantInputs(const Graph& graph) {
  static const auto* const parametrized = new std::set<std::string>{
      "BatchNormalization", "Clip", "Dropout", "Pad", "Resize", "Reshape", "Slice", "Upsample"};
  std::set<std::string> constants;
  for (const Node& node : graph.nodes) {
    if (parametrized->count(node.op) == 0) continue;
    for (size_t i = 1; i < node.inputs.size(); ++i) constants.insert(node.inputs[i]);
  }
  for (const Port& input : graph.inputs) {
    if (input.info.type != DataType::kFloat32) constants.insert(input.name);
  }
  return constants;
}

// The data of bfloat16 tensors are stored as uint16, for want of the type in numpy.
Tensor AsDeclared(const Tensor& tensor, DataType declared) {
  if (declared != DataType::kBFloat16 || tensor.type() != DataType::kUint16) return tensor;
  const absl::Span<const std::byte> bytes = tensor.bytes();
  return Tensor::FromBytes(declared, tensor.shape(), {bytes.begin(), bytes.end()});
}

// Gives the graph its constant inputs; returns the values of the others.
absl::StatusOr<std::map<std::string, Tensor>> SetConstants(Graph& graph,
                                                           const std::vector<Tensor>& tensors) {
  if (tensors.size() != graph.inputs.size()) {
    return absl::UnimplementedError(
        absl::StrCat(tensors.size(), " of ", graph.inputs.size(), " inputs are given"));
  }
  const std::set<std::string> constants = ConstantInputs(graph);
  std::map<std::string, Tensor> inputs;
  std::vector<Port> remaining;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Port& port = graph.inputs[i];
    const Tensor tensor = AsDeclared(tensors[i], port.info.type);
    if (constants.count(port.name) > 0) {
      graph.initializers.insert_or_assign(port.name, tensor);
      graph.values.insert_or_assign(port.name, ValueInfo{tensor.type(), tensor.shape()});
    } else {
      inputs.insert_or_assign(port.name, tensor);
      remaining.push_back(port);
    }
  }
  graph.inputs = std::move(remaining);
  return inputs;
}

// The outputs that BindBatch has folded are initializers; the others are computed.
absl::StatusOr<std::map<std::string, std::vector<float>>> Compute(
    const Graph& bound, const std::map<std::string, Tensor>& inputs) {
  std::map<std::string, std::vector<float>> results;
  std::vector<std::pair<std::string, ValueId>> wanted;
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(bound));
  for (const Port& output : bound.outputs) {
    const auto folded = bound.initializers.find(output.name);
    const auto value = lowered.values.find(output.name);
    if (folded != bound.initializers.end() && folded->second.type() != DataType::kFloat32) {
      HT_ASSIGN_OR_RETURN(std::vector<int64_t> integers, folded->second.ToInts());
      results[output.name].assign(integers.begin(), integers.end());
    } else if (value == lowered.values.end()) {
      return absl::InternalError(absl::StrCat("output '", output.name, "' was not lowered"));
    } else {
      wanted.emplace_back(output.name, value->second);
    }
  }
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(lowered.builder.Build(wanted)));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(executable));
  for (const Program::Input& input : executable->program().inputs) {
    HT_ASSIGN_OR_RETURN(std::vector<float> values, inputs.at(input.name).ToFloats());
    HT_RETURN_IF_ERROR(session->SetInput(input.name, values));
  }
  HT_RETURN_IF_ERROR(session->Run());
  for (const auto& [name, value] : wanted) {
    HT_ASSIGN_OR_RETURN(absl::Span<const float> values, session->Output(name));
    results[name].assign(values.begin(), values.end());
  }
  return results;
}

absl::StatusOr<std::vector<float>> AsFloats(const Tensor& tensor) {
  if (auto floats = tensor.ToFloats(); floats.ok()) return floats;
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> integers, tensor.ToInts());
  return std::vector<float>(integers.begin(), integers.end());
}

bool IsClose(float actual, float expected) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <=
         kAbsoluteTolerance + kRelativeTolerance * std::fabs(expected);
}

std::optional<std::string> FindDifference(const std::vector<float>& actual,
                                          const std::vector<float>& expected) {
  if (actual.size() != expected.size()) {
    return absl::StrCat(actual.size(), " elements, not ", expected.size());
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!IsClose(actual[i], expected[i])) {
      return absl::StrCat("element ", i, " is ", actual[i], ", not ", expected[i]);
    }
  }
  return std::nullopt;
}

// Runs one data set. An error where it cannot be run, else what differs, if anything does.
absl::StatusOr<std::optional<std::string>> RunDataSet(Graph graph, const fs::path& folder) {
  HT_ASSIGN_OR_RETURN(std::vector<Tensor> sources, ReadTensors(folder, "input"));
  HT_ASSIGN_OR_RETURN(std::vector<Tensor> expected, ReadTensors(folder, "output"));
  HT_ASSIGN_OR_RETURN(auto inputs, SetConstants(graph, sources));
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, graph.fixed_batch().value_or(1)));
  HT_ASSIGN_OR_RETURN(auto results, Compute(bound, inputs));
  for (size_t i = 0; i < expected.size() && i < graph.outputs.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    HT_ASSIGN_OR_RETURN(std::vector<float> floats, AsFloats(expected[i]));
    if (const auto info = bound.values.find(name); info != bound.values.end()) {
      if (info->second.shape != expected[i].shape()) {
        return absl::StrCat(name, " has shape ", info->second.shape.ToString(), ", not ",
                            expected[i].shape().ToString());
      }
    }
    if (auto difference = FindDifference(results[name], floats)) {
      return absl::StrCat(name, ": ", *difference);
    }
  }
  return std::nullopt;
}

Verdict RunModel(const fs::path& folder) {
  const auto bytes = ReadFile((folder / "model.onnx").string());
  if (!bytes.ok()) return {Verdict::Kind::kFailed, bytes.status().ToString()};
  const auto graph = ImportOnnx(*bytes, {});
  if (!graph.ok()) {
    // Not of ONNX's own domain, or with types and operators that do not exist here.
    const bool foreign = absl::IsUnimplemented(graph.status()) ||
                         absl::StrContains(graph.status().message(), "names no ONNX opset");
    return {foreign ? Verdict::Kind::kSkipped : Verdict::Kind::kFailed, graph.status().ToString()};
  }
  const auto beyond = BeyondPromise(*graph);
  for (int set = 0;; ++set) {
    const fs::path data = folder / absl::StrCat("test_data_set_", set);
    if (!fs::exists(data)) break;
    const auto difference = RunDataSet(*graph, data);
    if (!difference.ok() && beyond.has_value()) return {Verdict::Kind::kSkipped, *beyond};
    if (!difference.ok()) return {Verdict::Kind::kFailed, difference.status().ToString()};
    if (difference->has_value()) return {Verdict::Kind::kFailed, **difference};
  }
  return {Verdict::Kind::kPassed, ""};
}

TEST(OnnxNodeTest, BackendTestsPass) {
  ASSERT_TRUE(fs::is_directory(kFolder)) << kFolder << " is missing: install libonnx-testdata";
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kFolder)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  std::map<std::string, int> skipped;
  int passed = 0, failed = 0;
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    const Verdict verdict = RunModel(folder);
    if (verdict.kind == Verdict::Kind::kPassed) {
      ++passed;
      std::cout << "passed  " << name << "\n";
    } else if (verdict.kind == Verdict::Kind::kSkipped) {
      ++skipped[verdict.reason];
      std::cout << "skipped " << name << ": " << verdict.reason << "\n";
    } else {
      ++failed;
      ADD_FAILURE() << name << ": " << verdict.reason;
    }
  }
  int skips = 0;
  for (const auto& [reason, count] : skipped) {
    skips += count;
    std::cout << "skipped " << count << ": " << reason << "\n";
  }
  std::cout << folders.size() << " tests: " << passed << " passed, " << failed << " failed, "
            << skips << " skipped\n";
  EXPECT_GE(passed, 250) << "of the 932 tests that come with ONNX 1.12";
}

}  // namespace
}  // namespace halftone
