// A few thousand damaged copies of real and made models: each must be read or refused, and nothing
// worse. The damage is drawn from fixed seeds.
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "tests/nn/onnx/exercise_model.h"
#include "tests/nn/onnx/model_builder.h"

namespace halftone {
namespace {

std::string TinyDigits() {
  return *ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/model.onnx");
}

// Few weights and many operators, so that most bytes say something of the graph.
std::string ManyOperators() {
  ModelBuilder model(13);
  model.Input("x", {-1, 4, 8, 8}).Floats("w", {4, 1, 3, 3}).Floats("three", {}, {3});
  model.Floats("six", {}, {6}).Floats("zero", {}, {0}).Ints("one", {1}, {1}).Ints("i0", {}, {0});
  model.Ints("rest", {1}, {-1}).Ints("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1});
  model.Floats("scales", {4}, {1, 1, 2, 2}).Ints("two", {1}, {2}).Ints("big", {1}, {100});
  model.Floats("v", {4}).Floats("var", {4}, {1, 2, 3, 4}).Ints("halves", {2}, {2, 2});
  model.Node("Pad", {"x", "pads"}, {"p"});
  model.Node("Conv", {"p", "w"}, {"c"},
             {{"group", int64_t{4}}, {"strides", std::vector<int64_t>{2, 2}}});
  model.Node("BatchNormalization", {"c", "v", "v", "v", "var"}, {"b"});
  model.Node("Add", {"b", "three"}, {"h1"}).Node("Clip", {"h1", "zero", "six"}, {"h2"});
  model.Node("Mul", {"b", "h2"}, {"h3"}).Node("Div", {"h3", "six"}, {"h4"});
  model.Node("MaxPool", {"h4"}, {"m"},
             {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"ceil_mode", int64_t{1}}});
  model.Node("Resize", {"m", "", "scales"}, {"r"}, {{"mode", std::string("nearest")}});
  model.Node("Slice", {"r", "one", "big", "two", "one"}, {"s"});
  model.Node("Split", {"s", "halves"}, {"s1", "s2"}, {{"axis", int64_t{1}}});
  model.Node("Concat", {"s1", "s2"}, {"cat"}, {{"axis", int64_t{1}}});
  model.Node("Transpose", {"cat"}, {"t"}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  model.Node("Shape", {"t"}, {"sh"}).Node("Gather", {"sh", "i0"}, {"n"});
  model.Node("Unsqueeze", {"n", "i0u"}, {"n1"}).Ints("i0u", {1}, {0});
  model.Node("Concat", {"n1", "rest"}, {"to"}, {{"axis", int64_t{0}}});
  model.Node("Reshape", {"t", "to"}, {"f"})
      .Node("ReduceMean", {"f"}, {"q"}, {{"axes", std::vector<int64_t>{1}}});
  model.Node("Softmax", {"f"}, {"y"}).Output("y").Output("q");
  return model.Bytes();
}

void AddSubgraph(ModelBuilder& model, const char* attribute, ModelBuilder& subgraph) {
  onnx::AttributeProto& proto = *model.graph().mutable_node()->rbegin()->add_attribute();
  proto.set_name(attribute);
  proto.set_type(onnx::AttributeProto::GRAPH);
  *proto.mutable_g() = subgraph.graph();
}

// out = LeakyRelu(in; alpha = slope) + in
void AddFunction(ModelBuilder& model) {
  onnx::FunctionProto& function = *model.proto().add_functions();
  function.set_domain("d");
  function.set_name("f");
  function.add_input("in");
  function.add_output("out");
  function.add_attribute("slope");
  onnx::NodeProto& relu = *function.add_node();
  relu.set_op_type("LeakyRelu");
  relu.add_input("in");
  relu.add_output("t");
  onnx::AttributeProto& alpha = *relu.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_ref_attr_name("slope");
  onnx::NodeProto& add = *function.add_node();
  add.set_op_type("Add");
  add.add_input("t");
  add.add_input("in");
  add.add_output("out");
}

// A function, a branch, a loop, a scan and attention, one behind the other.
std::string ManySubgraphs() {
  ModelBuilder model(15), on, off, body, row;
  AddFunction(model);
  model.Input("x", {-1, 3, 4}).Node("f", {"x"}, {"a"}, {{"slope", 0.5f}}).Output("y");
  model.graph().mutable_node(0)->set_domain("d");
  model.Node("Shape", {"a"}, {"sh"}).Ints("one", {1}, {1}).Ints("three", {1}, {3});
  model.Node("Gather", {"sh", "one"}, {"n"}).Node("Equal", {"n", "three"}, {"c"});
  model.Node("If", {"c"}, {"b"});
  AddSubgraph(model, "then_branch", on.Node("Relu", {"a"}, {"r"}).Output("r"));
  AddSubgraph(model, "else_branch", off.Node("Neg", {"a"}, {"e"}).Output("e"));
  model.Ints("twice", {}, {2}).Node("Loop", {"twice", "", "b"}, {"l"});
  body.Input("i", {}, onnx::TensorProto::INT64).Input("g", {}, onnx::TensorProto::BOOL);
  body.Input("s", {1}).Floats("w", {4, 4}).Node("MatMul", {"s", "w"}, {"t"});
  body.Node("Identity", {"g"}, {"h"}).Output("h").Output("t");
  AddSubgraph(model, "body", body);
  model.Floats("z", {4}, {0, 0, 0, 0})
      .Node("Scan", {"z", "l"}, {"last", "all"},
            {{"num_scan_inputs", int64_t{1}},
             {"scan_input_axes", std::vector<int64_t>{1}},
             {"scan_output_axes", std::vector<int64_t>{1}}});
  row.Input("s", {4}).Input("r", {4}).Node("Add", {"s", "r"}, {"t"}).Node("Tanh", {"t"}, {"u"});
  AddSubgraph(model, "body", row.Output("t").Output("u"));
  model.Floats("aw", {4, 12}).Floats("ab", {12});
  model.Node("Attention", {"all", "aw", "ab"}, {"y"}, {{"num_heads", int64_t{2}}});
  model.graph().mutable_node()->rbegin()->set_domain("com.microsoft");
  return model.Bytes();
}

void AddBits(ModelBuilder& model, const std::string& name, int32_t type,
             const ModelBuilder::Dims& dims, const std::string& bytes) {
  onnx::TensorProto& tensor = *model.graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const int64_t size : dims) tensor.add_dims(size);
  tensor.set_raw_data(bytes);
}

// Types of few bits, scales of blocks, and operators on integers whose scales are computed.
std::string NarrowTypes() {
  constexpr int32_t kE5M2 = 19, kInt4 = 22;  // ONNX's numbers
  ModelBuilder model(21);
  AddBits(model, "w", kInt4, {4, 3}, "\x12\x34\xf6\x7e\x91\x20");
  AddBits(model, "f", kE5M2, {3, 2}, "\x38\x3c\xb8\x01\x40\x42");
  AddBits(model, "f0", kE5M2, {}, std::string(1, '\0'));
  AddBits(model, "b", onnx::TensorProto::INT8, {2, 2}, "\x11\xf2\x33\x44");
  AddBits(model, "b0", onnx::TensorProto::INT8, {2}, "\x01\xff");
  model.Input("x", {-1, 4}).Floats("ws", {2, 3}).Floats("s", {}, {0.5f}).Floats("bs", {2});
  model.Node("DequantizeLinear", {"w", "ws"}, {"dw"},
             {{"axis", int64_t{0}}, {"block_size", int64_t{2}}});
  model.Node("MatMul", {"x", "dw"}, {"p"}).Node("QuantizeLinear", {"p", "s", "f0"}, {"q8"});
  model.Node("DequantizeLinear", {"q8", "s", "f0"}, {"d8"})
      .Node("Cast", {"f"}, {"cf"}, {{"to", int64_t{1}}});
  model.Node("MatMul", {"d8", "cf"}, {"m"}).Node("Cast", {"m"}, {"c8"}, {{"to", int64_t{17}}});
  model.Node("CastLike", {"c8", "m"}, {"r"})
      .Node("DynamicQuantizeLinear", {"r"}, {"i", "is", "i0"});
  model.Node("QLinearMatMul", {"i", "is", "i0", "b", "bs", "b0", "is", "i0"}, {"j"});
  model.Node("Add", {"j", "i"}, {"k"}).Node("MatMulInteger", {"k", "b", "i0", "b0"}, {"y"});
  return model.Output("y").Bytes();
}

// Small ones, with each operator of quantized networks.
std::vector<std::string> QuantizedModels() {
  std::vector<std::string> models;
  const std::string folder = std::string(HALFTONE_SOURCE_DIR) + "/tests/data/quantized";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    models.push_back(*ReadFile((entry.path() / "model.onnx").string()));
  }
  return models;
}

void FlipBytes(const std::string& model, uint64_t seeds) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SplitMix64 random(seed);
    std::string damaged = model;
    for (uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    ExerciseModel(damaged).IgnoreError();
  }
}

