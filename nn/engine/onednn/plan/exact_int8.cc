#include "nn/engine/onednn/plan/exact_int8.h"

#include <cstdint>
#include <cstring>

#include "nn/engine/onednn/onednn.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone::plan {
namespace {

using dnnl::memory;

constexpr int kMaxWeight = 128;
constexpr int kHalvedWeight = 64;
constexpr int64_t kDepth = 64, kColumns = 32;
constexpr int kLargestSource = 255;

memory Filled(const memory::desc& desc, int byte) {
  memory filled(desc, CpuEngine());
  std::memset(filled.get_data_handle(), byte, desc.get_size());
  return filled;
}

memory::desc Desc(const memory::dims& dims, memory::data_type type, memory::format_tag tag) {
  return memory::desc(dims, type, tag);
}

// A row of sources, all of them the largest, by columns of one weight: the first result, in
// products of a source and a weight.
double Multiply(int weight) {
  const memory::desc row = Desc({1, kDepth}, memory::data_type::u8, memory::format_tag::ab);
  const memory::desc plain =
      Desc({kDepth, kColumns}, memory::data_type::s8, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc matmul(
      CpuEngine(), row, Desc({kDepth, kColumns}, memory::data_type::s8, memory::format_tag::any),
      Desc({1, kColumns}, memory::data_type::s32, memory::format_tag::ab));
  dnnl::stream stream(CpuEngine());
  memory weights = Filled(plain, weight);
  memory packed(matmul.weights_desc(), CpuEngine());
  dnnl::reorder(weights, packed).execute(stream, weights, packed);
  memory dst(matmul.dst_desc(), CpuEngine());
  dnnl::matmul(matmul).execute(stream, {{DNNL_ARG_SRC, Filled(row, kLargestSource)},
                                        {DNNL_ARG_WEIGHTS, packed},
                                        {DNNL_ARG_DST, dst}});
  stream.wait();
  return *static_cast<const int32_t*>(dst.get_data_handle()) /
         static_cast<double>(kLargestSource * kDepth);
}

bool AddsExactly(int magnitude) {
  const int positive = magnitude == kMaxWeight ? magnitude - 1 : magnitude;
  return Multiply(positive) == positive && Multiply(-magnitude) == -magnitude;
}

// Of the kernels without VNNI those of depthwise convolutions over one or two axes alone widen each
// product to 32 bits.
bool WidensProducts(const Layer& layer) {
  constexpr int kMostAxes = 2;
  return layer.IsDepthwise() && layer.weights_shape.rank() <= 2 + kMostAxes &&
         layer.weights_shape.dim(0) == layer.groups;
}

}  // namespace

int LargestExactWeight() {
  static const int largest = [] {
    for (const int magnitude : {kMaxWeight, kHalvedWeight}) {
      if (AddsExactly(magnitude)) return magnitude;
    }
    return 0;
  }();
  return largest;
}

bool AreSignedSourcesExact() { return LargestExactWeight() == kMaxWeight; }

bool IsExactInt8(const Layer& layer, int magnitude) {
  if (magnitude > kMaxWeight) return false;
  return magnitude <= LargestExactWeight() || WidensProducts(layer);
}

}  // namespace halftone::plan
