#include "nn/engine/onednn/plan/form.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/exact_int8.h"

namespace halftone::plan {
namespace {

using dnnl::memory;

constexpr int kMaxInt8Bits = 8;

memory::dims ActivationDims(const Shape& shape) {
  if (shape.rank() == 0) return {1};
  return memory::dims(shape.dims().begin(), shape.dims().end());
}

// Strides of a dense tensor whose axes are numbered from the outermost in memory by `order`.
memory::dims StridesOf(const memory::dims& dims, const std::vector<size_t>& order) {
  memory::dims strides(dims.size(), 1);
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = stride;
    stride *= std::max<int64_t>(dims[order[i]], 1);
  }
  return strides;
}

// Kernels take no zero points of weights; they are subtracted, which must leave so many bits.
bool FitsSigned(const UniformQuantizer& quantizer, int bits) {
  const int32_t end = 1 << (bits - 1);
  for (const int32_t zero_point : quantizer.zero_points) {
    if (quantizer.qmax - zero_point >= end || quantizer.qmin - zero_point < -end) return false;
  }
  return quantizer.bits <= bits;
}

// The largest magnitude of the integers that an 8-bit kernel would read as weights: those less
// their zero point, or those of a product's second source.
int LargestInteger(const Layer& layer, const UniformQuantizer& quantizer) {
  if (layer.weights.empty()) {
    const Form form = Form::SignedOf(quantizer);
    return std::max(-form.qmin, form.qmax);
  }
  int largest = 0;
  for (const int32_t zero_point : quantizer.zero_points) {
    // The least of signed bytes has a greater magnitude than the greatest.
    if (quantizer.qmax - zero_point > 127) return 256;
    largest = std::max({largest, quantizer.qmax - zero_point, zero_point - quantizer.qmin});
  }
  return largest;
}

// Below so many weights (16 MB in float32) they stay in the caches, and float32 is faster.
constexpr int64_t kLeastDecompressed = int64_t{1} << 22;

bool IsWorthDecompressing(const Layer& layer) {
  return (layer.op == "MatMul" || layer.op == "Gemm") && layer.weights_shape.rank() == 2 &&
         layer.weights_shape.Elements() >= kLeastDecompressed;
}

}  // namespace

Form Form::Of(const UniformQuantizer& quantizer) {
  constexpr int32_t kShift = 128;
  if (quantizer.symmetry == Symmetry::kAsymmetric) return Make(quantizer, DataKind::u8, 0);
  return AreSignedSourcesExact() ? Make(quantizer, DataKind::s8, 0)
                                 : Make(quantizer, DataKind::u8, kShift);
}

Form Form::SignedOf(const UniformQuantizer& quantizer) {
  if (quantizer.symmetry != Symmetry::kAsymmetric) return Make(quantizer, DataKind::s8, 0);
  return Make(quantizer, DataKind::s8, -(1 << (quantizer.bits - 1)));
}

Form Form::RoundedTo(const UniformQuantizer& quantizer) {
  return Make(quantizer, DataKind::f32, 0);
}

Form Form::Make(const UniformQuantizer& quantizer, DataKind type, int32_t shift) {
  return {type, quantizer.scales[0], quantizer.zero_points[0] + shift, quantizer.qmin + shift,
          quantizer.qmax + shift};
}

bool Form::FillsType() const {
  if (type == DataKind::u8) return qmin == 0 && qmax == 255;
  if (type == DataKind::s8) return qmin == -128 && qmax == 127;
  return !IsRounded();
}

std::string FormName(const Form& form) {
  if (form.IsRounded()) return "f32+grid";
  const char* const type = form.type == DataKind::f32    ? "f32"
                           : form.type == DataKind::bf16 ? "bf16"
                           : form.type == DataKind::u8   ? "u8"
                                                         : "s8";
  return absl::StrCat(type, form.zero_point != 0 ? "+zp" : "", form.FillsType() ? "" : "+clip");
}

bool FitsInt8Activations(const UniformQuantizer& quantizer) {
  // One symmetric bit has the values -scale and scale only, which no conversion makes.
  const bool binary = quantizer.bits == 1 && quantizer.symmetry != Symmetry::kAsymmetric;
  return quantizer.bits <= kMaxInt8Bits && quantizer.axis == -1 && !binary;
}

bool CpuHasBFloat16() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_fp16 ||
         isa == dnnl::cpu_isa::avx512_core_amx || isa == dnnl::cpu_isa::avx512_core_amx_fp16 ||
         isa == dnnl::cpu_isa::avx10_1_512 || isa == dnnl::cpu_isa::avx10_1_512_amx ||
         isa == dnnl::cpu_isa::avx10_1_512_amx_fp16 || isa == dnnl::cpu_isa::avx2_vnni_2;
}

