// Models that are wrong in one way each: the right code, and a message that names the offender.
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/onnx/import.h"
#include "tests/nn/onnx/exercise_model.h"
#include "tests/nn/onnx/model_builder.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

// x [N, 4, 8, 8] -> Conv "conv" with weights "w" -> y
ModelBuilder SmallConv() {
  ModelBuilder model;
  model.Input("x", {-1, 4, 8, 8}).Floats("w", {2, 4, 3, 3}).Output("y");
  model.Node("Conv", {"x", "w"}, {"y"}, {}, "conv");
  return model;
}

struct BadModel {
  const char* name;
  std::function<std::string()> bytes;
  absl::StatusCode code;
  const char* offender;  // in the message
};
void PrintTo(const BadModel& model, std::ostream* out) { *out << model.name; }

std::string Changed(const std::function<void(ModelBuilder&)>& change) {
  ModelBuilder model = SmallConv();
  change(model);
  return model.Bytes();
}

onnx::TensorProto& Weights(ModelBuilder& model) { return *model.graph().mutable_initializer(0); }

onnx::NodeProto& Conv(ModelBuilder& model) { return *model.graph().mutable_node(0); }

void SetConv(ModelBuilder& model, const std::string& attribute, const ModelBuilder::Value& value) {
  model.graph().clear_node();
  model.Node("Conv", {"x", "w"}, {"y"}, {{attribute, value}}, "conv");
}

// A graph attribute in a graph attribute in ...
std::string NestedSubgraphs(int depth) {
  ModelBuilder model = SmallConv();
  onnx::GraphProto* graph = &model.graph();
  for (int i = 0; i < depth; ++i) {
    onnx::NodeProto* node = graph->add_node();
    node->set_op_type("If");
    graph = node->add_attribute()->mutable_g();
  }
  return model.Bytes();
}

// Each message is two bytes long.
std::string EmptyNodes(size_t count) {
  std::string graph;
  for (size_t i = 0; i < count; ++i) graph += std::string("\x0a\x00", 2);
  ModelBuilder model;
  std::string bytes = model.Bytes();
  bytes += '\x3a';
  for (size_t length = graph.size(); length > 0; length >>= 7) {
    bytes += static_cast<char>((length & 0x7f) | (length >= 0x80 ? 0x80 : 0));
  }
  return bytes + graph;
}

