#include "tests/nn/engine/random_graph.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "tests/nn/engine/graph_maker.h"

namespace halftone {
namespace {

using Integers = std::vector<int64_t>;

constexpr int64_t kChannels = 3;
constexpr int64_t kSize = 12;
constexpr int kSteps = 9;

// A value [N, channels, size, size].
struct Image {
  std::string name;
  int64_t channels = 0;
  int64_t size = 0;
};

class Grower {
 public:
  explicit Grower(uint64_t seed)
      : maker_(Shape{Shape::kDynamic, kChannels, kSize, kSize}, seed), random_(seed) {
    images_.push_back({"x", kChannels, kSize});
  }

  Graph Grow() {
    Add(Convolution(images_.back()));
    for (int step = 0; step < kSteps; ++step) Add(Step(Some()));
    const std::string averaged = maker_.Node1("GlobalAveragePool", {images_.back().name});
    const std::string flat = maker_.Node1("Flatten", {averaged});
    const int64_t channels = images_.back().channels;
    const std::string hidden = maker_.Node1(
        "Gemm", {flat, maker_.Weights(Shape{8, channels}, 0.5f), maker_.Weights(Shape{8}, 0.2f)},
        {{"transB", int64_t{1}}});
    const std::string product =
        maker_.Node1("MatMul", {Activation(hidden), maker_.Weights(Shape{8, 5}, 0.5f)});
    return maker_.Finish(maker_.Node1("Add", {product, maker_.Weights(Shape{5}, 0.2f)}));
  }

 private:
  size_t Draw(size_t count) { return static_cast<size_t>(random_() % count); }
  template <typename T>
  T OneOf(const std::vector<T>& values) {
    return values[Draw(values.size())];
  }

  void Add(Image image) { images_.push_back(std::move(image)); }
  // Mostly the last one, so that the network becomes deep.
  const Image Some() { return Draw(3) > 0 ? images_.back() : OneOf(images_); }

  Image Step(const Image& src) {
    switch (Draw(10)) {
      case 0:
      case 1:
        return Convolution(src);
      case 2:
        return Normalization(Convolution(src));
      case 3:
        return Pooling(src);
      case 4:
        return Sum(src);
      case 5:
        return Concatenation(src);
      case 6:
        return WrittenOutHardSwish(src);
      case 7:
        return ThroughAComputedShape(src);
      case 8:
        return Gated(src);
      default:
        return {Activation(src.name), src.channels, src.size};
    }
  }

  Image Convolution(const Image& src) {
    const int64_t kernel = OneOf(Integers{1, 3}),
                  dilation = src.size > 6 ? OneOf(Integers{1, 2}) : 1;
    const int64_t stride = src.size > 3 ? OneOf(Integers{1, 1, 2}) : 1;
    const int64_t reach = (kernel - 1) * dilation, pad = reach / 2;
    const int64_t groups = Draw(3) == 0 ? src.channels : 1;
    const int64_t channels =
        groups * (groups > 1 ? OneOf(Integers{1, 2}) : OneOf(Integers{4, 6, 9}));
    const std::string dst =
        maker_.Convolution(src.name, channels, src.channels / groups, kernel,
                           {{"pads", Integers{pad, pad, reach - pad, reach - pad}},
                            {"strides", Integers{stride, stride}},
                            {"dilations", Integers{dilation, dilation}},
                            {"group", groups}});
    return Bounded({dst, channels, (src.size - 1) / stride + 1});
  }

  // Concatenations and depthwise layers multiply channels; a layer of one takes them back.
  Image Bounded(const Image& src) {
    if (src.channels <= 16) return src;
    return {maker_.Convolution(src.name, 6, src.channels, 1), 6, src.size};
  }

  Image Normalization(const Image& src) {
    const Shape shape{src.channels};
    std::uniform_real_distribution<float> uniform(0.5f, 2.0f);
    std::vector<float> variance(static_cast<size_t>(src.channels));
    for (float& value : variance) value = uniform(random_);
    const std::string dst = maker_.Node1(
        "BatchNormalization",
        {src.name, maker_.Weights(shape, 0.3f, 1), maker_.Weights(shape, 0.3f),
         maker_.Weights(shape, 0.3f), maker_.Constant(Tensor::Of<float>(shape, variance))});
    return {dst, src.channels, src.size};
  }