bool CpuDecompressesWeights() {
  static const bool decompresses = [] {
    if (!CpuHasBFloat16()) return false;
    constexpr int64_t kSide = 256;
    dnnl::primitive_attr attr;
    attr.set_scales_mask(DNNL_ARG_WEIGHTS, 2);
    attr.set_fpmath_mode(dnnl::fpmath_mode::bf16, /*apply_to_int=*/true);
    const auto desc = [](DataKind type, memory::format_tag tag) {
      return MemoryDesc({kSide, kSide}, type, tag);
    };
    const dnnl::matmul::primitive_desc matmul(
        CpuEngine(), desc(DataKind::bf16, memory::format_tag::ab),
        desc(DataKind::s4, memory::format_tag::any), desc(DataKind::bf16, memory::format_tag::ab),
        attr, /*allow_empty=*/true);
    return matmul && !absl::StrContains(matmul.impl_info_str(), "ref");
  }();
  return decompresses;
}

bool IsDecompression(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::kDecompress8 || arithmetic == Arithmetic::kDecompress4;
}

bool RoundsSources(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::kInt8 || arithmetic == Arithmetic::kRounded;
}

Arithmetic ArithmeticOf(const Layer& layer, const Precision& precision) {
  if (layer.IsEmbedding()) return Arithmetic::kFloat32;  // rows are copied
  const Precision sources = layer.weights.empty() ? precision.WithoutWeights() : precision;
  const NumberFormat& weights = sources.weights;
  const NumberFormat& activations = sources.activations;
  if (weights.kind == NumberFormat::Kind::kBFloat16 &&
      activations.kind == NumberFormat::Kind::kBFloat16) {
    return CpuHasBFloat16() ? Arithmetic::kBFloat16 : Arithmetic::kFloat32;
  }
  if (weights.IsInteger() && weights.bits <= kMaxInt8Bits && IsWorthDecompressing(layer) &&
      activations.kind == NumberFormat::Kind::kFloat32 && CpuDecompressesWeights()) {
    return weights.bits <= 4 ? Arithmetic::kDecompress4 : Arithmetic::kDecompress8;
  }
  const bool int8 = weights.IsInteger() && weights.bits <= kMaxInt8Bits &&
                    activations.IsInteger() && activations.bits <= kMaxInt8Bits;
  if (!int8) return Arithmetic::kFloat32;
  return IsExactInt8(layer, 1 << (weights.bits - 1)) ? Arithmetic::kInt8 : Arithmetic::kRounded;
}

Arithmetic ArithmeticOf(const Layer& layer, const LayerQuantizers& quantizers) {
  const Arithmetic arithmetic = ArithmeticOf(layer, quantizers.precision);
  if (IsDecompression(arithmetic)) {
    const int bits = arithmetic == Arithmetic::kDecompress4 ? 4 : kMaxInt8Bits;
    const bool fits = quantizers.weights != nullptr && FitsSigned(*quantizers.weights, bits);
    return fits ? arithmetic : Arithmetic::kFloat32;
  }
  if (!RoundsSources(arithmetic)) return arithmetic;
  const bool fits = quantizers.src != nullptr && FitsInt8Activations(*quantizers.src) &&
                    quantizers.weights != nullptr &&
                    (!layer.weights.empty() || FitsInt8Activations(*quantizers.weights));
  if (!fits) return Arithmetic::kFloat32;
  return IsExactInt8(layer, LargestInteger(layer, *quantizers.weights)) ? Arithmetic::kInt8
                                                                        : Arithmetic::kRounded;
}

MemoryDesc PlainDesc(const Shape& shape, DataKind type) {
  const memory::dims dims = ActivationDims(shape);
  std::vector<size_t> order(dims.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  return MemoryDesc(dims, type, StridesOf(dims, order));
}

MemoryDesc ActivationDesc(const Shape& shape, DataKind type) {
  if (shape.rank() < 3) return PlainDesc(shape, type);
  const memory::dims dims = ActivationDims(shape);
  std::vector<size_t> order = {0};
  for (size_t i = 2; i < dims.size(); ++i) order.push_back(i);
  order.push_back(1);
  return MemoryDesc(dims, type, StridesOf(dims, order));
}

bool IsMatrix(const MemoryDesc& desc) {
  const memory::dims dims = desc.get_dims();
  const memory::dims strides = desc.get_strides();
  const size_t rank = dims.size();
  if (rank < 2) return false;
  const int64_t rows = dims[rank - 2], columns = dims[rank - 1];
  return (strides[rank - 1] == 1 && strides[rank - 2] >= columns) ||
         (strides[rank - 2] == 1 && strides[rank - 1] >= rows);
}

MemoryDesc DenseDesc(const MemoryDesc& desc, DataKind type) {
  const memory::dims dims = desc.get_dims();
  const memory::dims strides = desc.get_strides();
  std::vector<size_t> order(dims.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return strides[a] > strides[b]; });
  return MemoryDesc(dims, type, StridesOf(dims, order));
}

bool SameArrangement(const MemoryDesc& a, const MemoryDesc& b) {
  const memory::dims dims = a.get_dims();
  if (dims != b.get_dims()) return false;
  const memory::dims a_strides = a.get_strides();
  const memory::dims b_strides = b.get_strides();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] > 1 && a_strides[axis] != b_strides[axis]) return false;
  }
  return true;
}

}  // namespace halftone::plan
