#include "nn/quant/uniform.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/quant/round_level.h"

namespace halftone {
namespace {

constexpr int kMaxBits = 16;

absl::Status CheckRange(const Range& range, size_t index) {
  if (!std::isfinite(range.lower) || !std::isfinite(range.upper)) {
    return absl::InvalidArgumentError(absl::StrCat("range ", index, " is not finite"));
  }
  if (range.lower > 0 || range.upper < 0) {
    return absl::InvalidArgumentError(absl::StrCat("range ", index, " [", range.lower, ", ",
                                                   range.upper,
                                                   "] is inverted or does not contain 0"));
  }
  return absl::OkStatus();
}

bool HasFullGrid(const UniformQuantizer& quantizer) {
  if (quantizer.symmetry == Symmetry::kSymmetricSigned) return quantizer.bits <= kMaxSignedBits;
  return quantizer.symmetry == Symmetry::kSymmetricFull;
}

void SetIntegers(UniformQuantizer& quantizer) {
  const int32_t half = int32_t{1} << (quantizer.bits - 1);
  if (quantizer.symmetry == Symmetry::kAsymmetric) {
    quantizer.qmin = 0;
    quantizer.qmax = 2 * half - 1;
  } else if (quantizer.bits == 1) {
    quantizer.qmin = -1;
    quantizer.qmax = 1;
  } else {
    quantizer.qmin = HasFullGrid(quantizer) ? -half : -half + 1;
    quantizer.qmax = half - 1;
  }
}

// Keeps a scale in the normal floats, where quotients by it are exactly rounded, and small enough
// that no integer times it is infinite.
float NormalScale(double scale, int32_t largest_integer) {
  const float most = std::nextafter(FLT_MAX / static_cast<float>(largest_integer), 0.0f);
  return static_cast<float>(std::clamp(scale, double{FLT_MIN}, double{most}));
}

bool IsBinary(const UniformQuantizer& quantizer) {
  return quantizer.bits == 1 && quantizer.symmetry != Symmetry::kAsymmetric;
}

float ScaleOf(const UniformQuantizer& quantizer, const Range& range) {
  const double lower = range.lower, upper = range.upper;
  if (lower == upper) return IsBinary(quantizer) ? FLT_MIN : 1.0f;
  if (quantizer.symmetry == Symmetry::kAsymmetric) {
    return NormalScale((upper - lower) / quantizer.qmax, quantizer.qmax);
  }
  const double scale = std::max(upper / quantizer.qmax, lower / quantizer.qmin);
  if (quantizer.symmetry == Symmetry::kSymmetricSigned) {
    const double turned = std::max(-lower / quantizer.qmax, -upper / quantizer.qmin);
    if (turned < scale) return -NormalScale(turned, -quantizer.qmin);
  }
  return NormalScale(scale, -quantizer.qmin);
}

int32_t ZeroPointOf(const UniformQuantizer& quantizer, const Range& range, float scale) {
  if (quantizer.symmetry != Symmetry::kAsymmetric) return 0;
  const double zero = std::nearbyint(-double{range.lower} / scale);
  return static_cast<int32_t>(std::clamp(zero, double(quantizer.qmin), double(quantizer.qmax)));
}

// A tensor seen from the quantizer's axis: blocks of `inner` consecutive elements share a scale,
// and the scale's index runs from 0 to channels - 1, `outer` times.
struct Blocks {
  int64_t outer = 1, channels = 1, inner = 1;
};

absl::StatusOr<Blocks> SplitAtAxis(const UniformQuantizer& quantizer, const Shape& shape) {
  HT_RETURN_IF_ERROR(shape.Check());
  Blocks blocks;
  if (quantizer.axis < 0) {
    blocks.inner = shape.Elements();
    return blocks;
  }
  const int axis = quantizer.axis;
  const auto scales = static_cast<int64_t>(quantizer.scales.size());
  if (axis >= shape.rank() || shape.dim(axis) != scales) {
    return absl::InvalidArgumentError(absl::StrCat("a tensor of shape ", shape.ToString(),
                                                   " does not fit a quantizer of ", scales,
                                                   " scales on axis ", axis));
  }
  blocks.channels = scales;
  for (int i = 0; i < axis; ++i) blocks.outer *= shape.dim(i);
  for (int i = axis + 1; i < shape.rank(); ++i) blocks.inner *= shape.dim(i);
  return blocks;
}

// Calls function(channel, offset of the block) for every block.
template <typename Function>
void ForEachBlock(const Blocks& blocks, Function function) {
  for (int64_t i = 0; i < blocks.outer * blocks.channels; ++i) {
    function(static_cast<size_t>(i % blocks.channels), i * blocks.inner);
  }
}

// One channel's quantizer, unpacked. Integers are counted from the zero point here.
struct ChannelQuantizer {
  float scale, low, high;
  bool binary;

