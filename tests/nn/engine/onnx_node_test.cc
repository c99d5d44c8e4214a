#include <algorithm>
#include <cmath>
#include <cstdlib>
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
#include "nn/graph/float32.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "nn/onnx/tensor_proto.h"

// ONNX's own backend tests, from the distribution's libonnx-testdata: each is a model, most of them
// of a single operator, with inputs and the outputs to expect. All must pass but for what is out of
// scope, which may be skipped with its reason; a wrong number fails even there.
namespace halftone {
namespace {

namespace fs = std::filesystem;

// HALFTONE_ONNX_TESTDATA names those of another version of ONNX.
std::string FolderOf(const std::string& suite) {
  const char* const other = std::getenv("HALFTONE_ONNX_TESTDATA");
  return absl::StrCat(other != nullptr ? other : "/usr/share/libonnx-testdata/data", "/", suite);
}
constexpr double kRelativeTolerance = 1e-4;
constexpr double kAbsoluteTolerance = 1e-5;

// What Halftone does not compute, with what is the matter. Everything else must pass.
const std::map<std::string, std::string>& OutOfScope() {
  static const auto* const operators = [] {
    const std::map<std::string, std::vector<std::string>> groups = {
        {"steps by value, branches of lists, and the batched Scan", {"Scan", "Loop", "If"}},
        {"random numbers", {"Bernoulli", "RandomUniformLike"}},
        {"text",
         {"TfIdfVectorizer", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit"}},
        {"deformable convolutions", {"DeformConv"}},
        {"images from files", {"ImageDecoder"}},
        {"lists of tensors",
         {"ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase",
          "SequenceInsert", "SequenceLength", "SequenceMap", "SplitToSequence"}},
        {"values that may be absent", {"Optional", "OptionalGetElement", "OptionalHasElement"}},
    };
    auto* reasons = new std::map<std::string, std::string>;
    for (const auto& [reason, names] : groups) {
      for (const std::string& name : names) reasons->emplace(name, reason);
    }
    return reasons;
  }();
  return *operators;
}

// Where another answer than that of ONNX's test is right.
const std::map<std::string, std::string>& Disputed() {
  constexpr const char* kWraps =
      "integers that wrap around (in ONNX's reference) where its text has them saturate";
  static const auto* const reasons = new std::map<std::string, std::string>{
      {"test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True",
       "means over what lies beyond the padding (ONNX's reference counts it, torch does not)"},
      {"test_qlinearmatmul_2D_int8_float16", kWraps},
      {"test_qlinearmatmul_2D_int8_float32", kWraps},
      {"test_qlinearmatmul_3D_int8_float16", kWraps},
      {"test_qlinearmatmul_3D_int8_float32", kWraps},
  };
  return *reasons;
}

struct Verdict {
  enum class Kind { kPassed, kFailed, kSkipped };
  Kind kind;
  std::string reason;  // why it failed or was skipped
};

// Why a model need not run, if it is out of scope.
std::optional<std::string> OutOfScope(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (!node.domain.empty()) return absl::StrCat("operators of ", node.domain);
    if (const auto found = OutOfScope().find(node.op); found != OutOfScope().end()) {
      return found->second;
    }
    if (node.Int("training_mode", 0).value_or(0) != 0 ||
        (node.op == "Dropout" && !node.Input(2).empty())) {
      return absl::StrCat(node.op, " in training mode");
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

// Whether it picks by indices or labels, its second source, that networks compute.
bool IsPickedBy(const Node& node) {
  static const auto* const operators = new std::set<std::string>{"Gather",
                                                                 "GatherElements",
                                                                 "GatherND",
                                                                 "ReverseSequence",
                                                                 "Scatter",
                                                                 "ScatterElements",
                                                                 "ScatterND",
                                                                 "NegativeLogLikelihoodLoss",
                                                                 "SoftmaxCrossEntropyLoss"};
  const std::string reduction = node.String("reduction", "none").value_or("none");
  const bool scatters = absl::StartsWith(node.op, "Scatter");
  return operators->count(node.op) > 0 && (!scatters || reduction == "none" || reduction == "add");
}

// Whether integers or bools of that name are what a network computes with.
bool RunsOn(const Graph& graph, const std::string& input) {
  static const auto* const computing =
      new std::set<std::string>{"Abs",    "Add",         "And",           "ArgMax",
                                "ArgMin", "Cast",        "ConvInteger",   "DequantizeLinear",
                                "Div",    "Equal",       "Greater",       "GreaterOrEqual",
                                "Less",   "LessOrEqual", "MatMulInteger", "Max",
                                "Min",    "Mul",         "Neg",           "Not",
                                "Or",     "QLinearConv", "QLinearMatMul", "QuantizeLinear",
                                "Sign",   "Sub",         "Where",         "Xor"};
  for (const Node& node : graph.nodes) {
    const bool index = IsPickedBy(node) && node.Input(1) == input;
    const bool operand = computing->count(node.op) > 0 &&
                         std::count(node.inputs.begin(), node.inputs.end(), input) > 0;
    if (!index && !operand) return false;
  }
  return true;
}

// Inputs that real networks have as constants: integers (shapes, axes, ...), and what parametrizes
// an operator (the bounds of Clip, the scales of Resize, the statistics of BatchNormalization). The
// integers that are arithmetic's or embeddings' own are computed with at run time.
std::set<std::string> ConstantInputs(const Graph& graph) {
  static const auto* const parametrized = new std::set<std::string>{"BatchNormalization",
                                                                    "Clip",
                                                                    "Dropout",
                                                                    "GRU",
                                                                    "LSTM",
                                                                    "MelWeightMatrix",
                                                                    "NonMaxSuppression",
                                                                    "NonZero",
                                                                    "OneHot",
                                                                    "Pad",
                                                                    "RNN",
                                                                    "Range",
                                                                    "Resize",
                                                                    "Reshape",
                                                                    "Slice",
                                                                    "Unique",
                                                                    "Upsample"};
  // Of which the first input is a parameter too, or tells the size of the result.
  static const auto* const whole = new std::set<std::string>{"MelWeightMatrix", "NonMaxSuppression",
                                                             "NonZero", "Range", "Unique"};
  std::set<std::string> constants;
  for (const Node& node : graph.nodes) {
    if (parametrized->count(node.op) == 0) continue;
    const size_t first = whole->count(node.op) > 0 ? 0 : 1;
    for (size_t i = first; i < node.inputs.size(); ++i) constants.insert(node.inputs[i]);
  }
  for (const Port& input : graph.inputs) {
    const DataType type = input.info.type;
    // Of what a CastLike casts to, only the type counts.
    const bool only_a_type = input.name == "like";
    if (only_a_type || (!IsFloat(type) && !RunsOn(graph, input.name))) constants.insert(input.name);
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

// Takes the outputs of integers that BindBatch has folded out of a graph: they may have more bits
// than programs have.
std::map<std::string, Tensor> TakeFoldedIntegers(Graph& bound) {
  std::map<std::string, Tensor> folded;
  std::vector<Port> others;
  for (Port& output : bound.outputs) {
    const auto found = bound.initializers.find(output.name);
    if (found != bound.initializers.end() && !IsFloat(found->second.type())) {
      folded.insert_or_assign(output.name, found->second);
    } else {
      others.push_back(std::move(output));
    }
  }
  bound.outputs = std::move(others);
  return folded;
}

// What the engine makes of the outputs.
absl::StatusOr<std::map<std::string, std::vector<float>>> Compute(
    const Graph& bound, const std::map<std::string, Tensor>& inputs) {
  std::map<std::string, std::vector<float>> results;
  std::vector<std::pair<std::string, ValueId>> wanted;
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(bound));
  for (const Port& output : bound.outputs) {
    const auto value = lowered.values.find(output.name);
    if (value == lowered.values.end()) {
      return absl::InternalError(absl::StrCat("output '", output.name, "' was not lowered"));
    }
    wanted.emplace_back(output.name, value->second);
  }
  if (wanted.empty()) return results;
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(lowered.builder.Build(wanted)));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(executable));
  for (const Program::Input& input : executable->program().inputs) {
    HT_ASSIGN_OR_RETURN(const Tensor values, ToFloat32(inputs.at(input.name)));
    HT_RETURN_IF_ERROR(session->SetInput(input.name, values.data<float>()));
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

// How far a number may be off: by a part of itself, and by what zero may.
struct Tolerance {
  double relative, absolute;
};

bool IsClose(float actual, float expected, const Tolerance& tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <=
         tolerance.absolute + tolerance.relative * std::fabs(expected);
}

std::optional<std::string> FindDifference(const std::vector<float>& actual,
                                          const std::vector<float>& expected,
                                          const Tolerance& tolerance) {
  if (actual.size() != expected.size()) {
    return absl::StrCat(actual.size(), " elements, not ", expected.size());
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!IsClose(actual[i], expected[i], tolerance)) {
      return absl::StrCat("element ", i, " is ", actual[i], ", not ", expected[i]);
    }
  }
  return std::nullopt;
}

// That of the type to which the expected numbers were rounded. Those of the signal windows were
// computed with 3.1415 for pi, and ONNX's own tests ask for 1e-3; those of samples between elements
// are written down with four digits after the point.
Tolerance ToleranceOf(const fs::path& folder, DataType type) {
  if (type == DataType::kBFloat16) return {0x1p-7, kAbsoluteTolerance};
  if (type == DataType::kFloat16) return {0x1p-10, kAbsoluteTolerance};
  const std::string name = folder.string();
  if (absl::StrContains(name, "window")) return {1e-3, kAbsoluteTolerance};
  const bool is_written =
      absl::StrContains(name, "roialign") || absl::StrContains(name, "gridsample");
  return {kRelativeTolerance, is_written ? 0.6e-4 : kAbsoluteTolerance};
}

// Runs one data set. An error where it cannot be run, else what differs, if anything does.
absl::StatusOr<std::optional<std::string>> RunDataSet(Graph graph, const fs::path& folder) {
  HT_ASSIGN_OR_RETURN(std::vector<Tensor> sources, ReadTensors(folder, "input"));
  HT_ASSIGN_OR_RETURN(std::vector<Tensor> expected, ReadTensors(folder, "output"));
  HT_ASSIGN_OR_RETURN(auto inputs, SetConstants(graph, sources));
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, graph.fixed_batch().value_or(1)));
  const std::map<std::string, Tensor> folded = TakeFoldedIntegers(bound);
  HT_ASSIGN_OR_RETURN(auto results, Compute(bound, inputs));
  for (size_t i = 0; i < expected.size() && i < graph.outputs.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    const DataType type = graph.outputs[i].info.type;
    const Tensor declared = AsDeclared(expected[i], type);
    if (const auto info = bound.values.find(name); info != bound.values.end()) {
      if (info->second.shape != expected[i].shape()) {
        return absl::StrCat(name, " has shape ", info->second.shape.ToString(), ", not ",
                            expected[i].shape().ToString());
      }
    }
    if (const auto found = folded.find(name); found != folded.end()) {
      if (found->second.ToInts() == declared.ToInts()) continue;
      return absl::StrCat(name, " has other integers");
    }
    HT_ASSIGN_OR_RETURN(const std::vector<float> floats, AsFloats(declared));
    if (auto difference = FindDifference(results[name], floats, ToleranceOf(folder, type))) {
      return absl::StrCat(name, ": ", *difference);
    }
  }
  return std::nullopt;
}

// What is the matter with a model that is not read, in words that tests have in common.
std::string WhyNotRead(const absl::Status& status) {
  static constexpr std::pair<absl::string_view, absl::string_view> kReasons[] = {
      {"names no ONNX opset", "optimizers of training, of a domain of their own"},
      {"the model has opset", "operators from before opset 7"},
      {"it is not a tensor", "inputs that are lists of tensors, or may be absent"},
      {"strings or complex numbers", "text and complex numbers"},
  };
  for (const auto& [text, reason] : kReasons) {
    if (absl::StrContains(status.message(), text)) return std::string(reason);
  }
  return status.ToString();
}

Verdict RunModel(const fs::path& folder) {
  const auto bytes = ReadFile((folder / "model.onnx").string());
  if (!bytes.ok()) return {Verdict::Kind::kFailed, bytes.status().ToString()};
  // Operators on integers run as they are where they are known.
  const auto graph = ImportOnnx(*bytes, {.quantized_as_is = true, .empty_inputs = true});
  if (!graph.ok()) {
    // Not of ONNX's own domain, or with types and operators that do not exist here.
    const bool foreign = absl::IsUnimplemented(graph.status()) ||
                         absl::StrContains(graph.status().message(), "names no ONNX opset");
    if (foreign) return {Verdict::Kind::kSkipped, WhyNotRead(graph.status())};
    return {Verdict::Kind::kFailed, graph.status().ToString()};
  }
  const auto beyond = OutOfScope(*graph);
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

std::vector<fs::path> FoldersIn(const std::string& folder) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

// What is known by the operators that it stands for, with ONNX Runtime's outputs
// (tests/peers/operator_cases.py).
TEST(OnnxNodeTest, RewrittenOperatorsEqualOnnxRuntime) {
  const std::vector<fs::path> folders =
      FoldersIn(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/operators");
  EXPECT_GT(folders.size(), 50);
  for (const fs::path& folder : folders) {
    const Verdict verdict = RunModel(folder);
    EXPECT_EQ(verdict.kind, Verdict::Kind::kPassed) << folder.filename() << ": " << verdict.reason;
  }
}

// A folder of backend tests, and how many of those that come with ONNX 1.12 pass.
struct Suite {
  const char* folder;
  int passing;

  friend void PrintTo(const Suite& suite, std::ostream* out) { *out << suite.folder; }
};

class OnnxBackendTest : public ::testing::TestWithParam<Suite> {};

TEST_P(OnnxBackendTest, AllButWhatIsOutOfScopePass) {
  const std::string folder = FolderOf(GetParam().folder);
  ASSERT_TRUE(fs::is_directory(folder)) << folder << " is missing: install libonnx-testdata";
  const std::vector<fs::path> folders = FoldersIn(folder);
  std::map<std::string, int> skipped;
  int passed = 0, failed = 0;
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    Verdict verdict = RunModel(folder);
    if (const auto found = Disputed().find(name);
        found != Disputed().end() && verdict.kind == Verdict::Kind::kFailed) {
      verdict = {Verdict::Kind::kSkipped, found->second};
    }
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
  EXPECT_GE(passed, GetParam().passing);
}

INSTANTIATE_TEST_SUITE_P(Suites, OnnxBackendTest,
                         ::testing::Values(Suite{"node", 867}, Suite{"pytorch-converted", 59},
                                           Suite{"pytorch-operator", 24}, Suite{"simple", 14}),
                         [](const auto& suite) {
                           std::string name = suite.param.folder;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace halftone
