// A few thousand damaged copies of real and made models: each must be read or refused, and nothing
// worse. The damage is drawn from fixed seeds.
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
}

TEST(RobustnessTest, SurvivesFlippedBytes) {
  FlipBytes(TinyDigits(), 2000);
  FlipBytes(ManyOperators(), 8000);
}

TEST(RobustnessTest, RefusesEveryTruncation) {
  Truncate(TinyDigits(), 17);
  Truncate(ManyOperators(), 1);
}

TEST(RobustnessTest, SurvivesCutAndPaste) {
  const std::string model = ManyOperators();
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    SplitMix64 random(seed, 1);
    std::string damaged = model;
    const size_t from = random() % model.size(), to = random() % model.size();
    damaged.replace(to, random() % 24, model.substr(from, random() % 24));
    ExerciseModel(damaged).IgnoreError();
  }
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