std::vector<BadModel> StructuralCases() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  return {
      {"Empty", [] { return std::string(); }, kInvalid, "empty"},
      {"Text", [] { return std::string("not a protobuf at all"); }, kInvalid, "protobuf"},
      {"NoGraph",
       [] {
         onnx::ModelProto model;
         model.set_ir_version(7);
         return model.SerializeAsString();
       },
       kInvalid, "graph"},
      {"NoOpset", [] { return Changed([](auto& m) { m.proto().clear_opset_import(); }); }, kInvalid,
       "opset"},
      {"OpsetOfNoVersion",
       [] { return Changed([](auto& m) { m.proto().mutable_opset_import(0)->set_version(-1); }); },
       kInvalid, "unknown opset -1"},
      {"OpsetOfTheFuture",
       [] {
         return Changed([](auto& m) { m.proto().mutable_opset_import(0)->set_version(9999); });
       },
       kInvalid, "unknown opset 9999"},
      {"OldOpset",
       [] {
         return Changed([](auto& m) {
           m.proto().mutable_opset_import(0)->set_version(8);
           m.Node("Upsample", {"y"}, {"z"});
         });
       },
       absl::StatusCode::kUnimplemented, "opset 8"},
      {"NoOutputs", [] { return Changed([](auto& m) { m.graph().clear_output(); }); }, kInvalid,
       "no outputs"},
      {"OutputOfNoNode", [] { return Changed([](auto& m) { m.Output("ghost"); }); }, kInvalid,
       "'ghost'"},
      {"MissingInitializer", [] { return Changed([](auto& m) { m.graph().clear_initializer(); }); },
       kInvalid, "'w'"},
      {"Cycle",
       [] {
         return Changed([](auto& m) {
           m.Node("Add", {"x", "b"}, {"a"}, {}, "loop").Node("Relu", {"a"}, {"b"});
         });
       },
       kInvalid, "'loop'"},
      {"WrittenTwice", [] { return Changed([](auto& m) { m.Node("Relu", {"x"}, {"y"}); }); },
       kInvalid, "'y'"},
      {"InputTwice", [] { return Changed([](auto& m) { m.Input("x", {1}); }); }, kInvalid, "'x'"},
      {"InitializerTwice", [] { return Changed([](auto& m) { m.Floats("w", {1}); }); }, kInvalid,
       "'w'"},
      {"NodeWithoutOutputs", [] { return Changed([](auto& m) { Conv(m).clear_output(); }); },
       kInvalid, "'conv'"},
      {"NodeWithoutOperator", [] { return Changed([](auto& m) { Conv(m).clear_op_type(); }); },
       kInvalid, "'conv'"},
      {"LongName",
       [] { return Changed([](auto& m) { Conv(m).set_name(std::string(5000, 'n')); }); }, kInvalid,
       "5000 bytes"},
      {"NameThatIsNoText", [] { return Changed([](auto& m) { Conv(m).set_name("a\xff\n"); }); },
       kInvalid, "a\\xff\\n"},
      {"DeepSubgraphs", [] { return NestedSubgraphs(45); }, kInvalid, "nested too deeply"},
      {"TooManyParts", [] { return EmptyNodes(3'000'000); }, absl::StatusCode::kResourceExhausted,
       "memory"},
      {"TooManyNodes", [] { return EmptyNodes(300'000); }, absl::StatusCode::kResourceExhausted,
       "300000 nodes"},
      {"SparseInitializer",
       [] { return Changed([](auto& m) { m.graph().add_sparse_initializer(); }); },
       absl::StatusCode::kUnimplemented, "sparse"},
  };
}

std::vector<BadModel> TensorCases() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  return {
      {"TerabyteInitializer",
       [] { return Changed([](auto& m) { Weights(m).set_dims(0, int64_t{1} << 40); }); }, kInvalid,
       "'w'"},
      {"OverflowingInitializer",
       [] {
         return Changed([](auto& m) {
           for (int i = 0; i < 4; ++i) Weights(m).set_dims(i, int64_t{1} << 16);
         });
       },
       kInvalid, "'w'"},
      {"ManyAxes",
       [] {
         return Changed([](auto& m) {
           for (int i = 0; i < 100; ++i) Weights(m).add_dims(1);
         });
       },
       kInvalid, "104 dimensions"},
      {"NegativeDimension", [] { return Changed([](auto& m) { Weights(m).set_dims(0, -2); }); },
       kInvalid, "'w'"},
      {"TooFewElements", [] { return Changed([](auto& m) { Weights(m).set_dims(0, 3); }); },
       kInvalid, "'w'"},
      {"RawBytesThatDoNotFit",
       [] {
         return Changed([](auto& m) {
           Weights(m).clear_float_data();
           Weights(m).set_raw_data("1234567");
         });
       },
       kInvalid, "7 bytes"},
      {"UnknownElementType", [] { return Changed([](auto& m) { Weights(m).set_data_type(99); }); },
       kInvalid, "type 99"},
      {"Strings",
       [] { return Changed([](auto& m) { Weights(m).set_data_type(onnx::TensorProto::STRING); }); },
       absl::StatusCode::kUnimplemented, "'w'"},
      {"NaN", [] { return Changed([](auto& m) { Weights(m).set_float_data(5, std::nanf("")); }); },
       kInvalid, "'w' has a NaN at element 5"},
      {"Infinity",
       [] {
         return Changed([](auto& m) {
           Weights(m).set_float_data(7, -std::numeric_limits<float>::infinity());
         });
       },
       kInvalid, "'w' has an infinity at element 7"},
      {"NaNAttribute",
       [] {
         return Changed([](auto& m) {
           m.Node("LeakyRelu", {"y"}, {"z"}, {{"alpha", std::nanf("")}}, "leaky").Output("z");
         });
       },
       kInvalid, "node 'leaky' (LeakyRelu): attribute 'alpha' has a NaN at element 0"},
      {"InfiniteAttribute",
       [] {
         return Changed([](auto& m) {
           const float infinity = std::numeric_limits<float>::infinity();
           m.Node("LeakyRelu", {"y"}, {"z"}, {{"alpha", infinity}}, "leaky").Output("z");
         });
       },
       kInvalid, "node 'leaky' (LeakyRelu): attribute 'alpha' has an infinity at element 0"},
      {"ExternalDataWithoutFolder",
       [] { return Changed([](auto& m) {
              m.External("e", {2}, {{"location", "e.bin"}});
            }); },
       kInvalid, "'e'"},
  };
}