  std::string Activation(const std::string& src) {
    const std::string op = OneOf(std::vector<std::string>{"Relu", "LeakyRelu", "Sigmoid", "Tanh",
                                                          "Elu", "HardSwish", "Softplus", "Clip"});
    if (op != "Clip") return maker_.Node1(op, {src});
    return maker_.Node1(op, {src, maker_.Number(-0.5f), maker_.Number(1.5f)});
  }

  Image Pooling(const Image& src) {
    if (src.size < 4) return {Activation(src.name), src.channels, src.size};
    const bool average = Draw(2) == 0;
    std::map<std::string, Attribute> attributes = {{"kernel_shape", Integers{3, 3}},
                                                   {"strides", Integers{2, 2}},
                                                   {"pads", Integers{1, 1, 1, 1}}};
    if (average) attributes["count_include_pad"] = static_cast<int64_t>(Draw(2));
    const std::string dst =
        maker_.Node1(average ? "AveragePool" : "MaxPool", {src.name}, std::move(attributes));
    return {dst, src.channels, (src.size - 1) / 2 + 1};
  }

  // With an earlier value of that shape, or with a constant per channel.
  Image Sum(const Image& src) {
    const std::string op = OneOf(std::vector<std::string>{"Add", "Sub", "Mul", "Max"});
    for (const Image& other : images_) {
      if (other.name == src.name || other.channels != src.channels || other.size != src.size) {
        continue;
      }
      return {maker_.Node1(op, {src.name, other.name}), src.channels, src.size};
    }
    const std::string constant = maker_.Weights(Shape{src.channels, 1, 1}, 0.5f, 1);
    return {maker_.Node1(op, {src.name, constant}), src.channels, src.size};
  }

  Image Concatenation(const Image& src) {
    const auto same_size = std::find_if(images_.begin(), images_.end(),
                                        [&](const Image& other) { return other.size == src.size; });
    const std::string dst =
        maker_.Node1("Concat", {src.name, same_size->name}, {{"axis", int64_t{1}}});
    return Bounded({dst, src.channels + same_size->channels, src.size});
  }

  Image WrittenOutHardSwish(const Image& src) {
    const std::string shifted = maker_.Node1("Add", {src.name, maker_.Number(3)});
    const std::string clipped = maker_.Node1("Clip", {shifted, maker_.Number(0), maker_.Number(6)});
    const std::string product = maker_.Node1("Mul", {src.name, clipped});
    return {maker_.Node1("Div", {product, maker_.Number(6)}), src.channels, src.size};
  }

  // Pixels to rows and back, with a batch that is read from the source's shape.
  Image ThroughAComputedShape(const Image& src) {
    const std::string shape = maker_.Node1("Shape", {src.name});
    const std::string batch = maker_.Node1("Gather", {shape, maker_.Ints({0})});
    const std::string rows =
        maker_.Node1("Concat", {batch, maker_.Ints({src.channels, src.size * src.size})},
                     {{"axis", int64_t{0}}});
    const std::string matrix = maker_.Node1("Reshape", {src.name, rows});
    const std::string turned = maker_.Node1("Transpose", {matrix}, {{"perm", Integers{0, 2, 1}}});
    const std::string weights = maker_.Weights(Shape{src.channels, src.channels}, 0.4f);
    const std::string mixed = maker_.Node1("MatMul", {turned, weights});
    const std::string back = maker_.Node1("Transpose", {mixed}, {{"perm", Integers{0, 2, 1}}});
    return {maker_.Node1("Reshape", {back, shape}), src.channels, src.size};
  }

  // Squeeze and excite.
  Image Gated(const Image& src) {
    const std::string mean = maker_.Node1("GlobalAveragePool", {src.name});
    const std::string gate =
        maker_.Node1("Sigmoid", {maker_.Convolution(mean, src.channels, src.channels, 1)});
    return {maker_.Node1("Mul", {src.name, gate}), src.channels, src.size};
  }

  GraphMaker maker_;
  std::mt19937_64 random_;
  std::vector<Image> images_;
};

}  // namespace

Graph MakeRandomGraph(uint64_t seed) { return Grower(seed).Grow(); }

std::vector<float> RandomSamples(int64_t batch, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> samples(static_cast<size_t>(batch * kChannels * kSize * kSize));
  for (float& value : samples) value = normal(random);
  return samples;
}

}  // namespace halftone