void Truncate(const std::string& model, size_t step) {
  for (size_t length = 0; length < model.size(); length += step) {
    EXPECT_FALSE(ExerciseModel(absl::string_view(model.data(), length)).ok()) << length;
  }
}

TEST(RobustnessTest, UndamagedModelsAreRead) {
  EXPECT_EQ(ExerciseModel(TinyDigits()), absl::OkStatus());
  EXPECT_EQ(ExerciseModel(ManyOperators()), absl::OkStatus());
  EXPECT_EQ(ExerciseModel(ManySubgraphs()), absl::OkStatus());
  EXPECT_EQ(ExerciseModel(NarrowTypes()), absl::OkStatus());
  EXPECT_GE(QuantizedModels().size(), 40u);
  for (const std::string& model : QuantizedModels()) {
    EXPECT_EQ(ExerciseModel(model), absl::OkStatus());
  }
}

TEST(RobustnessTest, SurvivesFlippedBytes) {
  FlipBytes(TinyDigits(), 2000);
  FlipBytes(ManyOperators(), 8000);
  FlipBytes(ManySubgraphs(), 8000);
  FlipBytes(NarrowTypes(), 8000);
  for (const std::string& model : QuantizedModels()) FlipBytes(model, 500);
}

TEST(RobustnessTest, RefusesEveryTruncation) {
  Truncate(TinyDigits(), 17);
  Truncate(ManyOperators(), 1);
  Truncate(ManySubgraphs(), 1);
  Truncate(NarrowTypes(), 1);
}

void CutAndPaste(const std::string& model, uint64_t seeds) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SplitMix64 random(seed, 1);
    std::string damaged = model;
    const size_t from = random() % model.size(), to = random() % model.size();
    damaged.replace(to, random() % 24, model.substr(from, random() % 24));
    ExerciseModel(damaged).IgnoreError();
  }
}

TEST(RobustnessTest, SurvivesCutAndPaste) {
  CutAndPaste(ManyOperators(), 4000);
  CutAndPaste(ManySubgraphs(), 4000);
  CutAndPaste(NarrowTypes(), 4000);
  for (const std::string& model : QuantizedModels()) CutAndPaste(model, 300);
}

TEST(RobustnessTest, SurvivesNoise) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SplitMix64 random(seed, 2);
    std::string noise(random() % 300, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    ExerciseModel(noise).IgnoreError();
  }
}

}  // namespace
}  // namespace halftone