std::vector<BadModel> ShapeCases() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto with_input = [](const ModelBuilder::Dims& dims) {
    return [dims] {
      return Changed([&](auto& m) {
        m.graph().clear_input();
        m.Input("x", dims);
      });
    };
  };
  const auto with_conv = [](const char* attribute, const ModelBuilder::Value& value) {
    return [=] { return Changed([&](auto& m) { SetConv(m, attribute, value); }); };
  };
  using Ints = std::vector<int64_t>;
  return {
      {"TerabyteInput", with_input({-1, 4, 1 << 20, 1 << 20}), kInvalid, "'x'"},
      {"OverflowingInput", with_input({-1, int64_t{1} << 62, 4, 4}), kInvalid, "'x'"},
      {"NegativeInput", with_input({1, 4, -8, 8}), kInvalid, "'x'"},
      {"BatchOfZero", with_input({0, 4, 8, 8}), kInvalid, "input 'x': axis 0 has the size 0"},
      {"ZeroWidth", with_input({-1, 4, 8, 0}), kInvalid, "input 'x': axis 3 has the size 0"},
      {"SymbolicWidth", with_input({-1, 4, 8, -1}), kInvalid, "input 'x': axis 3"},
      {"WrongChannels", with_input({-1, 5, 8, 8}), kInvalid, "'conv'"},
      {"WrongRank", with_input({-1, 4}), kInvalid, "'conv'"},
      {"KernelLargerThanInput", with_input({-1, 4, 2, 2}), kInvalid,
       "node 'conv' (Conv): kernel 3x3 larger than padded input"},
      {"InputWithoutShape",
       [] {
         return Changed([](auto& m) {
           m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
         });
       },
       kInvalid, "'x'"},
      {"InputWithoutType",
       [] { return Changed([](auto& m) { m.graph().mutable_input(0)->clear_type(); }); },
       absl::StatusCode::kUnimplemented, "'x'"},
      {"IntegerInput",
       [] {
         return Changed([](auto& m) {
           m.graph().clear_input();
           m.Input("x", {-1, 4, 8, 8}, onnx::TensorProto::INT32);
         });
       },
       kInvalid, "'conv'"},
      {"ZeroStride", with_conv("strides", Ints{0, 1}), kInvalid, "'strides'"},
      {"NegativePads", with_conv("pads", Ints{-1, 0, 0, 0}), kInvalid, "'pads'"},
      {"HugePads", with_conv("pads", Ints{INT64_MAX, 0, INT64_MAX, 0}), kInvalid, "'pads'"},
      {"TooFewStrides", with_conv("strides", Ints{1}), kInvalid, "'strides'"},
      {"HugeDilation", with_conv("dilations", Ints{INT64_MAX, 1}), kInvalid, "'dilations'"},
      {"ZeroGroups", with_conv("group", int64_t{0}), kInvalid, "'conv'"},
      {"AttributeOfWrongType", with_conv("strides", 1.5f), kInvalid, "'strides'"},
      {"UnknownPadding", with_conv("auto_pad", std::string("SOME")), kInvalid, "'SOME'"},
      {"TerabyteConstant",
       [] {
         return Changed([](auto& m) {
           m.Ints("shape", {2}, {1 << 20, 1 << 20});
           m.Node("ConstantOfShape", {"shape"}, {"huge"}, {}, "fill").Output("huge");
         });
       },
       kInvalid, "'fill'"},
      {"ManyGigabytesOfConstants",
       [] {
         return Changed([](auto& m) {
           m.Ints("shape", {1}, {1 << 30});
           m.Node("ConstantOfShape", {"shape"}, {"huge"}, {}, "fill").Output("huge");
         });
       },
       absl::StatusCode::kResourceExhausted, "'fill'"},
      {"DivisionByZero",
       [] {
         return Changed([](auto& m) {
           m.Ints("one", {}, {1}).Ints("zero", {}, {0});
           m.Node("Div", {"one", "zero"}, {"d"}, {}, "div").Output("d");
         });
       },
       kInvalid, "'div'"},
      {"IndexOutside",
       [] {
         return Changed([](auto& m) {
           m.Ints("list", {3}, {1, 2, 3}).Ints("i", {}, {3});
           m.Node("Gather", {"list", "i"}, {"g"}, {}, "pick").Output("g");
         });
       },
       kInvalid, "'pick'"},
      {"NegativeVariance",
       [] {
         return Changed([](auto& m) {
           m.Floats("p", {2}).Floats("var", {2}, {1, -1});
           m.Node("BatchNormalization", {"y", "p", "p", "p", "var"}, {"z"}, {}, "bn").Output("z");
         });
       },
       kInvalid, "'bn'"},
      {"FourDimensionalConvolution",
       [] {
         return Changed([](auto& m) {
           m.Input("v", {1, 1, 4, 4, 4, 4}).Floats("k", {1, 1, 2, 2, 2, 2}).Output("z");
           m.Node("Conv", {"v", "k"}, {"z"}, {}, "conv4d");
         });
       },
       absl::StatusCode::kUnimplemented, "'conv4d'"},
  };
}

class BadModelTest : public ::testing::TestWithParam<BadModel> {};

TEST_P(BadModelTest, IsRefusedAndNamed) {
  const absl::Status status = ExerciseModel(GetParam().bytes());
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().offender));
}

std::string CaseName(const ::testing::TestParamInfo<BadModel>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Structure, BadModelTest, ::testing::ValuesIn(StructuralCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Tensors, BadModelTest, ::testing::ValuesIn(TensorCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Shapes, BadModelTest, ::testing::ValuesIn(ShapeCases()), CaseName);

TEST(BadModelTest, LimitsOnSize) {
  ImportOptions options;
  options.max_model_bytes = 10;
  EXPECT_EQ(ImportOnnx(SmallConv().Bytes(), options).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(BadModelTest, TheModelThatTheCasesDamageIsGood) {
  EXPECT_EQ(ExerciseModel(SmallConv().Bytes()), absl::OkStatus());
}

TEST(BadModelTest, NamesAMissingFile) {
  const absl::Status status = ImportOnnxFile("/nowhere/model.onnx").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/model.onnx"));
}

}  // namespace
}  // namespace halftone