  ChannelQuantizer(const UniformQuantizer& quantizer, size_t channel)
      : scale(quantizer.scales[channel]),
        low(static_cast<float>(quantizer.qmin - quantizer.zero_points[channel])),
        high(static_cast<float>(quantizer.qmax - quantizer.zero_points[channel])),
        binary(IsBinary(quantizer)) {}

  float Level(float value) const {
    if (binary) return value < 0 ? -1.0f : 1.0f;
    return RoundLevel(value / scale, low, high);
  }
};

absl::Status CheckSource(const Tensor& src) {
  if (src.type() != DataType::kFloat32) {
    return absl::InvalidArgumentError(
        absl::StrCat("only float32 is quantized, not ", DataTypeName(src.type())));
  }
  const absl::Span<const float> values = src.data<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      return absl::InvalidArgumentError(absl::StrCat("element ", i, " is not a number"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniformQuantizer> UniformQuantizer::Create(int bits, Symmetry symmetry, int axis,
                                                          absl::Span<const Range> ranges) {
  if (bits < 1 || bits > kMaxBits) {
    return absl::InvalidArgumentError(absl::StrCat(bits, " bits: a quantizer has 1 to 16"));
  }
  if (axis < -1 || axis >= Shape::kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("a quantizer cannot have axis ", axis));
  }
  if (ranges.empty() || (axis == -1 && ranges.size() != 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(ranges.size(), " ranges for a quantizer ",
                     axis == -1 ? "of one scale" : "of one scale per channel"));
  }
  UniformQuantizer quantizer;
  quantizer.bits = bits;
  quantizer.symmetry = symmetry;
  quantizer.axis = axis;
  SetIntegers(quantizer);
  for (size_t i = 0; i < ranges.size(); ++i) {
    HT_RETURN_IF_ERROR(CheckRange(ranges[i], i));
    const float scale = ScaleOf(quantizer, ranges[i]);
    quantizer.scales.push_back(scale);
    quantizer.zero_points.push_back(ZeroPointOf(quantizer, ranges[i], scale));
  }
  return quantizer;
}

absl::StatusOr<std::vector<int32_t>> UniformQuantizer::Quantize(const Tensor& src) const {
  HT_RETURN_IF_ERROR(CheckSource(src));
  HT_ASSIGN_OR_RETURN(const Blocks blocks, SplitAtAxis(*this, src.shape()));
  const float* values = src.data<float>().data();
  std::vector<int32_t> integers(static_cast<size_t>(src.elements()));
  ForEachBlock(blocks, [&](size_t channel, int64_t offset) {
    const ChannelQuantizer quantizer(*this, channel);
    const int32_t zero_point = zero_points[channel];
    for (int64_t i = offset; i < offset + blocks.inner; ++i) {
      integers[static_cast<size_t>(i)] =
          static_cast<int32_t>(quantizer.Level(values[i])) + zero_point;
    }
  });
  return integers;
}

absl::StatusOr<Tensor> UniformQuantizer::Dequantize(absl::Span<const int32_t> integers,
                                                    const Shape& shape) const {
  HT_ASSIGN_OR_RETURN(const Blocks blocks, SplitAtAxis(*this, shape));
  if (shape.Elements() != static_cast<int64_t>(integers.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat(integers.size(), " integers for a tensor of shape ", shape.ToString()));
  }
  for (size_t i = 0; i < integers.size(); ++i) {
    if (integers[i] < qmin || integers[i] > qmax) {
      return absl::InvalidArgumentError(absl::StrCat("integer ", integers[i], " at ", i,
                                                     " is outside of [", qmin, ", ", qmax, "]"));
    }
  }
  std::vector<float> values(integers.size());
  ForEachBlock(blocks, [&](size_t channel, int64_t offset) {
    const float scale = scales[channel];
    const int32_t zero_point = zero_points[channel];
    for (int64_t i = offset; i < offset + blocks.inner; ++i) {
      const auto index = static_cast<size_t>(i);
      values[index] = scale * static_cast<float>(integers[index] - zero_point);
    }
  });
  return Tensor::Of<float>(shape, std::move(values));
}

absl::StatusOr<Tensor> UniformQuantizer::FakeQuantize(const Tensor& src) const {
  HT_RETURN_IF_ERROR(CheckSource(src));
  HT_ASSIGN_OR_RETURN(const Blocks blocks, SplitAtAxis(*this, src.shape()));
  const float* values = src.data<float>().data();
  std::vector<float> dst(static_cast<size_t>(src.elements()));
  ForEachBlock(blocks, [&](size_t channel, int64_t offset) {
    const ChannelQuantizer quantizer(*this, channel);
    for (int64_t i = offset; i < offset + blocks.inner; ++i) {
      // Adding 0 turns a rounded -0 into the 0 that the integers stand for.
      dst[static_cast<size_t>(i)] = quantizer.scale * (quantizer.Level(values[i]) + 0.0f);
    }
  });
  return Tensor::Of<float>(src.shape(), std::move(dst));
}

}  // namespace halftone
